/* SMMLA: two rows by two centers, eight features of each, are one instruction. */
#include "int8.h"

#if CK_ARM_64 && CK_COMPILES_I8MM
#include <arm_neon.h>
#include <string.h>

#include "../base/bits.h"
#include "../base/target_neon_i8mm.h"
#include "isa_neon.h"
#include "stage_rows.h"

#define V 2
#define R 8
#define TOGETHER 2 /* words of a row or center */
#define INT8_RAISED 0

CK_INLINE void arrange_rows(const int8_t *const rows[L], int64_t n_words, float *CK_RESTRICT panel, int64_t first)
{
    for (int64_t p = 0; p < n_words; p += TOGETHER)
        for (int64_t i = 0; i < L; i++)
            memcpy(panel + (p * V * L + (first + i) * TOGETHER), rows[i] + p * CK_WORD_BYTES, TOGETHER * sizeof *panel);
}

CK_INLINE int8x16_t load_eight(const float *at) { return vreinterpretq_s8_f32(vld1q_f32(at)); }

/* Products come as squares of two rows by two centers; rows go into lanes at the end. */
CK_INLINE void int8_tile(const float *CK_RESTRICT points, int64_t n_words, const float *CK_RESTRICT c, VF acc[R][V],
                         const int used)
{
    enum { HEAD = 2, ROWS = V * L };
    const int64_t n = n_words - CK_INT8_EXTRAS;
    const float *rows = points + n * ROWS, *extras = c + (HEAD + n) * R, *starts = c;
    int32x4_t squares[ROWS / 2][R / 2];
    VF scales[V];
    (void)used; /* all of them */
    CK_UNROLL for (int v = 0; v < V; v++)
    {
        const float32x4x2_t scale_size = vld2q_f32(rows + v * L * TOGETHER);
        const float32x4x2_t lost_start = vld2q_f32(rows + ROWS * TOGETHER + v * L * TOGETHER);
        const float center_scale = extras[0], center_size = extras[1], center_lost = extras[R * TOGETHER];
        const VF bound =
            vfmaq_n_f32(vfmaq_n_f32(vdupq_n_f32(1.0f), scale_size.val[1], center_size), lost_start.val[0], center_lost);
        const int32x4_t start = vaddq_s32(vreinterpretq_s32_f32(lost_start.val[1]), v_round(bound));
        const int32x4_t low = vzip1q_s32(start, start), high = vzip2q_s32(start, start);
        CK_UNROLL for (int j = 0; j < R / 2; j++)
        {
            squares[2 * v][j] = low;
            squares[2 * v + 1][j] = high;
        }
        scales[v] = vmulq_n_f32(scale_size.val[0], center_scale);
    }
    c += HEAD * R;
    for (int64_t p = 0; p < n; p += TOGETHER, points += TOGETHER * ROWS, c += TOGETHER * R) {
        int8x16_t x[ROWS / 2];
        CK_UNROLL for (int i = 0; i < ROWS / 2; i++) x[i] = load_eight(points + 2 * TOGETHER * i);
        CK_UNROLL for (int j = 0; j < R / 2; j++)
        {
            const int8x16_t center = load_eight(c + 2 * TOGETHER * j);
            CK_UNROLL for (int i = 0; i < ROWS / 2; i++) squares[i][j] = vmmlaq_s32(squares[i][j], x[i], center);
        }
    }
    CK_UNROLL for (int j = 0; j < R / 2; j++) CK_UNROLL for (int v = 0; v < V; v++)
    {
        const int32x4_t even = vuzp1q_s32(squares[2 * v][j], squares[2 * v + 1][j]);
        const int32x4_t odd = vuzp2q_s32(squares[2 * v][j], squares[2 * v + 1][j]);
        acc[2 * j][v] = v_fma(v_float(even), scales[v], v_set1(starts + 2 * j));
        acc[2 * j + 1][v] = v_fma(v_float(odd), scales[v], v_set1(starts + 2 * j + 1));
    }
}
#include "int8_template.h"

/* The cost is a guess: not measured. */
const ck_coarse_shape ck_coarse_neon_i8mm = INT8_SHAPE(ck_format_int8, 32, 0.2);
#include "../base/target_end.h"
#endif
