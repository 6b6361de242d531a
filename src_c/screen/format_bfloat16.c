/* format_bfloat16.c - centers in bfloat16, with the bound as two of their features. docs/numerics.md, section 9. */
#include "bfloat16.h"

/* The units may add by truncation, rounding to odd or to nearest: an addition is within one unit in the last place. */
static const double UNIT_ROUNDOFF_SUM = 0x1p-23, UNIT_ROUNDOFF_64 = 0x1p-53, UNDERFLOW_32 = 0x1p-119,
                    RAISED = 1.0 + 0x1p-20;
enum { STAGED_FEATURES = 32, ABREAST = 8 /* sums that run side by side */ };

static uint16_t above(double value) { return ck_bfloat16_above((float)(value * RAISED)); }

static int64_t words(int64_t d) { return ck_bound_pair(d) + 1; }

static double sum_error(int64_t n_words)
{
    /* Additions that a term meets, one after another or in runs that are added up. */
    const double n_features = (double)(2 * n_words);
    return ck_gamma(n_features + n_features / CK_SCREEN_RUN + 16.0, UNIT_ROUNDOFF_SUM);
}

static double total(const double sums[ABREAST])
{
    double sum = 0.0;
    for (int l = 0; l < ABREAST; l++) sum += sums[l];
    return sum;
}

static float round_center(const ck_screen_image *image, const double *center, int64_t d, int64_t n_words, double error,
                          void *out)
{
    uint16_t *rounded = out;
    const int64_t bound = 2 * ck_bound_pair(d);
    double squares[ABREAST] = {0.0}, removed[ABREAST] = {0.0}, rounded_squares[ABREAST] = {0.0};
    for (int64_t p = 0; p < d; p += ABREAST)
        for (int64_t l = 0; l < ABREAST && p + l < d; l++) {
            const double exact = center[p + l] * image->scale + image->minus_offset[p + l];
            const uint16_t nearest = ck_bfloat16_nearest((float)exact);
            const double kept = (double)ck_float_of_bfloat16(nearest);
            rounded[p + l] = nearest;
            squares[l] += exact * exact;
            removed[l] += (exact - kept) * (exact - kept);
            rounded_squares[l] += kept * kept;
        }
    for (int64_t p = d; p < 2 * n_words; p++) rounded[p] = 0;
    const double sqnorm = total(squares), settle = ck_gamma((double)d + 4.0, UNIT_ROUNDOFF_64);
    rounded[bound] = above((sqrt(total(removed)) + error * sqrt(total(rounded_squares))) / (1.0 - error));
    rounded[bound + 1] = above(sqrt(sqnorm) / (1.0 - error));
    const double slack = (0.5 * error + settle + UNDERFLOW_32) * sqnorm + 2.0 * (double)d * UNDERFLOW_32;
    return (float)(slack - 0.5 * sqnorm);
}

static void round_centers(const ck_screen_image *image, const double *const *centers, int64_t n, int64_t d,
                          int64_t n_words, double error, void *words, float *starts)
{
    for (int64_t c = 0; c < n; c++)
        starts[c] = round_center(image, centers[c], d, n_words, error, (char *)words + c * n_words * CK_WORD_BYTES);
}

static int64_t stage_bytes(int64_t n_rows, int64_t d)
{
    return n_rows * (d * (int64_t)sizeof(double) + ck_round_up(d, STAGED_FEATURES) * (int64_t)sizeof(uint16_t));
}

const ck_coarse_format ck_format_bfloat16 = {.name = "bfloat16",
                                             .max_features = 1 << 13,
                                             .words = words,
                                             .sum_error = sum_error,
                                             .round_centers = round_centers,
                                             .stage_bytes = stage_bytes};
