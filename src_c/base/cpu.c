#include "base.h"

#if defined(__linux__)
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#if CK_ARM_64
#include <sys/auxv.h>
#endif
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

static const char *const NAMES[CK_FEATURE_COUNT] = {
    "avx2",     "fma",      "avx512", "avx512_bf16", "avx512_vnni",  "avx_vnni",  "amx_tile",
    "amx_bf16", "amx_int8", "neon",   "neon_bf16",   "neon_dotprod", "neon_i8mm",
};

const char *ck_feature_name(int number) { return NAMES[number]; }

#if CK_X86_64
#if CK_GNU_C
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
#else
#include <intrin.h>
static void cpuid(unsigned leaf, unsigned subleaf, unsigned r[4]) { __cpuidex((int *)r, (int)leaf, (int)subleaf); }
static uint64_t xcr0(void) { return _xgetbv(0); }
#endif

/* Registers of an answer of cpuid. */
enum { EAX, EBX, ECX, EDX };
/* What the operating system saves at a context switch: without it the registers are not ours to use. */
static const uint64_t YMM_STATE = 0x6, ZMM_STATE = 0xe6;

/* A build that stands in for units which the processor may lack: tile instructions are carried out by
 * tests/c/tile_model.c, products of bytes by isa_avx_vnni.c. */
#if defined(CK_UNIT_MODELS)
enum { UNITS_ARE_MODELS = 1 };
static ck_features find_tiles(unsigned leaf7_edx, uint64_t enabled)
{
    return (void)leaf7_edx, (void)enabled, CK_FEATURE_AMX_TILE | CK_FEATURE_AMX_BF16;
}
static int tiles_are_granted(void) { return 1; }
#else
enum { UNITS_ARE_MODELS = 0 };
static const uint64_t TILE_STATE = 0x60000;

/* Linux has the tiles to lend; elsewhere nobody is known to. */
static int tiles_are_lent(void)
{
#if defined(__linux__)
    enum { ARCH_GET_XCOMP_SUPP = 0x1021, XFEATURE_XTILEDATA = 18 };
    uint64_t lent = 0;
    return syscall(SYS_arch_prctl, ARCH_GET_XCOMP_SUPP, &lent) == 0 && (lent >> XFEATURE_XTILEDATA & 1);
#else
    return 0;
#endif
}

static int tiles_are_granted(void)
{
#if defined(__linux__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
    return 0;
#endif
}

static ck_features find_tiles(unsigned leaf7_edx, uint64_t enabled)
{
    ck_features found = 0;
    if (!(leaf7_edx >> 24 & 1) || (enabled & TILE_STATE) != TILE_STATE || !tiles_are_lent()) return 0;
    found |= CK_FEATURE_AMX_TILE;
    if (leaf7_edx >> 22 & 1) found |= CK_FEATURE_AMX_BF16;
    if (leaf7_edx >> 25 & 1) found |= CK_FEATURE_AMX_INT8;
    return found;
}
#endif

static ck_features find(void)
{
    unsigned leaf0[4], leaf1[4], leaf7[4], subleaf1[4] = {0};
    ck_features found = 0;
    cpuid(0, 0, leaf0);
    if (leaf0[EAX] < 7) return 0;
    cpuid(1, 0, leaf1);
    cpuid(7, 0, leaf7);
    if (leaf7[EAX] >= 1) cpuid(7, 1, subleaf1);
    const int has_xgetbv = leaf1[ECX] >> 27 & 1, has_avx = leaf1[ECX] >> 28 & 1;
    if (!has_xgetbv || !has_avx) return 0;
    const uint64_t enabled = xcr0();
    if ((enabled & YMM_STATE) != YMM_STATE) return 0;
    if (leaf7[EBX] >> 5 & 1) found |= CK_FEATURE_AVX2;
    if (leaf1[ECX] >> 12 & 1) found |= CK_FEATURE_FMA;
    if ((found & CK_FEATURE_AVX2) && (UNITS_ARE_MODELS || (subleaf1[EAX] >> 4 & 1))) found |= CK_FEATURE_AVX_VNNI;
    const unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F, DQ, BW, VL */
    if ((leaf7[EBX] & avx512) == avx512 && (enabled & ZMM_STATE) == ZMM_STATE) {
        found |= CK_FEATURE_AVX512;
        if (subleaf1[EAX] >> 5 & 1) found |= CK_FEATURE_AVX512_BF16;
        if (leaf7[ECX] >> 11 & 1) found |= CK_FEATURE_AVX512_VNNI;
    }
    return found | find_tiles(leaf7[EDX], enabled);
}

int ck_processor_is_amd(void)
{
    unsigned leaf0[4];
    cpuid(0, 0, leaf0);
    return leaf0[EBX] == 0x68747541 && leaf0[EDX] == 0x69746e65 && leaf0[ECX] == 0x444d4163; /* AuthenticAMD */
}
#else
static int tiles_are_granted(void) { return 0; }
int ck_processor_is_amd(void) { return 0; }

#if CK_ARM_64
#if defined(__APPLE__)
static int has(const char *name)
{
    int answer = 0;
    size_t size = sizeof answer;
    return sysctlbyname(name, &answer, &size, NULL, 0) == 0 && answer;
}
#endif

static ck_features find(void)
{
    ck_features found = CK_FEATURE_NEON; /* part of the 64-bit Arm baseline */
#if defined(__linux__)
    const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
    if (first >> 20 & 1) found |= CK_FEATURE_NEON_DOTPROD; /* HWCAP_ASIMDDP */
    if (second >> 13 & 1) found |= CK_FEATURE_NEON_I8MM;   /* HWCAP2_I8MM */
    if (second >> 14 & 1) found |= CK_FEATURE_NEON_BF16;   /* HWCAP2_BF16 */
#elif defined(__APPLE__)
    if (has("hw.optional.arm.FEAT_DotProd")) found |= CK_FEATURE_NEON_DOTPROD;
    if (has("hw.optional.arm.FEAT_I8MM")) found |= CK_FEATURE_NEON_I8MM;
    if (has("hw.optional.arm.FEAT_BF16")) found |= CK_FEATURE_NEON_BF16;
#endif
    return found;
}
#else
static ck_features find(void) { return 0; }
#endif
#endif

static const ck_features TILES = CK_FEATURE_AMX_TILE | CK_FEATURE_AMX_BF16 | CK_FEATURE_AMX_INT8;
static int tiles_were_refused;

ck_features ck_features_found(void)
{
    const ck_features found = find();
    return tiles_were_refused ? found & ~TILES : found;
}

int ck_features_acquire(ck_features features)
{
    if ((features & TILES) && !tiles_are_granted()) tiles_were_refused = 1;
    return !(features & TILES) || !tiles_were_refused;
}

/* --- The last-level cache ------------------------------------------------------------------------------------ */

static int64_t last_level_cache = 8 << 20; /* a usual size */

#if CK_X86_64
/* The largest of those that the processor lists, be it Intel's list or AMD's. */
static int64_t listed_cache(void)
{
    const unsigned leaf = ck_processor_is_amd() ? 0x8000001d : 4;
    unsigned most[4], r[4];
    int64_t largest = 0;
    cpuid(leaf & 0x80000000, 0, most);
    for (unsigned i = 0; i < 8 && most[EAX] >= leaf; i++) {
        cpuid(leaf, i, r);
        if ((r[EAX] & 31) == 0) break;
        const int64_t line = (r[EBX] & 0xfff) + 1, partitions = (r[EBX] >> 12 & 0x3ff) + 1, ways = (r[EBX] >> 22) + 1;
        largest = ck_max_i64(largest, line * partitions * ways * ((int64_t)r[ECX] + 1));
    }
    return largest;
}
#elif defined(__linux__)
static int64_t listed_cache(void)
{
    int64_t largest = 0;
    for (char index = '1'; index <= '4'; index++) {
        char path[] = "/sys/devices/system/cpu/cpu0/cache/index?/size";
        long long size = 0;
        path[sizeof path - sizeof "?/size"] = index;
        FILE *file = fopen(path, "r");
        if (!file) continue;
        char unit = 0;
        if (fscanf(file, "%lld%c", &size, &unit) >= 1)
            largest = ck_max_i64(largest, unit == 'K' ? size << 10 : unit == 'M' ? size << 20 : size);
        fclose(file);
    }
    return largest;
}
#elif defined(__APPLE__)
static int64_t listed_cache(void)
{
    static const char *const names[] = {"hw.l3cachesize", "hw.perflevel0.l2cachesize", "hw.l2cachesize"};
    int64_t bytes = 0;
    for (int i = 0; i < 3 && bytes <= 0; i++) {
        size_t size = sizeof bytes;
        if (sysctlbyname(names[i], &bytes, &size, NULL, 0) != 0) bytes = 0;
    }
    return bytes;
}
#else
static int64_t listed_cache(void) { return 0; }
#endif

void ck_find_last_level_cache(void)
{
    const int64_t listed = listed_cache();
    if (listed > 0) last_level_cache = listed;
}

int64_t ck_last_level_cache(void) { return last_level_cache; }
