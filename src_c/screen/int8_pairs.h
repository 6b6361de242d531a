/* int8_pairs.h - products of bytes by VPMADDUBSW, which adds up two neighbours in 16 bits, of two words together before
 * they are widened: centers of six bits leave room for that. For both widths of registers. */
#define STEP 2
#define INT8_RAISED CK_INT6_RAISED
CK_INLINE VI v_dot(VI feature, VI next_feature, VI x, VI next_x, VI sum)
{
    const VI pairs =
        V_INTEGERS(add_epi16)(V_INTEGERS(maddubs_epi16)(feature, x), V_INTEGERS(maddubs_epi16)(next_feature, next_x));
    return V_INTEGERS(add_epi32)(sum, V_INTEGERS(madd_epi16)(pairs, V_INTEGERS(set1_epi16)(1)));
}
#include "int8_template.h"
