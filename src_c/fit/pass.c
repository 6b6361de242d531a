/* pass.c - one pass over the data: labels by a strategy, and the totals of the clusters kept up to date by the rows
 * that moved. Sums are exact on a grid, so they depend on the labels alone. */
#include <string.h>

#include "../assign/strategy.h"
#include "fit.h"

enum {
    WORKER_BYTES = 4 << 20, /* of sums that a worker keeps for itself; larger ones are updated by slices of features */
    SLICE_FEATURES = 64,
    FIRST_TRIAL = 2,  /* passes before it is watched what bounds would leave */
    LONGEST_WAIT = 32 /* and from one failure to the next trial */
};
/* Sorting rows costs as much as scoring this many features of a row; one pass has some beside those of its pairs. */
static const double SORT_OPERATIONS = 1500.0, PASS_OPERATIONS = 80.0, FILTERED_OPERATIONS = 40.0;
enum { SORTED_ROWS = 1 << 14 };            /* at least: otherwise few boxes have few centers */
static const double WORTH_FILTERING = 0.5; /* share of the pairs above which boxes do not pay */
/* Bounds: scalar operations, a row, of those that are kept, of measuring a row's own center, of a feature of the image
 * that groups are scored with, and of gathering the rows that are left. */
static const double KEEP_OPERATIONS = 250.0, MEASURE_OPERATIONS = 450.0, IMAGE_OPERATIONS = 40.0,
                    GATHER_OPERATIONS = 800.0, BOUNDED_SLOWDOWN = 1.2;
/* Projection: measuring one pair is dearer than scoring one among many, by about this factor; what a row costs beside
 * its pairs, and each pair beside its directions. */
static const double LONE_PAIR = 3.0, PROJECTED_ROW_OPERATIONS = 1500.0, PROJECTED_PAIR_OPERATIONS = 8.0;
/* Cost of bounds over that without at which they are kept, and begun where their first pass costs several others. */
static const double WORTH_KEEPING = 0.95, WORTH_A_START = 0.85;
static const double LOW_SHARE = 0.05; /* that bounds leave when a fit has nearly converged */
enum { BOUNDED_ROWS = 4096, GROUPED_FEATURES = 32, MAX_GROUPS = 32 };
enum { GROUP_BYTES = 64 << 20, GROUP_BYTES_BESIDE_EMBEDDING = 16 << 20 };

/* What one worker adds up; the parts are merged after the pass. */
typedef struct {
    double *sums, *weights; /* k x levels x d (NULL: by slices), k x levels (NULL: no weights) */
    int64_t *sizes;         /* k */
    int32_t *rows, *before, *after;
    double *row_scratch, screened;
    int64_t changed;
} worker_totals;

struct ck_pass {
    ck_arena *arena;
    const ck_problem *problem; /* as the caller knows it, or with its rows sorted */
    int64_t k, n_blocks;
    ck_screening screening;
    ck_strategy *strategy, *plain;
    ck_strategy *projection, *bounds, *filtering; /* or NULL */
    const ck_ordering *ordering;                  /* of the rows, once they are sorted */
    ck_algorithm algorithm;                       /* as asked for */
    ck_strategy *usual;                           /* without bounds */
    double usual_share;                           /* of the pairs, that it scored last */
    /* Of this restart: when it is watched next what bounds would leave, how much later after a failure, and whether the
     * last pass was the first with bounds. */
    int64_t max_passes, passes, next_trial, wait;
    int bounds_are_new, watched;
    worker_totals *workers;
    double *sums, *weights; /* of all rows: k x levels x d, k x levels */
    ck_totals totals;
    int32_t *labels, *before; /* before: labels of the pass before, where sums are updated by slices */
    int by_slices;
};

/* Scalar operations of scoring one row in float32; of what the screen makes of them. */
static double float_operations(const ck_pass *pass)
{
    return (double)pass->k * (double)(pass->problem->X->n_features + 6);
}

static double row_operations(const ck_pass *pass)
{
    const ck_screening *screening = &pass->screening;
    return float_operations(pass) * ck_coarse_cost(&screening->assigner, screening->scratch, screening->n_workers);
}

/* Rows that share no panel are scored less well than packed ones: that takes long rows to pay. */
static int64_t useful_groups(const ck_pass *pass)
{
    const int64_t width = ck_screen_table()->listed_centers, n = pass->problem->X->n_rows;
    const int64_t bytes = pass->projection ? GROUP_BYTES_BESIDE_EMBEDDING : GROUP_BYTES;
    const int64_t at_most = ck_min_i64(MAX_GROUPS, ck_max_i64(bytes / (int64_t)sizeof(float) / n, 1));
    const int64_t groups = ck_min_i64(ck_ceil_div(pass->k, width), at_most);
    if (pass->algorithm == CK_HAMERLY) return 1;
    if (pass->algorithm == CK_YINYANG) return ck_max_i64(groups, 2);
    return pass->problem->X->n_features >= GROUPED_FEATURES ? groups : 1;
}

/* Scalar operations a row, fits to measured times: of a projection that measures this share of the pairs, and of bounds
 * that leave it. */
static double projection_operations(const ck_pass *pass, double share)
{
    const double measured = LONE_PAIR * (double)(pass->problem->X->n_features + 16);
    const double pair = (double)pass->problem->embedding->m + PROJECTED_PAIR_OPERATIONS + share * measured;
    return (double)pass->k * pair + PROJECTED_ROW_OPERATIONS;
}

static double bounds_operations(const ck_pass *pass, double share)
{
    const double all = row_operations(pass);
    double keep = KEEP_OPERATIONS;
    if (float_operations(pass) >= CK_MEASURED_OPERATIONS) keep += MEASURE_OPERATIONS;
    if (useful_groups(pass) > 1) keep += IMAGE_OPERATIONS * (double)pass->problem->X->n_features;
    return share * (BOUNDED_SLOWDOWN * all + GATHER_OPERATIONS) + keep;
}

/* Whether bounds that leave this share of the pairs cost less than this part of the usual strategy. */
static int bounds_pay(const ck_pass *pass, double share, double part)
{
    const int projected = pass->projection && pass->usual == pass->projection;
    const double usual = projected ? projection_operations(pass, pass->usual_share) : row_operations(pass);
    return bounds_operations(pass, share) < part * usual;
}

ck_pass *ck_pass_new(ck_arena *arena, const ck_problem *problem, int64_t k, ck_algorithm algorithm, int n_threads)
{
    const ck_matrix *X = problem->X;
    const int64_t n = X->n_rows, d = X->n_features, levels = problem->grid.levels, sums = k * levels * d;
    ck_pass *pass = CK_NEW(arena, ck_pass, 1);
    if (!pass) return NULL;
    memset(pass, 0, sizeof *pass);
    pass->arena = arena;
    pass->problem = problem;
    pass->k = k;
    ck_screening_init(&pass->screening, arena, X, k, n_threads);
    if (arena->failed) return NULL;
    ck_assigner_use_packed(&pass->screening.assigner, problem->packed);
    const int64_t block_rows = pass->screening.assigner.block_rows;
    pass->n_blocks = ck_ceil_div(n, block_rows);
    pass->algorithm = algorithm;
    pass->plain = pass->strategy = ck_strategy_lloyd(arena, &pass->screening);
    if (problem->embedding && (algorithm == CK_PROJECTION || algorithm == CK_AUTO))
        pass->projection = ck_strategy_projection(arena, &pass->screening, problem->embedding);
    pass->usual = pass->projection ? pass->projection : pass->plain;
    pass->usual_share = pass->projection ? 0.01 : 1.0;
    if (algorithm == CK_HAMERLY || algorithm == CK_YINYANG ||
        (algorithm == CK_AUTO && n >= BOUNDED_ROWS && bounds_pay(pass, LOW_SHARE, WORTH_KEEPING)))
        pass->bounds = ck_strategy_bounds(arena, &pass->screening, useful_groups(pass));
    pass->by_slices = sums * (int64_t)sizeof(double) > WORKER_BYTES;
    pass->sums = CK_NEW(arena, double, sums);
    pass->weights = CK_NEW(arena, double, problem->weights ? k * levels : 0);
    pass->before = CK_NEW(arena, int32_t, pass->by_slices ? n : 0);
    pass->totals.sums = CK_NEW(arena, double, k *d);
    pass->totals.weights = CK_NEW(arena, double, k);
    pass->totals.sizes = CK_NEW(arena, int64_t, k);
    pass->workers = CK_NEW(arena, worker_totals, pass->screening.n_workers);
    for (int w = 0; w < pass->screening.n_workers && !arena->failed; w++) {
        worker_totals *worker = pass->workers + w;
        worker->sums = pass->by_slices ? NULL : CK_NEW(arena, double, sums);
        worker->weights = problem->weights ? CK_NEW(arena, double, k *levels) : NULL;
        worker->sizes = CK_NEW(arena, int64_t, k);
        worker->rows = CK_NEW(arena, int32_t, 3 * block_rows);
        worker->before = worker->rows + block_rows;
        worker->after = worker->before + block_rows;
        worker->row_scratch = CK_NEW(arena, double, d);
    }
    return arena->failed ? NULL : pass;
}

ck_totals *ck_pass_totals(ck_pass *pass) { return &pass->totals; }

/* Takes the rows in sorted order, where that can be of use: everything that depends on their order follows. */
static void sort_rows(ck_pass *pass)
{
    const ck_problem *problem = pass->problem;
    const ck_sorted_problem *sorted = problem->sorted;
    if (pass->ordering) return;
    if (!sorted) sorted = ck_problem_sorted(problem, pass->arena);
    if (!sorted) return;
    int32_t *labels = CK_NEW(pass->arena, int32_t, problem->X->n_rows);
    pass->filtering = ck_strategy_filtering(pass->arena, &pass->screening, sorted->ordering);
    if (pass->arena->failed || !pass->filtering) return;
    if (pass->passes > 0 &&
        ck_ordering_gather_labels(sorted->ordering, pass->labels, problem->n_threads, labels) != CK_OK)
        return;
    pass->problem = &sorted->problem;
    pass->screening.assigner.X = sorted->problem.X;
    ck_assigner_use_packed(&pass->screening.assigner, NULL);
    pass->labels = labels;
    pass->ordering = sorted->ordering;
}

int ck_pass_labels(ck_pass *pass, int32_t *labels)
{
    if (!pass->ordering) return CK_OK;
    return ck_ordering_scatter_labels(pass->ordering, pass->labels, pass->problem->n_threads, labels);
}

/* Where the seeding has not sorted the rows, nobody knows how many passes are to come: rows are sorted once the passes
 * done have cost about as much, unless those left at most cannot save it. */
static int sorting_pays(const ck_pass *pass)
{
    const int64_t n = pass->problem->X->n_rows, d = pass->problem->X->n_features;
    const double pairs = (double)pass->k * (double)(d + 4), left = (double)(pass->max_passes - pass->passes);
    if (pass->algorithm != CK_AUTO || pass->ordering || d > CK_SORTED_FEATURES || n < SORTED_ROWS) return 0;
    if (pass->problem->sorted) return 1;
    return left * (pairs + PASS_OPERATIONS - FILTERED_OPERATIONS) >= 1.5 * SORT_OPERATIONS &&
           (double)(pass->passes + 1) * (pairs + PASS_OPERATIONS) >= 0.5 * SORT_OPERATIONS;
}

void ck_pass_restart(ck_pass *pass, int32_t *labels, int64_t max_passes)
{
    const int64_t n = pass->problem->X->n_rows, d = pass->problem->X->n_features, levels = pass->problem->grid.levels;
    pass->passes = 0;
    pass->max_passes = max_passes;
    if (!pass->ordering) pass->labels = labels;
    if (pass->algorithm == CK_FILTERING || sorting_pays(pass)) sort_rows(pass);
    for (int64_t i = 0; i < n; i++) pass->labels[i] = -1;
    memset(pass->sums, 0, (size_t)(pass->k * levels * d) * sizeof(double));
    memset(pass->totals.sizes, 0, (size_t)pass->k * sizeof(int64_t));
    if (pass->problem->weights) memset(pass->weights, 0, (size_t)(pass->k * levels) * sizeof(double));
    pass->next_trial = FIRST_TRIAL;
    pass->wait = FIRST_TRIAL;
    pass->usual = pass->projection ? pass->projection : pass->filtering ? pass->filtering : pass->plain;
    pass->strategy = pass->usual;
    pass->watched = 0;
    if (pass->bounds && pass->algorithm != CK_AUTO) pass->strategy = pass->bounds;
    if (pass->bounds) pass->bounds->forget(pass->bounds);
    pass->strategy->forget(pass->strategy);
}

/* --- The pass ---------------------------------------------------------------------------------------------- */

static const ck_matrix WEIGHTS_AS_ROWS = {NULL, 0, 1, sizeof(double), sizeof(double), CK_F64};

static int run_block(void *context, int64_t block, int w)
{
    ck_pass *pass = context;
    const ck_problem *problem = pass->problem;
    const int64_t d = problem->X->n_features, block_rows = pass->screening.assigner.block_rows;
    const int64_t row = block * block_rows, n_rows = ck_min_i64(block_rows, problem->X->n_rows - row);
    worker_totals *worker = pass->workers + w;
    ck_moves moves = {0, worker->rows, worker->before, worker->after};
    if (pass->by_slices) memcpy(pass->before + row, pass->labels + row, (size_t)n_rows * sizeof(int32_t));
    int status = pass->strategy->assign(pass->strategy, w, row, n_rows, pass->labels + row, &moves, &worker->screened);
    if (status != CK_OK) return status;
    for (int64_t i = 0; i < moves.n; i++) {
        worker->changed += ck_weight(problem, row + moves.rows[i]) > 0.0;
        worker->sizes[moves.after[i]]++;
        if (moves.before[i] >= 0) worker->sizes[moves.before[i]]--;
    }
    if (problem->weights) {
        ck_matrix weights = WEIGHTS_AS_ROWS;
        weights.data = problem->weights;
        ck_settle_table()->move_rows(&weights, row, &moves, 0, 1, &problem->weight_grid, worker->weights,
                                     worker->row_scratch);
    }
    if (!pass->by_slices)
        ck_settle_table()->move_rows(problem->X, row, &moves, 0, d, &problem->grid, worker->sums, worker->row_scratch);
    return CK_OK;
}

static int move_slice(void *context, int64_t slice, int w)
{
    ck_pass *pass = context;
    const ck_problem *problem = pass->problem;
    const int64_t n = problem->X->n_rows, d = problem->X->n_features;
    const int64_t first = slice * SLICE_FEATURES, last = ck_min_i64(first + SLICE_FEATURES, d);
    const int64_t block_rows = pass->screening.assigner.block_rows;
    worker_totals *worker = pass->workers + w;
    for (int64_t row = 0; row < n; row += block_rows) {
        const int32_t *after = pass->labels + row, *before = pass->before + row;
        ck_moves moves = {0, worker->rows, worker->before, worker->after};
        moves.n = ck_screen_table()->differ(after, before, (int)ck_min_i64(block_rows, n - row), moves.rows);
        for (int64_t i = 0; i < moves.n; i++) {
            moves.before[i] = before[moves.rows[i]];
            moves.after[i] = after[moves.rows[i]];
        }
        ck_settle_table()->move_rows(problem->X, row, &moves, first, last, &problem->grid, pass->sums,
                                     worker->row_scratch);
    }
    return CK_OK;
}

static void clear_workers(ck_pass *pass)
{
    const int64_t k = pass->k, levels = pass->problem->grid.levels, d = pass->problem->X->n_features;
    for (int w = 0; w < pass->screening.n_workers; w++) {
        worker_totals *worker = pass->workers + w;
        worker->screened = 0.0;
        worker->changed = 0;
        memset(worker->sizes, 0, (size_t)k * sizeof(int64_t));
        if (worker->sums) memset(worker->sums, 0, (size_t)(k * levels * d) * sizeof(double));
        if (worker->weights) memset(worker->weights, 0, (size_t)(k * levels) * sizeof(double));
    }
}

static void merge_workers(ck_pass *pass, ck_pass_report *report)
{
    const int64_t k = pass->k, levels = pass->problem->grid.levels, d = pass->problem->X->n_features;
    for (int w = 0; w < pass->screening.n_workers; w++) {
        const worker_totals *worker = pass->workers + w;
        report->screened += worker->screened;
        report->changed += worker->changed;
        for (int64_t j = 0; j < k; j++) pass->totals.sizes[j] += worker->sizes[j];
        for (int64_t i = 0; i < k * levels * d && worker->sums; i++) pass->sums[i] += worker->sums[i];
        for (int64_t i = 0; i < k * levels && worker->weights; i++) pass->weights[i] += worker->weights[i];
    }
}

/* The levels of a cluster put together, the finest first. */
static void round_cluster(ck_pass *pass, int64_t j)
{
    const int64_t d = pass->problem->X->n_features, levels = pass->problem->grid.levels;
    double *out = pass->totals.sums + j * d;
    const double *parts = pass->sums + j * levels * d;
    memcpy(out, parts + (levels - 1) * d, (size_t)d * sizeof *out);
    for (int64_t level = levels - 2; level >= 0; level--)
        for (int64_t p = 0; p < d; p++) out[p] += parts[level * d + p];
    double weight = pass->problem->weights ? 0.0 : (double)pass->totals.sizes[j];
    for (int64_t level = levels - 1; level >= 0 && pass->problem->weights; level--)
        weight += pass->weights[j * levels + level];
    pass->totals.weights[j] = weight;
}

/* Moves rows between the sums of clusters, from..to, one by one: they may be anywhere. */
static void move_leaving(ck_pass *pass, const ck_problem *problem, const ck_leaving *leaving, int32_t *from,
                         int32_t *to)
{
    double *scratch = pass->workers[0].row_scratch;
    ck_matrix weights = WEIGHTS_AS_ROWS;
    int32_t here = 0;
    weights.data = problem->weights;
    for (int64_t i = 0; i < leaving->n; i++) {
        const ck_moves one = {1, &here, from + i, to + i};
        const int64_t row = leaving->rows[i];
        if (problem->weights)
            ck_settle_table()->move_rows(&weights, row, &one, 0, 1, &problem->weight_grid, pass->weights, scratch);
        ck_settle_table()->move_rows(problem->X, row, &one, 0, problem->X->n_features, &problem->grid, pass->sums,
                                     scratch);
        pass->totals.sizes[from[i]]--;
        pass->totals.sizes[to[i]]++;
    }
}

void ck_pass_leave(ck_pass *pass, const ck_problem *problem, const ck_leaving *leaving)
{
    move_leaving(pass, problem, leaving, leaving->from, leaving->to);
    for (int64_t i = 0; i < leaving->n; i++) /* once a cluster: its rows follow each other where they are many */
        if (i == 0 || leaving->from[i] != leaving->from[i - 1]) round_cluster(pass, leaving->from[i]);
    move_leaving(pass, problem, leaving, leaving->to, leaving->from); /* sums are exact: as if nothing had been */
}

static void wait_longer(ck_pass *pass)
{
    pass->wait = ck_min_i64(2 * pass->wait, LONGEST_WAIT);
    pass->next_trial = pass->passes + pass->wait;
    pass->watched = 0;
}

/* Looks at a sample for what bounds would leave. Where the usual strategy is cheap, looking at every pass would show:
 * at two in a row then, the first of which tells nothing yet. OUT due. */
static int try_bounds(ck_pass *pass, const double *centers, int *due)
{
    const int projected = pass->projection && pass->usual == pass->projection;
    double share;
    *due = 0;
    if (!pass->bounds || pass->passes < pass->next_trial) return CK_OK;
    int status = CK_OK;
    if (projected)
        status = ck_assigner_set_centers(&pass->screening.assigner, centers); /* projection leaves it alone */
    if (status == CK_OK) status = ck_strategy_bounds_watch(pass->bounds, centers, &share);
    if (status != CK_OK) return status;
    *due = bounds_pay(pass, share, projected ? WORTH_A_START : WORTH_KEEPING);
    if (!*due && projected && pass->watched++ > 0) {
        wait_longer(pass);
        pass->bounds->forget(pass->bounds);
    }
    return CK_OK;
}

/* The strategy of the next pass, by what share of the pairs this one scored, or bounds would leave. */
static int choose_strategy(ck_pass *pass, double screened, const double *centers)
{
    ck_strategy *before = pass->strategy;
    pass->passes++;
    if (before == pass->bounds) {
        if (!pass->bounds_are_new && !bounds_pay(pass, screened, WORTH_KEEPING)) {
            pass->strategy = pass->usual;
            wait_longer(pass);
        }
        pass->bounds_are_new = 0;
    } else {
        pass->usual_share = screened;
        if (before == pass->projection && projection_operations(pass, screened) > row_operations(pass))
            pass->usual = pass->plain;
        if (before == pass->filtering && screened > WORTH_FILTERING) {
            pass->usual = pass->plain;
            pass->filtering = NULL;
        }
        if (before == pass->plain && sorting_pays(pass)) {
            sort_rows(pass);
            if (pass->filtering) pass->usual = pass->filtering;
        }
        pass->strategy = pass->usual;
        int due = 0;
        if (before == pass->usual && before != pass->filtering) {
            const int status = try_bounds(pass, centers, &due);
            if (status != CK_OK) return status;
        }
        if (due) pass->strategy = pass->bounds;
        pass->bounds_are_new = due;
    }
    if (pass->strategy != before && pass->strategy != pass->bounds) {
        pass->strategy->forget(pass->strategy);
        if (pass->bounds) pass->bounds->forget(pass->bounds);
    }
    return CK_OK;
}

int ck_pass_run(ck_pass *pass, const double *centers, int32_t *labels, ck_pass_report *report)
{
    const ck_problem *problem = pass->problem;
    const int64_t n_slices = ck_ceil_div(problem->X->n_features, SLICE_FEATURES);
    *report = (ck_pass_report){0, pass->strategy->algorithm, 0.0};
    if (!pass->ordering) pass->labels = labels;
    clear_workers(pass);
    int status = pass->strategy->set_centers(pass->strategy, centers);
    if (status == CK_OK) status = ck_parallel_for(pass->n_blocks, pass->screening.n_workers, run_block, pass);
    if (status == CK_OK && pass->by_slices)
        status = ck_parallel_for(n_slices, (int)ck_min_i64(pass->screening.n_workers, n_slices), move_slice, pass);
    if (status != CK_OK) return status;
    merge_workers(pass, report);
    for (int64_t j = 0; j < pass->k; j++) round_cluster(pass, j);
    report->screened /= (double)problem->X->n_rows * (double)pass->k;
    return pass->algorithm == CK_AUTO ? choose_strategy(pass, report->screened, centers) : CK_OK;
}
