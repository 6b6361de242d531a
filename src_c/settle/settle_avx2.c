#include "quick.h"
#include "rows.h"
#include "settle.h"

#if CK_X86_64 && CK_VECTOR_TYPES
#include <immintrin.h>

#include "../base/target_avx2.h"
#define VECTOR_BYTES 32
#define vector_sqrt(x) _mm256_sqrt_pd(x)
#define vector_max(a, b) _mm256_max_pd(a, b)
#define vector_min(a, b) _mm256_min_pd(a, b)
#define vector_in_register(x) __asm__("" : "+x"(x))
#include "quick_template.h"
#include "rows_template.h"
#include "settle_template.h"

const ck_rows_kernels ck_rows_avx2 = ROWS_TABLE;
const ck_quick_kernels ck_quick_avx2 = QUICK_TABLE;
const ck_settle_kernels ck_settle_avx2 = SETTLE_TABLE;
#include "../base/target_end.h"
#endif
