/* fuzz_api.c - the C API on problems made from bytes: statuses, labels and distances by the oracle, the same results
 * for any threads, algorithm and instruction set.
 *     clang ... -fsanitize=fuzzer,address,undefined -DCK_LIBFUZZER: the bytes are libFuzzer's
 *     fuzz_api [seconds] [seed]: without, they are random
 * Every array has its own memory of just the size it needs, so that the address sanitizer sees what is beyond. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../src_c/ck.h"
#include "oracle.h"

static void fail(const char *what)
{
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}
static void expect(int holds, const char *what)
{
    if (!holds) fail(what);
}

/* --- Problems from bytes ----------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *at, *end;
    uint64_t state; /* of what follows the bytes */
} source_t;

static unsigned draw(source_t *source, unsigned limit)
{
    if (source->at < source->end) return *source->at++ % limit;
    source->state = source->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(source->state >> 33) % limit;
}

static void *allocate(int64_t count, size_t size)
{
    void *memory = malloc((size_t)count * size);
    if (!memory) exit(0);
    return memory;
}

/* kind: what most values are like. */
static double draw_value(source_t *source, unsigned kind)
{
    static const double strange[] = {0.0, -0.0, 1e30, -1e30, 0x1p-1074, -0x1p-1022, DBL_MAX, -DBL_MAX, 0x1p-540, 3e38f};
    enum { STRANGE = sizeof strange / sizeof *strange };
    const double value = (double)draw(source, 256) / 64.0 - 2.0;
    switch (kind) {
    case 0: return rint(value);
    case 1: return value;
    case 2: return value + 1e6;
    case 3: return ldexp(value, (int)draw(source, 256) * 8 - 1060);
    case 4: return ldexp(value, -1070);
    case 5: return draw(source, 16) ? value : strange[draw(source, STRANGE)];
    default: return strange[draw(source, STRANGE)];
    }
}

typedef struct {
    ck_matrix X;
    void *memory;
    double *values; /* the same as float64 in C order */
    double *weights, *centers;
    int64_t k, first_bad; /* n x d: every value is finite */
    int64_t n_weighted;
} problem_t;

static double store(void *at, ck_dtype dtype, double value)
{
    switch (dtype) {
    case CK_F32: return *(float *)at = fabs(value) > FLT_MAX && !isinf(value) ? 1.0f : (float)value;
    case CK_F64: return *(double *)at = value;
    case CK_I8: return *(int8_t *)at = (int8_t)fmax(-128, fmin(127, 32 * value));
    case CK_U8: return *(uint8_t *)at = (uint8_t)fmax(0, fmin(255, 32 * value));
    case CK_I16: return *(int16_t *)at = (int16_t)fmax(-32768, fmin(32767, 3200 * value));
    default: return *(uint16_t *)at = (uint16_t)fmax(0, fmin(65535, 3200 * value));
    }
}

static double load(const ck_matrix *X, int64_t i, int64_t p)
{
    const char *at = (const char *)X->data + i * X->row_stride + p * X->feature_stride;
    switch (X->dtype) {
    case CK_F32: return *(const float *)at;
    case CK_F64: return *(const double *)at;
    case CK_I8: return *(const int8_t *)at;
    case CK_U8: return *(const uint8_t *)at;
    case CK_I16: return *(const int16_t *)at;
    default: return *(const uint16_t *)at;
    }
}

static void draw_matrix(source_t *source, problem_t *problem)
{
    static const int64_t items[] = {4, 8, 1, 1, 2, 2};
    static const int64_t widths[] = {1, 2, 3, 4, 7, 8, 16, 17, 33, 40, 70, 130};
    ck_matrix *X = &problem->X;
    X->dtype = (ck_dtype)draw(source, 6);
    X->n_features = widths[draw(source, 12)];
    X->n_rows = 1 + draw(source, 256) % (X->n_features > 30 ? 80 : 200);
    if (draw(source, 16) == 0) X->n_rows *= 10;
    const int64_t item = items[X->dtype], n = X->n_rows, d = X->n_features;
    const int gap = draw(source, 3) == 0, by_columns = draw(source, 3) == 0;
    const int64_t columns = by_columns ? d : d + gap, rows = by_columns ? n + gap : n, elements = rows * columns;
    char *start = problem->memory = allocate(elements, (size_t)item);
    const unsigned kind = draw(source, 7);
    for (int64_t e = 0; e < elements; e++) store(start + e * item, X->dtype, draw_value(source, kind));
    X->row_stride = by_columns ? item : columns * item;
    X->feature_stride = by_columns ? rows * item : item;
    const unsigned turned = draw(source, 8); /* backwards, or one row or feature again and again */
    if (turned == 1 || turned == 3) start += (n - 1) * X->row_stride, X->row_stride = -X->row_stride;
    if (turned == 2 || turned == 3) start += (d - 1) * X->feature_stride, X->feature_stride = -X->feature_stride;
    if (turned == 4) X->row_stride = 0;
    if (turned == 5) X->feature_stride = 0;
    X->data = start;
    if (draw(source, 8) == 0) { /* of an integer matrix this makes nothing */
        static const double bad[] = {NAN, INFINITY, -INFINITY};
        char *at = start + draw(source, (unsigned)n) * X->row_stride + draw(source, (unsigned)d) * X->feature_stride;
        if (X->dtype == CK_F32 || X->dtype == CK_F64) store(at, X->dtype, bad[draw(source, 3)]);
    }
}

static void draw_problem(source_t *source, problem_t *problem)
{
    draw_matrix(source, problem);
    const int64_t n = problem->X.n_rows, d = problem->X.n_features;
    problem->values = allocate(n * d, sizeof(double));
    problem->first_bad = n * d;
    for (int64_t e = n * d - 1; e >= 0; e--) {
        problem->values[e] = load(&problem->X, e / d, e % d);
        if (!isfinite(problem->values[e])) problem->first_bad = e;
    }
    problem->k = 1 + draw(source, draw(source, 4) ? 9 : 70);
    problem->weights = NULL;
    problem->n_weighted = n;
    const unsigned weighting = draw(source, 4); /* none, one, small counts, a wide range */
    if (weighting > 0) {
        problem->weights = allocate(n, sizeof(double));
        problem->n_weighted = 0;
        for (int64_t i = 0; i < n; i++) {
            const double count = (double)draw(source, 4);
            problem->weights[i] = weighting == 1   ? 1.0
                                  : weighting == 2 ? count
                                                   : ldexp(count, (int)draw(source, 120) - 60);
            problem->n_weighted += problem->weights[i] > 0.0;
        }
        if (problem->n_weighted == 0) problem->weights[n - 1] = 1.0, problem->n_weighted = 1;
    }
    problem->centers = allocate(2 * problem->k * d, sizeof(double)); /* for two restarts */
    const unsigned kind = draw(source, 7);
    for (int64_t j = 0; j < 2 * problem->k; j++) {
        const double *row = problem->values + draw(source, (unsigned)n) * d;
        const unsigned copied = draw(source, 3);
        for (int64_t p = 0; p < d; p++) {
            const double value = copied ? row[p] : draw_value(source, kind);
            const int held = problem->X.dtype != CK_F32 || fabs(value) <= FLT_MAX; /* a fit rounds them to it */
            problem->centers[j * d + p] = isfinite(value) && held ? value : 0.0;
        }
    }
}

static void free_problem(problem_t *problem)
{
    free(problem->memory);
    free(problem->values);
    free(problem->weights);
    free(problem->centers);
}

/* --- Checks ------------------------------------------------------------------------------------------------ */

static int same_number(double a, double b) { return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0; }
static int same_numbers(const double *a, const double *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!same_number(a[i], b[i])) return 0;
    return 1;
}

/* Whether the call succeeded; it must if it can. */
static int succeeded(const problem_t *problem, int status, const ck_location *where, const char *what)
{
    const int64_t bad = problem->first_bad, d = problem->X.n_features;
    expect(ck_status_name(status) != NULL, what);
    if (bad == problem->X.n_rows * d) {
        expect(status == CK_OK, what);
        return 1;
    }
    expect(status == CK_ERROR_NOT_FINITE && where->row == bad / d && where->feature == bad % d, what);
    return 0;
}

static void check_assign(const problem_t *problem)
{
    const int64_t n = problem->X.n_rows, d = problem->X.n_features, k = problem->k;
    int32_t *labels = allocate(n, sizeof *labels), *again = allocate(n, sizeof *again);
    double *distances = allocate(n * k, sizeof(double)), *own = allocate(n, sizeof(double));
    float *narrow = allocate(n * k, sizeof(float));
    double inertia, inertia_again;
    ck_location where;
    int status = ck_assign(&problem->X, problem->centers, k, problem->weights, 1, labels, &inertia, &where);
    if (succeeded(problem, status, &where, "ck_assign")) {
        for (int64_t i = 0; i < n; i++)
            expect(labels[i] == oracle_nearest(problem->values + i * d, problem->centers, k, d), "label");
        expect(!isnan(inertia) && inertia >= 0.0, "inertia");
        status = ck_assign(&problem->X, problem->centers, k, problem->weights, 2, again, &inertia_again, &where);
        expect(status == CK_OK && memcmp(labels, again, (size_t)n * sizeof *labels) == 0, "labels by two threads");
        expect(same_number(inertia, inertia_again), "inertia by two threads");
    }
    status = ck_distances(&problem->X, problem->centers, k, 2, CK_F64, distances, &where);
    if (succeeded(problem, status, &where, "ck_distances")) {
        for (int64_t e = 0; e < n * k; e++) {
            const double *x = problem->values + e / k * d;
            expect(same_number(distances[e], oracle_distance(x, problem->centers + e % k * d, d)), "distance");
        }
        expect(ck_distances(&problem->X, problem->centers, k, 1, CK_F32, narrow, &where) == CK_OK, "float32");
        for (int64_t e = 0; e < n * k; e++) expect(narrow[e] == (float)distances[e], "distance in float32");
    }
    for (int64_t i = 0; i < n; i++) again[i] = (int32_t)(i * 7 % k);
    status = ck_distances_to_own(&problem->X, problem->centers, again, 2, own, &where);
    if (succeeded(problem, status, &where, "ck_distances_to_own"))
        for (int64_t i = 0; i < n; i++)
            expect(same_number(own[i], distances[i * k + again[i]]), "distance to the own center");
    free(labels), free(again), free(distances), free(own), free(narrow);
}

typedef struct {
    ck_fit_result found;
    int status;
} fit_t;

static int stop_at(void *user, const ck_progress *progress)
{
    expect(progress->algorithm != CK_AUTO && progress->iteration >= 1, "progress");
    return progress->iteration >= *(const int64_t *)user;
}

static void run_fit(const problem_t *problem, const ck_fit_params *params, fit_t *fit)
{
    const int64_t n = problem->X.n_rows, d = problem->X.n_features, k = problem->k;
    ck_location where;
    memset(fit, 0, sizeof *fit);
    fit->found.centers = allocate(k * d, sizeof(double));
    fit->found.labels = allocate(n, sizeof(int32_t));
    fit->found.sizes = allocate(k, sizeof(int64_t));
    fit->found.weights = allocate(k, sizeof(double));
    fit->status = ck_fit(&problem->X, problem->weights, params, &fit->found, &where);
    expect(ck_status_name(fit->status) != NULL, "status of ck_fit");
    if (fit->status != CK_OK) expect(fit->found.history == NULL, "a history after a failure");
    if (fit->status != CK_ERROR_STOPPED && (problem->first_bad < n * d || problem->n_weighted >= k))
        succeeded(problem, fit->status, &where, "ck_fit");
    else
        expect(fit->status == (problem->n_weighted < k ? CK_ERROR_TOO_FEW_ROWS : CK_ERROR_STOPPED), "ck_fit");
}

static void free_fit(fit_t *fit)
{
    free(fit->found.centers), free(fit->found.labels), free(fit->found.sizes), free(fit->found.weights);
    ck_free(fit->found.history);
}

static void check_fit(source_t *source, const problem_t *problem)
{
    static const double tolerances[] = {0.0, 1e-4, 0.1, 10.0};
    const int64_t n = problem->X.n_rows, d = problem->X.n_features, k = problem->k;
    const char *isas[8];
    int n_inits = 0;
    while (ck_init_name(n_inits)) n_inits++;
    int64_t stop = 1 + draw(source, 4);
    ck_fit_params params = {0};
    params.k = k;
    params.n_init = 1 + (int)draw(source, 2);
    params.max_iter = 1 + draw(source, 12);
    params.tol = tolerances[draw(source, 4)];
    params.init = (ck_init)draw(source, (unsigned)n_inits);
    params.n_trials = (int)draw(source, 4);
    params.given_centers = problem->centers;
    params.seed = draw(source, 256);
    params.n_threads = 1;
    params.algorithm = (ck_algorithm)draw(source, CK_FILTERING + 1);
    if (draw(source, 8) == 0) params.progress = stop_at, params.progress_user = &stop;
    fit_t a, b;
    run_fit(problem, &params, &a);
    params.algorithm = (ck_algorithm)draw(source, CK_FILTERING + 1);
    params.n_threads = 2;
    const int n_isas = ck_runnable_isas(isas, 8);
    expect(ck_choose_isa(isas[draw(source, (unsigned)n_isas)]) == CK_OK, "ck_choose_isa");
    run_fit(problem, &params, &b);
    expect(ck_choose_isa(NULL) == CK_OK, "ck_choose_isa");
    expect(a.status == b.status, "statuses of two fits");
    if (a.status == CK_OK) {
        const ck_fit_result *x = &a.found, *y = &b.found;
        int64_t rows = 0, *sizes = allocate(k, sizeof(int64_t));
        int32_t *labels = allocate(n, sizeof *labels);
        ck_location where;
        expect(same_numbers(x->centers, y->centers, k * d), "centers of two fits");
        expect(memcmp(x->labels, y->labels, (size_t)n * sizeof(int32_t)) == 0, "labels of two fits");
        expect(memcmp(x->sizes, y->sizes, (size_t)k * sizeof(int64_t)) == 0, "sizes of two fits");
        expect(same_numbers(x->weights, y->weights, k), "weights of two fits");
        expect(same_number(x->inertia, y->inertia) && !isnan(x->inertia), "inertia of two fits");
        expect(x->n_iter == y->n_iter && x->converged == y->converged && x->distinct == y->distinct, "two fits");
        for (int64_t e = 0; e < k * d; e++) expect(isfinite(x->centers[e]) != 0, "a center is not finite");
        expect(x->n_iter >= 1 && x->n_iter <= params.max_iter && x->history != NULL, "iterations");
        memset(sizes, 0, (size_t)k * sizeof *sizes);
        for (int64_t i = 0; i < n; i++) {
            expect(x->labels[i] >= 0 && x->labels[i] < k, "label out of range");
            sizes[x->labels[i]]++;
        }
        for (int64_t j = 0; j < k; j++) rows += x->sizes[j];
        expect(rows == n && memcmp(sizes, x->sizes, (size_t)k * sizeof *sizes) == 0, "sizes are those of the labels");
        expect(ck_assign(&problem->X, x->centers, k, NULL, 2, labels, NULL, &where) == CK_OK, "ck_assign");
        expect(memcmp(labels, x->labels, (size_t)n * sizeof *labels) == 0, "labels are those of the centers");
        free(sizes), free(labels);
    }
    free_fit(&a), free_fit(&b);
}

static void check_seed(source_t *source, const problem_t *problem)
{
    const int64_t n = problem->X.n_rows, d = problem->X.n_features, k = problem->k;
    double *centers[2];
    int64_t *indices[2];
    int n_inits = 0;
    while (ck_init_name(n_inits)) n_inits++;
    const ck_init method = (ck_init)(1 + draw(source, (unsigned)n_inits - 1));
    const int n_trials = (int)draw(source, 4), seed = (int)draw(source, 256);
    for (int run = 0; run < 2; run++) {
        ck_location where;
        centers[run] = allocate(k * d, sizeof(double));
        indices[run] = allocate(k, sizeof(int64_t));
        if (problem->n_weighted < k) continue; /* what ck_fit answers itself */
        const int status = ck_seed(&problem->X, problem->weights, k, method, n_trials, (uint64_t)seed, 1 + run,
                                   centers[run], indices[run], &where);
        if (!succeeded(problem, status, &where, "ck_seed") || run == 0) continue;
        expect(same_numbers(centers[0], centers[1], k * d), "centers drawn by two threads");
        expect(memcmp(indices[0], indices[1], (size_t)k * sizeof(int64_t)) == 0, "rows drawn by two threads");
        for (int64_t j = 0; j < k; j++) {
            const int64_t row = indices[0][j];
            expect(row >= 0 && row < n, "row drawn out of range");
            expect(!problem->weights || problem->weights[row] > 0.0, "a row without weight was drawn");
            for (int64_t p = 0; p < d; p++)
                expect(centers[0][j * d + p] == problem->values[row * d + p], "a center is not the row drawn");
        }
    }
    for (int run = 0; run < 2; run++) free(centers[run]), free(indices[run]);
}

static void check_scores(source_t *source, const problem_t *problem)
{
    const int64_t n = problem->X.n_rows, d = problem->X.n_features, k = problem->k;
    int32_t *labels = allocate(n, sizeof *labels);
    ck_scatter scatters[2];
    double *samples[2], means[2] = {0.0, 0.0};
    const ck_silhouette_metric metric = (ck_silhouette_metric)draw(source, 3);
    const double *centers = metric == CK_SIMPLIFIED && draw(source, 2) ? problem->centers : NULL;
    const int with_distances = (int)draw(source, 2);
    for (int64_t i = 0; i < n; i++) labels[i] = (int32_t)draw(source, (unsigned)k);
    for (int run = 0; run < 2; run++) {
        ck_location where;
        scatters[run] = (ck_scatter){allocate(k, sizeof(double)), allocate(k * d, sizeof(double)),
                                     allocate(k, sizeof(double)), NULL, 0};
        if (with_distances) scatters[run].distances = allocate(k, sizeof(double));
        samples[run] = allocate(n, sizeof(double));
        int status = ck_cluster_scatter(&problem->X, labels, k, problem->weights, 1 + run, scatters + run, &where);
        succeeded(problem, status, &where, "ck_cluster_scatter");
        status = ck_silhouette(&problem->X, labels, k, problem->weights, 1.0, metric, centers, 1 + run, samples[run],
                               means + run, &where);
        if (!succeeded(problem, status, &where, "ck_silhouette") || run == 0) continue;
        expect(same_numbers(scatters[0].weights, scatters[1].weights, k), "weights by two threads");
        expect(same_numbers(scatters[0].means, scatters[1].means, k * d), "means by two threads");
        expect(same_numbers(scatters[0].squares, scatters[1].squares, k), "squares by two threads");
        expect(!with_distances || same_numbers(scatters[0].distances, scatters[1].distances, k), "distances");
        expect(scatters[0].unit == scatters[1].unit, "units by two threads");
        expect(same_numbers(samples[0], samples[1], n) && same_number(means[0], means[1]), "silhouettes");
        for (int64_t j = 0; j < k; j++) expect(scatters[0].squares[j] >= 0.0, "a square");
        for (int64_t i = 0; i < n; i++) expect(!(fabs(samples[0][i]) > 1.0), "a silhouette");
    }
    for (int run = 0; run < 2; run++) {
        free(scatters[run].weights), free(scatters[run].means), free(scatters[run].squares);
        free(scatters[run].distances), free(samples[run]);
    }
    free(labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    source_t source = {data, data + size, size > 0 ? data[size - 1] : 0};
    problem_t problem;
    draw_problem(&source, &problem);
    switch (draw(&source, 4)) {
    case 0: check_assign(&problem); break;
    case 1: check_seed(&source, &problem); break;
    case 2: check_scores(&source, &problem); break;
    default: check_fit(&source, &problem); break;
    }
    free_problem(&problem);
    return 0;
}

#if !defined(CK_LIBFUZZER)
int main(int argc, char **argv)
{
    const double seconds = argc > 1 ? atof(argv[1]) : 1.0;
    source_t random = {NULL, NULL, argc > 2 ? strtoull(argv[2], NULL, 10) : 1};
    const clock_t start = clock();
    int runs = 0;
    while ((double)(clock() - start) < seconds * (double)CLOCKS_PER_SEC) {
        uint8_t bytes[64];
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)draw(&random, 256);
        LLVMFuzzerTestOneInput(bytes, sizeof bytes);
        runs++;
    }
    printf("%d problems of random bytes\n", runs);
    return 0;
}
#endif
