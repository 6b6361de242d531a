/* choose.c - the choice of strategy: what was asked for, or what promises to cost least by what a sample of the rows
 * and the passes so far show. The models are of operations rather than times, so that on one thread every run chooses
 * alike. */
#include "choose.h"
#include "../base/costs.h"

enum {
    FIRST_TRIAL = 2,   /* passes before it is watched what bounds would leave, */
    LATE_TRIAL = 6,    /* and where the usual ones are cheap */
    LONGEST_WAIT = 32, /* and from one failure to the next trial */
    PATIENCE = 3,      /* looks beside plain screening that may fail before there is a wait */
    PASSES_TO_PACK = 3 /* at least, that are left */
};

struct ck_choice {
    ck_arena *arena;
    const ck_prepared *prepared;
    ck_screening *screening;
    ck_algorithm algorithm;                       /* as asked for */
    ck_strategy *plain, *asked;                   /* asked: by name, or NULL */
    ck_strategy *projection, *bounds, *filtering; /* or NULL */
    ck_strategy *strategy, *before;               /* of the next pass; of the last, or NULL */
    ck_strategy *usual;                           /* without bounds */
    double share, usual_share;                    /* of the pairs: scored by the last pass, and by it last */
    int64_t n_groups;                             /* of bounds */
    int is_sorted, may_pack;
    /* Of this restart: when it is watched next what bounds would leave, how much later after a failure, and whether the
     * last pass was the first with bounds. */
    int64_t max_passes, passes, next_trial, wait;
    int bounds_are_new, watched;
    int unpaid; /* passes in a row whose bounds cost more than they saved */
};

static int64_t n_rows(const ck_choice *c) { return c->prepared->problem->X->n_rows; }
static int64_t n_features(const ck_choice *c) { return c->prepared->problem->X->n_features; }
static int64_t n_centers(const ck_choice *c) { return c->screening->assigner.model.k; }

/* Whether bounds of this cost are cheaper than this part of the usual strategy. */
static int bounds_pay(const ck_choice *c, double cost, double part)
{
    return cost < part * ck_strategy_operations(c->usual, c->usual_share);
}

ck_choice *ck_choice_new(ck_arena *arena, const ck_prepared *prepared, ck_screening *screening, ck_algorithm algorithm)
{
    ck_choice *c = CK_NEW(arena, ck_choice, 1);
    if (!c) return NULL;
    *c = (ck_choice){.arena = arena, .prepared = prepared, .screening = screening, .algorithm = algorithm};
    const ck_matrix *X = prepared->problem->X;
    c->may_pack =
        !prepared->packed && n_centers(c) > 1 && (ck_packed_fits(X) || ck_packed_coarse_fits(X, n_centers(c)));
    c->plain = ck_strategy_lloyd(arena, screening);
    const ck_strategy_kind *kind = ck_strategy_kind_of(algorithm);
    if (kind->create) c->asked = kind->create(arena, screening, prepared);
    if (c->asked) c->asked->algorithm = algorithm;
    if (algorithm == CK_AUTO && prepared->embedding)
        c->projection = ck_strategy_projection(arena, screening, prepared->embedding);
    if (arena->failed) return NULL;
    c->usual = c->projection ? c->projection : c->plain;
    c->usual_share = c->projection ? CK_USUAL_PROJECTED_SHARE : 1.0;
    c->n_groups = ck_useful_groups(screening, c->projection != NULL);
    const double near_the_end = ck_strategy_bounds_operations(screening, c->n_groups, CK_LOW_SHARE);
    if (algorithm == CK_AUTO && n_rows(c) >= CK_BOUNDED_ROWS && bounds_pay(c, near_the_end, CK_WORTH_KEEPING))
        c->bounds = ck_strategy_bounds(arena, screening, c->n_groups);
    return arena->failed ? NULL : c;
}

ck_strategy *ck_choice_strategy(const ck_choice *c) { return c->strategy; }

/* Whether the first pass makes bounds, before it is known what they leave: with many centers it is nearly always little
 * soon. */
static int begins_with_bounds(const ck_choice *c)
{
    const ck_coarse_shape *shape = c->screening->assigner.coarse.shape;
    const double pass = shape ? CK_PASSES_OF_FIRST_BOUNDS * ck_coarse_pair_cost(shape, n_features(c)) : 1.0;
    const int many = (double)c->n_groups * fmin(pass, 1.0) >= CK_MANY_GROUPS;
    return c->bounds && c->usual == c->plain && many && c->max_passes >= CK_MANY_PASSES;
}

void ck_choice_restart(ck_choice *c, int64_t max_passes)
{
    c->passes = 0;
    c->max_passes = max_passes;
    c->next_trial = c->wait = c->projection ? LATE_TRIAL : FIRST_TRIAL;
    c->usual = c->projection ? c->projection : c->filtering ? c->filtering : c->plain;
    c->bounds_are_new = begins_with_bounds(c);
    c->strategy = c->asked ? c->asked : c->bounds_are_new ? c->bounds : c->usual;
    c->watched = c->unpaid = 0;
    c->before = NULL;
    if (c->bounds) c->bounds->forget(c->bounds);
    c->strategy->forget(c->strategy);
}

/* Where the seeding has not sorted the rows, nobody knows how many passes are to come: rows are sorted at once where
 * the usual number makes up for it, else when the passes done have cost a part of that. */
int ck_choice_wants_sorted(const ck_choice *c)
{
    const int64_t n = n_rows(c), d = n_features(c), k = n_centers(c);
    if (c->is_sorted || (c->passes > 0 && c->strategy != c->plain)) return 0;
    if (c->algorithm == CK_FILTERING) return c->passes == 0;
    if (c->algorithm != CK_AUTO || n_features(c) > CK_SORTED_FEATURES || n_rows(c) < CK_SORTED_ROWS) return 0;
    if (c->prepared->sorted) return 1;
    const double left = (double)(c->max_passes - c->passes), done = (double)(c->passes + 1);
    const double price = CK_COST_SORT + CK_COST_SORT_FEATURE * (double)d, plain = ck_narrow_operations(d, k);
    const double saved = plain - ck_filtered_operations(d, k, ck_filtered_share(n, d, k));
    return fmin(left, CK_USUAL_PASSES) * saved >= CK_WORTH_SORTING * price ||
           (left * saved >= CK_WORTH_SORTING * price && done * plain >= CK_SORTING_DELAYED * price);
}

int ck_choice_sort(ck_choice *c, const ck_ordering *ordering)
{
    ck_strategy *filtering = ck_strategy_filtering(c->arena, c->screening, ordering);
    if (!filtering) return 0;
    c->filtering = c->usual = filtering;
    c->is_sorted = 1;
    return 1;
}

/* Keeping them costs about as much as packing them once more, and what is left of most fits is more than two passes.
 * The pass that is over has given the image that they are to have. */
int ck_choice_wants_packed(const ck_choice *c)
{
    const int packs = c->before && c->before->algorithm == CK_LLOYD && c->strategy->algorithm == CK_LLOYD;
    return packs && c->may_pack && !c->screening->assigner.packed && c->max_passes - c->passes >= PASSES_TO_PACK;
}

void ck_choice_passed(ck_choice *c, double screened)
{
    c->passes++;
    c->share = screened;
    c->before = c->strategy;
    if (c->strategy == c->bounds) return;
    c->usual_share = screened;
    /* Its first pass knows no labels, and measures more than those to come. */
    const double row = ck_coarse_row_operations(c->prepared->problem->X, n_centers(c));
    if (c->strategy == c->projection && c->passes > 1 &&
        ck_strategy_operations(c->projection, screened) > ck_strategy_operations(c->plain, screened) + row)
        c->usual = c->plain;
    if (c->algorithm == CK_AUTO && c->strategy == c->filtering &&
        ck_strategy_operations(c->filtering, screened) > ck_narrow_operations(n_features(c), n_centers(c))) {
        c->usual = c->plain;
        c->filtering = NULL;
    }
}

static void wait_longer(ck_choice *c, int64_t wait)
{
    c->wait = ck_min_i64(wait, LONGEST_WAIT);
    c->next_trial = c->passes + c->wait;
    c->watched = 0;
}

/* Looks at a sample for what bounds would leave. Where the usual strategy is cheap, or the rows are few beside the
 * sample, looking at every pass would show: at two or some more in a row then, the first of which tells nothing yet.
 * OUT due. */
static int try_bounds(ck_choice *c, const double *centers, int *due)
{
    const int projected = c->projection && c->usual == c->projection;
    double share;
    *due = 0;
    if (!c->bounds || c->passes < c->next_trial) return CK_OK;
    int status = CK_OK;
    if (projected) status = ck_assigner_set_centers(&c->screening->assigner, centers); /* projection leaves it alone */
    if (status == CK_OK) status = ck_strategy_bounds_watch(c->bounds, centers, &share);
    if (status != CK_OK) return status;
    *due = bounds_pay(c, ck_strategy_operations(c->bounds, share), projected ? CK_WORTH_A_START : CK_WORTH_KEEPING);
    if (!*due && (projected || n_rows(c) < CK_WATCHED_ROWS) && c->watched++ >= (projected ? 1 : PATIENCE)) {
        wait_longer(c, projected ? 2 * c->wait : c->wait + c->wait / 2);
        c->bounds->forget(c->bounds);
    }
    return CK_OK;
}

int ck_choice_next(ck_choice *c, const double *centers)
{
    ck_strategy *before = c->strategy;
    int due = 0, status = CK_OK;
    if (c->algorithm != CK_AUTO) return CK_OK;
    if (before == c->bounds) {
        const double cost = ck_strategy_operations(c->bounds, c->share);
        const int many = c->n_groups >= CK_MANY_GROUPS;
        const int pays = c->bounds_are_new || bounds_pay(c, cost, many ? CK_WORTH_KEEPING_GROUPS : CK_WORTH_KEEPING);
        c->unpaid = pays ? 0 : c->unpaid + 1;
        if (c->unpaid > many) { /* many groups take half a pass to make again, and leave ever less */
            c->strategy = c->usual;
            c->unpaid = 0;
            wait_longer(c, 2 * c->wait);
        }
    } else {
        if (before == c->usual && before != c->filtering) status = try_bounds(c, centers, &due);
        c->strategy = due ? c->bounds : c->usual;
    }
    c->bounds_are_new = due;
    if (c->strategy != before && c->strategy != c->bounds) {
        c->strategy->forget(c->strategy);
        if (c->bounds) c->bounds->forget(c->bounds);
    }
    return status;
}
