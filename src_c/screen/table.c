/* table.c - the tables that src_c/kernels.c has chosen. */
#include "coarse.h"

static const ck_screen_kernels *screen = &ck_screen_generic;
static const ck_coarse_shape *coarse;

const ck_screen_kernels *ck_screen_table(void) { return screen; }
const ck_coarse_shape *ck_coarse_table(void) { return coarse; }

void ck_screen_use(const ck_screen_kernels *kernels) { screen = kernels; }
void ck_coarse_use(const ck_coarse_shape *shape) { coarse = shape; }
