/* base.h - memory, processor features and random numbers: nothing about k-means. */
#ifndef CK_BASE_H
#define CK_BASE_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* else strict C11 hides the calls of the system: this file comes before all others */
#endif
#include <assert.h> /* CKMEANS_DEBUG=1 turns them on */
#include <stddef.h>
#include <stdint.h>

#include "../ck.h"

/* Attributes, built-in functions and inline assembly: of GCC, and of Clang by whichever name it is called (as clang-cl
 * it defines no __GNUC__). Vector types come with them; a test takes those away, to build what is left elsewhere. */
#if defined(__GNUC__) || defined(__clang__)
#define CK_GNU_C 1
#else
#define CK_GNU_C 0
#endif
#if !defined(CK_VECTOR_TYPES)
#define CK_VECTOR_TYPES CK_GNU_C
#endif
#if defined(__x86_64__) || defined(_M_X64)
#define CK_X86_64 1
#else
#define CK_X86_64 0
#endif
#if defined(__aarch64__) || defined(_M_ARM64)
#define CK_ARM_64 1
#else
#define CK_ARM_64 0
#endif

/* The canonical arithmetic is plain IEEE: a product and a sum are two roundings, on every processor. */
#if defined(__FAST_MATH__) || defined(_M_FP_FAST)
#error "results need exact floating-point arithmetic: compile without -ffast-math, /fp:fast and the like"
#elif defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#elif defined(__GNUC__) && !defined(__STRICT_ANSI__) /* with -std=c11 it fuses nothing unless told to */
#pragma GCC optimize("fp-contract=off")
#endif

#if CK_GNU_C
#define CK_RESTRICT __restrict__
#define CK_INLINE static inline __attribute__((always_inline))
#define CK_NOINLINE __attribute__((noinline))
#define CK_CHECKED __attribute__((warn_unused_result))
#define CK_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define CK_PREFETCH(p) __builtin_prefetch(p)
#define CK_PREFETCH_L2(p) __builtin_prefetch(p, 0, 2)
#else
#define CK_RESTRICT __restrict
#define CK_INLINE static __forceinline
#define CK_NOINLINE __declspec(noinline)
#define CK_CHECKED
#define CK_UNLIKELY(x) (x)
#define CK_PREFETCH(p) ((void)(p))
#define CK_PREFETCH_L2(p) ((void)(p))
#endif

#if defined(__clang__)
#define CK_UNROLL _Pragma("clang loop unroll(full)")
#define CK_UNROLL_TWICE _Pragma("clang loop unroll_count(2)")
#elif defined(__GNUC__)
#define CK_UNROLL _Pragma("GCC unroll 64")
#define CK_UNROLL_TWICE _Pragma("GCC unroll 2")
#else
#define CK_UNROLL
#define CK_UNROLL_TWICE
#endif

/* What the compiler knows of products of small integers and of bfloat16, and of tiles. */
#if !CK_VECTOR_TYPES
#define CK_COMPILES_VNNI 0
#define CK_COMPILES_AVX_VNNI 0
#define CK_COMPILES_I8MM 0
#elif defined(__clang__)
#define CK_COMPILES_I8MM (__clang_major__ >= 17)
#define CK_COMPILES_VNNI (__clang_major__ >= 7)
#define CK_COMPILES_AVX_VNNI (__clang_major__ >= 12)
#else
#define CK_COMPILES_I8MM (__GNUC__ >= 10)
#define CK_COMPILES_VNNI (__GNUC__ >= 8)
#define CK_COMPILES_AVX_VNNI (__GNUC__ >= 11)
#endif
#if !CK_VECTOR_TYPES
#define CK_COMPILES_BF16 0
#define CK_COMPILES_AMX 0
#elif defined(__clang__) && CK_ARM_64 /* before, whole files had to be compiled for it */
#define CK_COMPILES_BF16 (__clang_major__ >= 17)
#define CK_COMPILES_AMX 0
#elif defined(__clang__)
#define CK_COMPILES_BF16 (__clang_major__ >= 12)
#define CK_COMPILES_AMX (__clang_major__ >= 12)
#else
#define CK_COMPILES_BF16 (__GNUC__ >= 10)
#define CK_COMPILES_AMX (__GNUC__ >= 11)
#endif

/* Two cache lines: processors fetch lines in pairs, so workers that write next to each other stay this far apart. */
#define CK_ALIGNMENT 128
#define CK_CACHE_LINE 64

/* --- cpu.c: what the processor has and the operating system lets programs use. Features do not nest. --- */
typedef uint32_t ck_features;
enum {
    CK_FEATURE_AVX2 = 1 << 0,
    CK_FEATURE_FMA = 1 << 1,
    CK_FEATURE_AVX512 = 1 << 2, /* F, DQ, BW, VL: what every AVX-512 processor since Skylake-X has */
    CK_FEATURE_AVX512_BF16 = 1 << 3,
    CK_FEATURE_AVX512_VNNI = 1 << 4,
    CK_FEATURE_AVX_VNNI = 1 << 5,
    CK_FEATURE_AMX_TILE = 1 << 6,
    CK_FEATURE_AMX_BF16 = 1 << 7,
    CK_FEATURE_AMX_INT8 = 1 << 8,
    CK_FEATURE_NEON = 1 << 9,
    CK_FEATURE_NEON_BF16 = 1 << 10,
    CK_FEATURE_NEON_DOTPROD = 1 << 11,
    CK_FEATURE_NEON_I8MM = 1 << 12
};
enum { CK_FEATURE_COUNT = 13 };
ck_features ck_features_found(void);
/* Of bit `number`. */
const char *ck_feature_name(int number);
/* Asks the operating system for what it lends only on request, on behalf of the whole process. Returns 0 where it
 * refuses; those features are no longer found then. */
int ck_features_acquire(ck_features features);
int ck_processor_is_amd(void);
/* Bytes of the last cache before memory that a core has, shared with others or not; a usual size until it was looked
 * for, which takes long in virtual machines, and where nobody tells. */
int64_t ck_last_level_cache(void);
void ck_find_last_level_cache(void);

/* --- arena.c: memory of one call. A failed request leaves arena->failed set and every later one fails too,
 * so that a caller may ask for all it needs and check once. --- */
typedef struct ck_arena_chunk ck_arena_chunk;
typedef struct {
    ck_arena_chunk *chunks;
    int failed;
} ck_arena;
void *ck_arena_alloc(ck_arena *arena, int64_t count, int64_t size); /* CK_ALIGNMENT-aligned, not cleared */
void ck_arena_free(ck_arena *arena);
#define CK_NEW(arena, type, count) ((type *)ck_arena_alloc((arena), (count), (int64_t)sizeof(type)))

/* --- random.c: Philox 4x32-10 (Salmon et al., SC 2011): a number is a function of the seed and its place. --- */
typedef struct {
    uint32_t key[2];
    uint32_t stream;
    uint64_t position;
} ck_random;
ck_random ck_random_stream(uint64_t seed, uint32_t stream);
double ck_random_uniform(ck_random *random); /* in [0, 1), a multiple of 2^-53 */
/* The same as a function of the place alone. part 0 holds the numbers of ck_random_uniform. */
double ck_random_uniform_at(const ck_random *random, uint32_t part, uint64_t position);

/* --- clock.c --- */
double ck_seconds(void); /* of a wall clock */

/* --- small helpers --- */
CK_INLINE int64_t ck_min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
CK_INLINE int64_t ck_max_i64(int64_t a, int64_t b) { return a > b ? a : b; }
CK_INLINE int64_t ck_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
CK_INLINE int64_t ck_round_up(int64_t value, int64_t multiple) { return ck_ceil_div(value, multiple) * multiple; }
/* For qsort. */
static inline int ck_compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
/* Elements of eight bytes from one worker's or item's part of an array to the next one's. */
CK_INLINE int64_t ck_apart(int64_t count) { return ck_round_up(count, CK_ALIGNMENT / 8); }

#endif
