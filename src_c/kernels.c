/* kernels.c - the one place that decides which kernels are used. A job takes the first entry of its table whose
 * features are all allowed: those found on this machine, those of a level, or either of them without some. */
#include "kernels.h"

#include <string.h>

#include "screen/coarse.h"
#include "settle/quick.h"
#include "settle/rows.h"
#include "settle/settle.h"

/* Settle is written in vector types: without them its instruction sets would be the same code. */
#define SETTLES_ON_X86 (CK_X86_64 && CK_VECTOR_TYPES)

#define AVX2 (CK_FEATURE_AVX2 | CK_FEATURE_FMA)
#define AVX512 (AVX2 | CK_FEATURE_AVX512)
#define AVX512_VNNI (AVX512 | CK_FEATURE_AVX512_VNNI)
#define AVX_VNNI (AVX2 | CK_FEATURE_AVX_VNNI)
#define AVX512_BF16 (AVX512 | CK_FEATURE_AVX512_BF16)
#define AVX512_AMX (AVX512_BF16 | CK_FEATURE_AMX_TILE | CK_FEATURE_AMX_BF16)
#define NEON_DOTPROD (CK_FEATURE_NEON | CK_FEATURE_NEON_DOTPROD)
#define NEON_I8MM (CK_FEATURE_NEON | CK_FEATURE_NEON_I8MM)
#define NEON_BF16 (CK_FEATURE_NEON | CK_FEATURE_NEON_BF16)

/* One file each. */
extern const ck_screen_kernels ck_screen_avx2, ck_screen_avx512, ck_screen_neon;
extern const ck_coarse_shape ck_coarse_avx512_amx, ck_coarse_avx512_vnni, ck_coarse_avx512_bf16, ck_coarse_avx512;
extern const ck_coarse_shape ck_coarse_avx_vnni, ck_coarse_avx2;
extern const ck_coarse_shape ck_coarse_neon_i8mm, ck_coarse_neon_dotprod, ck_coarse_neon_bf16;
extern const ck_settle_kernels ck_settle_avx2, ck_settle_avx512;
extern const ck_quick_kernels ck_quick_avx2, ck_quick_avx512;
extern const ck_rows_kernels ck_rows_avx2, ck_rows_avx512;

/* --- The tables, the best first ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    ck_features features;
} LEVELS[] = {
#if CK_X86_64 && CK_COMPILES_AMX
    {"avx512_amx", AVX512_AMX},
#endif
#if CK_X86_64 && CK_COMPILES_BF16
    {"avx512_bf16", AVX512_BF16},
#endif
#if CK_X86_64 && CK_COMPILES_VNNI
    {"avx512_vnni", AVX512_VNNI},
#endif
#if CK_X86_64
    {"avx512", AVX512},
#endif
#if CK_X86_64 && CK_COMPILES_AVX_VNNI
    {"avx_vnni", AVX_VNNI},
#endif
#if CK_X86_64
    {"avx2", AVX2},
#endif
#if CK_ARM_64 && CK_COMPILES_I8MM
    {"neon_i8mm", NEON_I8MM},
#endif
#if CK_ARM_64 && CK_VECTOR_TYPES
    {"neon_dotprod", NEON_DOTPROD},
#endif
#if CK_ARM_64 && CK_COMPILES_BF16
    {"neon_bf16", NEON_BF16},
#endif
#if CK_ARM_64
    {"neon", CK_FEATURE_NEON},
#endif
    {"generic", 0},
};
enum { N_LEVELS = sizeof LEVELS / sizeof *LEVELS };

static const ck_kernel SCREEN[] = {
#if CK_X86_64
    {"avx512", AVX512, CK_FASTER, &ck_screen_avx512},
    {"avx2", AVX2, CK_FASTER, &ck_screen_avx2},
#endif
#if CK_ARM_64
    {"neon", CK_FEATURE_NEON, CK_FASTER, &ck_screen_neon},
#endif
    {"generic", 0, CK_FASTER, &ck_screen_generic},
};

static const ck_kernel COARSE[] = {
#if CK_X86_64 && CK_COMPILES_AMX
    {"avx512_amx", AVX512_AMX, CK_UNMEASURED, &ck_coarse_avx512_amx},
#endif
#if CK_X86_64 && CK_COMPILES_VNNI
    {"avx512_vnni", AVX512_VNNI, CK_FASTER, &ck_coarse_avx512_vnni},
#endif
#if CK_X86_64 && CK_COMPILES_BF16
    {"avx512_bf16", AVX512_BF16, CK_FASTER_ON_AMD, &ck_coarse_avx512_bf16},
#endif
#if CK_X86_64 && CK_VECTOR_TYPES
    {"avx512", AVX512, CK_FASTER, &ck_coarse_avx512},
#endif
#if CK_X86_64 && CK_COMPILES_AVX_VNNI
    {"avx_vnni", AVX_VNNI, CK_UNMEASURED, &ck_coarse_avx_vnni},
#endif
#if CK_X86_64 && CK_VECTOR_TYPES
    {"avx2", AVX2, CK_FASTER, &ck_coarse_avx2},
#endif
#if CK_ARM_64 && CK_COMPILES_I8MM
    {"neon_i8mm", NEON_I8MM, CK_UNMEASURED, &ck_coarse_neon_i8mm},
#endif
#if CK_ARM_64 && CK_VECTOR_TYPES
    {"neon_dotprod", NEON_DOTPROD, CK_UNMEASURED, &ck_coarse_neon_dotprod},
#endif
#if CK_ARM_64 && CK_COMPILES_BF16
    {"neon_bf16", NEON_BF16, CK_UNMEASURED, &ck_coarse_neon_bf16},
#endif
    {NULL, 0, CK_FASTER, NULL}, /* none */
};

static const ck_kernel SETTLE[] = {
#if SETTLES_ON_X86
    {"avx512", AVX512, CK_FASTER, &ck_settle_avx512},
    {"avx2", AVX2, CK_FASTER, &ck_settle_avx2},
#endif
    {"generic", 0, CK_FASTER, &ck_settle_generic},
};

static const ck_kernel QUICK[] = {
#if SETTLES_ON_X86
    {"avx512", AVX512, CK_FASTER, &ck_quick_avx512},
    {"avx2", AVX2, CK_FASTER, &ck_quick_avx2},
#endif
    {"generic", 0, CK_FASTER, &ck_quick_generic},
};

static const ck_kernel ROWS[] = {
#if SETTLES_ON_X86
    {"avx512", AVX512, CK_FASTER, &ck_rows_avx512},
    {"avx2", AVX2, CK_FASTER, &ck_rows_avx2},
#endif
    {"generic", 0, CK_FASTER, &ck_rows_generic},
};

#define COUNT(table) (int)(sizeof table / sizeof *table)
static const struct {
    const char *name;
    const ck_kernel *kernels;
    int count;
} JOBS[CK_JOB_COUNT] = {
    [CK_JOB_SCREEN] = {"screen", SCREEN, COUNT(SCREEN)}, [CK_JOB_COARSE] = {"coarse", COARSE, COUNT(COARSE) - 1},
    [CK_JOB_SETTLE] = {"settle", SETTLE, COUNT(SETTLE)}, [CK_JOB_QUICK] = {"quick", QUICK, COUNT(QUICK)},
    [CK_JOB_ROWS] = {"rows", ROWS, COUNT(ROWS)},
};

static const ck_kernel *in_use[CK_JOB_COUNT] = {
    [CK_JOB_SCREEN] = SCREEN + COUNT(SCREEN) - 1,
    [CK_JOB_SETTLE] = SETTLE + COUNT(SETTLE) - 1,
    [CK_JOB_QUICK] = QUICK + COUNT(QUICK) - 1,
    [CK_JOB_ROWS] = ROWS + COUNT(ROWS) - 1,
};

static void use(const ck_kernel *const chosen[CK_JOB_COUNT])
{
    memcpy(in_use, chosen, sizeof in_use);
    ck_screen_use(chosen[CK_JOB_SCREEN]->kernels);
    ck_coarse_use(chosen[CK_JOB_COARSE] ? chosen[CK_JOB_COARSE]->kernels : NULL);
    ck_settle_use(chosen[CK_JOB_SETTLE]->kernels);
    ck_quick_use(chosen[CK_JOB_QUICK]->kernels);
    ck_rows_use(chosen[CK_JOB_ROWS]->kernels);
}

/* --- The choice ---------------------------------------------------------------------------------------------- */

static int is_measured(const ck_kernel *kernel)
{
    return kernel->measured == CK_FASTER || (kernel->measured == CK_FASTER_ON_AMD && ck_processor_is_amd());
}

static const ck_kernel *best(ck_job job, ck_features allowed, int unmeasured_too)
{
    for (int i = 0; i < JOBS[job].count; i++) {
        const ck_kernel *kernel = JOBS[job].kernels + i;
        if ((kernel->needs & ~allowed) || !(unmeasured_too || is_measured(kernel))) continue;
        if (ck_features_acquire(kernel->needs)) return kernel;
    }
    return NULL;
}

static int is_name(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

/* OUT allowed: what an item leaves of it. Returns 0 where it is none. */
static int leave_out(const char *item, size_t length, ck_features *allowed)
{
    for (int i = 0; i < CK_FEATURE_COUNT; i++)
        if (*item == '-' && is_name(ck_feature_name(i), item + 1, length - 1)) {
            *allowed &= ~(1u << i);
            return 1;
        }
    return 0;
}

/* OUT allowed: the level's. Returns 0 where there is none of that name, or this machine cannot run it. */
static int take_level(const char *item, size_t length, ck_features *allowed)
{
    for (int i = 0; i < N_LEVELS; i++)
        if (is_name(LEVELS[i].name, item, length)) {
            *allowed = LEVELS[i].features;
            return !(*allowed & ~ck_features_found()) && ck_features_acquire(*allowed);
        }
    return 0;
}

int ck_choose_isa(const char *what)
{
    const ck_kernel *chosen[CK_JOB_COUNT];
    ck_features allowed = ck_features_found();
    int has_level = 0, coarse_too = 1;
    for (const char *item = what; item; item = strchr(item, ',') ? strchr(item, ',') + 1 : NULL) {
        const size_t length = strcspn(item, ",");
        if (item == what && take_level(item, length, &allowed))
            has_level = 1;
        else if (is_name("-coarse", item, length))
            coarse_too = 0;
        else if (!leave_out(item, length, &allowed))
            return CK_ERROR_UNKNOWN;
    }
    ck_find_last_level_cache();
    for (int job = 0; job < CK_JOB_COUNT; job++) chosen[job] = best((ck_job)job, allowed, has_level);
    if (!coarse_too) chosen[CK_JOB_COARSE] = NULL;
    use(chosen);
    return CK_OK;
}

/* --- Reports ------------------------------------------------------------------------------------------------- */

const ck_kernel *ck_kernels_of(ck_job job, int *count)
{
    *count = JOBS[job].count;
    return JOBS[job].kernels;
}

const ck_kernel *ck_kernel_in_use(ck_job job) { return in_use[job]; }

int ck_kernel_runs(const ck_kernel *kernel)
{
    return !(kernel->needs & ~ck_features_found()) && ck_features_acquire(kernel->needs);
}

const char *ck_isa_name(void)
{
    for (int i = 0; i < N_LEVELS; i++)
        for (int job = 0; job < CK_JOB_COUNT; job++)
            if (in_use[job] && strcmp(in_use[job]->level, LEVELS[i].name) == 0) return LEVELS[i].name;
    return "generic";
}

int ck_runnable_isas(const char **names, int capacity)
{
    int count = 0;
    for (int i = 0; i < N_LEVELS; i++) {
        if (LEVELS[i].features & ~ck_features_found()) continue;
        if (count < capacity) names[count] = LEVELS[i].name;
        count++;
    }
    return count;
}

int ck_found_features(const char **names, int capacity)
{
    int count = 0;
    for (int i = 0; i < CK_FEATURE_COUNT; i++) {
        if (!(ck_features_found() >> i & 1)) continue;
        if (count < capacity) names[count] = ck_feature_name(i);
        count++;
    }
    return count;
}

static const char *format_of(ck_job job, const ck_kernel *kernel)
{
    if (job == CK_JOB_COARSE) return ((const ck_coarse_shape *)kernel->kernels)->format->name;
    return job == CK_JOB_SCREEN ? "float32" : NULL;
}

int ck_list_kernels(ck_kernel_info *kernels, int capacity)
{
    int count = 0;
    for (int job = 0; job < CK_JOB_COUNT; job++)
        for (int i = 0; i < JOBS[job].count; i++, count++) {
            const ck_kernel *kernel = JOBS[job].kernels + i;
            if (count >= capacity) continue;
            kernels[count].job = JOBS[job].name;
            kernels[count].level = kernel->level;
            kernels[count].runs = !(kernel->needs & ~ck_features_found());
            kernels[count].measured = is_measured(kernel);
            kernels[count].in_use = kernel == in_use[job];
            kernels[count].format = format_of((ck_job)job, kernel);
        }
    return count;
}
