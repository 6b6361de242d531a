/* coarse_block.h - labels of rows by the coarse screen; what it leaves open, pairs of row and center, is measured one
 * by one. Where that would cost more than the float32 screen, it hands back, and keeps away for a while. */
#ifndef CK_COARSE_BLOCK_H
#define CK_COARSE_BLOCK_H

#include "../ck_test.h"
#include "assign.h"

ck_coarse_scratch *ck_coarse_scratch_new(ck_arena *arena, const ck_assigner *assigner);

/* INOUT labels: of rows [row, row + n_rows) of `rows`, at most strip_rows; IN what they probably are, or -1. Returns 0,
 * and leaves the labels alone, where the float32 screen has to do it. */
int ck_coarse_assign(const ck_assigner *assigner, ck_coarse_scratch *scratch, const ck_matrix *rows, int64_t row,
                     int64_t n_rows, int32_t *labels);

/* OUT bounds: as ck_bound_rows, of at most strip_rows. Returns 0 where the float32 screen has to do it. */
int ck_coarse_bound(const ck_assigner *assigner, ck_coarse_scratch *scratch, const ck_matrix *rows, int64_t row,
                    int64_t n_rows, const ck_row_bounds *bounds);

/* What the screen has cost so far, or is thought to before, the float32 screen costing one. */
double ck_coarse_cost(const ck_assigner *assigner, const ck_assign_scratch *workers, int n_workers);

/* What it has counted so far. */
ck_open_counts ck_coarse_counts(const ck_coarse_scratch *scratch);

#endif
