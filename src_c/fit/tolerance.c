#include "tolerance.h"

void ck_tolerance_init(ck_tolerance *t, const ck_problem *problem, double tol)
{
    const ck_variance variance = ck_variance_of(problem);
    const double rounding = 4.0 * 0x1p-53; /* of these products, and of the exact one */
    *t = (ck_tolerance){problem, tol, 0.0, 0.0};
    t->least = fmax(tol * (variance.estimate - variance.error), 0.0) * (1.0 - rounding);
    t->most = tol * (variance.estimate + variance.error) * (1.0 + rounding);
}

int ck_tolerance_allows(ck_tolerance *t, double shift, int *within)
{
    if (t->tol > 0.0 && shift > t->least && !(shift > t->most)) {
        double variance;
        const int status = ck_mean_variance(t->problem, &variance);
        if (status != CK_OK) return status;
        t->least = t->most = t->tol * variance;
    }
    *within = shift <= t->least;
    return CK_OK;
}
