/* contest.h - which of a few centers is nearest to a row: by quick distances while these can tell. */
#ifndef CK_CONTEST_H
#define CK_CONTEST_H

#include "../settle/settle.h"

typedef struct {
    const ck_matrix *rows;
    const double *centers; /* k x d */
    const float *centers32;
    double error, underflow; /* of quick distances */
} ck_contest;

typedef struct {
    double best, second; /* quick distances */
    int32_t label;
} ck_contender;

CK_INLINE ck_contest ck_contest_of(const ck_matrix *rows, const double *centers, const float *centers32)
{
    return (ck_contest){rows, centers, centers32, ck_quick_sqdist_error(rows), ck_quick_sqdist_underflow(rows)};
}

/* At least the squared distance that was measured. */
CK_INLINE double ck_contest_at_most(const ck_contest *c, double quick)
{
    return quick * (1.0 + c->error) + c->underflow;
}

/* Measures another center. scratch: d. */
CK_INLINE void ck_contest_enter(const ck_contest *c, int64_t row, int64_t j, ck_contender *leader, double *scratch)
{
    const int64_t d = c->rows->n_features;
    /* What exceeds the second best by both errors decides nothing. */
    const double enough = leader->best * (1.0 + 4.0 * c->error) + 4.0 * c->underflow;
    const double distance =
        ck_settle_table()->quick_sqdist(c->rows, row, c->centers + j * d, c->centers32 + j * d, enough, scratch);
    if (distance < leader->best) {
        leader->second = leader->best;
        leader->best = distance;
        leader->label = (int32_t)j;
    } else if (distance < leader->second) {
        leader->second = distance;
    }
}

/* Whether quick distances leave more than one center. What is not a number does. */
CK_INLINE int ck_contest_is_open(const ck_contest *c, const ck_contender *leader)
{
    return !(leader->second * (1.0 - c->error) - c->underflow > ck_contest_at_most(c, leader->best));
}

#endif
