/* plus_plus.h - what greedy k-means++ and its two ways of skipping rows share. */
#ifndef CK_PLUS_PLUS_H
#define CK_PLUS_PLUS_H

#include "seeding.h"

enum { CK_MAX_TRIALS = 64 };

typedef struct ck_plus_plus ck_plus_plus;

/* How a step finds the rows that are nearer to a candidate than to the centers there are. Rows are counted as in
 * s->problem; items are blocks of CK_SUM_ROWS of them. */
typedef struct {
    /* Reserves s->comparison_state: check arena->failed. */
    void (*reserve)(ck_plus_plus *s, ck_arena *arena);
    /* All distances to the first center are there. */
    ck_item_fn start;
    /* Before each step: the candidates are there. */
    void (*prepare)(ck_plus_plus *s, int first);
    /* OUT s->gains, s->errors of a block: what the masses lose if a candidate were taken, and how far that may be from
     * what the canonical distances give; operations: scalar ones for a row and candidate. */
    ck_item_fn gain;
    double (*operations)(const ck_plus_plus *s);
    /* The same with smaller errors, after gain, and without any, after that; NULL: there is no such way. */
    ck_item_fn gain_measured, gain_exact;
    /* The rows of a block that are nearer to the chosen candidate go over to it: ck_plus_plus_take, or
     * ck_plus_plus_approach where all masses follow afterwards (s->many_go_over). */
    ck_item_fn commit;
    /* At most how many rows may do so; NULL: masses always follow one by one. */
    int64_t (*going_over)(const ck_plus_plus *s);
} ck_comparison;

struct ck_plus_plus {
    const ck_prepared *prepared;
    const ck_problem *problem; /* with its rows as they are compared */
    const int32_t *places;     /* where each of them is among those that are drawn from; NULL: in its own place */
    const ck_matrix *X;        /* the rows that are drawn from */
    const ck_settle_kernels *kernels;
    const ck_comparison *comparison;
    void *comparison_state;
    ck_sampler sampler; /* masses: weight * squared distance to the nearest center so far */
    double *closest;    /* that distance, in units of 4^unit */
    double *block_most; /* largest mass of each block of the sampler */
    int64_t k;
    int n_trials, n_candidates, chosen, n_workers;
    int many_go_over; /* in this step: masses are altered in their own order rather than one by one */
    int status;       /* once not CK_OK no more comparisons run, and what there is means nothing */
    int64_t rows[CK_MAX_TRIALS];
    double *candidates;     /* n_candidates x d */
    double *gains, *errors; /* n_blocks x CK_MAX_TRIALS */
    double shift;           /* of the grid of masses */
    uint8_t *altered;       /* n_workers x n_blocks: blocks of the sampler with new masses */
    int32_t *altered_blocks;
    double *row, *panel; /* of each worker: d; (d + 2) x CK_LANES */
};

extern const ck_comparison ck_compare_boxes, ck_compare_screen;

CK_INLINE double *ck_plus_plus_row(const ck_plus_plus *s, int worker)
{
    return s->row + worker * ck_apart(s->X->n_features);
}

CK_INLINE double *ck_plus_plus_panel(const ck_plus_plus *s, int worker)
{
    return s->panel + worker * ck_apart(CK_LANES * (s->X->n_features + 2));
}

/* Canonical, of a row to a candidate; and what its mass loses. */
double ck_plus_plus_sqdist(const ck_plus_plus *s, int worker, int64_t row, int t);
double ck_plus_plus_gain(const ck_plus_plus *s, int worker, int64_t row, int t);

/* Those of at most CK_LANES rows, whose panel this is, that are nearer to the chosen candidate go over to it. Returns
 * whether there are any. */
int ck_plus_plus_take_closer(ck_plus_plus *s, int worker, double *panel, const int64_t *rows, int64_t n);

/* Of at most CK_LANES rows of problem that follow each other. INOUT values: the lesser of each and the distance to the
 * chosen candidate, times the weight (NULL: one). */
void ck_plus_plus_approach(const ck_plus_plus *s, int worker, const ck_problem *problem, int64_t row, int64_t n,
                           const double *weights, double *values);

/* The row goes over to a center at this distance; one without weight is at none, and never nearer to another. */
CK_INLINE void ck_plus_plus_take(ck_plus_plus *s, int worker, int64_t row, double sqdist)
{
    const int64_t place = s->places ? s->places[row] : row;
    s->closest[row] = ck_weight(s->problem, row) > 0.0 ? sqdist : 0.0;
    s->sampler.masses[place] = ck_mass(s->problem, row, sqdist);
    s->altered[worker * ck_round_up(s->sampler.n_blocks, CK_ALIGNMENT) + place / CK_SUM_ROWS] = 1;
}

#endif
