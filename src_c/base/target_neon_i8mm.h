/* Opens a region compiled for the products of small matrices of bytes of 64-bit Arm: what stands before target_end.h
 * may use its instructions, nothing else may. */
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("i8mm"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+i8mm")
#endif
