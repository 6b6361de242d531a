/* strategy.h - how the rows of a block get their labels while the centers move: the interface of the pruning
 * strategies, one file each. */
#ifndef CK_STRATEGY_H
#define CK_STRATEGY_H

#include "groups.h"
#include "ordering.h"
#include "prepared.h"

/* What a pass and its strategies share. */
typedef struct {
    ck_assigner assigner;
    int n_workers;
    ck_assign_scratch *scratch; /* n_workers */
    int32_t *labels;            /* n_workers x block_rows */
} ck_screening;

/* Reserves memory: check arena->failed. */
void ck_screening_init(ck_screening *screening, ck_arena *arena, const ck_matrix *X, int64_t k, int n_threads);

typedef struct ck_strategy ck_strategy;
struct ck_strategy {
    ck_algorithm algorithm;
    ck_screening *screening;
    /* The labels of the next pass are found without what is known from passes before. */
    void (*forget)(ck_strategy *strategy);
    /* Before each pass; centers: k x d, to stay valid and unchanged while it lasts. */
    int (*set_centers)(ck_strategy *strategy, const double *centers);
    /* INOUT labels: of rows [row, row + n_rows), a block; -1: none yet. INOUT moves: empty, with room for the block, to
     * be filled with the rows whose label changed. INOUT screened: increased by the pairs of row and center that were
     * scored. */
    int (*assign)(ck_strategy *strategy, int worker, int64_t row, int64_t n_rows, int32_t *labels, ck_moves *moves,
                  double *screened);
    /* Scalar operations a row of a pass that scores this share of the pairs. */
    double (*operations)(const ck_strategy *strategy, double share);
};

CK_INLINE double ck_strategy_operations(const ck_strategy *strategy, double share)
{
    return strategy->operations(strategy, share);
}

/* Each reserves memory: check arena->failed. NULL: the strategy does not serve these data. */
ck_strategy *ck_strategy_lloyd(ck_arena *arena, ck_screening *screening);
/* What there is of strategies, one file each. */
typedef struct {
    const char *name;
    /* For whoever asks for it by name. Reserves memory: check arena->failed. NULL: it does not serve these data, or
     * needs sorted rows, for which it is made once there are some. */
    ck_strategy *(*create)(ck_arena *arena, ck_screening *screening, const ck_prepared *prepared);
} ck_strategy_kind;
/* By their codes, ck_algorithm; NULL from the first that is none. */
const ck_strategy_kind *ck_strategy_kind_of(int algorithm);

/* Scalar operations of scoring a row against all centers in float32; by the screens that there are. */
double ck_float_operations(const ck_screening *screening);
double ck_screen_operations(const ck_screening *screening);
/* With bounds of the distances to groups of centers: CK_HAMERLY for one group, else CK_YINYANG. */
ck_strategy *ck_strategy_bounds(ck_arena *arena, ck_screening *screening, int64_t n_groups);
/* How many groups are of use; beside_embedding: less memory is left for them. */
int64_t ck_useful_groups(const ck_screening *screening, int beside_embedding);
/* What it would cost, before there is one. */
double ck_strategy_bounds_operations(const ck_screening *screening, int64_t n_groups, double share);
ck_strategy *ck_strategy_projection(ck_arena *arena, ck_screening *screening, const ck_embedding *embedding);
/* Of a row in few features: against all centers, and in boxes that are left with this share of the pairs; and the share
 * that evenly spread rows and centers would leave. */
double ck_narrow_operations(int64_t d, int64_t k);
double ck_filtered_operations(int64_t d, int64_t k, double share);
double ck_filtered_share(int64_t n, int64_t d, int64_t k);
ck_strategy *ck_strategy_filtering(ck_arena *arena, ck_screening *screening, const ck_ordering *ordering);

/* OUT share: of the pairs that bounds would leave if they were in use, kept for a sample of the rows while another
 * strategy labels all. After set_centers of that one, whose centers these are; 1 for the first after forget. */
int ck_strategy_bounds_watch(ck_strategy *strategy, const double *centers, double *share);

/* For rows [first, last) of a block: puts labels that differ from the old ones in their place and adds them to moves.
 */
void ck_apply_labels(const int32_t *after, int64_t first, int64_t last, int32_t *labels, ck_moves *moves);

#endif
