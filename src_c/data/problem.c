/* problem.c - one pass over the data: finiteness, scale, variance, and the grid of its sums. */
#include <string.h>

#include "problem.h"

enum {
    CHUNKS = 64, /* at most; fixed by n alone, so that sums do not depend on threads */
    MIN_CHUNK_ROWS = 512,
    BLOCK_ROWS = 64,
    SAMPLE_ROWS = 64,
    SAFE_EXPONENT = 400, /* values within 2^+-400 have squares and sums that float64 holds */
    MIN_UNIT = -600,     /* 2^unit and its inverse stay far within float64's range, even times a weight */
    MAX_UNIT = 900,
    FLAT_WIDTH = 16,      /* accumulators that narrow rows are spread over, side by side */
    SLICE_FEATURES = 512, /* of wide rows, so that few of them occupy all threads */
    BLOCK_ELEMENTS = 4096 /* that stay in the first-level cache */
};

typedef struct {
    const ck_problem *problem;
    int64_t chunk_rows, width, n_slices;
    double scale;         /* 2^-unit */
    double *origins;      /* width: the origin, repeated, scaled */
    double *accumulators; /* n_chunks x 3 x width: sums, squares, largest magnitudes */
    double *scratch;      /* a block of rows for each worker */
    double inverse_grid;  /* values to be tested for being whole multiples of 1 / inverse_grid; or 0 */
    int *off_grid;        /* by item, a slice of a chunk */
    int *not_finite;      /* likewise: a row of weight zero, which is in no sum */
} summary_task;

/* Clears rows of weight zero, whose values may be anything; returns whether one of them is not finite. */
static int clear_uncounted(const double *weights, double *rows, int64_t n_rows, int64_t d)
{
    int not_finite = 0;
    for (int64_t i = 0; i < n_rows; i++) {
        if (weights[i] > 0.0) continue;
        for (int64_t p = 0; p < d; p++) not_finite |= !isfinite(rows[i * d + p]);
        memset(rows + i * d, 0, (size_t)d * sizeof *rows);
    }
    return not_finite;
}

static int64_t slice_features(const summary_task *task)
{
    return ck_ceil_div(task->problem->X->n_features, task->n_slices);
}

static int summarize_slice(void *context, int64_t item, int worker)
{
    summary_task *task = context;
    const ck_problem *problem = task->problem;
    const int64_t chunk = item / task->n_slices, from = item % task->n_slices * slice_features(task);
    const int64_t d = ck_min_i64(slice_features(task), problem->X->n_features - from);
    const int64_t width = task->n_slices > 1 ? d : task->width;
    const ck_matrix X = ck_features_of(problem->X, from, d);
    const int64_t first = chunk * task->chunk_rows, last = ck_min_i64(first + task->chunk_rows, X.n_rows);
    double *sum = task->accumulators + chunk * ck_apart(3 * task->width) + from, *square = sum + task->width;
    double *largest = square + task->width;
    double *block = task->scratch + worker * ck_apart(BLOCK_ROWS * slice_features(task));
    const ck_settle_kernels *kernels = ck_settle_table();
    int off_grid = 0, not_finite = 0;
    memset(sum, 0, (size_t)width * sizeof *sum);
    memset(square, 0, (size_t)width * sizeof *square);
    memset(largest, 0, (size_t)width * sizeof *largest);
    /* Narrow rows share accumulators, which must not depend on how many rows are a block. */
    const int64_t block_rows = d < FLAT_WIDTH ? BLOCK_ROWS : ck_min_i64(BLOCK_ROWS, BLOCK_ELEMENTS / d);
    for (int64_t row = first; row < last; row += block_rows) {
        const int64_t n_rows = ck_min_i64(block_rows, last - row);
        ck_rows_table()->copy_rows(&X, row, n_rows, block);
        if (problem->weights) not_finite |= clear_uncounted(problem->weights + row, block, n_rows, d);
        kernels->summarize(block, n_rows * d, d, width, problem->weights ? problem->weights + row : NULL, task->scale,
                           task->origins + from, sum, square, largest);
        if (task->inverse_grid > 0.0 && !off_grid) off_grid = kernels->off_grid(block, n_rows * d, task->inverse_grid);
    }
    task->off_grid[item] = off_grid;
    task->not_finite[item] = not_finite;
    return CK_OK;
}

/* The inverse of the largest power of two that divides all values of a few rows; 0 when there is no use in it. */
static double sample_inverse_grid(const ck_problem *problem, double *row)
{
    const ck_matrix *X = problem->X;
    const int64_t n = ck_min_i64(SAMPLE_ROWS, X->n_rows), d = X->n_features;
    double inverse_grid = 1.0, most = 0.0;
    if (problem->weights) return 0.0;
    for (int64_t i = 0; i < n; i++) {
        double largest = 0.0;
        ck_rows_table()->copy_rows(X, i * (X->n_rows / n), 1, row);
        if (!ck_settle_table()->largest_magnitude(row, d, &largest) || !(largest < 0x1p52)) return 0.0;
        most = largest > most ? largest : most;
        for (; most * inverse_grid * (double)X->n_rows <= 0x1p52; inverse_grid *= 2.0)
            if (!ck_settle_table()->off_grid(row, d, inverse_grid)) break;
        if (most * inverse_grid * (double)X->n_rows > 0x1p52) return 0.0;
    }
    return inverse_grid;
}

/* The mean of a few rows of positive weight; zero where those sampled have none. */
static void sample_origin(ck_problem *problem, double *row)
{
    const ck_matrix *X = problem->X;
    const int64_t n = ck_min_i64(SAMPLE_ROWS, X->n_rows), step = X->n_rows / n;
    double count = 0.0;
    memset(problem->origin, 0, (size_t)X->n_features * sizeof(double));
    for (int64_t i = 0; i < n; i++) count += ck_weight(problem, i * step) > 0.0;
    int exponent;
    const int halves = count > 0.0 && frexp(count, &exponent) == 0.5; /* then the inverse is exact, and quicker */
    const double share = halves ? 1.0 / count : 1.0;
    for (int64_t i = 0; i < n; i++) {
        if (!(ck_weight(problem, i * step) > 0.0)) continue;
        ck_rows_table()->copy_rows(X, i * step, 1, row);
        for (int64_t p = 0; p < X->n_features && halves; p++) problem->origin[p] += row[p] * share;
        for (int64_t p = 0; p < X->n_features && !halves; p++) problem->origin[p] += row[p] / count;
    }
    for (int64_t p = 0; p < X->n_features; p++)
        if (!isfinite(problem->origin[p])) problem->origin[p] = 0.0;
}

int ck_problem_init(ck_problem *problem, ck_arena *arena, const ck_matrix *X, const double *weights, int n_threads)
{
    const int64_t n = X->n_rows, d = X->n_features;
    memset(problem, 0, sizeof *problem);
    problem->X = X;
    problem->weights = weights;
    problem->n_threads = n_threads;
    problem->origin = CK_NEW(arena, double, d);

    summary_task task = {0};
    task.problem = problem;
    task.width = ck_max_i64(FLAT_WIDTH / d, 1) * d;
    task.chunk_rows = ck_ceil_div(ck_max_i64(ck_ceil_div(n, CHUNKS), MIN_CHUNK_ROWS), BLOCK_ROWS) * BLOCK_ROWS;
    const int64_t n_chunks = ck_ceil_div(n, task.chunk_rows);
    task.n_slices = ck_ceil_div(d, SLICE_FEATURES);
    const int64_t n_items = n_chunks * task.n_slices;
    const int workers = ck_useful_threads(n_threads, n_items, 2.0 * (double)n * (double)d);
    task.origins = CK_NEW(arena, double, task.width);
    task.accumulators = CK_NEW(arena, double, n_chunks *ck_apart(3 * task.width));
    task.scratch = CK_NEW(arena, double, workers *ck_apart(BLOCK_ROWS * slice_features(&task)));
    task.off_grid = CK_NEW(arena, int, n_items);
    task.not_finite = CK_NEW(arena, int, n_items);
    double *mean = CK_NEW(arena, double, d), *squares = CK_NEW(arena, double, d);
    double *feature_largest = CK_NEW(arena, double, d);
    if (arena->failed) return CK_ERROR_MEMORY;

    sample_origin(problem, mean);
    task.inverse_grid = sample_inverse_grid(problem, mean);
    double largest, scatter;
    for (;;) {
        task.scale = ldexp(1.0, -problem->unit);
        for (int64_t l = 0; l < task.width; l++) task.origins[l] = problem->origin[l % d] * task.scale;
        const int status = ck_parallel_for(n_items, workers, summarize_slice, &task);
        if (status != CK_OK) return status;

        int not_finite = 0;
        largest = scatter = 0.0;
        memset(mean, 0, (size_t)d * sizeof *mean);
        memset(squares, 0, (size_t)d * sizeof *squares);
        memset(feature_largest, 0, (size_t)d * sizeof *feature_largest);
        for (int64_t item = 0; item < n_items; item++) not_finite |= task.not_finite[item];
        for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
            const double *sum = task.accumulators + chunk * ck_apart(3 * task.width);
            for (int64_t l = 0; l < task.width; l++) {
                mean[l % d] += sum[l];
                squares[l % d] += sum[task.width + l];
                feature_largest[l % d] = fmax(feature_largest[l % d], sum[2 * task.width + l]);
            }
        }
        for (int64_t p = 0; p < d; p++) scatter += squares[p];
        for (int64_t p = 0; p < d; p++) largest = fmax(largest, feature_largest[p]);
        ck_location where;
        if ((not_finite || !isfinite(scatter)) && ck_find_not_finite(X, &where)) return CK_ERROR_NOT_FINITE;
        int exponent = 0;
        frexp(largest, &exponent);
        if (problem->unit != 0 || largest == 0.0 || (exponent < SAFE_EXPONENT && exponent > -SAFE_EXPONENT)) break;
        problem->unit = exponent < MIN_UNIT ? MIN_UNIT : exponent > MAX_UNIT ? MAX_UNIT : exponent;
    }

    problem->scatter = scatter;
    problem->largest = largest;
    problem->total_weight = 0.0;
    if (weights)
        for (int64_t i = 0; i < n; i++) {
            if (i % CK_UNWATCHED_ROWS == 0 && ck_stopped()) return CK_ERROR_STOPPED;
            problem->total_weight += weights[i];
        }
    else
        problem->total_weight = (double)n;
    double variances = 0.0;
    for (int64_t p = 0; p < d; p++) {
        double deviation = mean[p] / problem->total_weight;
        variances += fmax(squares[p] / problem->total_weight - deviation * deviation, 0.0);
    }
    problem->mean_variance = variances / (double)d;

    /* All values are multiples of a number so large that their sums are exact as they are: pixels, counts. */
    int whole = task.inverse_grid > 0.0 && problem->unit == 0 && largest * task.inverse_grid * (double)n <= 0x1p52;
    for (int64_t item = 0; item < n_items; item++) whole &= !task.off_grid[item];
    return ck_problem_set_grids(problem, arena, feature_largest, whole);
}

void ck_round_centers(const ck_matrix *X, double *centers, int64_t count)
{
    if (X->dtype == CK_F32)
        for (int64_t i = 0; i < count; i++) centers[i] = (double)(float)centers[i];
}
