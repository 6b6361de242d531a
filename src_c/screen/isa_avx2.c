#include <string.h>

#include "screen.h"

#if CK_X86_64
#include <immintrin.h>

#include "../base/bits.h"
#include "../base/target_avx2.h"

#include "isa_avx2.h"

#define NARROW_V 2
#define NARROW_R 4
#define TILE_V 2
#define TILE_R 6
#define NARROW_FEATURES 32
#define GATHER_FEATURES 4
#define HAS_UNZIP 1
#include "kernel_template.h"

const ck_screen_kernels ck_screen_avx2 = ISA_TABLE;
#include "../base/target_end.h"
#endif
