#include "quick.h"
#include "rows.h"
#include "settle.h"

#define VECTOR_BYTES 16 /* SSE2 and NEON */
#if CK_VECTOR_TYPES
#define vector_sqrt(x) ((doubles_t){sqrt((x)[0]), sqrt((x)[1])})
#else
#define vector_sqrt(x) sqrt(x)
#endif
#include "quick_template.h"
#include "rows_template.h"
#include "settle_template.h"

const ck_rows_kernels ck_rows_generic = ROWS_TABLE;
const ck_quick_kernels ck_quick_generic = QUICK_TABLE;
const ck_settle_kernels ck_settle_generic = SETTLE_TABLE;
