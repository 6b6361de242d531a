/* screen.h - float32 scores of points against centers, with a proven bound on their error.
 *
 * The score of center c for point x is x.c - |c|^2/2: its maximum is the nearest center. Points and centers are
 * taken as images x * scale - offset in float32, packed into panels. docs/numerics.md derives the slacks: when
 *     best - second > row_slack * |x|^2 + center_slack[label]
 * in computed numbers, no center but `label` can have the smallest canonical distance; and every center that can
 * have it scores at least best minus that sum.
 */
#ifndef CK_SCREEN_H
#define CK_SCREEN_H

#include "../base/matrix.h"

/* Features are summed in runs of this length, whose results are added: it keeps the bound short. */
enum { CK_SCREEN_RUN = 128 };

/* How rows become float32 images; offsets are stored negated, padded with zeros to a whole vector. */
typedef struct {
    double scale;                /* a power of two */
    const double *minus_offset;  /* of float64 rows */
    const float *minus_offset32; /* of all others: the same numbers, which float32 holds exactly there */
} ck_screen_image;

/* One register blocking of one instruction set: its block sizes and its routines.
 * A panel of points is d x panel_rows; a panel of centers is (2 + d) x panel_centers: minus half squared norms
 * (with the centers' slack added), indices (int32 bits), features. panel_rows <= 64. */
typedef struct {
    int panel_rows, panel_centers;
    /* OUT panel, sqnorm: images of rows [row, row + n_rows) and their squared norms, the last row repeated to fill
     * the panel. stage: panel_rows x d float64 of scratch. */
    void (*pack)(const ck_matrix *X, int64_t row, int64_t n_rows, const ck_screen_image *image, void *stage,
                 float *panel, float *sqnorm);
    /* INOUT best, second, index (panel_rows each): merged with the scores of these panels of centers; only OUT
     * where these are the first. */
    void (*score)(const float *points, int64_t d, const float *centers, int64_t n_panels, int first, float *best,
                  float *second, float *index);
    /* OUT masks: for each center, the lanes whose score is at least threshold. */
    void (*reach)(const float *points, int64_t d, const float *centers, int64_t n_panels, const float *threshold,
                  uint64_t *masks);
    /* The same, and OUT scores: panel_rows for each center, of those that some lane reaches. */
    void (*reach_scores)(const float *points, int64_t d, const float *centers, int64_t n_panels, const float *threshold,
                         uint64_t *masks, float *scores);
} ck_screen_shape;

typedef struct {
    const ck_screen_shape *narrow; /* for few features: points in lanes, the running best in registers */
    const ck_screen_shape *tile;   /* for the rest: tiles of points by centers */
    int narrow_features;           /* the most features that narrow is faster for */
    /* OUT best, second, index (n, room for whole vectors): of listed rows, images `stride` apart, against panels of
     * listed_centers, laid out as those of a shape. For rows that share no panel: nothing is packed. */
    int listed_centers;
    void (*score_listed)(const float *rows, int64_t stride, const int32_t *list, int64_t n, int64_t d,
                         const float *panels, int64_t n_panels, float *best, float *second, float *index);
    /* OUT best: of the same, the best scores alone. */
    void (*best_listed)(const float *rows, int64_t stride, const int32_t *list, int64_t n, int64_t d,
                        const float *panels, int64_t n_panels, float *best);
    /* OUT masks (n_centers): the rows whose score is at least their threshold, of n (at most 64) images `stride` apart,
     * against few centers, laid out likewise and padded to whole few_centers. Lanes run over the features: nothing is
     * packed, and d is at most few_features. starts: what their sums start from, -infinity in the padding. next: memory
     * to fetch meanwhile, next_bytes for every row. */
    int few_centers, few_features;
    void (*reach_few)(const float *rows, int64_t stride, int64_t n, int64_t d, const float *centers,
                      const float *starts, int64_t n_centers, const float *thresholds, const char *next,
                      int64_t next_bytes, uint64_t *masks);
    /* OUT labels, open (rows that the bound leaves open), their thresholds (the least score that is still open).
     * Returns how many are open. Arrays are readable and writable up to a whole vector. */
    int (*close)(const float *best, const float *second, const float *index, const float *sqnorm,
                 const float *center_slack, float row_slack, float largest_slack, int n, int32_t *labels,
                 float *thresholds, int32_t *open);
    /* OUT list: rows for which upper + path of the label, raised by 2^-20, is not less than lower; room for n. Returns
     * how many. Arrays are readable up to a whole vector. */
    int (*unsure)(const float *upper, const float *lower, const int32_t *labels, const float *paths, int n,
                  int32_t *list);
    /* OUT list: rows for which own, raised by 2^-20, is not less than lower - drift; room for n. Returns how many. */
    int (*reached)(const float *own, const float *lower, float drift, int n, int32_t *list);
    /* OUT list: where the labels differ, in order; room for n. Returns how many. */
    int (*differ)(const int32_t *a, const int32_t *b, int n, int32_t *list);
} ck_screen_kernels;

/* The table in use; src_c/kernels.c says which. */
const ck_screen_kernels *ck_screen_table(void);
void ck_screen_use(const ck_screen_kernels *kernels);
extern const ck_screen_kernels ck_screen_generic; /* the others stand in src_c/kernels.c */

/* gamma_n of Higham, "Accuracy and Stability of Numerical Algorithms", 3.1: the error of n roundings. */
CK_INLINE double ck_gamma(double n, double unit_roundoff)
{
    const double nu = n * unit_roundoff;
    return nu < 0.5 ? nu / (1.0 - nu) : INFINITY;
}

/* Centers prepared for screening the rows of one matrix. */
typedef struct {
    const ck_screen_kernels *kernels;
    const ck_screen_shape *shape;
    int64_t k, d, n_panels;
    ck_screen_image image;
    float *panels;                  /* n_panels x (2 + d) x panel_centers */
    float *center_slack;            /* n_panels x panel_centers */
    float row_slack, largest_slack; /* the latter of center_slack */
    double balance;                 /* of the bound between rows and centers; 0: by a sample of the rows */
    double embedding_slack;         /* share of |c|^2 that the centers' own error costs */
    int too_large;                  /* a center has no float32 image, or d no bound: nothing can be screened */
    double *offset;                 /* what minus_offset points to, writable */
    float *offset32;
} ck_screen_model;

/* Reserves memory for k centers; check arena->failed. */
void ck_screen_model_init(ck_screen_model *model, ck_arena *arena, const ck_screen_shape *shape, int64_t k, int64_t d);
/* How many centers there are to be set: at most as many as there is memory for. */
void ck_screen_model_set_count(ck_screen_model *model, int64_t k);
/* The image puts the mean of k points at the origin and the largest deviation from it just below one. */
void ck_screen_model_center(ck_screen_model *model, ck_dtype dtype, const double *points, int64_t k);
/* The image of another model, of as many features. */
void ck_screen_model_take_image(ck_screen_model *model, const ck_screen_model *other);
/* Rows are taken as they are. */
void ck_screen_model_identity(ck_screen_model *model);
/* The faster shape for d features. */
const ck_screen_shape *ck_screen_choose_shape(int64_t d);
/* Packs centers (k x d, finite) for screening rows of X, a few of which are read to balance the bound. The image is
 * chosen for these centers, or kept as it was for others. */
void ck_screen_model_set(ck_screen_model *model, const ck_matrix *X, const double *centers, int keep_image);

/* Share of |x|^2 that bounds by scores must allow for. */
float ck_sqnorm_slack(const ck_screen_model *model);

/* Which centers may be within some squared distance of a row: those whose score reaches row * |z|^2 - distance * D.
 * error: of embedded rows and centers, relative to their norms; scale: of distances (docs/numerics.md, section 6). */
typedef struct {
    double row, distance;
} ck_reach_rule;
double ck_embedding_slack(double error);
ck_reach_rule ck_reach_rule_of(const ck_screen_model *model, double scale, double error);

CK_INLINE float ck_reach_threshold(ck_reach_rule rule, float sqnorm, double sqdist)
{
    return (float)(rule.row * (double)sqnorm - rule.distance * sqdist - 0x1p-100);
}

#endif
