/* bounds_template.h - bounds by scores and distances, and what keeps them up to date: rounded outward, in any order.
 * Included by quick_template.h. */

/* docs/numerics.md, section 7. */
static void bound_scores(const float *CK_RESTRICT sqnorm, const float *CK_RESTRICT best,
                         const float *CK_RESTRICT second, const int32_t *CK_RESTRICT nearest,
                         const float *CK_RESTRICT center_slack, float slack, int64_t n, float *CK_RESTRICT high,
                         float *CK_RESTRICT low, float *CK_RESTRICT others)
{
    const float up = 1.0f + 0x1p-21f, down = 1.0f - 0x1p-21f;
    for (int64_t i = 0; i < n; i++) {
        const float of_row = slack * sqnorm[i];
        const float of_best = of_row + 0x1p-20f * fabsf(best[i]), of_second = of_row + 0x1p-20f * fabsf(second[i]);
        const float near2 = sqnorm[i] - 2.0f * best[i], far2 = sqnorm[i] - 2.0f * second[i] - of_second - 0x1p-100f;
        const float high2 = near2 + (of_best + 2.0f * center_slack[nearest[i]]), low2 = near2 - of_best - 0x1p-100f;
        high[i] = sqrtf(high2 < 0.0f ? 0.0f : high2) * up + 0x1p-50f; /* what is not a number stays so */
        low[i] = sqrtf(low2 > 0.0f ? low2 : 0.0f) * down;
        others[i] = sqrtf(far2 > 0.0f ? far2 : 0.0f) * down;
    }
    for (int64_t i = 0; i < n; i++) /* there are no others */
        others[i] = second[i] == -INFINITY && sqnorm[i] <= FLT_MAX ? INFINITY : others[i];
}

static void bound_sqdists(const double *CK_RESTRICT sqdists, int64_t n, double error, double underflow, double scale,
                          float *CK_RESTRICT high, float *CK_RESTRICT low)
{
    const double up = scale * (1.0 + 0x1p-22), down = scale * (1.0 - 0x1p-22);
    for (int64_t i = 0; i < n; i++) {
        const double least = sqdists[i] * (1.0 - error) - underflow;
        high[i] = (float)(sqrt(sqdists[i] * (1.0 + error) + underflow) * up);
        low[i] = (float)(sqrt(least > 0.0 ? least : 0.0) * down);
    }
}

static void round_down(const float *values, double drift, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++) {
        const double sum = (double)values[i] + drift;
        out[i] = (float)(sum - fabs(sum) * 0x1p-22);
    }
}

/* Keeps compilers from putting vectors together lane by lane. */
#if CK_GNU_C
#define ONE_BY_ONE __asm__ volatile("")
#else
#define ONE_BY_ONE (void)0
#endif

/* At most the distance that a score stands for; what is not a number becomes zero. docs/numerics.md, section 7. */
CK_INLINE float low_of_score(float sqnorm, float score, float slack)
{
    const float low2 = sqnorm - 2.0f * score - (slack * sqnorm + 0x1p-20f * fabsf(score)) - 0x1p-100f;
    return sqrtf(low2 > 0.0f ? low2 : 0.0f) * (1.0f - 0x1p-21f);
}

/* At most low + drift, of which neither is negative. */
CK_INLINE float stored_low(float low, float drift) { return (low + drift) * (1.0f - 0x1p-22f); }

/* listed: whether the rows do not follow each other, whose numbers lie together. */
CK_INLINE int64_t bound_rows(const float *CK_RESTRICT best, const float *CK_RESTRICT sqnorms,
                             const int32_t *CK_RESTRICT list, int64_t n, float slack, float center_slack, float drift,
                             const float *CK_RESTRICT limits, float *CK_RESTRICT lower, const ck_near_rows *near,
                             const int listed)
{
    enum { AT_ONCE = 256 }; /* so many that single numbers have left the store buffer when vectors of them are loaded */
    const float up = 1.0f + 0x1p-21f, raised = 1.0f + 0x1p-20f;
    float gathered[2][AT_ONCE], low[AT_ONCE], scattered[AT_ONCE];
    int32_t is_near[AT_ONCE];
    int64_t count = 0;
    for (int64_t at = 0; at < n; at += AT_ONCE, list += AT_ONCE, best += AT_ONCE) {
        const int64_t m = ck_min_i64(n - at, AT_ONCE), first = count;
        const float *norms = listed ? gathered[0] : sqnorms + list[0];
        const float *limit = listed ? gathered[1] : limits + list[0];
        float *after = listed ? scattered : lower + list[0];
        for (int64_t i = 0; i < m && listed; i++) {
            gathered[0][i] = sqnorms[list[i]];
            gathered[1][i] = limits[list[i]];
            ONE_BY_ONE;
        }
        for (int64_t i = 0; i < m; i++) {
            low[i] = low_of_score(norms[i], best[i], slack);
            after[i] = stored_low(low[i], drift);
            is_near[i] = !(low[i] > limit[i] * raised);
        }
        for (int64_t i = 0; i < m; i++) {
            if (listed) lower[list[i]] = after[i];
            near->rows[count] = (int32_t)i; /* no branch: nobody could foretell it */
            count += is_near[i];
            ONE_BY_ONE;
        }
        for (int64_t l = first; l < count; l++) {
            const int32_t i = near->rows[l];
            const float of_best = slack * norms[i] + 0x1p-20f * fabsf(best[i]);
            const float high2 = norms[i] - 2.0f * best[i] + (of_best + 2.0f * center_slack);
            near->rows[l] = list[i];
            near->low[l] = low[i];
            near->high[l] = sqrtf(high2 < 0.0f ? 0.0f : high2) * up + 0x1p-50f; /* what is not a number stays so */
        }
    }
    return count;
}

static int64_t bound_group(const float *best, const float *sqnorms, const int32_t *list, int64_t n, float slack,
                           float center_slack, float drift, const float *limits, float *lower, const ck_near_rows *near)
{
    if (n > 0 && list[n - 1] - list[0] == n - 1) /* they ascend */
        return bound_rows(best, sqnorms, list, n, slack, center_slack, drift, limits, lower, near, 0);
    return bound_rows(best, sqnorms, list, n, slack, center_slack, drift, limits, lower, near, 1);
}

static void keep_best_group(const float *CK_RESTRICT scores, int64_t n, int32_t group, float *CK_RESTRICT best,
                            int32_t *CK_RESTRICT best_group, float *CK_RESTRICT kept)
{
    for (int64_t i = 0; i < n; i++) {
        const int better = scores[i] > best[i];
        kept[i] = scores[i];
        best[i] = better ? scores[i] : best[i];
        best_group[i] = better ? group : best_group[i];
    }
}

static void bound_all(const float *CK_RESTRICT sqnorms, int64_t n, float slack, float drift, int32_t group,
                      const int32_t *CK_RESTRICT best_group, float *CK_RESTRICT lower, float *CK_RESTRICT least)
{
    for (int64_t i = 0; i < n; i++) {
        const float low = low_of_score(sqnorms[i], lower[i], slack), rival = best_group[i] == group ? INFINITY : low;
        lower[i] = stored_low(low, drift);
        least[i] = rival < least[i] ? rival : least[i];
    }
}

static void spread_gaps(const float *gaps, const int32_t *CK_RESTRICT labels, int64_t n, float *CK_RESTRICT out,
                        int64_t apart)
{
    enum { AHEAD = 32 };
    int64_t i = 0;
#if CK_VECTOR_TYPES
    for (; i + 4 <= n; i += 4) {
        for (int64_t r = 0; r < 4; r++) CK_PREFETCH(gaps + labels[ck_min_i64(i + AHEAD + r, n - 1)] * CK_LANES);
        for (int64_t g = 0; g < CK_LANES; g += 4) {
            four_floats_t square[4], half[4];
            CK_UNROLL for (int r = 0; r < 4; r++) square[r] =
                *(const four_floats_t *)(gaps + labels[i + r] * CK_LANES + g);
            CK_UNROLL for (int r = 0; r < 2; r++)
            {
                half[r] = SHUFFLE(four_mask_t, square[r], square[r + 2], 0, 4, 1, 5);
                half[r + 2] = SHUFFLE(four_mask_t, square[r], square[r + 2], 2, 6, 3, 7);
            }
            CK_UNROLL for (int r = 0; r < 2; r++)
            {
                *(four_floats_t *)(out + (g + 2 * r) * apart + i) =
                    SHUFFLE(four_mask_t, half[2 * r], half[2 * r + 1], 0, 4, 1, 5);
                *(four_floats_t *)(out + (g + 2 * r + 1) * apart + i) =
                    SHUFFLE(four_mask_t, half[2 * r], half[2 * r + 1], 2, 6, 3, 7);
            }
        }
    }
#endif
    for (; i < n; i++)
        for (int64_t g = 0; g < CK_LANES; g++) out[g * apart + i] = gaps[labels[i] * CK_LANES + g];
}

static void raise_lower(const float *CK_RESTRICT gaps, const float *CK_RESTRICT own, float drift, int64_t n,
                        float *CK_RESTRICT lower)
{
    for (int64_t i = 0; i < n; i++) {
        const float low = own[i] >= 0.0f ? gaps[i] - own[i] : 0.0f;
        const float raised = stored_low((low > 0.0f ? low : 0.0f) * (1.0f - 0x1p-22f), drift);
        lower[i] = raised > lower[i] ? raised : lower[i];
    }
}

static void least_after(const float *CK_RESTRICT values, float drift, int64_t n, float *CK_RESTRICT least)
{
    for (int64_t i = 0; i < n; i++) {
        float value = values[i] - drift;
        value = value >= -FLT_MAX ? value : -INFINITY; /* not a number: nothing is known */
        least[i] = value < least[i] ? value : least[i];
    }
}

static int thresholds(double row, double distance, const float *CK_RESTRICT sqnorm, const double *CK_RESTRICT sqdists,
                      int64_t n, float *CK_RESTRICT out)
{
    int finite = 1;
    for (int64_t i = 0; i < n; i++) {
        out[i] = (float)(row * (double)sqnorm[i] - distance * sqdists[i] - 0x1p-100);
        finite &= (out[i] <= FLT_MAX) & (sqnorm[i] <= FLT_MAX);
    }
    return finite;
}

/* For z, x in the box and m its middle, |x - z|^2 - |x - y|^2 >= |m - z|^2 - |m - y|^2 - 2 sum |z_p - y_p| h_p
 * (Kanungo et al., "An efficient k-means clustering algorithm", IEEE PAMI 24, 2002); y is the center nearest to m.
 * BOX_MARGIN covers rounding here and in canonical distances: docs/numerics.md, section 8. */
#define BOX_MARGIN 0x1p-45

CK_INLINE int64_t filter_width(const double *CK_RESTRICT centers, int64_t n, int64_t stride, const int64_t d,
                               const double *CK_RESTRICT middles, const double *CK_RESTRICT half_widths,
                               double *CK_RESTRICT sqdists, int32_t *CK_RESTRICT kept)
{
    doubles_t least[LINE_DOUBLES];
    double lanes[CK_LANES], nearest = INFINITY, size = 0x1p-1000;
    const int64_t padded = ck_round_up(n, CK_LANES);
    for (int64_t c = 0; c < n; c++) {
        double sum = 0.0;
        for (int64_t p = 0; p < d; p++) {
            const double difference = middles[p] - centers[p * stride + c];
            sum += difference * difference;
        }
        sqdists[c] = sum;
    }
    for (int64_t c = n; c < padded; c++) sqdists[c] = INFINITY;
    EACH_DOUBLES (v) least[v] = (doubles_t){0} + INFINITY;
    for (int64_t c = 0; c < padded; c += CK_LANES)
        EACH_DOUBLES (v) least[v] = vector_min(((const loose_doubles_t *)(sqdists + c))[v], least[v]);
    store_line(least, lanes);
    for (int lane = 0; lane < CK_LANES; lane++) nearest = lanes[lane] < nearest ? lanes[lane] : nearest;
    int64_t y = 0, count = 0;
    while (y < n - 1 && sqdists[y] != nearest) y++;
    for (int64_t p = 0; p < d; p++) size += half_widths[p] * half_widths[p];
    const double enough = nearest * (1.0 + BOX_MARGIN) + size * BOX_MARGIN;
    for (int64_t c = 0; c < n; c++) {
        double across = 0.0;
        for (int64_t p = 0; p < d; p++)
            across += fabs(centers[p * stride + c] - centers[p * stride + y]) * half_widths[p];
        sqdists[c] = sqdists[c] * (1.0 - BOX_MARGIN) - 2.0 * across;
    }
    for (int64_t c = 0; c < n; c++) {
        kept[count] = (int32_t)c;
        count += !(sqdists[c] > enough);
    }
    return count;
}

static int64_t filter_centers(const double *centers, int64_t n, int64_t stride, int64_t d, const double *middles,
                              const double *half_widths, double *scratch, int32_t *kept)
{
    switch (d) {
    case 1: return filter_width(centers, n, stride, 1, middles, half_widths, scratch, kept);
    case 2: return filter_width(centers, n, stride, 2, middles, half_widths, scratch, kept);
    case 3: return filter_width(centers, n, stride, 3, middles, half_widths, scratch, kept);
    case 4: return filter_width(centers, n, stride, 4, middles, half_widths, scratch, kept);
    default: return filter_width(centers, n, stride, d, middles, half_widths, scratch, kept);
    }
}
