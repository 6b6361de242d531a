/* coarse.h - scores in bfloat16, each raised by the bound of its own error: the first and cheapest screen of processors
 * that multiply bfloat16 faster than float32.
 *
 * The score of center c for point x is x.c - |c|^2/2 as in screen.h, of the same images, rounded to bfloat16. What the
 * rounding removed is measured, rows and centers each, and |x.c - x'.c'| <= |x - x'||c| + |x'||c - c'| is itself a
 * product of two numbers of the row with two of the center: these become two more features, the last pair, so that
 * every computed score is at least the true one. A center whose score is below (|x|^2 - D)/2, with D the squared
 * distance to some other center, is farther away than that one. docs/numerics.md, section 9.
 */
#ifndef CK_COARSE_H
#define CK_COARSE_H

#include <string.h>

#include "screen.h"

/* One instruction set's kernel. Points and centers are in bfloat16, their features in pairs of 32 bits.
 * A panel of points holds point_pairs pairs of one row after those of another: of pair p and lane l at
 *     (p / point_pairs * panel_rows + l) * point_pairs + p % point_pairs.
 * A panel of centers is head_lines lines of panel_centers numbers (minus half squared norms; indices as int32 bits; any
 * more hold head_lines - 2 copies of a center's first number after those of another), then pairs likewise,
 * center_pairs of each center together. panel_rows <= 64. */
typedef struct {
    int panel_rows, panel_centers, point_pairs, center_pairs, head_lines;
    double pair_cost; /* of a pair of row and center, of what the float32 screen takes: measured */
    /* Around score and reach, in each thread: units that must be set up. NULL: nothing to do. */
    void (*begin)(void), (*end)(void);
    /* OUT panel, sqnorm: images of rows [row, row + n_rows), the bound's features and zeros up to n_pairs, and squared
     * norms; the last row repeated to fill the panel. stage: ck_coarse_stage of scratch. */
    void (*pack)(const ck_matrix *X, int64_t row, int64_t n_rows, const ck_screen_image *image, int64_t n_pairs,
                 void *stage, float *panel, float *sqnorm);
    /* As those of a ck_screen_shape. */
    void (*score)(const float *points, int64_t n_pairs, const float *centers, int64_t n_panels, int first, float *best,
                  float *second, float *index);
    void (*reach)(const float *points, int64_t n_pairs, const float *centers, int64_t n_panels, const float *threshold,
                  uint64_t *masks);
    /* OUT lanes, centers: of the bits of masks, those of n centers from `first` on, in order; room for panel_rows more.
     * Returns how many. */
    int64_t (*list)(const uint64_t *masks, int64_t n, int32_t first, int32_t *lanes, int32_t *centers);
    /* Packing in two steps, for rows that are packed with ever others. OUT rounded, sqnorms: of listed rows, counted
     * from `row`, in their places, ck_coarse_stride apart. stage: as for pack. */
    void (*round)(const ck_matrix *X, int64_t row, const int32_t *list, int64_t n, const ck_screen_image *image,
                  int64_t n_pairs, void *stage, uint16_t *rounded, float *sqnorms);
    /* OUT panel: of n listed rows, at most panel_rows, the last repeated to fill it. */
    void (*arrange)(const uint16_t *rounded, const int32_t *list, int64_t n, int64_t n_pairs, float *panel);
} ck_coarse_shape;

/* The pair of the bound. Of a row, by the squared norms of its image and of what rounding removed, as float32 sees
 * them: at least |x'| = norm + rest and |x - x'| = rest, each raised by ROUNDING for what the sums of squares are off
 * and by TINY for what underflows in them, the latter also by IMAGE norm for the rounding to float32 before. */
#define CK_COARSE_ROUNDING (1.0f + 0x1p-10f)
#define CK_COARSE_IMAGE 0x1p-22f
#define CK_COARSE_TINY 0x1p-68f
CK_INLINE int64_t ck_bound_pair(int64_t d) { return ck_ceil_div(d, 2); }

/* bfloat16 numbers from one rounded row to the next: whole vectors of 64 bytes. */
CK_INLINE int64_t ck_coarse_stride(int64_t n_pairs) { return ck_round_up(2 * n_pairs, 32); }

/* NULL where the chosen instruction set has none. */
const ck_coarse_shape *ck_coarse_table(void);
extern const ck_coarse_shape ck_coarse_avx512_bf16, ck_coarse_avx512_amx, ck_coarse_neon_bf16;

/* Where it pays: packing a center costs as much as scoring it for some hundred rows, and small fits are held up by
 * other things. */
enum {
    CK_COARSE_MIN_ROWS = 2048,
    CK_COARSE_MIN_FEATURES = 32,
    CK_COARSE_MIN_CENTERS = 64,
    CK_COARSE_MAX_FEATURES = 1 << 13
};

/* Centers prepared for the coarse screen; shape is NULL where there is none, or it does not pay. */
typedef struct {
    const ck_coarse_shape *shape;
    int64_t k, n_pairs, n_panels, panel_floats;
    float *panels;     /* n_panels x panel_floats */
    uint16_t *rounded; /* of one center */
    double sum_error;  /* of a product, relative to what is added up */
    ck_reach_rule rule;
} ck_coarse_model;

/* For n rows and k centers; where they are few the shape stays NULL. Reserves memory: check arena->failed. */
void ck_coarse_model_init(ck_coarse_model *coarse, ck_arena *arena, int64_t n, int64_t k, int64_t d);
/* Packs centers (k x d) with the image of `model`, which has them already. */
void ck_coarse_model_set(ck_coarse_model *coarse, const ck_screen_model *model, const double *centers);

/* OUT panels: of some of its centers, ascending; room for whole panels. */
void ck_coarse_take_centers(const ck_coarse_model *coarse, const int32_t *indices, int64_t n, float *panels);

/* What the scores of a panel's center start from. */
void ck_coarse_set_start(const ck_coarse_shape *shape, float *panel, int64_t at, float start);

/* Bytes of scratch for packing rows. */
int64_t ck_coarse_stage(const ck_coarse_shape *shape, int64_t d);

CK_INLINE uint16_t ck_bfloat16_nearest(float value) /* ties to even; of what is not a number, something like it */
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

CK_INLINE float ck_float_of_bfloat16(uint16_t value)
{
    const uint32_t bits = (uint32_t)value << 16;
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

/* Rounded upward, of a number that is not negative. */
CK_INLINE uint16_t ck_bfloat16_above(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0xffff) >> 16);
}

#endif
