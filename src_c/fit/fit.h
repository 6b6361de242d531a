/* fit.h - what the parts of a fit share. */
#ifndef CK_FIT_H
#define CK_FIT_H

#include "../prune/prepared.h"
#include "partial.h"

/* --- pass.c --- */
/* One pass over the data: every row gets the label of its nearest center, the totals follow. */
typedef struct ck_pass ck_pass;
ck_pass *ck_pass_new(ck_arena *arena, const ck_prepared *prepared, int64_t k, ck_algorithm algorithm,
                     int n_threads); /* NULL: out of memory */
typedef struct {
    int64_t changed; /* rows of positive weight with a new label */
    ck_algorithm algorithm;
    double screened;    /* share of the pairs of row and center that were scored */
    const char *screen; /* the format of most scores */
} ck_pass_report;
/* INOUT labels: those of the pass before, for the pass alone until ck_pass_labels. */
int ck_pass_run(ck_pass *pass, const double *centers, int32_t *labels, ck_pass_report *report);
/* OUT labels, the same array: of the last pass. */
int ck_pass_labels(ck_pass *pass, int32_t *labels);
/* Of the last pass. The caller may alter them: the next pass does not build on them. */
ck_totals *ck_pass_totals(ck_pass *pass);
/* A new restart of at most so many passes begins: totals are empty. labels: what the passes are going to be given. */
int ck_pass_restart(ck_pass *pass, int32_t *labels, int64_t max_passes);

/* Rows that leave their clusters for others, which had none of positive weight: numbers of rows as in `problem`. */
typedef struct {
    int64_t n;
    int64_t *rows;
    int32_t *from, *to;
} ck_leaving;
/* Takes rows out of the totals of the clusters they leave. Those they go to are left alone, and so is what the next
 * pass builds on. */
void ck_pass_leave(ck_pass *pass, const ck_problem *problem, const ck_leaving *leaving);

/* --- relocate.c --- */
/* Gives every empty cluster the location of the farthest row, taking that location's rows from the totals of its
 * cluster, unless they are all it has. Clusters that cannot be filled stay empty. */
int ck_relocate_empty(const ck_problem *problem, const double *centers, const int32_t *labels, int64_t k,
                      ck_pass *pass);

#endif
