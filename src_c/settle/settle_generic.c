#include "quick.h"
#include "rows.h"
#include "settle.h"
#define PAIR_LANES 2
#define PAIR_COLUMNS 4
#define pair_sqrt(x) ((pair_t){sqrt((x)[0]), sqrt((x)[1])})
#include "quick_template.h"
#include "rows_template.h"
#include "settle_template.h"

const ck_rows_kernels ck_rows_generic = ROWS_TABLE;
const ck_quick_kernels ck_quick_generic = QUICK_TABLE;
const ck_settle_kernels ck_settle_generic = SETTLE_TABLE;
