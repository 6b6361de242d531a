/* vectors.h - vectors as wide as a register of the target, for the files that are compiled once an instruction set:
 * they define VECTOR_BYTES first, and are the one place that does. Wider vectors compilers split, some through memory;
 * of these a line of CK_LANES numbers takes several, which stay in registers where the loops over them are unrolled.
 * Which vector a lane lies in alters no bit. Where the compiler has no vector types, a vector is one number. */
#ifndef CK_VECTORS_H
#define CK_VECTORS_H

#include <string.h>

#include "../base/matrix.h"

#if CK_VECTOR_TYPES
#define VECTOR(type, bytes, alignment) type __attribute__((vector_size(bytes), aligned(alignment), may_alias))
typedef VECTOR(double, VECTOR_BYTES, VECTOR_BYTES) doubles_t;
typedef VECTOR(float, VECTOR_BYTES, VECTOR_BYTES) floats_t;
typedef VECTOR(int64_t, VECTOR_BYTES, VECTOR_BYTES) double_mask_t;
typedef VECTOR(int32_t, VECTOR_BYTES, VECTOR_BYTES) float_mask_t;
/* Wherever a number may lie. */
typedef VECTOR(double, VECTOR_BYTES, 8) loose_doubles_t;
typedef VECTOR(float, VECTOR_BYTES, 4) loose_floats_t;
typedef VECTOR(int32_t, VECTOR_BYTES, 4) loose_float_mask_t;
/* At most four. */
typedef VECTOR(double, VECTOR_BYTES < 32 ? VECTOR_BYTES : 32, 8) four_doubles_t;
typedef VECTOR(float, 16, 4) four_floats_t;
typedef VECTOR(int32_t, 16, 4) four_mask_t;
enum { VECTOR_DOUBLES = VECTOR_BYTES / 8, VECTOR_FLOATS = VECTOR_BYTES / 4 };
#else
typedef double doubles_t, loose_doubles_t, four_doubles_t;
typedef float floats_t, loose_floats_t, four_floats_t;
typedef int64_t double_mask_t;
enum { VECTOR_DOUBLES = 1, VECTOR_FLOATS = 1 };
#endif

/* Those numbers of a and then of b; mask_t: of as many integers. */
#if defined(__clang__)
#define SHUFFLE(mask_t, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(mask_t, a, b, ...) __builtin_shuffle(a, b, (mask_t){__VA_ARGS__})
#endif

/* Vectors of a line: CK_LANES numbers, of float64 and of float32. */
enum { LINE_DOUBLES = CK_LANES / VECTOR_DOUBLES, LINE_FLOATS = CK_LANES / VECTOR_FLOATS };

#define EACH_OF(count, v) CK_UNROLL for (int v = 0; v < (count); v++)
#define EACH_DOUBLES(v) EACH_OF (LINE_DOUBLES, v)
#define EACH_FLOATS(v) EACH_OF (LINE_FLOATS, v)

/* a > b ? a : b, for each number, and so for those that are none; likewise with <. */
#if !CK_VECTOR_TYPES
#define vector_max(a, b) ((a) > (b) ? (a) : (b))
#define vector_min(a, b) ((a) < (b) ? (a) : (b))
#elif !defined(vector_max)
CK_INLINE doubles_t vector_select(double_mask_t which, doubles_t a, doubles_t b)
{
    return (doubles_t)(((double_mask_t)a & which) | ((double_mask_t)b & ~which));
}
#define vector_max(a, b) vector_select((a) > (b), a, b)
#define vector_min(a, b) vector_select((a) < (b), a, b)
#endif

/* After each addition to one of several sums, where they take half of all registers: compilers begin so many additions
 * at once that sums go to memory. */
#if !defined(vector_in_register)
#define vector_in_register(x) (void)0
#endif

CK_INLINE doubles_t vector_abs(doubles_t value)
{
#if CK_VECTOR_TYPES
    return (doubles_t)((double_mask_t)value & INT64_MAX);
#else
    return fabs(value);
#endif
}

CK_INLINE void store_line(const doubles_t line[LINE_DOUBLES], double *out)
{
    EACH_DOUBLES (v) ((loose_doubles_t *)out)[v] = line[v];
}

/* Whether a comparison holds, or bits are set, for any of the numbers; for all of them. */
CK_INLINE int any_of(double_mask_t mask)
{
    int64_t lanes[VECTOR_DOUBLES], any = 0;
    memcpy(lanes, &mask, sizeof lanes);
    EACH_OF (VECTOR_DOUBLES, lane) any |= lanes[lane];
    return any != 0;
}
CK_INLINE int all_of(double_mask_t mask)
{
    int64_t lanes[VECTOR_DOUBLES], all = 1;
    memcpy(lanes, &mask, sizeof lanes);
    EACH_OF (VECTOR_DOUBLES, lane) all &= lanes[lane];
    return all != 0;
}

#endif
