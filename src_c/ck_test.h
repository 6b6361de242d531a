/* ck_test.h - what tests and benchmarks ask the core, and nobody else. */
#ifndef CK_TEST_H
#define CK_TEST_H

#include "ck.h"

/* What the chosen kernels compute for n rows and k centers, beside the slacks of the bound (src_c/screen/screen.h).
 *   shape      0: narrow, 1: tile, 2: reached by rows that are not packed, scores as for 1, 3: coarse (scores are
 *              raised by the bound already; CK_ERROR_UNKNOWN where there is no such screen)
 *   cut        IN  n: thresholds for reached
 *   scores     OUT n x k
 *   reached    OUT n x k: 1 where the score is at least the row's cut
 *   row_slack  OUT n; center_slack OUT k
 *   scale, minus_offset (d) OUT: rows are taken as x * scale + minus_offset */
int ck_screen_probe(const ck_matrix *X, const double *centers, int64_t k, int shape, const float *cut, float *scores,
                    uint8_t *reached, double *row_slack, double *center_slack, double *scale, double *minus_offset);
/* How far the stages of an assignment got: rows; those that the coarse screen kept (of the others none where there is
 * no such screen, or the float32 screen was cheaper); those of them that were scored twice, for want of labels; pairs
 * of row and center left open and measured; rows that needed canonical distances. */
typedef struct {
    int64_t rows, screened_rows, tried_rows, open_pairs, settled_rows;
} ck_open_counts;
/* INOUT labels: IN what they probably are, or -1. On one thread. */
int ck_open_probe(const ck_matrix *X, const double *centers, int64_t k, int32_t *labels, ck_open_counts *counts);
/* Philox 4x32-10 of (counter, key), for the known answers of its paper. */
void ck_random_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
