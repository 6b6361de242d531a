/* Products of pairs of bfloat16 features, added to float32: twice the rate of float32 where an instruction takes as
 * long as a multiply-add (AMD from Zen 4 on). */
#include <string.h>

#include "bfloat16.h"

#if CK_X86_64 && CK_COMPILES_BF16
#include <immintrin.h>

#include "../base/bits.h"
#include "../base/target_avx512_bf16.h"
#include "isa_avx512.h"
#include "stage_rows.h"
/* After both. */
#include "isa_avx512_pairs.h"

CK_INLINE VF v_dot(VF a, VF b, VF sum) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }

enum { HEAD_LINES = 2 };
#define V_DOT v_dot
#define PANEL void
#define PANEL_LINES(n_pairs) ((n_pairs) + HEAD_LINES)
#define V 2
#define R 12
#define SHAPE(name) pairs_##name
#define FIXED_WIDTHS 0
#include "shape_template.h"

const ck_coarse_shape ck_coarse_avx512_bf16 = {.format = &ck_format_bfloat16,
                                               .panel_rows = PAIR_ROWS,
                                               .panel_centers = R,
                                               .point_words = 1,
                                               .center_words = 1,
                                               .head_lines = HEAD_LINES,
                                               .least_features = 32,
                                               .pair_cost = 0.5,
                                               .pack = pack_pairs,
                                               .score = pairs_score,
                                               .reach = pairs_reach,
                                               .list = list_pairs};
#include "../base/target_end.h"
#endif
