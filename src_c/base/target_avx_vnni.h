/* Opens a region compiled for AVX2 and its products of small integers: what stands before target_end.h may use its
 * instructions, nothing else may. */
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,avxvnni"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,fma,avxvnni")
#endif
