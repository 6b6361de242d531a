/* problem.h - the data of a fit, and what one look at them told. */
#ifndef CK_PROBLEM_H
#define CK_PROBLEM_H

#include "../assign/assign.h"

/* Squares are in units of 4^unit: unit is 0 but for data whose squares would overflow or vanish. */
typedef struct {
    const ck_matrix *X;
    const double *weights; /* or NULL: all one */
    int n_threads;
    int unit;
    double total_weight;
    double mean_variance;    /* of the features */
    double *origin;          /* d: a point near the data */
    double scatter;          /* sum of weight * squared distance to the origin */
    double largest;          /* magnitude of a value that counts, in the units of X */
    ck_sum_grid grid;        /* of weight * x / 2^unit */
    ck_sum_grid weight_grid; /* of the weights, as one feature */
} ck_problem;

/* Reads X once (twice for extreme values): CK_ERROR_NOT_FINITE where it is not finite. */
int ck_problem_init(ck_problem *problem, ck_arena *arena, const ck_matrix *X, const double *weights, int n_threads);

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

/* --- grids.c --- */
/* Chooses the grids: most of each feature is its largest magnitude. */
int ck_problem_set_grids(ck_problem *problem, ck_arena *arena, const double *largest, int whole_multiples);

/* The shift of a grid on which n values of at most `most` are summed exactly. */
double ck_sum_shift(double most, int64_t n);

#endif
