/* pairs_template.h - sums of the distances between many rows and many others. Included by settle_template.h.
 *
 * |x - y|^2 = |x|^2 + |y|^2 - 2 x.y takes half the operations of a sum of squared differences; where it cancels, so
 * that less than 1 / 128 is left of |x|^2 + |y|^2, the differences are taken after all. Which of the two is decided by
 * the pair alone, and products and sums are rounded one by one, so that no bit depends on the instruction set. */

#define CANCELLED 0x1p-7
#define COLUMN_FACTOR (-2.0) /* columns are packed so multiplied */

#include "vectors.h"

enum { PAIR_COLUMNS = 4 };
#define ADD_PRODUCTS(q)                                                                                                \
    EACH_OF (count, c) {                                                                                               \
        low[c] += x[(q) * LINE_DOUBLES + part] * columns[(q) * CK_LANES + c];                                          \
        high[c] += x[(q) * LINE_DOUBLES + part + 1] * columns[(q) * CK_LANES + c];                                     \
        vector_in_register(low[c]);                                                                                    \
        vector_in_register(high[c]);                                                                                   \
    }

/* OUT sqdists: of the panel's rows to `count` columns, a constant where this is called; the accumulators fill the
 * registers. INOUT roots: of the panel before, which are taken meanwhile. */
CK_INLINE int dot_sqdists(const double *CK_RESTRICT panel, int64_t d, const double *CK_RESTRICT sqnorms,
                          const double *CK_RESTRICT columns, const double *CK_RESTRICT column_sqnorms, const int count,
                          doubles_t *CK_RESTRICT sqdists, doubles_t *CK_RESTRICT roots)
{
    const doubles_t *x = (const doubles_t *)panel, *norms = (const doubles_t *)sqnorms;
    double_mask_t cancelled = {0};
    CK_UNROLL for (int part = 0; part < LINE_DOUBLES; part += 2)
    {
        doubles_t low[PAIR_COLUMNS], high[PAIR_COLUMNS],
            *root = roots + part * count, *const last_root = root + 2 * count;
        EACH_OF (count, c) {
            low[c] = norms[part] + column_sqnorms[c];
            high[c] = norms[part + 1] + column_sqnorms[c];
        }
        TAKE_ROOTS_MEANWHILE(ADD_PRODUCTS, d, root, last_root);
        EACH_OF (count, c) {
            cancelled |= low[c] < (norms[part] + column_sqnorms[c]) * CANCELLED;
            cancelled |= high[c] < (norms[part + 1] + column_sqnorms[c]) * CANCELLED;
            sqdists[c * LINE_DOUBLES + part] = low[c];
            sqdists[c * LINE_DOUBLES + part + 1] = high[c];
        }
    }
    return any_of(cancelled);
}

static CK_NOINLINE void restore_cancelled(const double *panel, int64_t d, const double *sqnorms, const double *columns,
                                          const double *column_sqnorms, int count, double *sqdists, double *column)
{
    _Alignas(64) double exact[CK_LANES];
    for (int c = 0; c < count; c++) {
        for (int64_t p = 0; p < d; p++) column[p] = columns[p * CK_LANES + c] / COLUMN_FACTOR;
        sqdist_panel(panel, d, column, exact);
        for (int lane = 0; lane < CK_LANES; lane++) {
            double *sqdist = sqdists + c * CK_LANES + lane;
            if (*sqdist < (sqnorms[lane] + column_sqnorms[c]) * CANCELLED) *sqdist = exact[lane];
        }
    }
}

/* Adds what `count` columns from `first` on contribute to the rows, and sums up what those columns get. */
CK_INLINE void sum_columns(const ck_pair_side *rows, int64_t d, const ck_pair_side *others, int64_t first,
                           const int count, double *CK_RESTRICT row_sums, double *CK_RESTRICT column_sums,
                           double *scratch)
{
    doubles_t buffers[3][PAIR_COLUMNS * LINE_DOUBLES] = {0}, lanes[PAIR_COLUMNS * LINE_DOUBLES];
    const double *columns = others->panels + first / CK_LANES * CK_LANES * d + first % CK_LANES;
    const double *column_sqnorms = others->sqnorms + first, *column_weights = others->weights + first;
    EACH_OF (count *LINE_DOUBLES, v) lanes[v] = (doubles_t){0};
    doubles_t *sqdists = buffers[0], *roots = buffers[1], *distances = buffers[2];
    const int64_t n_panels = ck_ceil_div(rows->n, CK_LANES);
    /* Panel i is measured while roots are taken of the one before, and the one before that joins the sums: nothing
     * waits for what has just begun. */
    for (int64_t i = 0; i < n_panels + 2; i++) {
        if (i < n_panels) {
            const double *panel = rows->panels + i * CK_LANES * d, *sqnorms = rows->sqnorms + i * CK_LANES;
            if (CK_UNLIKELY(dot_sqdists(panel, d, sqnorms, columns, column_sqnorms, count, sqdists, roots)))
                restore_cancelled(panel, d, sqnorms, columns, column_sqnorms, count, (double *)sqdists, scratch);
        } else {
            EACH_OF (count *LINE_DOUBLES, v) roots[v] = vector_sqrt(roots[v]);
        }
        if (i >= 2) {
            const doubles_t *weights = (const doubles_t *)(rows->weights + (i - 2) * CK_LANES);
            doubles_t *sums = (doubles_t *)(row_sums + (i - 2) * CK_LANES);
            EACH_DOUBLES (v) {
                doubles_t sum = sums[v];
                EACH_OF (count, c) {
                    sum += column_weights[c] * distances[c * LINE_DOUBLES + v];
                    lanes[c * LINE_DOUBLES + v] += weights[v] * distances[c * LINE_DOUBLES + v];
                }
                sums[v] = sum;
            }
        }
        doubles_t *const done = distances;
        distances = roots, roots = sqdists, sqdists = done;
    }
    for (int c = 0; c < count; c++) {
        double each[CK_LANES], sum = 0.0;
        store_line(lanes + c * LINE_DOUBLES, each);
        for (int lane = 0; lane < CK_LANES; lane++) sum += each[lane];
        column_sums[first + c] = sum;
    }
}

static void sum_distances(const ck_pair_side *rows, int64_t d, const ck_pair_side *columns, double *row_sums,
                          double *column_sums, double *scratch)
{
    int64_t column = 0;
    memset(row_sums, 0, (size_t)ck_round_up(rows->n, CK_LANES) * sizeof *row_sums);
    for (; column + PAIR_COLUMNS <= columns->n; column += PAIR_COLUMNS)
        sum_columns(rows, d, columns, column, PAIR_COLUMNS, row_sums, column_sums, scratch);
    for (; column < columns->n; column++) sum_columns(rows, d, columns, column, 1, row_sums, column_sums, scratch);
}

static void center_panel(const double *CK_RESTRICT values, int64_t d, double scale, const double *CK_RESTRICT center,
                         int as_column, double *CK_RESTRICT panel, double *CK_RESTRICT sqnorms)
{
    const double factor = as_column ? COLUMN_FACTOR : 1.0;
    const doubles_t *from = (const doubles_t *)values;
    doubles_t *to = (doubles_t *)panel, norms[LINE_DOUBLES];
    EACH_DOUBLES (v) norms[v] = (doubles_t){0};
    for (int64_t p = 0; p < d; p++)
        EACH_DOUBLES (v) {
            const doubles_t value = from[p * LINE_DOUBLES + v] * scale - center[p];
            to[p * LINE_DOUBLES + v] = factor * value;
            norms[v] += value * value;
        }
    store_line(norms, sqnorms);
}
