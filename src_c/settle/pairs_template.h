/* pairs_template.h - sums of the distances between many rows and many others. Included by settle_template.h.
 *
 * |x - y|^2 = |x|^2 + |y|^2 - 2 x.y takes half the operations of a sum of squared differences; where it cancels, so
 * that less than 1 / 128 is left of |x|^2 + |y|^2, the differences are taken after all. Which of the two is decided by
 * the pair alone, and products and sums are rounded one by one, so that no bit depends on the instruction set. */

#define CANCELLED 0x1p-7
#define COLUMN_FACTOR (-2.0) /* columns are packed so multiplied */

#if CK_VECTOR_TYPES
typedef double pair_t __attribute__((vector_size(PAIR_LANES * sizeof(double))));
typedef int64_t pair_mask_t __attribute__((vector_size(PAIR_LANES * sizeof(int64_t))));
enum { PAIR_VECTORS = CK_LANES / PAIR_LANES };

enum { FEATURES_A_ROOT = 2 };
#define ADD_PRODUCTS(q)                                                                                                \
    CK_UNROLL for (int c = 0; c < count; c++)                                                                          \
    {                                                                                                                  \
        low[c] += x[(q) * PAIR_VECTORS + part] * columns[(q) * CK_LANES + c];                                          \
        high[c] += x[(q) * PAIR_VECTORS + part + 1] * columns[(q) * CK_LANES + c];                                     \
    }

/* OUT sqdists: of the panel's rows to `count` columns, a constant where this is called; the accumulators fill the
 * registers. INOUT roots: of the panel before, which are taken meanwhile: the unit that does is slow and stands apart.
 */
CK_INLINE int dot_sqdists(const double *CK_RESTRICT panel, int64_t d, const double *CK_RESTRICT sqnorms,
                          const double *CK_RESTRICT columns, const double *CK_RESTRICT column_sqnorms, const int count,
                          pair_t *CK_RESTRICT sqdists, pair_t *CK_RESTRICT roots)
{
    const pair_t *x = (const pair_t *)panel, *norms = (const pair_t *)sqnorms;
    pair_mask_t cancelled = {0};
    CK_UNROLL for (int part = 0; part < PAIR_VECTORS; part += 2)
    {
        pair_t low[PAIR_COLUMNS], high[PAIR_COLUMNS], *root = roots + part * count, *const last_root = root + 2 * count;
        CK_UNROLL for (int c = 0; c < count; c++)
        {
            low[c] = norms[part] + column_sqnorms[c];
            high[c] = norms[part + 1] + column_sqnorms[c];
        }
        int64_t p = 0;
        for (; p + FEATURES_A_ROOT <= d; p += FEATURES_A_ROOT) {
            CK_UNROLL for (int64_t q = p; q < p + FEATURES_A_ROOT; q++) ADD_PRODUCTS(q) if (root < last_root)
            {
                *root = pair_sqrt(*root);
                root++;
            }
        }
        for (; p < d; p++) ADD_PRODUCTS(p)
        for (; root < last_root; root++) *root = pair_sqrt(*root);
        CK_UNROLL for (int c = 0; c < count; c++)
        {
            cancelled |= low[c] < (norms[part] + column_sqnorms[c]) * CANCELLED;
            cancelled |= high[c] < (norms[part + 1] + column_sqnorms[c]) * CANCELLED;
            sqdists[c * PAIR_VECTORS + part] = low[c];
            sqdists[c * PAIR_VECTORS + part + 1] = high[c];
        }
    }
    int64_t lanes[PAIR_LANES], any = 0;
    memcpy(lanes, &cancelled, sizeof lanes);
    for (int lane = 0; lane < PAIR_LANES; lane++) any |= lanes[lane];
    return any != 0;
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
    pair_t buffers[3][PAIR_COLUMNS * PAIR_VECTORS] = {0}, lanes[PAIR_COLUMNS * PAIR_VECTORS];
    const double *columns = others->panels + first / CK_LANES * CK_LANES * d + first % CK_LANES;
    const double *column_sqnorms = others->sqnorms + first, *column_weights = others->weights + first;
    CK_UNROLL for (int i = 0; i < count * PAIR_VECTORS; i++) lanes[i] = (pair_t){0};
    pair_t *sqdists = buffers[0], *roots = buffers[1], *distances = buffers[2];
    const int64_t n_panels = ck_ceil_div(rows->n, CK_LANES);
    /* Panel i is measured while roots are taken of the one before, and the one before that joins the sums: nothing
     * waits for what has just begun. */
    for (int64_t i = 0; i < n_panels + 2; i++) {
        if (i < n_panels) {
            const double *panel = rows->panels + i * CK_LANES * d, *sqnorms = rows->sqnorms + i * CK_LANES;
            if (CK_UNLIKELY(dot_sqdists(panel, d, sqnorms, columns, column_sqnorms, count, sqdists, roots)))
                restore_cancelled(panel, d, sqnorms, columns, column_sqnorms, count, (double *)sqdists, scratch);
        } else {
            CK_UNROLL for (int v = 0; v < count * PAIR_VECTORS; v++) roots[v] = pair_sqrt(roots[v]);
        }
        if (i >= 2) {
            const pair_t *weights = (const pair_t *)(rows->weights + (i - 2) * CK_LANES);
            pair_t *sums = (pair_t *)(row_sums + (i - 2) * CK_LANES);
            CK_UNROLL for (int v = 0; v < PAIR_VECTORS; v++)
            {
                pair_t sum = sums[v];
                CK_UNROLL for (int c = 0; c < count; c++)
                {
                    sum += column_weights[c] * distances[c * PAIR_VECTORS + v];
                    lanes[c * PAIR_VECTORS + v] += weights[v] * distances[c * PAIR_VECTORS + v];
                }
                sums[v] = sum;
            }
        }
        pair_t *const done = distances;
        distances = roots, roots = sqdists, sqdists = done;
    }
    for (int c = 0; c < count; c++) {
        double each[CK_LANES], sum = 0.0;
        memcpy(each, lanes + c * PAIR_VECTORS, sizeof each);
        for (int lane = 0; lane < CK_LANES; lane++) sum += each[lane];
        column_sums[first + c] = sum;
    }
}
#else
CK_INLINE void sum_columns(const ck_pair_side *rows, int64_t d, const ck_pair_side *others, int64_t first,
                           const int count, double *CK_RESTRICT row_sums, double *CK_RESTRICT column_sums,
                           double *scratch)
{
    for (int64_t at = first; at < first + count; at++) {
        const double *column = others->panels + at / CK_LANES * CK_LANES * d + at % CK_LANES;
        double lanes[CK_LANES] = {0.0}, sum = 0.0;
        for (int64_t p = 0; p < d; p++) scratch[p] = column[p * CK_LANES] / COLUMN_FACTOR;
        for (int64_t i = 0; i < rows->n; i += CK_LANES) {
            const double *panel = rows->panels + i * d;
            double whole[CK_LANES], sqdists[CK_LANES], exact[CK_LANES];
            int cancelled = 0;
            for (int lane = 0; lane < CK_LANES; lane++)
                sqdists[lane] = whole[lane] = rows->sqnorms[i + lane] + others->sqnorms[at];
            for (int64_t p = 0; p < d; p++)
                for (int lane = 0; lane < CK_LANES; lane++)
                    sqdists[lane] += panel[p * CK_LANES + lane] * column[p * CK_LANES];
            for (int lane = 0; lane < CK_LANES; lane++) cancelled |= sqdists[lane] < whole[lane] * CANCELLED;
            if (cancelled) sqdist_panel(panel, d, scratch, exact);
            for (int lane = 0; lane < CK_LANES; lane++) {
                const double distance = sqrt(sqdists[lane] < whole[lane] * CANCELLED ? exact[lane] : sqdists[lane]);
                row_sums[i + lane] += others->weights[at] * distance;
                lanes[lane] += rows->weights[i + lane] * distance;
            }
        }
        for (int lane = 0; lane < CK_LANES; lane++) sum += lanes[lane];
        column_sums[at] = sum;
    }
}
#endif

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
#if CK_VECTOR_TYPES
    const pair_t *from = (const pair_t *)values;
    pair_t *to = (pair_t *)panel, norms[PAIR_VECTORS];
    CK_UNROLL for (int v = 0; v < PAIR_VECTORS; v++) norms[v] = (pair_t){0};
    for (int64_t p = 0; p < d; p++) CK_UNROLL for (int v = 0; v < PAIR_VECTORS; v++)
        {
            const pair_t value = from[p * PAIR_VECTORS + v] * scale - center[p];
            to[p * PAIR_VECTORS + v] = factor * value;
            norms[v] += value * value;
        }
    memcpy(sqnorms, norms, sizeof norms);
#else
    for (int lane = 0; lane < CK_LANES; lane++) sqnorms[lane] = 0.0;
    for (int64_t p = 0; p < d; p++)
        for (int lane = 0; lane < CK_LANES; lane++) {
            const double value = values[p * CK_LANES + lane] * scale - center[p];
            panel[p * CK_LANES + lane] = factor * value;
            sqnorms[lane] += value * value;
        }
#endif
}
