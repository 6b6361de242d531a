/* variance.h - the mean variance of the features, which tells when centers have moved too little to go on. */
#ifndef CK_VARIANCE_H
#define CK_VARIANCE_H

#include "problem.h"

/* What the one look at the data told, and how far it may be from ck_mean_variance. */
typedef struct {
    double estimate, error;
} ck_variance;
ck_variance ck_variance_of(const ck_problem *problem);

/* The same whatever the order of the rows: with W the sum of weights and m the means of the features, the sums divided
 * by W, the sum over rows and features of weight * (x - m)^2, by W and by d. Each operation is rounded once, all sums
 * are exact until then. In units of 4^unit. Reads X twice. */
int ck_mean_variance(const ck_problem *problem, double *variance);

#endif
