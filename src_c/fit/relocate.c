/* relocate.c - empty clusters take the locations of the farthest rows.
 *
 * One pass on all threads measures the distances of the rows to their centers and counts them by magnitude, so that
 * only as many rows as there are clusters to fill have to be sorted; more where those did not do. */
#include <string.h>

#include "fit.h"

enum {
    MAGNITUDES = 1 << 15, /* the sign, exponent and first four bits of a float64 that is not negative */
    MAGNITUDE_SHIFT = 48,
    GROWTH = 4 /* of the rows that are sorted, where those before did not do */
};

typedef struct {
    const ck_problem *problem;
    const double *centers;
    const int32_t *labels;
    int64_t n_blocks, k;
    double *distances;  /* n; 0 of rows that do not count, or no more */
    double *scratch;    /* of each worker */
    int64_t *counts;    /* of each worker: MAGNITUDES, and k rows of positive weight */
    int64_t *remaining; /* k: those left in each cluster */
    int64_t *places;    /* n_blocks: listed rows before this block */
    int64_t *list;      /* rows, the farthest first */
    double least;       /* of the distances that are listed */
} relocation;

static int64_t counts_size(int64_t k) { return ck_apart(MAGNITUDES + k); }

static int64_t magnitude(double distance)
{
    uint64_t bits;
    memcpy(&bits, &distance, sizeof bits);
    return (int64_t)(bits >> MAGNITUDE_SHIFT);
}

static int64_t block_end(const relocation *r, int64_t block)
{
    return ck_min_i64((block + 1) * CK_SUM_ROWS, r->problem->X->n_rows);
}

static int measure_block(void *context, int64_t block, int worker)
{
    const relocation *r = context;
    const int64_t first = block * CK_SUM_ROWS, last = block_end(r, block);
    int64_t *counts = r->counts + worker * counts_size(r->k), *rows = counts + MAGNITUDES;
    ck_label_distances(r->problem->X, r->centers, r->labels + first, first, last - first, r->problem->unit,
                       r->distances + first,
                       r->scratch + worker * ck_apart(ck_label_distances_scratch(r->problem->X->n_features)));
    for (int64_t i = first; i < last; i++) {
        const int counted = ck_weight(r->problem, i) > 0.0;
        if (!(counted && r->distances[i] > 0.0)) r->distances[i] = 0.0;
        counts[magnitude(r->distances[i])]++;
        rows[r->labels[i]] += counted;
    }
    return CK_OK;
}

static int count_block(void *context, int64_t block, int worker)
{
    const relocation *r = context;
    int64_t count = 0;
    (void)worker;
    for (int64_t i = block * CK_SUM_ROWS; i < block_end(r, block); i++)
        count += r->distances[i] >= r->least && r->distances[i] > 0.0;
    r->places[block] = count;
    return CK_OK;
}

static int list_block(void *context, int64_t block, int worker)
{
    const relocation *r = context;
    int64_t *to = r->list + r->places[block];
    (void)worker;
    for (int64_t i = block * CK_SUM_ROWS; i < block_end(r, block); i++)
        if (r->distances[i] >= r->least && r->distances[i] > 0.0) *to++ = i;
    return CK_OK;
}

/* --- Orders ------------------------------------------------------------------------------------------------ */

/* The farthest first. */
static int is_farther(const void *context, int64_t a, int64_t b)
{
    const relocation *r = context;
    return r->distances[a] > r->distances[b];
}

/* Less than, equal to or greater than zero: by label, then by place. */
static int compare_locations(const relocation *r, int64_t a, int64_t b)
{
    const ck_matrix *X = r->problem->X;
    if (r->labels[a] != r->labels[b]) return r->labels[a] < r->labels[b] ? -1 : 1;
    for (int64_t p = 0; p < X->n_features; p++) {
        const double x = ck_element(X, a, p), y = ck_element(X, b, p);
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

static int is_before(const void *context, int64_t a, int64_t b) { return compare_locations(context, a, b) < 0; }

/* --- The farthest rows ------------------------------------------------------------------------------------- */

/* OUT r->least: what at least `wanted` of the rows that are not listed yet reach, or all. */
static void lower_least(relocation *r, int64_t wanted)
{
    int64_t count = 0, at = MAGNITUDES;
    while (at > 0 && count < wanted) {
        count += r->counts[--at];
        r->counts[at] = 0;
    }
    const uint64_t bits = (uint64_t)at << MAGNITUDE_SHIFT;
    memcpy(&r->least, &bits, sizeof bits);
}

/* Lists rows of positive distance, the farthest first, the first on a tie: at least `wanted`, or all there are. OUT n.
 * Memory from the arena. */
static int list_farthest(relocation *r, ck_arena *arena, int64_t wanted, int64_t *n)
{
    const int n_threads = r->problem->n_threads;
    const int workers = ck_useful_threads(n_threads, r->n_blocks, (double)r->problem->X->n_rows);
    int64_t total = 0;
    lower_least(r, wanted);
    int status = ck_parallel_for(r->n_blocks, workers, count_block, r);
    for (int64_t block = 0; block < r->n_blocks && status == CK_OK; block++) {
        const int64_t here = r->places[block];
        r->places[block] = total;
        total += here;
    }
    if (status != CK_OK) return status;
    r->list = CK_NEW(arena, int64_t, total);
    int64_t *scratch = CK_NEW(arena, int64_t, total);
    if (arena->failed) return CK_ERROR_MEMORY;
    const ck_sort_order order = {is_farther, r};
    *n = total;
    status = ck_parallel_for(r->n_blocks, workers, list_block, r);
    return status == CK_OK ? ck_sort(r->list, total, &order, scratch, n_threads) : status;
}

/* Rows of the list from `first` on that are equally far. */
static int64_t count_equal(const relocation *r, int64_t first, int64_t n)
{
    int64_t last = first + 1;
    while (last < n && r->distances[r->list[last]] == r->distances[r->list[first]]) last++;
    return last - first;
}

/* Rows at one place, with one label. */
typedef struct {
    const int64_t *rows; /* ascending */
    int64_t n;
} location;

static int is_first(const void *context, int64_t a, int64_t b)
{
    const location *locations = context;
    return locations[a].rows[0] < locations[b].rows[0];
}

/* --- Moving ------------------------------------------------------------------------------------------------ */

typedef struct {
    ck_totals *totals;
    ck_leaving leaving;
    int64_t empty; /* the cluster that is to be filled next; k: none */
} moving;

/* Makes room for more rows; what was there before stays in the arena, which is less. */
static int reserve_leaving(ck_leaving *leaving, ck_arena *arena, int64_t more)
{
    const int64_t n = leaving->n;
    ck_leaving grown = {n, CK_NEW(arena, int64_t, n + more), CK_NEW(arena, int32_t, n + more), NULL};
    grown.to = CK_NEW(arena, int32_t, n + more);
    if (arena->failed) return CK_ERROR_MEMORY;
    if (n > 0) memcpy(grown.rows, leaving->rows, (size_t)n * sizeof *grown.rows);
    if (n > 0) memcpy(grown.from, leaving->from, (size_t)n * sizeof *grown.from);
    if (n > 0) memcpy(grown.to, leaving->to, (size_t)n * sizeof *grown.to);
    *leaving = grown;
    return CK_OK;
}

static void next_empty(const relocation *r, moving *m)
{
    while (m->empty < r->k && r->remaining[m->empty] > 0) m->empty++;
}

/* n rows at one place move to the next empty cluster, unless they are all that is left of theirs. */
static void take_location(relocation *r, const int64_t *rows, int64_t n, double *values, moving *m)
{
    const int64_t d = r->problem->X->n_features;
    const int32_t from = r->labels[rows[0]], to = (int32_t)m->empty;
    double weight = 0.0;
    if (n >= r->remaining[from]) return;
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = m->leaving.n++;
        m->leaving.rows[at] = rows[i];
        m->leaving.from[at] = from;
        m->leaving.to[at] = to;
        weight += ck_weight(r->problem, rows[i]);
    }
    assert(r->remaining[to] == 0 && from != to);
    r->remaining[from] -= n;
    r->remaining[to] = n;
    ck_load_row(r->problem->X, rows[0], values);
    m->totals->weights[to] = weight;
    for (int64_t p = 0; p < d; p++) m->totals->sums[to * d + p] = weight * ldexp(values[p], -r->problem->unit);
    next_empty(r, m);
}

/* Rows that are equally far: location by location, in the order of their first rows. */
static int take_equal(relocation *r, int64_t *rows, int64_t n, double *values, moving *m)
{
    if (n == 1) return take_location(r, rows, 1, values, m), CK_OK;
    ck_arena local = {0};
    int64_t *scratch = CK_NEW(&local, int64_t, n), *numbers = CK_NEW(&local, int64_t, n), n_locations = 0;
    location *locations = CK_NEW(&local, location, n);
    const ck_sort_order by_location = {is_before, r}, by_row = {is_first, locations};
    int status = local.failed ? CK_ERROR_MEMORY : ck_sort(rows, n, &by_location, scratch, r->problem->n_threads);
    for (int64_t i = 0; i < n && status == CK_OK; i++) {
        if (i == 0 || compare_locations(r, rows[i - 1], rows[i]) != 0) {
            numbers[n_locations] = n_locations;
            locations[n_locations++] = (location){rows + i, 0};
        }
        locations[n_locations - 1].n++;
    }
    if (status == CK_OK) status = ck_sort(numbers, n_locations, &by_row, scratch, r->problem->n_threads);
    for (int64_t i = 0; i < n_locations && status == CK_OK && m->empty < r->k; i++)
        take_location(r, locations[numbers[i]].rows, locations[numbers[i]].n, values, m);
    ck_arena_free(&local);
    return status;
}

/* Fills clusters from the list. Its rows are not looked at again. */
static int take_listed(relocation *r, int64_t n, double *values, moving *m)
{
    int status = CK_OK;
    for (int64_t at = 0; at < n && m->empty < r->k && status == CK_OK;) {
        const int64_t equal = count_equal(r, at, n);
        status = ck_stopped() ? CK_ERROR_STOPPED : take_equal(r, r->list + at, equal, values, m);
        at += equal;
    }
    for (int64_t i = 0; i < n; i++) r->distances[r->list[i]] = 0.0;
    return status;
}

static int fill_clusters(relocation *r, ck_arena *arena, int64_t n_empty, ck_pass *pass)
{
    moving m = {ck_pass_totals(pass), {0}, 0};
    double *values = CK_NEW(arena, double, r->problem->X->n_features);
    int status = values ? CK_OK : CK_ERROR_MEMORY;
    next_empty(r, &m);
    for (int64_t listed = 1, wanted = n_empty; listed > 0 && m.empty < r->k && status == CK_OK; wanted *= GROWTH) {
        ck_arena list = {0};
        status = list_farthest(r, &list, wanted, &listed);
        if (status == CK_OK) status = reserve_leaving(&m.leaving, arena, listed);
        if (status == CK_OK) status = take_listed(r, listed, values, &m);
        ck_arena_free(&list);
    }
    if (status == CK_OK) ck_pass_leave(pass, r->problem, &m.leaving);
    return status;
}

int ck_relocate_empty(const ck_problem *problem, const double *centers, const int32_t *labels, int64_t k, ck_pass *pass)
{
    const int64_t n = problem->X->n_rows, d = problem->X->n_features;
    ck_arena local = {0};
    relocation r = {.problem = problem, .centers = centers, .labels = labels, .n_blocks = ck_ceil_div(n, CK_SUM_ROWS)};
    const int workers = ck_useful_threads(problem->n_threads, r.n_blocks, 4.0 * (double)n * (double)d);
    r.k = k;
    r.distances = CK_NEW(&local, double, n);
    r.scratch = CK_NEW(&local, double, workers *ck_apart(ck_label_distances_scratch(d)));
    r.counts = CK_NEW(&local, int64_t, workers *counts_size(k));
    r.places = CK_NEW(&local, int64_t, r.n_blocks);
    if (local.failed) return ck_arena_free(&local), CK_ERROR_MEMORY;
    memset(r.counts, 0, (size_t)(workers * counts_size(k)) * sizeof *r.counts);
    int status = ck_parallel_for(r.n_blocks, workers, measure_block, &r);
    for (int w = 1; w < workers; w++)
        for (int64_t i = 0; i < MAGNITUDES + k; i++) r.counts[i] += r.counts[w * counts_size(k) + i];
    r.remaining = r.counts + MAGNITUDES; /* of the first worker, whom the others have joined */
    int64_t n_empty = 0;
    for (int64_t j = 0; j < k; j++) n_empty += r.remaining[j] == 0;
    if (status == CK_OK) status = fill_clusters(&r, &local, n_empty, pass);
    ck_arena_free(&local);
    return status;
}
