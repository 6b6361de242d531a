#include "coarse.h"

const ck_screen_kernels *ck_screen_table(void)
{
    switch (ck_isa_chosen()) {
#if defined(__x86_64__) || defined(_M_X64)
    case CK_ISA_AVX512_AMX:
    case CK_ISA_AVX512_BF16:
    case CK_ISA_AVX512: return &ck_screen_avx512;
    case CK_ISA_AVX2: return &ck_screen_avx2;
#elif defined(__aarch64__) || defined(_M_ARM64)
    case CK_ISA_NEON_BF16:
    case CK_ISA_NEON: return &ck_screen_neon;
#endif
    default: return &ck_screen_generic;
    }
}

const ck_coarse_shape *ck_coarse_table(void)
{
    switch (ck_isa_chosen()) {
#if defined(__x86_64__) && CK_COMPILES_AMX
    case CK_ISA_AVX512_AMX: return &ck_coarse_avx512_amx;
#endif
#if defined(__x86_64__) && CK_COMPILES_BF16
    case CK_ISA_AVX512_BF16: return &ck_coarse_avx512_bf16;
#elif defined(__aarch64__) && CK_COMPILES_BF16
    case CK_ISA_NEON_BF16: return &ck_coarse_neon_bf16;
#endif
    default: return NULL;
    }
}
