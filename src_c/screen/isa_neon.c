#include <string.h>

#include "screen.h"

#if CK_ARM_64
#include <arm_neon.h>

#include "../base/bits.h"
#include "isa_neon.h"

#define NARROW_V 4
#define NARROW_R 2
#define TILE_V 4
#define TILE_R 6
#define NARROW_FEATURES 16
#define GATHER_FEATURES 3
#include "kernel_template.h"

const ck_screen_kernels ck_screen_neon = ISA_TABLE;
#endif
