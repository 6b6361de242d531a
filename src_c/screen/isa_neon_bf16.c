/* BFMMLA: two rows by two centers, four features of each, are one instruction. */
#include <string.h>

#include "bfloat16.h"

#if CK_ARM_64 && CK_COMPILES_BF16
#include <arm_neon.h>

#include "../base/bits.h"
#include "../base/target_neon_bf16.h"
#include "isa_neon.h"
#include "stage_rows.h"

enum { HEAD_LINES = 2, TOGETHER = 2 /* pairs of a row or center */ };
#define V 2
#define R 8
enum { PANEL_ROWS = V * L };

/* OUT rounded: a row's image, the bound's features and zeros, 2 n_pairs. Returns the image's squared norm. */
static float round_row(const ck_matrix *view, const char *x, const ck_screen_image *image, int64_t n_pairs,
                       uint16_t *CK_RESTRICT rounded)
{
    const int64_t d = view->n_features, bound = 2 * ck_bound_pair(d);
    const float scale = (float)image->scale;
    float norm[L] = {0.0f}, removed[L] = {0.0f};
    for (int64_t p = 0; p < d; p += L)
        for (int64_t l = 0; l < L && p + l < d; l++) {
            const int64_t at = p + l;
            const float value = view->dtype == CK_F64
                                    ? (float)(((const double *)x)[at] * image->scale + image->minus_offset[at])
                                    : ((const float *)x)[at] * scale + image->minus_offset32[at];
            rounded[at] = ck_bfloat16_nearest(value);
            const float lost = value - ck_float_of_bfloat16(rounded[at]);
            norm[l] += value * value;
            removed[l] += lost * lost;
        }
    const float sqnorm = (norm[0] + norm[1]) + (norm[2] + norm[3]);
    const float size = sqrtf(sqnorm), rest = sqrtf((removed[0] + removed[1]) + (removed[2] + removed[3]));
    for (int64_t p = d; p < 2 * n_pairs; p++) rounded[p] = 0;
    rounded[bound] = ck_bfloat16_above((size + rest) * CK_COARSE_ROUNDING + CK_COARSE_TINY);
    rounded[bound + 1] = ck_bfloat16_above(rest * CK_COARSE_ROUNDING + size * CK_COARSE_IMAGE + CK_COARSE_TINY);
    return sqnorm;
}

/* Into a lane of a panel. */
CK_INLINE void arrange_row(const uint16_t *rounded, int64_t lane, int64_t n_pairs, float *panel)
{
    for (int64_t p = 0; p < n_pairs; p += TOGETHER)
        memcpy(panel + p * PANEL_ROWS + lane * TOGETHER, rounded + 2 * p, TOGETHER * sizeof *panel);
}

static void pack_rows(const ck_matrix *X, int64_t row, int64_t n_rows, const ck_screen_image *image, int64_t n_pairs,
                      void *stage, void *panel, float *sqnorm)
{
    uint16_t *rounded = stage;
    const ck_matrix view = stage_rows(X, row, n_rows, PANEL_ROWS, rounded + 2 * n_pairs);
    for (int64_t lane = 0; lane < PANEL_ROWS; lane++) {
        sqnorm[lane] = round_row(&view, ck_row_start(&view, lane), image, n_pairs, rounded);
        arrange_row(rounded, lane, n_pairs, panel);
    }
}

static int64_t list_bits(const uint64_t *masks, int64_t n, int32_t first, int32_t *CK_RESTRICT lanes,
                         int32_t *CK_RESTRICT centers)
{
    int64_t count = 0;
    for (int64_t c = 0; c < n; c++)
        for (uint64_t mask = masks[c]; mask; mask &= mask - 1) {
            lanes[count] = ck_lowest_bit(mask);
            centers[count++] = first + (int32_t)c;
        }
    return count;
}

CK_INLINE bfloat16x8_t load_four(const float *at) { return vreinterpretq_bf16_f32(vld1q_f32(at)); }

/* Products come as squares of two rows by two centers; rows go into lanes at the end. */
CK_INLINE void mmla_tile(const float *CK_RESTRICT points, int64_t n_pairs, const float *CK_RESTRICT c, VF acc[R][V],
                         const int used)
{
    VF squares[PANEL_ROWS / 2][R / 2];
    CK_UNROLL for (int i = 0; i < PANEL_ROWS / 2; i++) CK_UNROLL for (int j = 0; j < R / 2; j++) squares[i][j] =
        vcombine_f32(vld1_f32(c + 2 * j), vld1_f32(c + 2 * j));
    (void)used; /* all of them */
    c += HEAD_LINES * R;
    for (int64_t p = 0; p < n_pairs; p += TOGETHER, points += TOGETHER * PANEL_ROWS, c += TOGETHER * R) {
        bfloat16x8_t x[PANEL_ROWS / 2];
        CK_UNROLL for (int i = 0; i < PANEL_ROWS / 2; i++) x[i] = load_four(points + 4 * i);
        CK_UNROLL for (int j = 0; j < R / 2; j++)
        {
            const bfloat16x8_t center = load_four(c + 4 * j);
            CK_UNROLL for (int i = 0; i < PANEL_ROWS / 2; i++) squares[i][j] =
                vbfmmlaq_f32(squares[i][j], x[i], center);
        }
    }
    CK_UNROLL for (int j = 0; j < R / 2; j++) CK_UNROLL for (int v = 0; v < V; v++)
    {
        acc[2 * j][v] = vuzp1q_f32(squares[2 * v][j], squares[2 * v + 1][j]);
        acc[2 * j + 1][v] = vuzp2q_f32(squares[2 * v][j], squares[2 * v + 1][j]);
    }
}

#define OWN_TILE
#define PANEL void
#define PANEL_LINES(n_pairs) ((n_pairs) + HEAD_LINES)
#define SHAPE(name) mmla_##name
#define FIXED_WIDTHS 0
#include "shape_template.h"

/* The cost is a guess: not measured. */
const ck_coarse_shape ck_coarse_neon_bf16 = {.format = &ck_format_bfloat16,
                                             .panel_rows = PANEL_ROWS,
                                             .panel_centers = R,
                                             .point_words = TOGETHER,
                                             .center_words = TOGETHER,
                                             .head_lines = HEAD_LINES,
                                             .least_features = 32,
                                             .pair_cost = 0.5,
                                             .pack = pack_rows,
                                             .score = mmla_score,
                                             .reach = mmla_reach,
                                             .list = list_bits};
#include "../base/target_end.h"
#endif
