#include "base.h"

#include <string.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

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
enum { AVX512_BF16 = 1u << 5 }; /* of leaf 7, subleaf 1, EAX */

#if defined(CK_TILE_MODEL) /* a build whose tile instructions are carried out by tests/c/tile_model.c */
static int has_tiles(unsigned leaf7_edx, uint64_t enabled) { return (void)leaf7_edx, (void)enabled, 1; }
#else
enum { AMX_BF16 = 1u << 22, AMX_TILE = 1u << 24 };
static const uint64_t TILE_STATE = 0x60000;

/* Linux lends a process the tiles when it asks; a refusal is one more reason not to run. */
static int tiles_are_permitted(void)
{
#if defined(__linux__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    static int answer = -1;
    if (answer < 0) answer = syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
    return answer;
#else
    return 0;
#endif
}

static int has_tiles(unsigned leaf7_edx, uint64_t enabled)
{
    const unsigned needed = AMX_BF16 | AMX_TILE;
    return (leaf7_edx & needed) == needed && (enabled & TILE_STATE) == TILE_STATE && tiles_are_permitted();
}
#endif

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
    if ((leaf7[1] & AVX512_FEATURES) != AVX512_FEATURES || (enabled & ZMM_STATE) != ZMM_STATE) return 0;
    if (isa == CK_ISA_AVX512) return 1;
    unsigned subleaf1[4] = {0};
    if (leaf7[0] >= 1) cpuid(7, 1, subleaf1);
    if (!CK_COMPILES_BF16 || !(subleaf1[0] & AVX512_BF16)) return 0;
    if (isa == CK_ISA_AVX512_BF16) return 1;
    return CK_COMPILES_AMX && has_tiles(leaf7[3], enabled);
}

static int is_amd(void)
{
    unsigned leaf0[4];
    cpuid(0, 0, leaf0);
    return leaf0[1] == 0x68747541 && leaf0[3] == 0x69746e65 && leaf0[2] == 0x444d4163; /* AuthenticAMD */
}
#elif defined(__aarch64__) && CK_COMPILES_BF16
static int neon_bf16_runnable(void)
{
#if defined(__linux__)
    return (getauxval(AT_HWCAP2) >> 14 & 1) != 0; /* HWCAP2_BF16 */
#elif defined(__APPLE__)
    int answer = 0;
    size_t size = sizeof answer;
    return sysctlbyname("hw.optional.arm.FEAT_BF16", &answer, &size, NULL, 0) == 0 && answer;
#else
    return 0;
#endif
}
#endif

static const char *const ISA_NAMES[CK_ISA_COUNT] = {"generic", "neon",        "neon_bf16", "avx2",
                                                    "avx512",  "avx512_bf16", "avx512_amx"};
static ck_isa chosen = CK_ISA_GENERIC;

int ck_isa_runnable(ck_isa isa)
{
    if (isa == CK_ISA_GENERIC) return 1;
#if defined(CK_X86)
    return isa >= CK_ISA_AVX2 && x86_runnable(isa);
#elif defined(__aarch64__) || defined(_M_ARM64)
    if (isa == CK_ISA_NEON) return 1; /* part of the 64-bit Arm baseline */
#if CK_COMPILES_BF16
    return isa == CK_ISA_NEON_BF16 && neon_bf16_runnable();
#else
    return 0;
#endif
#else
    return 0;
#endif
}

/* Whether it is taken without being asked for: what has not been measured to be faster than the one before is not. */
static int measured_faster(ck_isa isa)
{
#if defined(CK_X86)
    if (isa == CK_ISA_AVX512_BF16) return is_amd();
#endif
    return isa != CK_ISA_AVX512_AMX && isa != CK_ISA_NEON_BF16;
}

int ck_choose_isa(const char *name)
{
    for (int isa = CK_ISA_COUNT - 1; isa >= 0; isa--) {
        if (name ? strcmp(name, ISA_NAMES[isa]) != 0 : !measured_faster((ck_isa)isa)) continue;
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
