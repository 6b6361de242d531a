/* coarse.h - scores in a cheaper format than float32, each raised by the bound of its own error: the first screen of
 * processors that multiply such numbers faster.
 *
 * The score of center c for point x is x.c - |c|^2/2 as in screen.h, of the same images, rounded to the format. What
 * the rounding removed is measured, rows and centers each, and |x.c - x'.c'| <= |x - x'||c| + |x'||c - c'| is itself a
 * product of two numbers of the row with two of the center: these go along as more features, so that every computed
 * score is at least the true one. A center whose score is below (|x|^2 - D)/2, with D the squared distance to some
 * other center, is farther away than that one. docs/numerics.md, section 9.
 */
#ifndef CK_COARSE_H
#define CK_COARSE_H

#include <string.h>

#include "../base/costs.h"
#include "screen.h"

/* What a row brings into the bound, by the norms of its image and of what rounding removed (rest), as float32 sees
 * them: at least |x'| = norm + rest and |x - x'| = rest, each raised by ROUNDING for what the sums of squares are off
 * and by TINY for what underflows in them, the latter also by IMAGE norm for the rounding to float32 before. */
#define CK_COARSE_ROUNDING (1.0f + 0x1p-10f)
#define CK_COARSE_IMAGE 0x1p-22f
#define CK_COARSE_TINY 0x1p-68f

/* A format of numbers. Rows and centers become words of 32 bits: as many features as fit into each, then what the bound
 * needs, then zeros up to whole blocks of a kernel. */
typedef struct {
    const char *name;
    int64_t max_features; /* that its bound holds for */
    /* Words of a row or center of d features, the bound's among them. */
    int64_t (*words)(int64_t d);
    /* The error of adding up n_words products, relative to the sum of their magnitudes. */
    double (*sum_error)(int64_t n_words);
    /* OUT words (n x n_words), starts (n): the images of centers that share a panel, rounded, with what rounding
     * removed; what scores start from, so that none is below the truth. */
    void (*round_centers)(const ck_screen_image *image, const double *const *centers, int64_t n, int64_t d,
                          int64_t n_words, double sum_error, void *words, float *starts);
    /* Bytes of scratch for packing n_rows rows. */
    int64_t (*stage_bytes)(int64_t n_rows, int64_t d);
} ck_coarse_format;

/* One instruction set's kernel.
 * A panel of points holds point_words words of one row after those of another: word p of lane l is at
 *     (p / point_words * panel_rows + l) * point_words + p % point_words.
 * A panel of centers is head_lines lines of panel_centers words (float32: what scores start from; int32: indices; any
 * more hold head_lines - 2 copies of a center's first number after those of another), then words likewise,
 * center_words of each center together. panel_rows <= 64. */
typedef struct {
    const ck_coarse_format *format;
    int panel_rows, panel_centers, point_words, center_words, head_lines;
    int least_features; /* for which it is faster: measured, like the next */
    double pair_cost;   /* of a pair of row and center, of what the float32 screen takes */
    /* Around score and reach, in each thread: units that must be set up. NULL: nothing to do. */
    void (*begin)(void), (*end)(void);
    /* OUT panel, sqnorm: images of rows [row, row + n_rows), what their rounding removed and zeros up to n_words, and
     * squared norms; the last row repeated to fill the panel. stage: ck_coarse_stage of scratch. */
    void (*pack)(const ck_matrix *X, int64_t row, int64_t n_rows, const ck_screen_image *image, int64_t n_words,
                 void *stage, void *panel, float *sqnorm);
    /* As those of a ck_screen_shape. */
    void (*score)(const void *points, int64_t n_words, const void *centers, int64_t n_panels, int first, float *best,
                  float *second, float *index);
    void (*reach)(const void *points, int64_t n_words, const void *centers, int64_t n_panels, const float *threshold,
                  uint64_t *masks);
    /* OUT lanes, centers: of the bits of masks, those of n places of centers from `first` on, in order; room for
     * panel_rows more. Returns how many. */
    int64_t (*list)(const uint64_t *masks, int64_t n, int32_t first, int32_t *lanes, int32_t *centers);
} ck_coarse_shape;

enum { CK_WORD_BYTES = 4 };
/* The kernel in use, or NULL; src_c/kernels.c says which. */
const ck_coarse_shape *ck_coarse_table(void);
void ck_coarse_use(const ck_coarse_shape *shape);

/* Centers prepared for the coarse screen; shape is NULL where there is none, or it does not pay. */
typedef struct {
    const ck_coarse_shape *shape;
    int64_t k, n_panels, n_words;
    int64_t row_bytes;   /* of a row in a panel of points */
    int64_t panel_bytes; /* of a panel of centers */
    char *panels;        /* n_panels x panel_bytes */
    int32_t *order;      /* k: which center stands in each place: long ones together, as they may share a bound */
    void *ranks;         /* scratch of sorting */
    char *words;         /* of the centers of one panel */
    double sum_error;
    ck_reach_rule rule;
} ck_coarse_model;

/* Of a pair in the coarse screen, over that in the float32 screen. */
double ck_coarse_pair_cost(const ck_coarse_shape *shape, int64_t d);
/* Of a row beside its pairs, in scalar operations. */
double ck_coarse_row_cost(const ck_matrix *X);
/* For rows like those of X and k centers; NULL where they are few, or there is none that pays. */
const ck_coarse_shape *ck_coarse_choose_shape(const ck_matrix *X, int64_t k);
/* Of that shape, which may be NULL. Reserves memory: check arena->failed. */
void ck_coarse_model_init(ck_coarse_model *coarse, ck_arena *arena, const ck_coarse_shape *shape, int64_t k, int64_t d);
/* How many centers there are to be set: at most as many as there is memory for. */
void ck_coarse_model_set_count(ck_coarse_model *coarse, int64_t k);
/* Packs centers (k x d) with the image of `model`, which has them already. */
void ck_coarse_model_set(ck_coarse_model *coarse, const ck_screen_model *model, const double *centers);

/* What the scores of a panel's center start from. */
void ck_coarse_set_start(const ck_coarse_shape *shape, void *panel, int64_t at, float start);

/* Of a row in a panel of points. */
int64_t ck_coarse_row_bytes(const ck_coarse_shape *shape, int64_t d);
/* Bytes of scratch for packing rows. */
int64_t ck_coarse_stage(const ck_coarse_shape *shape, int64_t d);

#endif
