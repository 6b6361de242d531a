/* pair_silhouettes.c - silhouettes from the distances between all rows, each pair measured once.
 *
 * Rows are sorted by cluster and cut into blocks that no cluster border crosses. A tile, two blocks against each other,
 * yields for each row of both the sum of its distances to the other block. Tiles run in rounds in which every block
 * stands at most once on either side, and their sums are added round by round: so the order of additions does not
 * depend on threads. Sums are kept for the rows and clusters of two groups of clusters at a time, so that memory stays
 * bounded. Blocks are taken about the mean of the cluster on the row side, near to which a small distance cannot
 * hide from its rounding (docs/numerics.md, section 10). */
#include "score.h"

enum {
    MOST_BLOCK_ROWS = 512,
    BLOCK_ELEMENTS = 16384, /* of panels, which should stay in cache: rows times features */
    SIDE_SUMS = 1 << 19,    /* most of n times the rounds of a batch: 8 MB for both sides */
    MOST_ROUNDS = 64,
    GROUP_SUMS = 1 << 22,     /* most of n times the clusters of a group: 32 MB */
    PACKED_ELEMENTS = 1 << 22 /* most of all rows that are packed beforehand: 32 MB */
};

typedef struct {
    int64_t first, n; /* rows, by their place in the sorted order */
    int64_t first_panel;
    int32_t cluster;
} block_t;

typedef struct {
    int64_t first_block, n_blocks, first_row, n_rows, first_cluster, n_clusters;
} group_t;

/* Of one worker. */
typedef struct {
    ck_pair_side rows, columns;
    double *row_sums, *column_sums, *center, *gathered;
    int64_t *row_places, *column_places;
} worker_scratch;

typedef struct {
    const ck_matrix *X;
    const int32_t *labels;
    const double *weights;
    double one;
    const ck_clusters *clusters;
    int64_t n;       /* rows of positive weight */
    int64_t *sorted; /* these, by cluster */
    block_t *blocks;
    double *packed; /* panels of all blocks, or NULL where those are too many */
    /* Of two groups, or one with itself, in some rounds at a time: */
    group_t rows, columns;
    int64_t first_round, batch, n_rounds;
    double *row_side, *column_side; /* batch x n: sums of a tile, at the places of the rows */
    double *row_sums, *column_sums; /* rows of the one group x clusters of the other; the same for one group */
    double *own, *nearest;          /* of every place: mean distance to its own and to the nearest other cluster */
    double *reach;                  /* of every place: at least the latter */
    ck_moments *moments;            /* k */
    worker_scratch *scratch;
} pair_task;

static int64_t block_rows(int64_t d)
{
    const int64_t rows = BLOCK_ELEMENTS / d / CK_LANES * CK_LANES;
    return ck_min_i64(MOST_BLOCK_ROWS, ck_max_i64(rows, 2 * CK_LANES));
}

static int one_group(const pair_task *task) { return task->rows.first_block == task->columns.first_block; }

/* The block that stands across from block `at` of the row side in a round, by its number in its group; -1: none. */
static int64_t partner(const pair_task *task, int64_t round, int64_t at)
{
    const int64_t across = (at + round) % task->n_rounds, half = task->rows.n_blocks / 2;
    if (at >= task->rows.n_blocks || across >= task->columns.n_blocks) return -1;
    if (one_group(task) && 2 * round == task->rows.n_blocks && at >= half) return -1; /* the other way round */
    return across;
}

static int32_t own_cluster(const pair_task *task, int64_t place) { return task->labels[task->sorted[place]]; }

static double row_weight(const pair_task *task, int64_t place)
{
    return ck_row_weight(task->weights, task->sorted[place]);
}

/* Rows of a block, all of them or some by their place in it, about a center in units of the scatter. INOUT side: its
 * arrays have room for whole panels. */
static void pack_rows(const pair_task *task, const block_t *block, const int64_t *places, int64_t n,
                      const worker_scratch *scratch, int as_column, ck_pair_side *side)
{
    const ck_settle_kernels *kernels = ck_settle_table();
    const int64_t d = task->X->n_features;
    side->n = n;
    for (int64_t i = 0; i < n; i += CK_LANES) {
        const int64_t count = ck_min_i64(CK_LANES, n - i);
        const double *values = task->packed && !places ? task->packed + (block->first_panel * CK_LANES + i) * d : NULL;
        int64_t rows[CK_LANES];
        for (int64_t lane = 0; lane < count; lane++) {
            rows[lane] = task->sorted[block->first + (places ? places[i + lane] : i + lane)];
            side->weights[i + lane] = ck_row_weight(task->weights, rows[lane]);
        }
        for (int64_t lane = count; lane < CK_LANES; lane++) side->weights[i + lane] = 0.0;
        if (!values) kernels->load_listed(task->X, rows, count, scratch->gathered);
        kernels->center_panel(values ? values : scratch->gathered, d, task->clusters->scale, scratch->center, as_column,
                              side->panels + i * d, side->sqnorms + i);
    }
}

/* OUT places: of the rows of a block to which a cluster may be the nearest. Returns how many. */
static int64_t list_open(const double *sums, int64_t n_clusters, const group_t *group, const block_t *block,
                         int64_t cluster, int64_t *places)
{
    int64_t n = 0;
    for (int64_t i = 0; i < block->n; i++)
        if (sums[(block->first + i - group->first_row) * n_clusters + cluster] < INFINITY) places[n++] = i;
    return n;
}

/* OUT sums, zero before: of distances from listed rows of a block to all of the other one. */
static void sum_listed(const pair_task *task, worker_scratch *scratch, const block_t *block, const int64_t *places,
                       int64_t n, const block_t *other, double *sums)
{
    if (n == 0) return;
    pack_rows(task, other, NULL, other->n, scratch, 0, &scratch->rows);
    pack_rows(task, block, places, n, scratch, 1, &scratch->columns);
    ck_settle_table()->sum_distances(&scratch->rows, task->X->n_features, &scratch->columns, scratch->row_sums,
                                     scratch->column_sums, scratch->gathered);
    for (int64_t i = 0; i < n; i++) sums[places[i]] = scratch->column_sums[i];
}

static int run_tile(void *context, int64_t item, int worker)
{
    const pair_task *task = context;
    const int64_t turn = item / task->rows.n_blocks, at = item % task->rows.n_blocks, d = task->X->n_features;
    const int64_t across = partner(task, task->first_round + turn, at), side = turn * task->n;
    if (across < 0) return CK_OK;
    const block_t *block = task->blocks + task->rows.first_block + at;
    const block_t *other = task->blocks + task->columns.first_block + across;
    double *block_sums = task->row_side + side + block->first;
    double *other_sums = task->column_side + side + other->first;
    worker_scratch *scratch = task->scratch + worker;
    const double *mean = task->clusters->means + block->cluster * d;
    for (int64_t p = 0; p < d; p++) scratch->center[p] = mean[p] * task->clusters->scale;

    const int64_t n_open = list_open(task->row_sums, task->columns.n_clusters, &task->rows, block,
                                     other->cluster - task->columns.first_cluster, scratch->row_places);
    const int64_t n_other_open = list_open(task->column_sums, task->rows.n_clusters, &task->columns, other,
                                           block->cluster - task->rows.first_cluster, scratch->column_places);
    if (n_open * other->n + n_other_open * block->n >= block->n * other->n) {
        pack_rows(task, block, NULL, block->n, scratch, 0, &scratch->rows);
        pack_rows(task, other, NULL, other->n, scratch, 1, &scratch->columns);
        ck_settle_table()->sum_distances(&scratch->rows, d, &scratch->columns, scratch->row_sums, other_sums,
                                         scratch->gathered);
        memcpy(block_sums, scratch->row_sums, (size_t)block->n * sizeof *block_sums);
    } else {
        memset(block_sums, 0, (size_t)block->n * sizeof *block_sums);
        memset(other_sums, 0, (size_t)other->n * sizeof *other_sums);
        sum_listed(task, scratch, block, scratch->row_places, n_open, other, block_sums);
        sum_listed(task, scratch, other, scratch->column_places, n_other_open, block, other_sums);
    }
    return CK_OK;
}

/* INOUT sums (rows of the group x n_clusters): those of a block's rows grow by what its tile has found. */
static void add_side(const block_t *block, const group_t *group, const group_t *across, const block_t *partner_block,
                     const double *side, double *sums)
{
    const int64_t cluster = partner_block->cluster - across->first_cluster;
    for (int64_t i = block->first; i < block->first + block->n; i++)
        sums[(i - group->first_row) * across->n_clusters + cluster] += side[i];
}

/* What the tiles of the rounds have found for block `item` of the row side, and of the column side. */
static int add_rounds(void *context, int64_t item, int worker)
{
    const pair_task *task = context;
    const group_t *rows = &task->rows, *columns = &task->columns;
    const block_t *row_blocks = task->blocks + rows->first_block, *column_blocks = task->blocks + columns->first_block;
    (void)worker;
    for (int64_t turn = 0; turn < task->batch; turn++) {
        const int64_t round = task->first_round + turn, side = turn * task->n;
        const int64_t across = partner(task, round, item), before = (item - round + task->n_rounds) % task->n_rounds;
        const int diagonal = one_group(task) && round == 0; /* both sides have found the same */
        if (across >= 0)
            add_side(row_blocks + item, rows, columns, column_blocks + across, task->row_side + side, task->row_sums);
        if (item < columns->n_blocks && !diagonal && partner(task, round, before) == item)
            add_side(column_blocks + item, columns, rows, row_blocks + before, task->column_side + side,
                     task->column_sums);
    }
    return CK_OK;
}

/* The sums of a group's rows with the clusters of another one become means, of which the least stays. */
static void keep_nearest(const pair_task *task, const group_t *group, const group_t *across, const double *sums)
{
    const ck_clusters *clusters = task->clusters;
    for (int64_t b = group->first_block; b < group->first_block + group->n_blocks; b++) {
        const block_t *block = task->blocks + b;
        for (int64_t i = block->first; i < block->first + block->n; i++)
            for (int64_t c = 0; c < across->n_clusters; c++) {
                const int64_t cluster = across->first_cluster + c;
                const double total = clusters->weights[cluster];
                const double sum = sums[(i - group->first_row) * across->n_clusters + c];
                if (cluster == block->cluster) {
                    const double others = ck_others(total, row_weight(task, i), task->one);
                    task->own[i] = others > 0.0 ? sum / others : 0.0;
                } else if (total > 0.0) {
                    task->nearest[i] = fmin(task->nearest[i], sum / total);
                }
            }
    }
}

/* --- Which clusters may be the nearest ---------------------------------------------------------------------- */

/* More than rounding can spoil of the bounds of a mean distance: */
#define BOUND_SLACK 1e-9

static int find_reach(void *context, int64_t item, int worker)
{
    const pair_task *task = context;
    const ck_clusters *clusters = task->clusters;
    const int64_t d = task->X->n_features, first = item * CK_LANES, n = ck_min_i64(CK_LANES, task->n - first);
    double *panel = task->scratch[worker].gathered, *x = task->scratch[worker].center;
    _Alignas(64) double sqdists[CK_LANES];
    ck_settle_table()->load_listed(task->X, task->sorted + first, n, panel);
    for (int64_t lane = 0; lane < n; lane++) task->reach[first + lane] = INFINITY;
    for (int64_t j = 0; j < clusters->k; j++) {
        if (!(clusters->weights[j] > 0.0)) continue;
        ck_clusters_sqdists(clusters, task->X, task->sorted + first, n, panel, clusters->means + j * d, sqdists, x);
        for (int64_t lane = 0; lane < n; lane++) {
            const double bound = ck_mean_distance_most(task->moments + j, sqdists[lane]) + clusters->rounding;
            double *reach = task->reach + first + lane;
            if (own_cluster(task, first + lane) != j) *reach = fmin(*reach, bound);
        }
    }
    return CK_OK;
}

typedef struct {
    const pair_task *task;
    const group_t *group, *across;
    double *sums;
} open_task;

/* Sums of a group's rows with the clusters of another one begin: infinite where it cannot be the nearest. */
static int open_sums(void *context, int64_t item, int worker)
{
    const open_task *init = context;
    const pair_task *task = init->task;
    const group_t *group = init->group, *across = init->across;
    const ck_clusters *clusters = task->clusters;
    const int64_t d = task->X->n_features, first = group->first_row + item * CK_LANES;
    const int64_t n = ck_min_i64(CK_LANES, group->first_row + group->n_rows - first);
    double *panel = task->scratch[worker].gathered, *x = task->scratch[worker].center;
    _Alignas(64) double sqdists[CK_LANES];
    ck_settle_table()->load_listed(task->X, task->sorted + first, n, panel);
    for (int64_t c = 0; c < across->n_clusters; c++) {
        const int64_t j = across->first_cluster + c;
        ck_clusters_sqdists(clusters, task->X, task->sorted + first, n, panel, clusters->means + j * d, sqdists, x);
        for (int64_t lane = 0; lane < n; lane++) {
            const double low = ck_mean_distance_least(task->moments + j, sqdists[lane]);
            const double least = low * (1.0 - BOUND_SLACK) - clusters->rounding;
            const int near = clusters->weights[j] > 0.0 && least <= task->reach[first + lane] * (1.0 + BOUND_SLACK);
            const int open = near || own_cluster(task, first + lane) == j;
            init->sums[(first + lane - group->first_row) * across->n_clusters + c] = open ? 0.0 : INFINITY;
        }
    }
    return CK_OK;
}

static int open_group(const pair_task *task, const group_t *group, const group_t *across, int n_threads, double *sums)
{
    open_task init = {task, group, across, sums};
    const double operations = (double)group->n_rows * (double)across->n_clusters * ((double)task->X->n_features + 8.0);
    const int64_t n_items = ck_ceil_div(group->n_rows, CK_LANES);
    return ck_parallel_for(n_items, ck_useful_threads(n_threads, n_items, operations), open_sums, &init);
}

static int run_groups(pair_task *task, const group_t *rows, const group_t *columns, int64_t most_rounds, int n_threads)
{
    int status = CK_OK;
    const int64_t d = task->X->n_features;
    if (rows->n_rows == 0 || columns->n_rows == 0) return CK_OK;
    task->rows = *rows;
    task->columns = *columns;
    task->n_rounds = ck_max_i64(rows->n_blocks, columns->n_blocks);
    status = open_group(task, rows, columns, n_threads, task->row_sums);
    if (status == CK_OK && !one_group(task)) status = open_group(task, columns, rows, n_threads, task->column_sums);
    const int64_t rounds = one_group(task) ? rows->n_blocks / 2 + 1 : task->n_rounds;
    const double pairs = (double)rows->n_rows * (double)columns->n_rows / (double)task->n_rounds;
    const double adds = 4.0 * (double)(rows->n_rows + columns->n_rows);
    for (task->first_round = 0; task->first_round < rounds && status == CK_OK; task->first_round += most_rounds) {
        task->batch = ck_min_i64(most_rounds, rounds - task->first_round);
        const int64_t n_tiles = task->batch * rows->n_blocks;
        const double turns = (double)task->batch, operations = turns * pairs * ((double)d + 16.0) / 4.0;
        status = ck_parallel_for(n_tiles, ck_useful_threads(n_threads, n_tiles, operations), run_tile, task);
        const int adders = ck_useful_threads(n_threads, task->n_rounds, turns * adds);
        if (status == CK_OK) status = ck_parallel_for(task->n_rounds, adders, add_rounds, task);
    }
    keep_nearest(task, rows, columns, task->row_sums);
    if (!one_group(task)) keep_nearest(task, columns, rows, task->column_sums);
    return status;
}

/* Counting sort of the rows of positive weight: in their order, cluster by cluster. OUT starts: k + 1. */
static void sort_rows(const ck_matrix *X, const int32_t *labels, const double *weights, int64_t k, int64_t *starts,
                      int64_t *sorted)
{
    memset(starts, 0, (size_t)(k + 1) * sizeof *starts);
    for (int64_t i = 0; i < X->n_rows; i++) starts[labels[i] + 1] += ck_row_weight(weights, i) > 0.0;
    for (int64_t j = 0; j < k; j++) starts[j + 1] += starts[j];
    for (int64_t i = 0; i < X->n_rows; i++)
        if (ck_row_weight(weights, i) > 0.0) sorted[starts[labels[i]]++] = i;
    for (int64_t j = k; j > 0; j--) starts[j] = starts[j - 1];
    starts[0] = 0;
}

static group_t group_of(const int64_t *starts, const int64_t *first_blocks, int64_t first_cluster, int64_t n_clusters)
{
    const int64_t last = first_cluster + n_clusters;
    return (group_t){first_blocks[first_cluster],
                     first_blocks[last] - first_blocks[first_cluster],
                     starts[first_cluster],
                     starts[last] - starts[first_cluster],
                     first_cluster,
                     n_clusters};
}

/* OUT first_blocks: k + 1. Returns how many there are. */
static int64_t cut_blocks(const int64_t *starts, int64_t k, int64_t most, block_t *blocks, int64_t *first_blocks)
{
    int64_t n_blocks = 0, n_panels = 0;
    for (int64_t j = 0; j < k; j++) {
        first_blocks[j] = n_blocks;
        for (int64_t first = starts[j]; first < starts[j + 1]; first += most) {
            const int64_t n = ck_min_i64(most, starts[j + 1] - first);
            blocks[n_blocks++] = (block_t){first, n, n_panels, (int32_t)j};
            n_panels += ck_ceil_div(n, CK_LANES);
        }
    }
    first_blocks[k] = n_blocks;
    return n_blocks;
}

static int pack_ahead(void *context, int64_t at, int worker)
{
    const pair_task *task = context;
    const block_t *block = task->blocks + at;
    const int64_t d = task->X->n_features;
    (void)worker;
    for (int64_t i = 0; i < block->n; i += CK_LANES)
        ck_settle_table()->load_listed(task->X, task->sorted + block->first + i, ck_min_i64(CK_LANES, block->n - i),
                                       task->packed + (block->first_panel * CK_LANES + i) * d);
    return CK_OK;
}

static void new_side(ck_arena *arena, int64_t rows, int64_t d, ck_pair_side *side)
{
    side->panels = CK_NEW(arena, double, rows *d);
    side->sqnorms = CK_NEW(arena, double, rows);
    side->weights = CK_NEW(arena, double, rows);
}

/* What the tiles need, once the rows are cut into blocks. */
static int prepare(pair_task *task, ck_arena *arena, int64_t n_blocks, int n_workers)
{
    const int64_t d = task->X->n_features, most = block_rows(d);
    const block_t *last = task->blocks + n_blocks - 1;
    const int64_t elements = (last->first_panel * CK_LANES + ck_round_up(last->n, CK_LANES)) * d;
    task->packed = elements <= PACKED_ELEMENTS ? CK_NEW(arena, double, elements) : NULL;
    task->scratch = CK_NEW(arena, worker_scratch, n_workers);
    for (int w = 0; w < n_workers && !arena->failed; w++) {
        new_side(arena, most, d, &task->scratch[w].rows);
        new_side(arena, most, d, &task->scratch[w].columns);
        task->scratch[w].row_sums = CK_NEW(arena, double, most);
        task->scratch[w].column_sums = CK_NEW(arena, double, most);
        task->scratch[w].row_places = CK_NEW(arena, int64_t, most);
        task->scratch[w].column_places = CK_NEW(arena, int64_t, most);
        task->scratch[w].center = CK_NEW(arena, double, d);
        task->scratch[w].gathered = CK_NEW(arena, double, CK_LANES *d);
    }
    if (arena->failed) return CK_ERROR_MEMORY;
    int status = CK_OK;
    if (task->packed)
        status = ck_parallel_for(n_blocks, ck_useful_threads(n_workers, n_blocks, (double)elements), pack_ahead, task);
    if (status != CK_OK) return status;
    const int64_t n_panels = ck_ceil_div(task->n, CK_LANES);
    const double operations = (double)elements * (double)task->clusters->k;
    return ck_parallel_for(n_panels, ck_useful_threads(n_workers, n_panels, operations), find_reach, task);
}

int ck_pair_silhouettes(const ck_matrix *X, const int32_t *labels, const double *weights, double one,
                        const ck_clusters *clusters, int n_threads, double *samples)
{
    ck_arena arena = {0};
    const int64_t n = X->n_rows, k = clusters->k, most = block_rows(X->n_features);
    const int64_t group_clusters = ck_min_i64(k, ck_max_i64(GROUP_SUMS / n, 1));
    const int64_t n_groups = ck_ceil_div(k, group_clusters);
    const int64_t most_rounds = ck_max_i64(ck_min_i64(SIDE_SUMS / n, MOST_ROUNDS), 1);
    pair_task task = {.X = X, .labels = labels, .weights = weights, .one = one, .clusters = clusters};
    int64_t *starts = CK_NEW(&arena, int64_t, k + 1), *first_blocks = CK_NEW(&arena, int64_t, k + 1);
    group_t *groups = CK_NEW(&arena, group_t, n_groups);
    task.sorted = CK_NEW(&arena, int64_t, n);
    task.blocks = CK_NEW(&arena, block_t, n / most + k);
    task.row_side = CK_NEW(&arena, double, most_rounds *n);
    task.column_side = CK_NEW(&arena, double, most_rounds *n);
    task.own = CK_NEW(&arena, double, n);
    task.nearest = CK_NEW(&arena, double, n);
    task.reach = CK_NEW(&arena, double, n);
    task.moments = CK_NEW(&arena, ck_moments, k);
    if (arena.failed) return ck_arena_free(&arena), CK_ERROR_MEMORY;

    sort_rows(X, labels, weights, k, starts, task.sorted);
    task.n = starts[k];
    const int64_t n_blocks = cut_blocks(starts, k, most, task.blocks, first_blocks);
    int64_t most_sums = 0;
    for (int64_t g = 0; g < n_groups; g++) {
        const int64_t first = g * group_clusters;
        groups[g] = group_of(starts, first_blocks, first, ck_min_i64(group_clusters, k - first));
        most_sums = ck_max_i64(most_sums, groups[g].n_rows * group_clusters);
    }
    task.row_sums = CK_NEW(&arena, double, most_sums);
    double *column_sums = n_groups > 1 ? CK_NEW(&arena, double, most_sums) : NULL;
    n_threads = ck_useful_threads(n_threads, ck_ceil_div(n, CK_LANES), INFINITY); /* more is never asked for below */
    int status = ck_moments_measure(clusters, X, weights, task.sorted, starts, n_threads, task.moments);
    if (status == CK_OK) status = prepare(&task, &arena, n_blocks, n_threads);

    for (int64_t i = 0; i < task.n && status == CK_OK; i++) task.nearest[i] = INFINITY;
    for (int64_t g = 0; g < n_groups && status == CK_OK; g++)
        for (int64_t h = g; h < n_groups && status == CK_OK; h++) {
            task.column_sums = h == g ? task.row_sums : column_sums;
            status = run_groups(&task, groups + g, groups + h, most_rounds, n_threads);
        }
    for (int64_t i = 0; i < task.n && status == CK_OK; i++) {
        const int64_t row = task.sorted[i];
        const double others = ck_others(clusters->weights[labels[row]], row_weight(&task, i), one);
        samples[row] = ck_silhouette_of(task.own[i], task.nearest[i], others);
    }
    ck_arena_free(&arena);
    return status;
}
