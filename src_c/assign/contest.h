/* contest.h - which of a few centers is nearest to a row: by quick distances while these can tell. */
#ifndef CK_CONTEST_H
#define CK_CONTEST_H

#include "../settle/quick.h"
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

/* The squared distance to another center, as far as it decides anything. scratch: d. */
CK_INLINE double ck_contest_measure(const ck_contest *c, int64_t row, int64_t j, const ck_contender *leader,
                                    double *scratch)
{
    const int64_t d = c->rows->n_features;
    /* What exceeds the second best by both errors decides nothing. */
    const double enough = leader->best * (1.0 + 4.0 * c->error) + 4.0 * c->underflow;
    return ck_quick_table()->quick_sqdist(c->rows, row, c->centers + j * d, c->centers32 + j * d, enough, scratch);
}

CK_INLINE void ck_contest_enter(ck_contender *leader, int64_t j, double distance)
{
    /* Minima and a mask rather than a branch, which nobody could foretell. */
    const double before = leader->best, loser = distance < before ? before : distance;
    leader->label ^= (leader->label ^ (int32_t)j) & -(int32_t)(distance < before);
    leader->best = distance < before ? distance : before;
    leader->second = loser < leader->second ? loser : leader->second;
}

/* Whether quick distances leave more than one center. What is not a number does. */
CK_INLINE int ck_contest_is_open(const ck_contest *c, const ck_contender *leader)
{
    return !(leader->second * (1.0 - c->error) - c->underflow > ck_contest_at_most(c, leader->best));
}

/* Canonically: center j takes over where it is nearer than the least so far, or as near and comes before it. */
CK_INLINE void ck_take_nearer(const double *x, const double *centers, int64_t d, int32_t j, ck_sqdist *least,
                              int32_t *nearest)
{
    const ck_sqdist distance = ck_sqdist_of(x, centers + j * d, d);
    if (ck_sqdist_less(distance, *least) || (j < *nearest && !ck_sqdist_less(*least, distance))) {
        *least = distance;
        *nearest = j;
    }
}

#endif
