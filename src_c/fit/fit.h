/* fit.h - what the parts of a fit share. */
#ifndef CK_FIT_H
#define CK_FIT_H

#include "../assign/embedding.h"
#include "../assign/ordering.h"

typedef struct ck_sorted_problem ck_sorted_problem;

/* Of rows with more features that are sorted, few centers can be left out. */
enum { CK_SORTED_FEATURES = 5 };

/* The data of a fit and what one pass over them told. Squares are in units of 4^unit: unit is 0 but for data whose
 * squares would overflow or vanish. */
typedef struct {
    const ck_matrix *X;
    const double *weights; /* or NULL: all one */
    int n_threads;
    int unit;
    double total_weight;
    double mean_variance;      /* of the features */
    double *origin;            /* d: a point near the data */
    double scatter;            /* sum of weight * squared distance to the origin */
    ck_embedding *embedding;   /* of the rows, or NULL where it is of no use */
    ck_packed_rows *packed;    /* of the rows, or NULL where they are too many */
    ck_sorted_problem *sorted; /* the same with its rows sorted, or NULL where that is of no use */
    ck_sum_grid grid;          /* of weight * x / 2^unit */
    ck_sum_grid weight_grid;   /* of the weights, as one feature */
} ck_problem;

struct ck_sorted_problem {
    const ck_ordering *ordering;
    ck_problem problem; /* neither packed nor embedded */
};

/* Reads X once (twice for extreme values): CK_ERROR_NOT_FINITE where it is not finite. */
int ck_problem_init(ck_problem *problem, ck_arena *arena, const ck_matrix *X, const double *weights, int n_threads);

/* Packs the rows where they are few, for passes to come. */
void ck_problem_pack(ck_problem *problem, ck_arena *arena);

/* The problem with its rows sorted along a space-filling curve. NULL: X has too many rows or features, or there is no
 * memory (then arena->failed too). */
ck_sorted_problem *ck_problem_sorted(const ck_problem *problem, ck_arena *arena);
/* Sorts the rows where that makes up for its cost while k centers are drawn. */
void ck_problem_sort(ck_problem *problem, ck_arena *arena, int64_t k);

/* Embeds the rows where that promises to save distances to k centers. Memory from the problem's arena; without it
 * there is no embedding. */
void ck_problem_embed(ck_problem *problem, ck_arena *arena, int64_t k);

CK_INLINE double ck_weight(const ck_problem *problem, int64_t row)
{
    return problem->weights ? problem->weights[row] : 1.0;
}

/* What a row adds to a sum of weight * squared distance: nothing without weight, however far it is. */
CK_INLINE double ck_mass(const ck_problem *problem, int64_t row, double sqdist)
{
    const double weight = ck_weight(problem, row);
    return weight > 0.0 ? weight * sqdist : 0.0;
}

/* Rounds centers to the dtype that X would hold them in. */
void ck_round_centers(const ck_matrix *X, double *centers, int64_t count);

/* --- sums.c --- */
/* Chooses the grids: most of each feature is its largest magnitude. */
int ck_problem_set_grids(ck_problem *problem, ck_arena *arena, const double *largest, int whole_multiples);

/* The shift of a grid on which n values of at most `most` are summed exactly. */
double ck_sum_shift(double most, int64_t n);

/* --- pass.c --- */
/* What the rows of each cluster add up to: functions of the labels alone. */
typedef struct {
    double *sums;    /* k x d: of weight * x / 2^unit */
    double *weights; /* k: of weight */
    int64_t *sizes;  /* k: rows */
} ck_totals;

/* One pass over the data: every row gets the label of its nearest center, the totals follow. */
typedef struct ck_pass ck_pass;
ck_pass *ck_pass_new(ck_arena *arena, const ck_problem *problem, int64_t k, ck_algorithm algorithm,
                     int n_threads); /* NULL: out of memory */
typedef struct {
    int64_t changed; /* rows of positive weight with a new label */
    ck_algorithm algorithm;
    double screened; /* share of the pairs of row and center that were scored */
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
