/* costs.h - what the cost models of the core believe, in one place.
 *
 * A scalar operation is what the float32 screen takes for one feature of a pair of row and center. All were fitted to
 * times on two threads of processors with AVX-512 (Zen 4, Sapphire Rapids) by the mode of `python -m benchmarks.run`
 * that stands behind each group; where they are wrong a fit is slower, never another. */
#ifndef CK_COSTS_H
#define CK_COSTS_H

#include "base.h"

/* --- Pairs: same-iterations, along-a-fit --------------------------------------------------------------------- */

#define CK_COST_PAIR 6.0 /* of a pair beside its features, in the float32 screen */

static inline double ck_pair_operations(int64_t d) { return (double)d + CK_COST_PAIR; }

/* A pair that is measured by itself rather than scored among many: beside its features, and for each of them. Among
 * the rows of a strip, in batches (coarse-screen); and one by one, where directions have chosen it (along-a-fit). */
#define CK_COST_LONE_PAIR_IN_BATCH 400.0
#define CK_COST_LONE_FEATURE 3.0
#define CK_COST_LONE_PAIR_EXTRA 16.0 /* features that such a pair costs beside its own */
/* In seeding, where rows are measured that lie anywhere (default-fit). */
#define CK_COST_LONE_PAIR 1000.0

/* --- The coarse screen: coarse-screen -------------------------------------------------------------------------- */

#define CK_COST_COARSE_PAIR 10.0  /* of a pair beside its features */
#define CK_COST_COARSE_ROW 1500.0 /* of a row beside its pairs; in float64: */
#define CK_COST_COARSE_ROW_F64 3000.0
#define CK_OPEN_SHARE 0.02     /* of the pairs that it leaves open where few directions hold most of the scatter */
#define CK_COST_UNSURE_ROW 3.0 /* passes that a row costs whose bounds do not separate its center from the others */

/* Packing a center costs as much as scoring it for some hundred rows, and small fits are held up by other things. */
enum { CK_COARSE_MIN_ROWS = 2048, CK_COARSE_MIN_CENTERS = 64 };
#define CK_WORTH_COARSE 0.98 /* of the cost of the float32 screen */

/* --- Strategies: along-a-fit ------------------------------------------------------------------------------------ */

/* Few features (choices): of a row, sorting it, and for each feature; of a pass beside its pairs; of a pair beside its
 * features. Of a row in a box; where a box is left with several centers; and of each of these, a feature. */
#define CK_COST_SORT 600.0
#define CK_COST_SORT_FEATURE 300.0
#define CK_COST_PASS 60.0
#define CK_COST_NARROW_PAIR 4.0
#define CK_COST_FILTERED_ROW 20.0
#define CK_COST_OPEN_BOX 100.0
#define CK_COST_LEFT_FEATURE 7.0
/* Savings over sorting at which rows are sorted, of as many passes as a fit usually has; and what passes must have cost
 * where that is not so. */
#define CK_WORTH_SORTING 1.5
#define CK_SORTING_DELAYED 0.25
#define CK_COST_KEEP_BOUNDS 250.0 /* of a row: looking at its bounds, */
#define CK_COST_MEASURE_OWN 450.0 /* measuring the distance to its own center, */
#define CK_COST_IMAGE 40.0        /* a feature of the image that groups are scored with, */
#define CK_COST_GATHER 800.0      /* and gathering it with others that are left */
#define CK_BOUNDED_SLOWDOWN 1.2   /* of pairs of gathered rows */
#define CK_COST_LISTED_PAIR 10.5  /* of a pair beside its features, where rows are screened by groups, */
#define CK_COST_LISTED_GROUP 32.0 /* and a row for each group */
#define CK_COST_RAISED_BOUND 45.0 /* of a row, raising the bound of a group by distances between centers */
#define CK_GAPS_SLOWDOWN 1.5      /* of pairs of centers, and of those that guesses take */
#define CK_GAPS_CENTERS 0.125     /* centers a row up to which these distances are thought of, */
#define CK_GAPS_HOPE 0.25         /* and part of the pairs that a first look must save for another */
#define CK_COST_PROJECTED_ROW 800.0
#define CK_COST_PROJECTED_PAIR 8.0 /* beside its directions */

/* Making bounds for many groups takes as many passes of a coarse screen, where that is faster than this. */
#define CK_PASSES_OF_FIRST_BOUNDS 2.5

/* Operations of scoring a row from which measuring its own center first costs little beside it. */
#define CK_WORTH_MEASURING 1500.0
/* Cost of bounds over that without at which they are kept, and begun where their first pass costs several others. */
#define CK_WORTH_KEEPING 0.95
#define CK_WORTH_A_START 0.85
#define CK_WORTH_KEEPING_GROUPS 1.1 /* of many groups, two passes in a row */
/* Shares of the pairs: that bounds leave when a fit has nearly converged; that directions leave before anything is
 * known. */
#define CK_LOW_SHARE 0.05
#define CK_USUAL_PROJECTED_SHARE 0.01
/* Share of the scatter that directions may leave to the rest, and with the most of them. */
#define CK_ENOUGH_SCATTER 0.04
#define CK_LAST_RESORT_SCATTER 0.2

enum {
    CK_BOUNDED_ROWS = 4096,    /* at least, for bounds */
    CK_WATCHED_ROWS = 1 << 13, /* at least, for watching at every pass what bounds would leave (choices) */
    CK_SORTED_ROWS = 1 << 14,  /* at least, for sorting before a pass: otherwise few boxes have few centers */
    CK_GROUPED_FEATURES = 8,   /* at least, and centers times squared features: below, one group costs less */
    CK_GROUPED_CENTERS_FEATURES_2 = 1 << 16,
    CK_MAX_GROUPS = 256,
    CK_MANY_GROUPS = 64,     /* from here bounds are made by the first pass already, */
    CK_MANY_PASSES = 8,      /* where it may be followed by as many that repay it */
    CK_EMBEDDED_ROWS = 4096, /* at least, like the next two: below, looking for directions costs too much of a fit */
    CK_FEATURES_A_DIRECTION = 3,
    CK_EMBEDDED_CENTERS = 16, /* at least: below, plain screening costs next to nothing */
    CK_LANE_FEATURES = 32     /* from here packing rows costs more than summing over lanes */
};

/* --- Preparations: choices ------------------------------------------------------------------------------------- */

#define CK_COST_PACK_FEATURE 16.0 /* of a row: packing it in one more pass */
/* Of a feature of a row: a product with a direction, of those that are looked for and those that rows are embedded in,
 * and what else embedding takes. */
#define CK_COST_DIRECTION 3.0
#define CK_COST_EMBED_FEATURE 20.0
/* Pairs that directions leave beside those of a row and its own center, as a share, before anything is known. */
#define CK_PROSPECTIVE_SHARE 0.01

/* --- Seeding: default-fit ------------------------------------------------------------------------------------ */

enum {
    CK_SEEDED_SORTED_CENTERS = 6, /* drawing fewer costs less than sorting */
    CK_SEEDED_SORTED_ROWS = 1 << 13,
    CK_SEEDED_PACKED_CENTERS = 4,      /* at least, for packing all rows once */
    CK_NARROW_FEATURES = 256,          /* at least, for rows in bytes: shorter ones are read fast enough */
    CK_NARROW_CENTERS = 32,            /* at least, beside them */
    CK_NARROW_BYTES = 128 << 20,       /* at most */
    CK_SEEDED_PACKED_BYTES = 64 << 20, /* at most; they are given back before the first pass */
};

/* --- Threads: small-jobs ------------------------------------------------------------------------------------- */

/* Waking a helper costs some microseconds: below this much work for each thread one alone is faster. */
#define CK_WORTH_A_THREAD 2.5e5
/* Operations of a pass up to which threads gain more side by side than within it; passes that a restart takes. */
#define CK_SMALL_OPERATIONS 4e6
#define CK_USUAL_PASSES 20.0

/* --- Caches -------------------------------------------------------------------------------------------------- */

enum {
    CK_POINT_CACHE_BYTES = 256 << 10, /* of a strip's image: half the second-level cache of a small core */
    CK_CENTER_CACHE_BYTES = 24 << 10, /* of the panels of centers that pass over a strip: half a first-level cache */
    CK_PACKED_BYTES = 1 << 20,        /* of rows that are packed once, before anything is known of the job */
    CK_COARSE_KEPT_BYTES = 1 << 30,   /* at most, of rows that stay packed for the coarse screen */
    CK_PACKED_FEATURES = 5            /* at least, to keep rows packed: fewer are packed as fast as they are read */
};
/* Of the last-level cache: rows that stay packed over the passes of a fit (choices). */
#define CK_PACKED_SHARE 0.5

#endif
