#include <string.h>

#include "base.h"

#if defined(__x86_64__) || defined(_M_X64)
#define CK_X86 1
#if defined(_MSC_VER)
#include <intrin.h>
static void cpuid(unsigned leaf, unsigned subleaf, unsigned r[4]) { __cpuidex((int *)r, (int)leaf, (int)subleaf); }
static uint64_t xcr0(void) { return _xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(unsigned leaf, unsigned subleaf, unsigned r[4])
{
    __cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]);
}
static uint64_t xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}
#endif

enum { OSXSAVE = 1u << 27, AVX = 1u << 28, FMA = 1u << 12, AVX2 = 1u << 5 };
/* F, DQ, BW, VL of leaf 7 EBX: what every AVX-512 processor since Skylake-X has. */
static const unsigned AVX512_FEATURES = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
/* What the operating system saves at a context switch: without it the registers are not ours to use. */
static const uint64_t YMM_STATE = 0x6, ZMM_STATE = 0xe6;

static int x86_runnable(ck_isa isa)
{
    unsigned leaf0[4], leaf1[4], leaf7[4];
    cpuid(0, 0, leaf0);
    if (leaf0[0] < 7) return 0;
    cpuid(1, 0, leaf1);
    cpuid(7, 0, leaf7);
    unsigned needed = OSXSAVE | AVX | FMA;
    if ((leaf1[2] & needed) != needed || !(leaf7[1] & AVX2)) return 0;
    uint64_t enabled = xcr0();
    if ((enabled & YMM_STATE) != YMM_STATE) return 0;
    if (isa == CK_ISA_AVX2) return 1;
    return (leaf7[1] & AVX512_FEATURES) == AVX512_FEATURES && (enabled & ZMM_STATE) == ZMM_STATE;
}
#endif

static const char *const ISA_NAMES[CK_ISA_COUNT] = {"generic", "neon", "avx2", "avx512"};
static ck_isa chosen = CK_ISA_GENERIC;

int ck_isa_runnable(ck_isa isa)
{
    if (isa == CK_ISA_GENERIC) return 1;
#if defined(CK_X86)
    return (isa == CK_ISA_AVX2 || isa == CK_ISA_AVX512) && x86_runnable(isa);
#elif defined(__aarch64__) || defined(_M_ARM64)
    return isa == CK_ISA_NEON; /* part of the 64-bit Arm baseline */
#else
    return 0;
#endif
}

int ck_choose_isa(const char *name)
{
    for (int isa = CK_ISA_COUNT - 1; isa >= 0; isa--) {
        if (name && strcmp(name, ISA_NAMES[isa]) != 0) continue;
        if (ck_isa_runnable((ck_isa)isa)) {
            chosen = (ck_isa)isa;
            return 0;
        }
    }
    return -1;
}

ck_isa ck_isa_chosen(void) { return chosen; }
const char *ck_isa_name(void) { return ISA_NAMES[chosen]; }

int ck_runnable_isas(const char **names)
{
    int count = 0;
    for (int isa = CK_ISA_COUNT - 1; isa >= 0; isa--)
        if (ck_isa_runnable((ck_isa)isa)) names[count++] = ISA_NAMES[isa];
    return count;
}
