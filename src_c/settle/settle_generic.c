#include "settle.h"
#include "settle_template.h"

const ck_settle_kernels ck_settle_generic = SETTLE_TABLE;
