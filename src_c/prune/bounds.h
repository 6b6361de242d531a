/* bounds.h - bounds of the distances of rows to centers, kept from one pass to the next: an upper bound of that to the
 * center of the label, and lower bounds of those to all others, by groups of near centers. docs/numerics.md, section 7.
 *
 * strategy_bounds.c keeps them, bounds_rows.c brings those of a block up to date, bounds_groups.c screens rows group by
 * group, and bounds_gaps.c raises bounds by the distances between centers. */
#ifndef CK_BOUNDS_H
#define CK_BOUNDS_H

#include "strategy.h"

/* Rows and their bounds. These are stored less what the centers had moved until then, so that moves do not touch them:
 * upper less the path of the center of the label, lower plus the drift of the group. */
typedef struct {
    const ck_matrix *X;
    int64_t row, n_rows; /* a block of X */
    int32_t *labels;
    float *upper, *lower; /* n_rows, n_groups x n_rows */
} ck_bounded_rows;

/* Arrays of a block are by row, those of a list by place in it. */
typedef struct {
    float *least;           /* block: of a row's lower bounds; then of those that rival its best center's */
    float *own;             /* block: distance to the center of the label, at most; -infinity: the row is skipped */
    float *limit;           /* block: the less of own and high */
    float *high, *others;   /* block: distance to the best center screened, at most; to others of its group, at least */
    float *best_low;        /* block: to any center of its group, at least */
    int32_t *best_group;    /* block: where it is known before the center */
    int32_t *best, *after;  /* block: that center, or -1; labels */
    int32_t *guess;         /* block: labels that bounds are made from */
    int32_t *survivors;     /* list: rows whose label may change */
    float *own_low;         /* survivors */
    double *sqdists;        /* survivors */
    int32_t *list, *labels; /* rows that are gathered, and what comes of them */
    ck_row_bounds bounds;
    ck_near_rows near;
    int64_t *counts; /* n_groups */
    char *rows;
    float *images, *sqnorms; /* block: where there are groups */
    float *gaps;             /* CK_LANES x apart */
    int32_t *gap_labels;     /* block: of the rows whose gaps are read */
    double *row;
} ck_bounds_scratch;

enum { CK_GUESSES = 4 }; /* groups that a row's label is looked for in, before it has one */

/* How far a center is from others: a row that is near to its own can be near to none that is far from that one. */
typedef struct {
    int known;     /* least is that of the centers of this pass */
    int looks;     /* that may yet fail: 0 where nothing is hoped for */
    float *least;  /* of a center to another one of each group, at most: of CK_LANES groups, by center, then of the
                    * next ones; NULL: too dear */
    int64_t apart; /* of the rows of a scratch: not a power of two, which caches hold few lines of */
    int32_t *list; /* k: centers whose distances are measured, */
    float *images; /* and these, by their places in it */
    float *sqnorms;
    int32_t *places;          /* of a block: 0, 1, 2, ... */
    float *no_limits;         /* of a block: infinite */
    float *means[CK_GUESSES]; /* of every fourth group: panels for score_listed */
} ck_gaps;

typedef struct {
    ck_strategy base; /* first, so that the one is the other */
    int known;        /* bounds are those of the pass before */
    int starting;     /* this pass makes bounds for every row */
    int watching;     /* the same for the sample */
    ck_groups groups;
    double *centers; /* of the pass before */
    float *centers32;
    double *path;               /* k: how far each center has moved in all */
    double *drift;              /* n_groups: the same of the farthest mover of each pass, in all */
    float *path32, *drift_high; /* rounded up */
    float *drift_low;           /* rounded down */
    float *upper, *lower;       /* n; of each block: n_groups x rows */
    double error, underflow;
    int tighten;
    ck_gaps gaps;
    ck_bounds_scratch *workers;
    ck_matrix sample;
    ck_bounded_rows sampled;
} ck_bounds;

CK_INLINE float ck_rounded_up(double value) { return (float)(value + fabs(value) * 0x1p-22); }
CK_INLINE float ck_rounded_down(double value) { return (float)(value - fabs(value) * 0x1p-22); }
CK_INLINE float ck_less(float a, float b) { return a < b ? a : b; }
/* Pairs of a row that guessing its label takes: with the means of groups, and with the centers of some of them. */
CK_INLINE double ck_guessed_pairs(const ck_bounds *s)
{
    const double k = (double)s->base.screening->assigner.model.k, n_groups = (double)s->groups.n;
    return n_groups + (double)CK_GUESSES * k / n_groups;
}

/* OUT workers[worker].after: labels of the rows, whose bounds are brought up to date, or made. INOUT screened:
 * increased by the pairs that were scored. */
int ck_bounds_start(const ck_bounds *s, int worker, const ck_bounded_rows *b, double *screened);
int ck_bounds_update(const ck_bounds *s, int worker, const ck_bounded_rows *b, double *screened);
/* How many pairs an update would score. */
int64_t ck_bounds_open_pairs(const ck_bounds *s, int worker, const ck_bounded_rows *b);
/* OUT: the rows with labels to begin with, those there are or guesses, and with bounds that tell nothing. */
ck_bounded_rows ck_bounds_guess(const ck_bounds *s, int worker, const ck_bounded_rows *b);

/* Screens the n rows of w->list against the groups that their bounds do not exclude. w->own tells what bounds must
 * exceed. OUT, for rows that a group may have come near enough to: best, high, others, best_low, limit, least; and
 * their bounds by group. INOUT pairs: increased by those that were scored. */
void ck_bounds_screen_groups(const ck_bounds *s, int worker, const ck_bounded_rows *b, int64_t n, int64_t *pairs);
/* OUT w->list: rows that a group may have come near enough to, by w->own and by their bounds, which are raised where
 * distances between centers are known. For one group after the other. Returns how many. */
int64_t ck_bounds_reached(const ck_bounds *s, int worker, const ck_bounded_rows *b, int64_t group);
/* OUT w->guess: the best center of some of the groups whose means are nearest. */
void ck_bounds_guess_labels(const ck_bounds *s, int worker, const ck_bounded_rows *b);
/* The same of all rows against all groups, in float32. */
void ck_bounds_score_groups(const ck_bounds *s, int worker, const ck_bounded_rows *b);

/* Reserves memory: check arena->failed. */
void ck_gaps_init(ck_bounds *s, ck_arena *arena);
/* Before a pass: whether distances between centers are known to it, if a sample shows that they save more than they
 * cost. */
int ck_gaps_measure(ck_bounds *s);

#endif
