/* format_int8.c - centers as small integers, the bound beside them. docs/numerics.md, section 9. */
#include <string.h>

#include "int8.h"

static const double UNIT_ROUNDOFF_32 = 0x1p-24, UNIT_ROUNDOFF_64 = 0x1p-53, UNDERFLOW_32 = 0x1p-119,
                    RAISED = 1.0 + 0x1p-20;
enum { ABREAST = 8 /* sums that run side by side */ };

static int64_t words(int64_t d) { return ck_int8_words(d) + CK_INT8_EXTRAS; }

/* Sums of products are exact: what is left are the few operations that make a score of them. */
static double sum_error(int64_t n_words)
{
    (void)n_words;
    return ck_gamma(8.0, UNIT_ROUNDOFF_32);
}

static int64_t stage_bytes(int64_t n_rows, int64_t d)
{
    return n_rows * (d * (int64_t)sizeof(double) + ck_rounded_bytes(words(d)));
}

static double total(const double sums[ABREAST])
{
    double sum = 0.0;
    for (int l = 0; l < ABREAST; l++) sum += sums[l];
    return sum;
}

static double largest_magnitude(const ck_screen_image *image, const double *center, int64_t d)
{
    double most[ABREAST] = {0.0}, largest = CK_INT8_LEAST;
    for (int64_t p = 0; p < d; p += ABREAST)
        for (int64_t l = 0; l < ABREAST && p + l < d; l++) {
            const double size = fabs(center[p + l] * image->scale + image->minus_offset[p + l]);
            most[l] = size > most[l] ? size : most[l];
        }
    for (int l = 0; l < ABREAST; l++) largest = most[l] > largest ? most[l] : largest;
    return largest;
}

/* Of a center: squared norms of its image, of what rounding removed and of what it left. */
typedef struct {
    double image, removed, rounded;
} center_squares;

/* OUT rounded: the center's numbers, in units of `scale`. */
static center_squares round_center(const ck_screen_image *image, const double *center, int64_t d, double scale,
                                   int largest, int raised, uint8_t *rounded)
{
    /* A number this large leaves nothing behind the point of what is added to it. */
    const double whole = 0x1.8p52, inverse = 1.0 / scale;
    double squares[ABREAST] = {0.0}, removed[ABREAST] = {0.0}, rounded_squares[ABREAST] = {0.0};
    for (int64_t p = 0; p < d; p += ABREAST)
        for (int64_t l = 0; l < ABREAST && p + l < d; l++) {
            const double exact = center[p + l] * image->scale + image->minus_offset[p + l];
            double number = (exact * inverse + whole) - whole;
            number = number < largest ? number : largest; /* also what is not a number, of centers without an image */
            number = number > -largest ? number : -largest;
            const double kept = number * scale;
            rounded[p + l] = (uint8_t)((int)number + raised);
            squares[l] += exact * exact;
            removed[l] += (exact - kept) * (exact - kept);
            rounded_squares[l] += kept * kept;
        }
    memset(rounded + d, raised, (size_t)(ck_int8_words(d) * CK_INT8_FEATURES - d));
    return (center_squares){total(squares), total(removed), total(rounded_squares)};
}

/* Centers of a panel share a scale and the bound of the worst of them. */
static void round_to(int largest, int raised, const ck_screen_image *image, const double *const *centers, int64_t n,
                     int64_t d, int64_t n_words, double error, void *words, float *starts)
{
    const double settle = ck_gamma((double)d + 4.0, UNIT_ROUNDOFF_64);
    const int64_t bytes = n_words * CK_WORD_BYTES, end = bytes - CK_INT8_EXTRAS * CK_WORD_BYTES;
    double most = 0.0, lost = 0.0, size = 0.0;
    for (int64_t c = 0; c < n; c++) {
        const double magnitude = largest_magnitude(image, centers[c], d);
        most = magnitude > most ? magnitude : most;
    }
    const double scale = (double)(float)(most / largest);
    for (int64_t c = 0; c < n; c++) {
        const center_squares squares =
            round_center(image, centers[c], d, scale, largest, raised, (uint8_t *)words + c * bytes);
        const double slack = (0.5 * error + settle + UNDERFLOW_32) * squares.image + 2.0 * (double)d * UNDERFLOW_32;
        starts[c] = (float)(slack - 0.5 * squares.image);
        lost = fmax(lost, sqrt(squares.removed) + error * sqrt(squares.rounded));
        size = fmax(size, sqrt(squares.image));
    }
    const double raise = RAISED * RAISED / (1.0 - error) / scale;
    float extras[CK_INT8_EXTRAS] = {0.0f};
    extras[CK_INT8_SCALE] = (float)scale;
    extras[CK_INT8_SIZE] = (float)(lost * raise);
    extras[CK_INT8_LOST] = (float)(size * raise);
    for (int64_t c = 0; c < n; c++) memcpy((char *)words + c * bytes + end, extras, sizeof extras);
}

#define ROUND_CENTERS(name, largest, raised)                                                                           \
    static void name(const ck_screen_image *image, const double *const *centers, int64_t n, int64_t d,                 \
                     int64_t n_words, double error, void *words, float *starts)                                        \
    {                                                                                                                  \
        round_to(largest, raised, image, centers, n, d, n_words, error, words, starts);                                \
    }
ROUND_CENTERS(round_signed, CK_INT8_LARGEST, 0)
ROUND_CENTERS(round_raised, CK_INT8_LARGEST, CK_INT8_RAISED)
ROUND_CENTERS(round_short, CK_INT6_LARGEST, CK_INT6_RAISED)

enum { MAX_FEATURES = 1 << 13 };

const ck_coarse_format ck_format_int8 = {.name = "int8",
                                         .max_features = MAX_FEATURES,
                                         .words = words,
                                         .sum_error = sum_error,
                                         .round_centers = round_signed,
                                         .stage_bytes = stage_bytes};
const ck_coarse_format ck_format_int8_raised = {.name = "int8",
                                                .max_features = MAX_FEATURES,
                                                .words = words,
                                                .sum_error = sum_error,
                                                .round_centers = round_raised,
                                                .stage_bytes = stage_bytes};
const ck_coarse_format ck_format_int6_raised = {.name = "int8x6",
                                                .max_features = MAX_FEATURES,
                                                .words = words,
                                                .sum_error = sum_error,
                                                .round_centers = round_short,
                                                .stage_bytes = stage_bytes};
