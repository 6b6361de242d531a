/* core_test.c - the C core without Python: for sanitizers, fuzzing and processors that only an emulator has.
 *
 *     core_test [rounds] [seed]
 *
 * Every round draws a problem (shape, dtype, layout, hostile values), compares labels and distances with those
 * of oracle.h for every instruction set that runs here, and fits. The last lines give a digest of all fits: it must be
 * the same on every processor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src_c/base/matrix.h"
#include "../../src_c/ck_test.h"
#include "oracle.h"

enum { MAX_VALUES = 20000, MAX_ROWS = 700, MAX_FEATURES = 600, MAX_CLUSTERS = 60 };

static ck_random source;
static uint64_t digest = 1469598103934665603u; /* FNV-1a */

static void digest_bytes(const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++) digest = (digest ^ ((const unsigned char *)data)[i]) * 1099511628211u;
}

static int64_t below(int64_t limit) { return (int64_t)(ck_random_uniform(&source) * (double)limit); }

static double draw_value(int kind)
{
    double value = 2.0 * ck_random_uniform(&source) - 1.0;
    switch (kind) {
    case 0: return value;
    case 1: return (double)below(5) - 2.0;                /* ties */
    case 2: return value + 1e6;                           /* an offset */
    case 3: return ldexp(value, (int)below(2098) - 1073); /* every magnitude: differences may overflow */
    case 4: return below(50) == 0 ? value * 1e30 : value; /* outliers */
    case 5: return 0.25;                                  /* constant */
    case 6: return ldexp(value, -1060);                   /* subnormal */
    default: return ldexp(value, -440 - (int)below(110)); /* squares about the least that float64 holds */
    }
}

typedef struct {
    double values[MAX_VALUES];
    char storage[8 * MAX_VALUES * 2 + 64];
    double centers[MAX_CLUSTERS * MAX_FEATURES], weights[MAX_ROWS];
    ck_matrix X;
    int64_t k;
    int32_t nearest[MAX_ROWS];                 /* by the oracle */
    double distances[MAX_ROWS * MAX_CLUSTERS]; /* likewise */
} test_problem;

static double store(test_problem *t, int64_t i, int64_t p, double value)
{
    char *at = (char *)t->X.data + i * t->X.row_stride + p * t->X.feature_stride;
    switch (t->X.dtype) {
    case CK_F32: return fabs(value) > 3e38 ? (*(float *)at = 1.0f) : (*(float *)at = (float)value);
    case CK_F64: return *(double *)at = value;
    case CK_I8: return *(int8_t *)at = (int8_t)fmax(-128, fmin(127, rint(100 * value)));
    case CK_U8: return *(uint8_t *)at = (uint8_t)fmax(0, fmin(255, rint(100 * value)));
    case CK_I16: return *(int16_t *)at = (int16_t)fmax(-32768, fmin(32767, rint(1e4 * value)));
    default: return *(uint16_t *)at = (uint16_t)fmax(0, fmin(65535, rint(1e4 * value)));
    }
}

static void draw_problem(test_problem *t)
{
    static const int64_t widths[] = {1, 2, 3, 4, 5, 8, 13, 16, 17, 33, 64, 300, 600};
    const int64_t d = widths[below(13)], n = 1 + below(ck_min_i64(MAX_ROWS, MAX_VALUES / d) - 1);
    const int kind = (int)below(8), layout = (int)below(3);
    t->X.n_rows = n;
    t->X.n_features = d;
    t->X.dtype = (kind == 3 || kind >= 6) && below(4) ? CK_F64 : (ck_dtype)below(6); /* only it holds those values */
    t->X.data = t->storage + (64 - (uintptr_t)t->storage % 64) % 64;
    const int64_t item = ck_itemsize(t->X.dtype);
    t->X.row_stride = layout == 1 ? item : d * item;
    t->X.feature_stride = layout == 1 ? n * item : item;
    if (layout == 2) t->X.row_stride *= 2;
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < d; p++) t->values[i * d + p] = store(t, i, p, draw_value(kind));
    for (int64_t i = 0; i < n; i++) t->weights[i] = (double)(1 + below(3));
    t->k = 1 + below(ck_min_i64(n, MAX_CLUSTERS));
    for (int64_t j = 0; j < t->k; j++)
        for (int64_t p = 0; p < d; p++) {
            double value = t->values[below(n) * d + p];
            t->centers[j * d + p] = below(3) ? value : value + 1e-3 * draw_value(0) * fabs(value);
        }
}

static void ask_oracle(test_problem *t)
{
    const int64_t d = t->X.n_features;
    for (int64_t i = 0; i < t->X.n_rows; i++) {
        t->nearest[i] = oracle_nearest(t->values + i * d, t->centers, t->k, d);
        for (int64_t j = 0; j < t->k; j++)
            t->distances[i * t->k + j] = oracle_distance(t->values + i * d, t->centers + j * d, d);
    }
}

static void fail(const char *what, int round, const char *isa)
{
    printf("FAILED: %s, round %d, %s\n", what, round, isa);
    exit(1);
}

static void check_labels(const test_problem *t, int round, const char *isa)
{
    int32_t labels[MAX_ROWS];
    ck_location where;
    if (ck_assign(&t->X, t->centers, t->k, NULL, 2, labels, NULL, &where) != CK_OK) fail("ck_assign", round, isa);
    for (int64_t i = 0; i < t->X.n_rows; i++)
        if (labels[i] != t->nearest[i]) fail("label", round, isa);
}

/* A digest of one fit: centers, labels, inertia and iterations. */
static uint64_t fit_digest(const test_problem *t, int round, const char *isa, int n_threads)
{
    static double centers[MAX_CLUSTERS * MAX_FEATURES], weights[MAX_CLUSTERS];
    static int64_t sizes[MAX_CLUSTERS];
    int32_t labels[MAX_ROWS];
    ck_fit_params params = {0};
    ck_fit_result result = {centers, labels, sizes, weights, 0, 0, 0, 0, NULL};
    ck_location where;
    params.k = t->k;
    params.n_init = 2;
    params.max_iter = 5;
    params.init = (ck_init)(CK_INIT_KMEANS_PLUSPLUS + round % 4);
    params.seed = (uint64_t)round;
    params.n_threads = n_threads;
    if (ck_fit(&t->X, round % 3 ? NULL : t->weights, &params, &result, &where) != CK_OK) fail("ck_fit", round, isa);
    uint64_t before = digest;
    digest = 1469598103934665603u;
    digest_bytes(centers, (size_t)(t->k * t->X.n_features) * sizeof(double));
    digest_bytes(labels, (size_t)t->X.n_rows * sizeof(int32_t));
    digest_bytes(&result.inertia, sizeof result.inertia);
    digest_bytes(&result.n_iter, sizeof result.n_iter);
    ck_free(result.history);
    for (int64_t i = 0; i < t->k * t->X.n_features; i++)
        if (!isfinite(centers[i])) fail("a center is not finite", round, isa);
    uint64_t this_fit = digest;
    digest = before;
    return this_fit;
}

static void check_distances(const test_problem *t, int round, const char *isa)
{
    static double distances[MAX_ROWS * MAX_CLUSTERS];
    ck_location where;
    if (ck_distances(&t->X, t->centers, t->k, 2, CK_F64, distances, &where) != CK_OK) fail("ck_distances", round, isa);
    for (int64_t i = 0; i < t->X.n_rows * t->k; i++)
        if (distances[i] != t->distances[i]) fail("distance", round, isa);
}

/* Scores of labels that have little to do with the rows, and of those that the centers give. */
static uint64_t score_digest(const test_problem *t, int round, const char *isa, int n_threads)
{
    enum { MOST_SCORED = 150 }; /* all pairs of them, under an emulator */
    static int32_t labels[MAX_ROWS];
    static double samples[MAX_ROWS], totals[MAX_CLUSTERS], squares[MAX_CLUSTERS], distances[MAX_CLUSTERS];
    static double means[MAX_CLUSTERS * MAX_FEATURES];
    const int64_t n = ck_min_i64(t->X.n_rows, MOST_SCORED);
    ck_matrix X = t->X;
    const uint64_t before = digest;
    ck_location where;
    X.n_rows = n;
    digest = 1469598103934665603u;
    for (int nearest_center = 0; nearest_center < 2; nearest_center++) {
        const double *weights = nearest_center ? t->weights : NULL;
        ck_scatter scatter = {totals, means, squares, distances, 0};
        for (int64_t i = 0; i < n; i++) labels[i] = nearest_center ? t->nearest[i] : (int32_t)(i * 7 % t->k);
        if (ck_cluster_scatter(&X, labels, t->k, weights, n_threads, &scatter, &where) != CK_OK)
            fail("ck_cluster_scatter", round, isa);
        digest_bytes(totals, (size_t)t->k * sizeof *totals);
        digest_bytes(means, (size_t)(t->k * t->X.n_features) * sizeof *means);
        digest_bytes(squares, (size_t)t->k * sizeof *squares);
        digest_bytes(distances, (size_t)t->k * sizeof *distances);
        for (int metric = CK_EUCLIDEAN; metric <= CK_SIMPLIFIED; metric++) {
            double mean;
            if (ck_silhouette(&X, labels, t->k, weights, 1.0, (ck_silhouette_metric)metric, NULL, n_threads, samples,
                              &mean, &where) != CK_OK)
                fail("ck_silhouette", round, isa);
            for (int64_t i = 0; i < n; i++) {
                const int single = isnan(samples[i]) != 0; /* whose sign and payload are the processor's */
                if (!single && fabs(samples[i]) > 1.0) fail("silhouette", round, isa);
                digest_bytes(single ? (const void *)&single : samples + i, single ? sizeof single : sizeof *samples);
            }
        }
    }
    const uint64_t found = digest;
    digest = before;
    return found;
}

/* Rows along three directions, enough of them to be embedded, or of three features: all algorithms, with and without
 * hostile rows, must come to the same fit on every instruction set. */
static void check_algorithms(const char *const *isas, int n_isas)
{
    enum { ROWS = 4100, FEATURES = 27, CLUSTERS = 17 };
    static float values[ROWS * FEATURES];
    static double centers[CLUSTERS * FEATURES], weights[CLUSTERS];
    static int64_t sizes[CLUSTERS];
    static int32_t labels[ROWS];
    enum { ALGORITHMS = CK_FILTERING }; /* all but CK_AUTO, CK_LLOYD first */
    for (int kind = 0; kind < 4; kind++) {
        const int hostile = kind & 1;
        const int64_t features = kind & 2 ? 3 : FEATURES;
        uint64_t expected = 0, before = digest;
        for (int64_t i = 0; i < ROWS; i++) {
            const double a = draw_value(0), b = draw_value(hostile), c = draw_value(hostile);
            for (int64_t p = 0; p < features; p++)
                values[i * features + p] = (float)(a * (double)p + b * (double)(p % 5) + c * (double)(p % 3));
        }
        if (hostile) values[5] = 3e38f, values[ROWS + 7] = 1e-38f;
        const ck_matrix X = {values, ROWS, features, features * 4, 4, CK_F32};
        for (int run = 0; run < ALGORITHMS * n_isas; run++) {
            ck_fit_result result = {centers, labels, sizes, weights, 0, 0, 0, 0, NULL};
            ck_fit_params params = {0};
            ck_location where;
            params.k = CLUSTERS;
            params.n_init = 1;
            params.max_iter = 6;
            params.init = CK_INIT_KMEANS_PLUSPLUS;
            params.n_threads = 1 + run % 4;
            params.algorithm = (ck_algorithm)(CK_LLOYD + run % ALGORITHMS);
            if (ck_choose_isa(isas[run / ALGORITHMS]) != 0) fail("ck_choose_isa", run, isas[run / ALGORITHMS]);
            if (ck_fit(&X, NULL, &params, &result, &where) != CK_OK) fail("ck_fit", run, isas[run / ALGORITHMS]);
            digest = 1469598103934665603u;
            digest_bytes(centers, sizeof centers);
            digest_bytes(labels, sizeof labels);
            digest_bytes(&result.inertia, sizeof result.inertia);
            ck_free(result.history);
            if (run > 0 && digest != expected) fail("algorithms differ", run, isas[run / ALGORITHMS]);
            expected = digest;
        }
        digest = before;
        digest_bytes(&expected, sizeof expected);
    }
}

/* A value that attacks rounding to bfloat16. base: of its feature. */
static double draw_coarse_value(int kind, double base, double row_scale)
{
    const double value = draw_value(0);
    switch (kind) {
    case 0: return value;
    case 1: return ldexp(257.0 + 2.0 * (double)below(128), -8) * (below(2) ? 1.0 : -1.0); /* between two bfloat16 */
    case 2: return base + 1e-4 * value;                                                   /* all but one point */
    case 3: return value * row_scale;                                                     /* rows of every magnitude */
    case 4: return (double)below(3);                                                      /* ties */
    case 5: return base * row_scale + 0.01 * value;                                       /* one direction */
    case 6: return 1e6 + value;                                                           /* an offset */
    default: return below(5000) == 0 ? value * 1e36 : ldexp(value, -(int)below(130));     /* outliers, underflow */
    }
}

static int has_coarse_screen(void)
{
    ck_kernel_info kernels[32];
    const int n = ck_list_kernels(kernels, 32);
    int found = 0;
    for (int i = 0; i < n; i++) found |= kernels[i].in_use && strcmp(kernels[i].job, "coarse") == 0;
    return found;
}

/* Enough rows, features and centers for a coarse screen: labels must be the nearest, and all strategies come to
 * the same fit on every instruction set. */
static void check_coarse(const char *const *isas, int n_isas)
{
    enum { ROWS = 2060, FEATURES = 70, CLUSTERS = 150, KINDS = 8 };
    static float values[ROWS * FEATURES];
    static double wide[ROWS * FEATURES], given[CLUSTERS * FEATURES], centers[CLUSTERS * FEATURES], weights[CLUSTERS];
    static int64_t sizes[CLUSTERS];
    static int32_t labels[ROWS], expected[ROWS];
    static const ck_algorithm algorithms[] = {CK_LLOYD, CK_HAMERLY, CK_YINYANG, CK_AUTO};
    for (int round = 0; round < KINDS; round++) {
        const int kind = round, is_wide = kind > 0 && below(2); /* float64 rows cost more beside their pairs */
        const int64_t d = 32 + below(FEATURES - 31), k = 130 + below(CLUSTERS - 129);
        double base[FEATURES];
        for (int64_t p = 0; p < d; p++) base[p] = draw_value(0);
        for (int64_t i = 0; i < ROWS; i++) {
            const double row_scale = kind == 3 ? ldexp(1.0, (int)below(80) - 40) : draw_value(0);
            for (int64_t p = 0; p < d; p++) {
                wide[i * d + p] = draw_coarse_value(kind, base[p], row_scale);
                values[i * d + p] = (float)wide[i * d + p];
                if (!is_wide) wide[i * d + p] = (double)values[i * d + p];
            }
        }
        for (int64_t j = 0; j < k; j++) {
            const int64_t row = below(ROWS), nudged = below(3);
            for (int64_t p = 0; p < d; p++)
                given[j * d + p] = (double)(float)(wide[row * d + p] * (nudged ? 1.0 : 1.0 + 1e-6 * draw_value(0)));
        }
        const int64_t item = is_wide ? 8 : 4;
        const ck_matrix X = {
            is_wide ? (void *)wide : (void *)values, ROWS, d, d * item, item, is_wide ? CK_F64 : CK_F32};
        for (int64_t i = 0; i < ROWS; i++) expected[i] = oracle_nearest(wide + i * d, given, k, d);
        uint64_t first_fit = 0, before = digest;
        for (int a = 0; a < n_isas; a++) {
            if (ck_choose_isa(isas[a]) != 0) fail("ck_choose_isa", round, isas[a]);
            for (int known = 0; known < 2; known++) {
                ck_open_counts counts;
                for (int64_t i = 0; i < ROWS; i++) labels[i] = known ? (int32_t)(i * 7 % k) : -1;
                if (ck_open_probe(&X, given, k, labels, &counts) != CK_OK) fail("ck_open_probe", round, isas[a]);
                if (memcmp(labels, expected, sizeof labels) != 0) fail("coarse label", round, isas[a]);
                if (kind == 0 && !known && has_coarse_screen() != (counts.screened_rows > 0))
                    fail("screened", round, isas[a]);
            }
            for (int run = 0; run < 4; run++) {
                ck_fit_result result = {centers, labels, sizes, weights, 0, 0, 0, 0, NULL};
                ck_fit_params params = {0};
                ck_location where;
                params.k = k;
                params.n_init = 1;
                params.max_iter = 3;
                params.given_centers = given;
                params.n_threads = 1 + run % 3;
                params.algorithm = algorithms[run];
                if (ck_fit(&X, NULL, &params, &result, &where) != CK_OK) fail("ck_fit", round, isas[a]);
                digest = 1469598103934665603u;
                digest_bytes(centers, (size_t)(k * d) * sizeof *centers);
                digest_bytes(labels, sizeof labels);
                digest_bytes(&result.inertia, sizeof result.inertia);
                ck_free(result.history);
                if (a + run > 0 && digest != first_fit) fail("coarse fits differ", round, isas[a]);
                first_fit = digest;
            }
        }
        digest = before;
        digest_bytes(&first_fit, sizeof first_fit);
    }
}

/* A compiler told to fuse products with sums whatever the source says would give other digests: better named. */
static double add_product(double a, double b, double c) { return a * b + c; }
#if CK_X86_64 && CK_GNU_C
#include "../../src_c/base/target_avx2.h"
static double add_product_avx2(double a, double b, double c) { return a * b + c; }
#include "../../src_c/base/target_end.h"
#else
#define add_product_avx2 add_product
#endif

static void check_contraction(void)
{
    const volatile double factor = 1.0 + 0x1p-30, minus_one = -1.0; /* the square's last bit, 2^-60, is rounded off */
    double result = add_product(factor, factor, minus_one);
    if (result == 0x1p-29 && (ck_features_found() & CK_FEATURE_FMA))
        result = add_product_avx2(factor, factor, minus_one);
    if (result == 0x1p-29) return;
    printf("FAILED: products are fused with sums: compile with -ffp-contract=off\n");
    exit(1);
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 200;
    source = ck_random_stream(argc > 2 ? strtoull(argv[2], NULL, 10) : 1, 0);
    static test_problem t;
    check_contraction();
    const char *isas[8], *lenders[2];
    const int n_isas = ck_runnable_isas(isas, 8), n_lenders = ck_list_lenders(lenders, 2);
    for (int round = 0; round < rounds; round++) {
        uint64_t expected = 0, expected_scores = 0;
        if (ck_choose_lender(lenders[round % n_lenders]) != CK_OK) fail("ck_choose_lender", round, "");
        draw_problem(&t);
        ask_oracle(&t);
        for (int i = 0; i < n_isas; i++) {
            if (ck_choose_isa(isas[i]) != 0) fail("ck_choose_isa", round, isas[i]);
            check_labels(&t, round, isas[i]);
            check_distances(&t, round, isas[i]);
            uint64_t this_fit = fit_digest(&t, round, isas[i], 1 + round % 4);
            if (i > 0 && this_fit != expected) fail("fits differ between instruction sets", round, isas[i]);
            expected = this_fit;
            uint64_t scores = score_digest(&t, round, isas[i], 1 + round % 9);
            if (i > 0 && scores != expected_scores) fail("scores differ between instruction sets", round, isas[i]);
            expected_scores = scores;
        }
        digest_bytes(&expected, sizeof expected);
        digest_bytes(&expected_scores, sizeof expected_scores);
    }
    check_algorithms(isas, n_isas);
    check_coarse(isas, n_isas);
    for (int i = 0; i < n_isas; i++) printf("%s ", isas[i]);
    printf("agree in %d rounds\ndigest %016llx\n", rounds, (unsigned long long)digest);
    return 0;
}
