#include "settle.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include "../base/target_avx2.h"
#define PAIR_LANES 4
#define PAIR_COLUMNS 4
#define pair_sqrt(x) _mm256_sqrt_pd(x)
#include "settle_template.h"

const ck_settle_kernels ck_settle_avx2 = SETTLE_TABLE;
#include "../base/target_end.h"
#endif
