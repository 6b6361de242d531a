/* base.h - memory, processor features and random numbers: nothing about k-means. */
#ifndef CK_BASE_H
#define CK_BASE_H

#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* else strict C11 hides the calls of the system: this file comes before all others */
#endif
#include <stddef.h>
#include <stdint.h>

#include "../ck.h"

#if defined(__GNUC__)
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
#elif defined(__GNUC__)
#define CK_UNROLL _Pragma("GCC unroll 64")
#else
#define CK_UNROLL
#endif

/* What the compiler knows of bfloat16 products and of tiles. */
#if defined(__clang__) && defined(__aarch64__) /* before, whole files had to be compiled for it */
#define CK_COMPILES_BF16 (__clang_major__ >= 17)
#define CK_COMPILES_AMX 0
#elif defined(__clang__)
#define CK_COMPILES_BF16 (__clang_major__ >= 12)
#define CK_COMPILES_AMX (__clang_major__ >= 12)
#elif defined(__GNUC__)
#define CK_COMPILES_BF16 (__GNUC__ >= 10)
#define CK_COMPILES_AMX (__GNUC__ >= 11)
#else
#define CK_COMPILES_BF16 0
#define CK_COMPILES_AMX 0
#endif

/* Two cache lines: processors fetch lines in pairs, so workers that write next to each other stay this far apart. */
#define CK_ALIGNMENT 128
#define CK_CACHE_LINE 64

/* --- cpu.c --- */
typedef enum {
    CK_ISA_GENERIC,
    CK_ISA_NEON,
    CK_ISA_NEON_BF16,
    CK_ISA_AVX2,
    CK_ISA_AVX512,
    CK_ISA_AVX512_BF16,
    CK_ISA_AVX512_AMX,
    CK_ISA_COUNT
} ck_isa;
int ck_isa_runnable(ck_isa isa);
ck_isa ck_isa_chosen(void);

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

/* --- small helpers --- */
CK_INLINE int64_t ck_min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
CK_INLINE int64_t ck_max_i64(int64_t a, int64_t b) { return a > b ? a : b; }
CK_INLINE int64_t ck_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
CK_INLINE int64_t ck_round_up(int64_t value, int64_t multiple) { return ck_ceil_div(value, multiple) * multiple; }
/* Elements of eight bytes from one worker's or item's part of an array to the next one's. */
CK_INLINE int64_t ck_apart(int64_t count) { return ck_round_up(count, CK_ALIGNMENT / 8); }

#endif
