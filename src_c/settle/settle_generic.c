#include "settle.h"
#define PAIR_LANES 2
#define PAIR_COLUMNS 4
#define pair_sqrt(x) ((pair_t){sqrt((x)[0]), sqrt((x)[1])})
#include "settle_template.h"

const ck_settle_kernels ck_settle_generic = SETTLE_TABLE;
