/* shape_template.h - one register blocking: V vectors of L points by R centers. Included by kernel_template.h once
 * for each shape, with V, R, SHAPE(name) and FIXED_WIDTHS defined, V_DOT (accumulates one step of a product: a feature,
 * or several that lie together), PANEL_LINES(d), the lines of R numbers of a panel of centers with d steps, and PANEL,
 * what panels are to those who call. With OWN_TILE the includer has its SHAPE(tile). */

#include "run_template.h"

#ifndef OWN_TILE
/* Scores of the points against the first `used` of the R centers at c, in runs of CK_SCREEN_RUN features. */
CK_INLINE void SHAPE(tile)(const float *CK_RESTRICT points, int64_t d, const float *CK_RESTRICT c, VF acc[R][V],
                           const int used)
{
    VF total[R][V];
    CK_UNROLL for (int r = 0; r < used; r++)
    {
        VF start = v_set1(c + r);
        CK_UNROLL for (int v = 0; v < V; v++) acc[r][v] = start;
    }
    c += 2 * R;
    for (int64_t first = 0;;) {
        int64_t last = ck_min_i64(d, first + CK_SCREEN_RUN);
        for (int64_t p = first; p < last; p++, points += V * L, c += R) {
            VF x[V];
            CK_UNROLL for (int v = 0; v < V; v++) x[v] = v_in_register(v_load(points + v * L));
            CK_UNROLL for (int r = 0; r < used; r++)
            {
                VF feature = v_set1(c + r);
                CK_UNROLL for (int v = 0; v < V; v++) acc[r][v] = V_DOT(feature, x[v], acc[r][v]);
            }
        }
        int first_run = first == 0, last_run = last == d;
        if (first_run && last_run) return;
        end_run(acc[0], total[0], used * V, first_run, last_run);
        if (last_run) return;
        first = last;
    }
}
#endif

/* What is scored of a panel: whole thirds or halves of it, or all, where its width allows. */
enum { SHAPE(parts) = R % 3 == 0 ? 3 : R % 4 == 0 ? 2 : 1, SHAPE(part) = R / SHAPE(parts) };

/* The least that holds its centers: what fills it starts from -infinity. */
CK_INLINE int SHAPE(used)(const float *c)
{
    int last = R - 1;
    while (last > 0 && c[last] == -INFINITY) last--;
    return (1 + last / SHAPE(part)) * SHAPE(part);
}

CK_INLINE void SHAPE(keep_best_of)(const float *CK_RESTRICT points, int64_t d, const float *CK_RESTRICT centers,
                                   const int used, VF b1[V], VF b2[V], VF id[V])
{
    VF acc[R][V];
    SHAPE(tile)(points, d, centers, acc, used);
    CK_UNROLL for (int r = 0; r < used; r++)
    {
        VF center = v_set1(centers + R + r);
        CK_UNROLL for (int v = 0; v < V; v++) v_keep_best(acc[r][v], center, &b1[v], &b2[v], &id[v]);
    }
}

CK_INLINE void SHAPE(reach_of)(const float *CK_RESTRICT points, int64_t d, const float *CK_RESTRICT centers,
                               const int used, const float *CK_RESTRICT threshold, uint64_t *CK_RESTRICT masks,
                               float *CK_RESTRICT scores)
{
    VF acc[R][V];
    SHAPE(tile)(points, d, centers, acc, used);
    CK_UNROLL for (int r = 0; r < used; r++)
    {
        uint64_t mask = 0;
        CK_UNROLL for (int v = 0; v < V; v++) mask |= (uint64_t)v_mask_ge(acc[r][v], v_load(threshold + v * L))
                                                      << (v * L);
        masks[r] = mask;
        if (!scores || !mask) continue;
        CK_UNROLL for (int v = 0; v < V; v++) v_store(scores + r * V * L + v * L, acc[r][v]);
    }
    for (int r = used; r < R; r++) masks[r] = 0;
}

CK_INLINE void SHAPE(score_width)(const float *CK_RESTRICT points, int64_t d, const float *CK_RESTRICT centers,
                                  int64_t n_panels, int first, float *CK_RESTRICT best, float *CK_RESTRICT second,
                                  float *CK_RESTRICT index)
{
    const float minus_infinity = -INFINITY;
    VF b1[V], b2[V], id[V];
    CK_UNROLL for (int v = 0; v < V; v++)
    {
        b1[v] = first ? v_set1(&minus_infinity) : v_load(best + v * L);
        b2[v] = first ? v_set1(&minus_infinity) : v_load(second + v * L);
        id[v] = first ? v_zero() : v_load(index + v * L);
    }
    for (int64_t q = 0; q < n_panels; q++, centers += PANEL_LINES(d) * R) {
        const int used = q == n_panels - 1 ? SHAPE(used)(centers) : R;
        if (used == R)
            SHAPE(keep_best_of)(points, d, centers, R, b1, b2, id);
        else if (used == R - SHAPE(part))
            SHAPE(keep_best_of)(points, d, centers, R - SHAPE(part), b1, b2, id);
        else
            SHAPE(keep_best_of)(points, d, centers, SHAPE(part), b1, b2, id);
    }
    CK_UNROLL for (int v = 0; v < V; v++)
    {
        v_store(best + v * L, b1[v]);
        v_store(second + v * L, b2[v]);
        v_store(index + v * L, id[v]);
    }
}

#if FIXED_WIDTHS
#define WIDTH_CASE(d)                                                                                                  \
    case d: SHAPE(score_width)(points, d, centers, n_panels, first, best, second, index); break;
#else
#define WIDTH_CASE(d)
#endif

/* With a constant width the compiler drops the loops over the few features. */
static void SHAPE(score)(const PANEL *points, int64_t d, const PANEL *centers, int64_t n_panels, int first, float *best,
                         float *second, float *index)
{
    switch (d) {
        WIDTH_CASE(1)
        WIDTH_CASE(2)
        WIDTH_CASE(3)
        WIDTH_CASE(4)
        WIDTH_CASE(8)
    default: SHAPE(score_width)(points, d, centers, n_panels, first, best, second, index);
    }
}
#undef WIDTH_CASE

/* scores: as those who call have them, or NULL, as a constant. */
CK_INLINE void SHAPE(reach_panels)(const PANEL *CK_RESTRICT points, int64_t d, const PANEL *CK_RESTRICT panels,
                                   int64_t n_panels, const float *CK_RESTRICT threshold, uint64_t *CK_RESTRICT masks,
                                   float *CK_RESTRICT scores)
{
    const float *CK_RESTRICT centers = panels;
    for (int64_t q = 0; q < n_panels; q++, centers += PANEL_LINES(d) * R, masks += R) {
        const int used = q == n_panels - 1 ? SHAPE(used)(centers) : R;
        if (used == R)
            SHAPE(reach_of)(points, d, centers, R, threshold, masks, scores);
        else if (used == R - SHAPE(part))
            SHAPE(reach_of)(points, d, centers, R - SHAPE(part), threshold, masks, scores);
        else
            SHAPE(reach_of)(points, d, centers, SHAPE(part), threshold, masks, scores);
        if (scores) scores += R * V * L;
    }
}

static void SHAPE(reach)(const PANEL *CK_RESTRICT points, int64_t d, const PANEL *CK_RESTRICT panels, int64_t n_panels,
                         const float *CK_RESTRICT threshold, uint64_t *CK_RESTRICT masks)
{
    SHAPE(reach_panels)(points, d, panels, n_panels, threshold, masks, NULL);
}

#if WITH_SCORES
static void SHAPE(reach_scores)(const PANEL *CK_RESTRICT points, int64_t d, const PANEL *CK_RESTRICT panels,
                                int64_t n_panels, const float *CK_RESTRICT threshold, uint64_t *CK_RESTRICT masks,
                                float *CK_RESTRICT scores)
{
    SHAPE(reach_panels)(points, d, panels, n_panels, threshold, masks, scores);
}
#endif
