/* quick.h - distances in any rounding order, each within a known error of the truth, and bounds made of them, rounded
 * outward. They tell what canonical arithmetic (settle.h) need not look at, and decide nothing else: their bits may
 * differ from one instruction set to the next.
 */
#ifndef CK_QUICK_H
#define CK_QUICK_H

#include <float.h>
#include <string.h>

#include "../base/matrix.h"

/* Rows that may be as near to one of some centers as they need be, and bounds of their distance to the nearest. */
typedef struct {
    int32_t *rows;
    float *low, *high;
} ck_near_rows;

typedef struct {
    /* Squared distance of a row to a center, any rounding order, given up once it exceeds `enough`; center32: the
     * center in float32, used for float32 rows. Within ck_quick_sqdist_error of the truth. scratch: d float64. */
    double (*quick_sqdist)(const ck_matrix *X, int64_t row, const double *center, const float *center32, double enough,
                           double *scratch);
    /* OUT out: the same of listed rows, counted from `row`, to one center, by their limits. center32 is readable for
     * CK_LANES more. */
    void (*listed_sqdists)(const ck_matrix *X, int64_t row, const int32_t *list, int64_t n, const double *center,
                           const float *center32, const double *limits, double *out, double *scratch);
    /* OUT out: quick squared distances of listed rows, counted from `row`, to a center each: the labels are by the
     * place in the list. centers32 is readable for CK_LANES more. */
    void (*label_sqdists)(const ck_matrix *X, int64_t row, const int32_t *list, const int32_t *labels, int64_t n,
                          const double *centers, const float *centers32, double *out, double *scratch);
    /* OUT out: products, which are exact, of listed rows of bytes with a center; both have `stride` numbers, whole
     * lines of 64, and at most 2^16. */
    void (*byte_products)(const int8_t *rows, int64_t stride, const int32_t *list, int64_t n, const int16_t *center,
                          int32_t *out);
    /* OUT thresholds: row * |z|^2 - distance * D, a little less. Returns whether all of them and the |z|^2 are finite.
     */
    int (*thresholds)(double row, double distance, const float *sqnorm, const double *sqdists, int64_t n, float *out);
    /* Bounds of distances by scores: ck_bound_rows. slack: share of |x|^2. */
    void (*bound_scores)(const float *sqnorm, const float *best, const float *second, const int32_t *nearest,
                         const float *center_slack, float slack, int64_t n, float *high, float *low, float *others);
    /* Bounds of the distances of listed rows, in ascending order, to the nearest of some centers, by the best of their
     * scores (by place in the list). center_slack: the largest. OUT lower, by the numbers of the list: at most the
     * lower bound + drift (not negative), and nearly that. OUT near: rows whose lower bound does not exceed their
     * limit, raised by 2^-20. Returns how many. */
    int64_t (*bound_group)(const float *best, const float *sqnorms, const int32_t *list, int64_t n, float slack,
                           float center_slack, float drift, const float *limits, float *lower,
                           const ck_near_rows *near);
    /* The same for rows that follow each other, and for all groups, in two steps. INOUT best, best_group: the best
     * score so far and its group. OUT kept: the scores. */
    void (*keep_best_group)(const float *scores, int64_t n, int32_t group, float *best, int32_t *best_group,
                            float *kept);
    /* INOUT lower: IN the best scores of a group; OUT as above. INOUT least: the less of it and the lower bound, where
     * the group is not the best one. */
    void (*bound_all)(const float *sqnorms, int64_t n, float slack, float drift, int32_t group,
                      const int32_t *best_group, float *lower, float *least);
    /* OUT high, low: bounds of scale times the roots of squared distances with these errors. */
    void (*bound_sqdists)(const double *sqdists, int64_t n, double error, double underflow, double scale, float *high,
                          float *low);
    /* OUT out: of the labels, which have CK_LANES gaps each, n first gaps, then, `apart` from them, n second ones, and
     * so on. */
    void (*spread_gaps)(const float *gaps, const int32_t *labels, int64_t n, float *out, int64_t apart);
    /* INOUT lower: raised to gap - own + drift, or a little less; to drift where own is negative or exceeds the gap. */
    void (*raise_lower)(const float *gaps, const float *own, float drift, int64_t n, float *lower);
    /* OUT out: at most value + drift, and nearly that. */
    void (*round_down)(const float *values, double drift, int64_t n, float *out);
    /* INOUT least: the less of it and value - drift. */
    void (*least_after)(const float *values, float drift, int64_t n, float *least);
    /* Leaves out centers that are, for every point of a box (values within half_widths of middles), farther away than
     * one center is, canonically. centers: d x stride, of which n. OUT kept: the others, ascending; room for n.
     * Returns how many. scratch: n rounded up to whole CK_LANES. */
    int64_t (*filter_centers)(const double *centers, int64_t n, int64_t stride, int64_t d, const double *middles,
                              const double *half_widths, double *scratch, int32_t *kept);
} ck_quick_kernels;

/* quick_sqdist is within this share of the true squared distance, beside a number too small to matter but for
 * underflow; infinite where it overflows. Float32 rows are measured against float32 centers, which hold theirs
 * exactly. */
CK_INLINE double ck_quick_sqdist_error(const ck_matrix *X)
{
    const double terms = (double)ck_min_i64(X->n_features, 128) + (double)X->n_features / 128.0 + 8.0;
    return terms * (X->dtype == CK_F32 ? 0x1p-23 : 0x1p-52);
}
CK_INLINE double ck_quick_sqdist_underflow(const ck_matrix *X)
{
    return (double)X->n_features * (X->dtype == CK_F32 ? 0x1p-120 : 0x1p-1000);
}

/* The table in use; src_c/kernels.c says which. */
const ck_quick_kernels *ck_quick_table(void);
void ck_quick_use(const ck_quick_kernels *kernels);
extern const ck_quick_kernels ck_quick_generic; /* the others stand in src_c/kernels.c */

#endif
