/* int8_quads.h - products of bytes by one instruction, V_DOT_BYTES(sum, centers, rows), which adds four of them to 32
 * bits. */
#define STEP 1
CK_INLINE VI v_dot(VI feature, VI same_feature, VI x, VI same_x, VI sum)
{
    (void)same_feature, (void)same_x;
    sum = V_DOT_BYTES(sum, feature, x);
#if CK_X86_64
    __asm__("" : "+v"(sum)); /* GCC 12 would move every sum to another register, and through memory */
#endif
    return sum;
}
#include "int8_template.h"
