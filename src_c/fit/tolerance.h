/* tolerance.h - whether centers have moved so little that a fit has converged: tol times the mean variance of the
 * features. What the first look at the data told of that decides nearly always; where it does not, the exact one. */
#ifndef CK_TOLERANCE_H
#define CK_TOLERANCE_H

#include "../data/variance.h"

typedef struct {
    const ck_problem *problem;
    double tol;
    double least, most; /* that tol times the variance may be */
} ck_tolerance;

void ck_tolerance_init(ck_tolerance *tolerance, const ck_problem *problem, double tol);
/* OUT within: whether the sum of the centers' squared moves, in units of 4^unit, is at most the tolerance. */
int ck_tolerance_allows(ck_tolerance *tolerance, double shift, int *within);

#endif
