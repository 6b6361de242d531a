/* tables.c - the tables that src_c/kernels.c has chosen. */
#include "quick.h"
#include "rows.h"
#include "settle.h"

static const ck_settle_kernels *settle = &ck_settle_generic;
static const ck_quick_kernels *quick = &ck_quick_generic;
static const ck_rows_kernels *rows = &ck_rows_generic;

const ck_settle_kernels *ck_settle_table(void) { return settle; }
const ck_quick_kernels *ck_quick_table(void) { return quick; }
const ck_rows_kernels *ck_rows_table(void) { return rows; }

void ck_settle_use(const ck_settle_kernels *kernels) { settle = kernels; }
void ck_quick_use(const ck_quick_kernels *kernels) { quick = kernels; }
void ck_rows_use(const ck_rows_kernels *kernels) { rows = kernels; }
