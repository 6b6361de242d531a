/* ordering.c - a counting sort by Morton code. The bits of a code go, one by one, to the feature whose cells are the
 * widest; the borders of a feature's cells are quantiles of a sample. */
#include <stdlib.h>
#include <string.h>

#include "../settle/rows.h"
#include "ordering.h"

enum {
    SAMPLE_ROWS = 2048,
    CUT_OFF = SAMPLE_ROWS / 256, /* of the sample at either end: outliers share the outermost cells */
    STEPS = 4096,                /* of a feature's range that are looked up */
    MAX_CODE_BITS = 16,
    MAX_FEATURE_BITS = 12,
    ROWS_PER_CODE = 8, /* at least, on average */
    BATCH_ROWS = 1024,
    PART_ROWS = 1 << 18, /* at most: between two questions to the watch */
    SCRATCH_ROWS = CK_BOX_ROWS,
    COPY_BOXES = 16, /* at a time */
    AHEAD = 24       /* rows that are fetched before they are copied */
};

typedef struct {
    const ck_matrix *X;
    ck_ordering *ordering;
    int code_bits;
    int64_t part_rows;
    double low[CK_MAX_ORDERED_FEATURES], inverse_step[CK_MAX_ORDERED_FEATURES];
    uint16_t *table; /* d x STEPS: bits of the code */
    uint16_t *codes; /* n */
    int32_t *counts; /* n_parts x codes, then where the next row goes */
    double *scratch; /* of each worker: SCRATCH_ROWS x d */
} sort_task;

/* OUT values: d x SAMPLE_ROWS, each feature sorted. Returns how many rows there are. */
static int64_t sorted_sample(const ck_matrix *X, double *values)
{
    const int64_t n = ck_min_i64(SAMPLE_ROWS, X->n_rows), d = X->n_features;
    double row[CK_MAX_ORDERED_FEATURES];
    for (int64_t i = 0; i < n; i++) {
        ck_load_row(X, (int64_t)((double)i * ((double)X->n_rows / (double)n)), row);
        for (int64_t p = 0; p < d; p++) values[p * SAMPLE_ROWS + i] = row[p];
    }
    for (int64_t p = 0; p < d; p++) qsort(values + p * SAMPLE_ROWS, (size_t)n, sizeof(double), ck_compare_doubles);
    return n;
}

static void choose_codes(sort_task *task, double *sample)
{
    const int64_t d = task->X->n_features, n = sorted_sample(task->X, sample);
    const int64_t cut = n == SAMPLE_ROWS ? CUT_OFF : 0;
    double width[CK_MAX_ORDERED_FEATURES];
    int bits[CK_MAX_ORDERED_FEATURES] = {0}, feature_of_bit[MAX_CODE_BITS];
    for (int64_t p = 0; p < d; p++) {
        const double *values = sample + p * SAMPLE_ROWS, low = values[cut];
        width[p] = values[n - 1 - cut] - low;
        task->low[p] = low;
        task->inverse_step[p] = width[p] > 0.0 ? STEPS / width[p] : 0.0;
        if (!isfinite(task->inverse_step[p])) width[p] = task->inverse_step[p] = 0.0;
    }
    for (int b = 0; b < task->code_bits; b++) {
        int widest = 0;
        for (int p = 1; p < (int)d; p++)
            if (bits[widest] == MAX_FEATURE_BITS || (width[p] > width[widest] && bits[p] < MAX_FEATURE_BITS))
                widest = p;
        feature_of_bit[b] = widest;
        width[widest] /= 2.0;
        bits[widest]++;
    }
    for (int64_t p = 0; p < d; p++)
        for (int64_t step = 0, below = 0; step < STEPS; step++) {
            const double border = task->low[p] + (double)step / task->inverse_step[p];
            while (below < n && sample[p * SAMPLE_ROWS + below] < border) below++;
            const int64_t cell = (below << bits[p]) / (n + 1);
            int code = 0;
            for (int b = 0, used = 0; b < task->code_bits; b++)
                if (feature_of_bit[b] == p) code |= (int)(cell >> (bits[p] - ++used) & 1) << (task->code_bits - 1 - b);
            task->table[p * STEPS + step] = (uint16_t)code;
        }
}

static int code_part(void *context, int64_t part, int worker)
{
    sort_task *task = context;
    const int64_t d = task->X->n_features, first = part * task->part_rows;
    const int64_t last = ck_min_i64(first + task->part_rows, task->X->n_rows);
    int32_t *counts = task->counts + (part << task->code_bits);
    double *panel = task->scratch + worker * ck_apart(SCRATCH_ROWS * d);
    memset(counts, 0, sizeof *counts << task->code_bits);
    for (int64_t row = first; row < last; row += CK_LANES) {
        const int64_t n_rows = ck_min_i64(CK_LANES, last - row);
        int codes[CK_LANES] = {0};
        ck_settle_table()->load_panel(task->X, row, n_rows, panel);
        for (int64_t p = 0; p < d; p++) {
            const double low = task->low[p], inverse_step = task->inverse_step[p], *x = panel + p * CK_LANES;
            const uint16_t *table = task->table + p * STEPS;
            int steps[CK_LANES];
            for (int lane = 0; lane < CK_LANES; lane++) {
                double step = (x[lane] - low) * inverse_step;
                step = step > 0.0 ? step : 0.0; /* what is not a number too */
                steps[lane] = (int)(step < STEPS - 1 ? step : STEPS - 1);
            }
            for (int lane = 0; lane < CK_LANES; lane++) codes[lane] |= table[steps[lane]];
        }
        for (int64_t i = 0; i < n_rows; i++) {
            assert(codes[i] < 1 << task->code_bits);
            task->codes[row + i] = (uint16_t)codes[i];
            counts[codes[i]]++;
        }
    }
    return CK_OK;
}

static int place_part(void *context, int64_t part, int worker)
{
    sort_task *task = context;
    const int64_t first = part * task->part_rows, last = ck_min_i64(first + task->part_rows, task->X->n_rows);
    int32_t *next = task->counts + (part << task->code_bits);
    (void)worker;
    for (int64_t row = first; row < last; row++) task->ordering->places[next[task->codes[row]]++] = (int32_t)row;
    return CK_OK;
}

/* Where the rows of each part and code begin. */
static void begin_codes(sort_task *task, int64_t n_parts)
{
    int32_t begin = 0;
    for (int64_t code = 0; code < (int64_t)1 << task->code_bits; code++)
        for (int64_t part = 0; part < n_parts; part++) {
            int32_t *count = task->counts + (part << task->code_bits) + code, rows = *count;
            *count = begin;
            begin += rows;
        }
}

/* size is a constant where this is called: of a row without gaps between its features. */
CK_INLINE void copy_whole(const ck_matrix *X, const int32_t *places, int64_t n, const int64_t size, char *to)
{
    for (int64_t i = 0; i < n; i++, to += size) {
        CK_PREFETCH(ck_row_start(X, places[i + AHEAD]));
        memcpy(to, ck_row_start(X, places[i]), (size_t)size);
    }
}

CK_INLINE void copy_elements(const ck_matrix *X, const int32_t *places, int64_t n, const int64_t item, char *to)
{
    const int64_t d = X->n_features;
    for (int64_t i = 0; i < n; i++) {
        const char *from = ck_row_start(X, places[i]);
        CK_PREFETCH(ck_row_start(X, places[i + AHEAD]));
        for (int64_t p = 0; p < d; p++, to += item) memcpy(to, from + p * X->feature_stride, (size_t)item);
    }
}

/* The places of AHEAD rows more are there. */
static void copy_places(const ck_matrix *X, const int32_t *places, int64_t n, char *to)
{
    const int64_t item = ck_itemsize(X->dtype);
    switch (ck_rows_contiguous(X) ? item * X->n_features : 0) {
    case 4: copy_whole(X, places, n, 4, to); return;
    case 8: copy_whole(X, places, n, 8, to); return;
    case 12: copy_whole(X, places, n, 12, to); return;
    case 16: copy_whole(X, places, n, 16, to); return;
    case 24: copy_whole(X, places, n, 24, to); return;
    default: break;
    }
    switch (item) {
    case 1: copy_elements(X, places, n, 1, to); break;
    case 2: copy_elements(X, places, n, 2, to); break;
    case 4: copy_elements(X, places, n, 4, to); break;
    default: copy_elements(X, places, n, 8, to);
    }
}

static void set_box(double low, double high, double *middle, double *half_width)
{
    *middle = low + (high - low) / 2.0;
    /* Differences are rounded: a little wider than they say. */
    *half_width = fmax(*middle - low, high - *middle) * (1.0 + 0x1p-50);
}

static int fill_boxes(void *context, int64_t item, int worker)
{
    sort_task *task = context;
    ck_ordering *ordering = task->ordering;
    const int64_t d = task->X->n_features, n = task->X->n_rows, first = item * COPY_BOXES * CK_BOX_ROWS;
    const int64_t n_rows = ck_min_i64(COPY_BOXES * CK_BOX_ROWS, n - first);
    const ck_settle_kernels *kernels = ck_settle_table();
    double *panels = task->scratch + worker * ck_apart(SCRATCH_ROWS * d);
    copy_places(task->X, ordering->places + first, n_rows,
                (char *)ordering->X.data + first * d * ck_itemsize(task->X->dtype));
    for (int64_t start = 0; start < n_rows; start += CK_BOX_ROWS) {
        const int64_t box = (first + start) / CK_BOX_ROWS, in_box = ck_min_i64(CK_BOX_ROWS, n_rows - start);
        double low[CK_MAX_ORDERED_FEATURES], high[CK_MAX_ORDERED_FEATURES];
        for (int64_t i = 0; i < in_box; i += CK_LANES)
            kernels->load_panel(&ordering->X, first + start + i, ck_min_i64(CK_LANES, in_box - i), panels + i * d);
        kernels->extent(panels, ck_ceil_div(in_box, CK_LANES), d, low, high);
        for (int64_t p = 0; p < d; p++)
            set_box(low[p], high[p], ordering->boxes.middles + box * d + p, ordering->boxes.half_widths + box * d + p);
    }
    return CK_OK;
}

ck_ordering *ck_ordering_new(ck_arena *arena, const ck_matrix *X, int n_threads)
{
    const int64_t n = X->n_rows, d = X->n_features, item = ck_itemsize(X->dtype);
    if (d > CK_MAX_ORDERED_FEATURES || n > INT32_MAX) return NULL;
    const int workers = ck_useful_threads(n_threads, ck_ceil_div(n, BATCH_ROWS), 32.0 * (double)n);
    const int64_t n_parts = ck_max_i64(workers, ck_ceil_div(n, PART_ROWS));
    ck_arena local = {0};
    sort_task task = {0};
    ck_ordering *ordering = CK_NEW(arena, ck_ordering, 1);
    if (!ordering) return NULL;
    task.X = X;
    task.ordering = ordering;
    task.part_rows = ck_ceil_div(n, n_parts);
    while (task.code_bits < MAX_CODE_BITS && n >> (task.code_bits + 1) >= ROWS_PER_CODE) task.code_bits++;
    task.table = CK_NEW(&local, uint16_t, d *STEPS);
    task.codes = CK_NEW(&local, uint16_t, n);
    task.counts = CK_NEW(&local, int32_t, n_parts << task.code_bits);
    task.scratch = CK_NEW(&local, double, workers *ck_apart(SCRATCH_ROWS * d));
    double *sample = CK_NEW(&local, double, d *SAMPLE_ROWS);
    void *data = ck_arena_alloc(arena, n * d, item);
    ordering->X = ck_dense_matrix(data, n, d, X->dtype);
    ordering->places = CK_NEW(arena, int32_t, n + AHEAD);
    ordering->boxes.n = ck_ceil_div(n, CK_BOX_ROWS);
    ordering->boxes.middles = CK_NEW(arena, double, ordering->boxes.n *d);
    ordering->boxes.half_widths = CK_NEW(arena, double, ordering->boxes.n *d);
    int status = arena->failed || local.failed ? CK_ERROR_MEMORY : CK_OK;
    if (status == CK_OK) {
        choose_codes(&task, sample);
        status = ck_parallel_for(n_parts, workers, code_part, &task);
    }
    if (status == CK_OK) {
        begin_codes(&task, n_parts);
        status = ck_parallel_for(n_parts, workers, place_part, &task);
        memset(ordering->places + n, 0, AHEAD * sizeof(int32_t));
    }
    if (status == CK_OK)
        status = ck_parallel_for(ck_ceil_div(ordering->boxes.n, COPY_BOXES), workers, fill_boxes, &task);
    ck_arena_free(&local);
    return status == CK_OK ? ordering : NULL;
}

void ck_ordering_gather(const ck_ordering *ordering, const double *values, double *out)
{
    for (int64_t i = 0; i < ordering->X.n_rows; i++) out[i] = values[ordering->places[i]];
}

typedef struct {
    const ck_ordering *ordering;
    const int32_t *labels;
    int32_t *out;
    int scatter;
} permute_task;

static int permute_part(void *context, int64_t part, int worker)
{
    permute_task *task = context;
    const int32_t *places = task->ordering->places;
    const int64_t first = part * BATCH_ROWS, last = ck_min_i64(first + BATCH_ROWS, task->ordering->X.n_rows);
    (void)worker;
    for (int64_t i = first; i < last && task->scatter; i++) task->out[places[i]] = task->labels[i];
    for (int64_t i = first; i < last && !task->scatter; i++) task->out[i] = task->labels[places[i]];
    return CK_OK;
}

static int permute(permute_task *task, int n_threads)
{
    const int64_t n = task->ordering->X.n_rows, n_parts = ck_ceil_div(n, BATCH_ROWS);
    return ck_parallel_for(n_parts, ck_useful_threads(n_threads, n_parts, 8.0 * (double)n), permute_part, task);
}

int ck_ordering_gather_labels(const ck_ordering *ordering, const int32_t *labels, int n_threads, int32_t *out)
{
    permute_task task = {ordering, labels, out, 0};
    return permute(&task, n_threads);
}

int ck_ordering_scatter_labels(const ck_ordering *ordering, const int32_t *labels, int n_threads, int32_t *out)
{
    permute_task task = {ordering, labels, out, 1};
    return permute(&task, n_threads);
}

void ck_boxes_around(const ck_boxes *boxes, int64_t d, int64_t first, int64_t last, double *middle, double *half_width)
{
    for (int64_t p = 0; p < d; p++) {
        double low = INFINITY, high = -INFINITY;
        for (int64_t box = first; box < last; box++) {
            const double m = boxes->middles[box * d + p], h = boxes->half_widths[box * d + p] * (1.0 + 0x1p-50);
            low = fmin(low, m - h);
            high = fmax(high, m + h);
        }
        set_box(low, high, middle + p, half_width + p);
    }
}
