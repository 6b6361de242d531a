#include "settle.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include "../base/target_avx512.h"
#include "settle_template.h"

const ck_settle_kernels ck_settle_avx512 = SETTLE_TABLE;
#include "../base/target_end.h"
#endif
