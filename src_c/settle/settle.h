/* settle.h - the canonical float64 arithmetic: every result that a user sees is decided by it. What only tells which of
 * the results need it stands in quick.h.
 *
 * A squared distance is the sum over the features, in their order, of (x - c)^2, each operation rounded once to
 * float64. Sums over rows run in row order within a chunk of rows. No operation is contracted or reordered, so the
 * bits are the same on every processor; vector units only work on several independent sums at a time.
 */
#ifndef CK_SETTLE_H
#define CK_SETTLE_H

#include <float.h>
#include <string.h>

#include "../base/matrix.h"
#include "exact_sum.h"

/* --- One pair ---------------------------------------------------------------------------------------------- */

/* value * 2^exponent; the exponent is 0 unless the plain sum would overflow or lose bits to underflow. */
typedef struct {
    double value;
    int exponent;
} ck_sqdist;

/* True where a plain sum of squares neither overflowed nor came near the subnormal numbers. */
CK_INLINE int ck_sqdist_is_plain(double value) { return (value >= 0x1p-900) & (value <= DBL_MAX); }

CK_INLINE double ck_sqdist_plain(const double *x, const double *c, int64_t d)
{
    double sum = 0.0;
    for (int64_t p = 0; p < d; p++) {
        double difference = x[p] - c[p];
        sum += difference * difference;
    }
    return sum;
}

/* The same sum with the differences scaled by a power of two to below one. */
ck_sqdist ck_sqdist_scaled(const double *x, const double *c, int64_t d);

CK_INLINE ck_sqdist ck_sqdist_of(const double *x, const double *c, int64_t d)
{
    ck_sqdist plain = {ck_sqdist_plain(x, c, d), 0};
    return ck_sqdist_is_plain(plain.value) ? plain : ck_sqdist_scaled(x, c, d);
}

/* a < b, as real numbers. */
int ck_sqdist_less(ck_sqdist a, ck_sqdist b);

/* The distance in units of 2^unit, squared: what sums of distances of extreme data are made of. */
double ck_sqdist_in_unit(ck_sqdist a, int unit);
/* The Euclidean distance; finite wherever float64 can hold it. */
double ck_sqdist_root(ck_sqdist a);

/* --- Many rows: one table entry an instruction set ---------------------------------------------------------- */

/* Grids on which sums of rows are exact, so that they depend on the rows alone and not on their order. A value
 * (multiplier * x) is cut into `levels` parts, the multiples of ever finer powers of two: part = (v + shift) - shift,
 * what is left goes on to the next level. docs/numerics.md, section 1. */
typedef struct {
    int levels;
    const double *shifts;      /* levels x d */
    const double *multipliers; /* of the rows of X; NULL: all one */
} ck_sum_grid;

/* Rows of a block that get another label. */
typedef struct {
    int64_t n;
    int32_t *rows, *before, *after; /* their places in the block, old labels (-1: none yet) and new ones */
} ck_moves;

/* Rows whose distances to others are summed, taken about a point near both. */
typedef struct {
    int64_t n;
    double *panels;            /* d x CK_LANES each */
    double *sqnorms, *weights; /* by lane: weight 0 where one holds no row */
} ck_pair_side;

enum { CK_OWN_ROWS = 8 }; /* measured at a time: every sum waits for its last addition */

typedef struct {
    /* OUT panel: d x CK_LANES, features of rows [row, row + n_rows), the last row repeated to fill it. */
    void (*load_panel)(const ck_matrix *X, int64_t row, int64_t n_rows, double *panel);
    /* The same of n listed rows, n at most CK_LANES. */
    void (*load_listed)(const ck_matrix *X, const int64_t *rows, int64_t n, double *panel);
    /* OUT out: plain canonical sums of squares of the panel's rows to one center. */
    void (*sqdist_panel)(const double *panel, int64_t d, const double *center, double *out);
    /* OUT out: plain canonical sums of squares of rows [row, row + n) to the centers of their labels. Returns whether
     * all of them are plain. scratch: CK_OWN_ROWS x d. */
    int (*own_sqdists)(const ck_matrix *X, int64_t row, const int32_t *labels, int64_t n, const double *centers,
                       double *out, double *scratch);
    /* Squared distances of n rows and their roots, times their weights (NULL: one), join the squares and distances of
     * their labels. Returns whether all are finite. */
    int (*add_distances)(const double *sqdists, int64_t n, const int32_t *labels, const double *weights,
                         double *squares, double *distances);
    /* OUT out: distances of a panel's first n rows to k centers, row by row; float32 or float64. Returns whether all
     * squares are plain: others are not the squares of what stands there. */
    int (*distances)(const double *panel, int64_t d, const double *centers, int64_t k, int64_t n, int in_float32,
                     void *out);
    /* Takes features [first, last) of the rows row + moves->rows[i] out of the sums of their old clusters and into
     * those of their new ones. sums: k x levels x d. scratch: d float64. */
    void (*move_rows)(const ck_matrix *X, int64_t row, const ck_moves *moves, int64_t first, int64_t last,
                      const ck_sum_grid *grid, double *sums, double *scratch);
    /* The sum of n masses, over CK_LANES lanes and then over the lanes. OUT most: the largest. */
    double (*sum_masses)(const double *masses, int64_t n, double *most);
    /* What the masses of panels, weight * closest, lose on the grid of `shift` where a row's plain distance to the
     * center is less than closest; not a number where one is not plain. weights: NULL for all one. */
    double (*gain)(const double *panels, int64_t n_panels, int64_t d, const double *center, const double *closest,
                   const double *weights, double shift);
    /* OUT sqdists: of a panel, as sqdist_panel. Returns bits of the rows that are closer than closest, of all where one
     * is not plain. */
    uint32_t (*closer)(const double *panel, int64_t d, const double *center, const double *closest, double *sqdists);
    /* INOUT values: of a panel's rows, the lesser of each and the plain distance to the center, times the weight (NULL:
     * one). Returns bits of the rows whose distance is not plain: their values stay as they were. */
    uint32_t (*lower)(const double *panel, int64_t d, const double *center, const double *weights, double *values);
    /* OUT low, high: the least and largest value of each feature in panels. */
    void (*extent)(const double *panels, int64_t n_panels, int64_t d, double *low, double *high);
    /* sums, squares (of weight * (x * scale - origin)^k) and largest magnitudes of n elements, row after row of d,
     * spread over `width` accumulators each: element e goes to e % width. width is a multiple of d; origins: width. */
    void (*summarize)(const double *x, int64_t n, int64_t d, int64_t width, const double *weights, double scale,
                      const double *origins, double *sums, double *squares, double *largest);
    /* OUT largest: magnitude of n values. Returns whether all of them are finite. */
    int (*largest_magnitude)(const double *values, int64_t n, double *largest);
    /* Parts of n values, at most CK_EXACT_BLOCK, level by level: (v + shift) - shift, what is left goes on. OUT sums:
     * of the parts, exact. Returns whether nothing is left of any of them. */
    int (*sum_levels)(const double *values, int64_t n, const double *shifts, double *sums);
    /* Whether an element is no whole multiple of 1 / inverse_grid, a power of two. */
    int (*off_grid)(const double *x, int64_t n, double inverse_grid);
    /* Rows [row, row + n) times `scale`, about the origin, times their weights (NULL: one), join the sums (k x d) and
     * totals (k) of their labels. scratch: d. */
    void (*add_rows)(const ck_matrix *X, int64_t row, int64_t n, const int32_t *labels, const double *weights,
                     double scale, const double *origin, double *sums, double *totals, double *scratch);
    /* OUT panel, sqnorms: a panel's values about a center, for either side of sum_distances. */
    void (*center_panel)(const double *values, int64_t d, double scale, const double *center, int as_column,
                         double *panel, double *sqnorms);
    /* OUT row_sums (room for whole panels): for each row the sum over the columns of weight * distance; column_sums:
     * likewise. scratch: d. */
    void (*sum_distances)(const ck_pair_side *rows, int64_t d, const ck_pair_side *columns, double *row_sums,
                          double *column_sums, double *scratch);
} ck_settle_kernels;

/* The table in use; src_c/kernels.c says which. */
const ck_settle_kernels *ck_settle_table(void);
void ck_settle_use(const ck_settle_kernels *kernels);
extern const ck_settle_kernels ck_settle_generic; /* the others stand in src_c/kernels.c */

#endif
