/* embedding.c - principal directions of a sample by subspace iteration, and the rows embedded along them. */
#include <string.h>

#include "../base/costs.h"
#include "embedding.h"

enum {
    SAMPLE_ROWS = 1024,
    ITERATIONS = 3, /* directions need not be accurate: any orthonormal basis is valid */
    MAX_DIRECTIONS = 31,
    MEMORY = 64 << 20, /* bytes that directions beyond those of ROW_MEMORY a row may bring it to */
    ROW_MEMORY = 64,
    TRIAL_STEP = 4, /* of the sample, for a first look */
    LANES = 8
};
static const double UNIT_ROUNDOFF_64 = 0x1p-53;

/* --- The basis --------------------------------------------------------------------------------------------- */
/* Loops that end where the watch asks to stop leave numbers that mean nothing: the next loop on threads says so. */

/* Modified Gram and Schmidt, twice, on m columns of length d (d x m); a column that vanishes becomes zero. */
static void orthonormalize(double *y, int64_t d, int64_t m)
{
    for (int64_t q = 0; q < m && !ck_stopped(); q++) {
        for (int round = 0; round < 2; round++)
            for (int64_t other = 0; other < q; other++) {
                double dot = 0.0;
                for (int64_t p = 0; p < d; p++) dot += y[p * m + q] * y[p * m + other];
                for (int64_t p = 0; p < d; p++) y[p * m + q] -= dot * y[p * m + other];
            }
        double norm = 0.0;
        for (int64_t p = 0; p < d; p++) norm += y[p * m + q] * y[p * m + q];
        const double inverse = norm > 1e-280 ? 1.0 / sqrt(norm) : 0.0;
        for (int64_t p = 0; p < d; p++) y[p * m + q] *= inverse;
    }
}

/* How far the basis is from orthonormal: the Frobenius norm of its Gram matrix less the identity. Columns that
 * vanished are as good as absent. */
static double gram_error(const double *y, int64_t d, int64_t m)
{
    double sum = 0.0;
    for (int64_t a = 0; a < m; a++)
        for (int64_t b = 0; b < m; b++) {
            double dot = 0.0;
            for (int64_t p = 0; p < d; p++) dot += y[p * m + a] * y[p * m + b];
            if (a == b && dot != 0.0) dot -= 1.0;
            sum += dot * dot;
        }
    return sqrt(sum);
}

/* OUT t: A y for the n rows of A, `stride` apart; n x m. */
static void multiply(const double *a, int64_t stride, int64_t n, int64_t d, int64_t m, const double *y, double *t)
{
    for (int64_t i = 0; i < n && !ck_stopped(); i++) {
        double *row = t + i * m;
        memset(row, 0, (size_t)m * sizeof *row);
        for (int64_t p = 0; p < d; p++)
            for (int64_t q = 0; q < m; q++) row[q] += a[i * stride + p] * y[p * m + q];
    }
}

/* One step of subspace iteration: y = A' (A y). t: n x m of scratch. */
static void multiply_covariance(const double *a, int64_t stride, int64_t n, int64_t d, int64_t m, double *y, double *t)
{
    multiply(a, stride, n, d, m, y, t);
    memset(y, 0, (size_t)(d * m) * sizeof *y);
    for (int64_t i = 0; i < n && !ck_stopped(); i++)
        for (int64_t p = 0; p < d; p++)
            for (int64_t q = 0; q < m; q++) y[p * m + q] += a[i * stride + p] * t[i * m + q];
}

/* Whether it is worth looking further: one step with the fewest directions, over few rows, finds about the share of
 * the scatter that as many of the most directions would hold were they all alike. y, t: scratch. */
static int promising(const double *sample, int64_t n, int64_t d, double *y, double *t)
{
    const int64_t m = LANES - 1, stride = TRIAL_STEP * d;
    double scatter = 0.0, captured = 0.0;
    n /= TRIAL_STEP;
    multiply_covariance(sample, stride, n, d, m, y, t);
    orthonormalize(y, d, m);
    multiply(sample, stride, n, d, m, y, t);
    for (int64_t i = 0; i < n * m; i++) captured += t[i] * t[i];
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < d; p++) scatter += sample[i * stride + p] * sample[i * stride + p];
    return captured >= 0.8 * (1.0 - CK_LAST_RESORT_SCATTER) * scatter * (double)m / MAX_DIRECTIONS;
}

/* Rows spread over X, less the origin, scaled; returns the largest magnitude before scaling. */
static double load_sample(ck_embedding *e, const ck_matrix *X, int64_t n, double *sample)
{
    const int64_t d = e->d;
    double largest = 0.0;
    for (int64_t i = 0; i < n; i++) {
        ck_load_row(X, i * (X->n_rows / n), sample + i * d);
        for (int64_t p = 0; p < d; p++) {
            sample[i * d + p] -= e->origin[p];
            largest = fmax(largest, fabs(sample[i * d + p]));
        }
    }
    int exponent = 0;
    frexp(largest, &exponent);
    if (!(largest > 0.0) || exponent > 400 || exponent < -400) return 0.0;
    e->scale = ldexp(1.0, -exponent);
    for (int64_t i = 0; i < n * d; i++) sample[i] *= e->scale;
    return largest;
}

/* Chooses m and the basis by what a sample shows; 0 where no few directions will do. */
static int choose_basis(ck_embedding *e, ck_arena *arena, const ck_matrix *X)
{
    const int64_t d = e->d, n = ck_min_i64(SAMPLE_ROWS, X->n_rows);
    const int64_t bytes = ck_max_i64(MEMORY / X->n_rows, ROW_MEMORY); /* of a row: its directions, the rest, |z|^2 */
    const int64_t affordable = bytes / (int64_t)sizeof(float) - 2;
    const int64_t most = ck_min_i64(ck_min_i64(MAX_DIRECTIONS, affordable), d / CK_FEATURES_A_DIRECTION);
    ck_arena local = {0};
    double *sample = CK_NEW(&local, double, n *d), *y = CK_NEW(&local, double, d *most);
    double *t = CK_NEW(&local, double, n *most), captured[MAX_DIRECTIONS] = {0.0};
    e->basis = CK_NEW(arena, double, d *(MAX_DIRECTIONS + 1));
    e->m = 0;
    if (!local.failed && !arena->failed && load_sample(e, X, n, sample) > 0.0) {
        ck_random random = ck_random_stream(0, 0);
        double scatter = 0.0;
        for (int64_t i = 0; i < d * most; i++) y[i] = ck_random_uniform(&random) - 0.5;
        if (!promising(sample, n, d, y, t)) {
            ck_arena_free(&local);
            return 0;
        }
        for (int64_t i = 0; i < n * d; i++) scatter += sample[i] * sample[i];
        for (int64_t i = 0; i < d * most; i++) y[i] = ck_random_uniform(&random) - 0.5;
        for (int iteration = 0; iteration < ITERATIONS; iteration++) {
            multiply_covariance(sample, d, n, d, most, y, t);
            orthonormalize(y, d, most);
        }
        multiply(sample, d, n, d, most, y, t);
        for (int64_t i = 0; i < n; i++)
            for (int64_t q = 0; q < most; q++) captured[q] += t[i * most + q] * t[i * most + q];
        double left = scatter;
        for (int64_t q = 0; q < most && e->m == 0; q++) {
            left -= captured[q];
            const int whole_width = (q + 2) % LANES == 0 || q + 1 == most; /* with the rest, a multiple of eight */
            if (whole_width && left <= (q + 1 == most ? CK_LAST_RESORT_SCATTER : CK_ENOUGH_SCATTER) * scatter)
                e->m = q + 1;
        }
        const int64_t m = e->m;
        for (int64_t p = 0; p < d; p++)
            for (int64_t q = 0; q < m; q++) e->basis[p * m + q] = y[p * most + q];
        /* numerics.md, section 6: coordinates, the rest as the root of a difference, rounding to float32 */
        const double gram = gram_error(e->basis, d, m) + (double)(d * m) * UNIT_ROUNDOFF_64;
        const double sum = (double)(d + m + 8) * UNIT_ROUNDOFF_64, coordinates = gram + sqrt((double)m + 1.0) * sum;
        e->error = sqrt(2.0 * (sum + 2.0 * coordinates)) + coordinates + 0x1p-22;
    }
    ck_arena_free(&local);
    return e->m > 0;
}

/* --- Embedding --------------------------------------------------------------------------------------------- */

/* OUT out: n x (m + 1). rows: n x d, altered. */
static void embed(const ck_embedding *e, double *rows, int64_t n, double *out)
{
    const int64_t d = e->d, m = e->m;
    for (int64_t i = 0; i < n; i++) {
        double *x = rows + i * d, norm = 0.0;
        for (int64_t p = 0; p < d; p++) x[p] = (x[p] - e->origin[p]) * e->scale;
        for (int64_t p = 0; p < d; p++) norm += x[p] * x[p];
        out[i * (m + 1) + m] = norm;
    }
    ck_rows_table()->project(rows, n, d, e->basis, m, out);
    for (int64_t i = 0; i < n; i++) {
        double *z = out + i * (m + 1), rest = z[m];
        for (int64_t q = 0; q < m; q++) rest -= z[q] * z[q];
        z[m] = rest > 0.0 ? sqrt(rest) : rest <= 0.0 ? 0.0 : rest;
    }
}

typedef struct {
    ck_embedding *embedding;
    const ck_matrix *X;
    double *rows; /* of each worker: a panel of rows, and embedded */
    float *narrow;
} embed_task;

enum { MAX_PANEL_ROWS = 64, BALANCE_ROWS = 16 };

static int embed_panel(void *context, int64_t panel, int worker)
{
    embed_task *task = context;
    ck_embedding *e = task->embedding;
    const int64_t d = e->d, width = e->model.shape->panel_rows, dimensions = e->m + 1, row = panel * width;
    const int64_t n = ck_min_i64(width, task->X->n_rows - row);
    double *rows = task->rows + worker * ck_apart(MAX_PANEL_ROWS * (d + dimensions)), *z = rows + MAX_PANEL_ROWS * d;
    float *narrow = task->narrow + worker * 2 * ck_apart(MAX_PANEL_ROWS * dimensions);
    ck_rows_table()->copy_rows(task->X, row, n, rows);
    embed(e, rows, n, z);
    for (int64_t i = 0; i < n * dimensions; i++) narrow[i] = (float)z[i];
    const ck_matrix embedded = ck_dense_matrix(narrow, n, dimensions, CK_F32);
    e->model.shape->pack(&embedded, 0, n, &e->model.image, z, e->points + row * dimensions, e->sqnorm + row);
    return CK_OK;
}

ck_embedding *ck_embedding_new(ck_arena *arena, const ck_matrix *X, const double *origin, int n_threads)
{
    const int64_t n = X->n_rows, d = X->n_features;
    if (n < CK_EMBEDDED_ROWS || d < 8 * CK_FEATURES_A_DIRECTION || d > 1 << 16) return NULL;
    ck_arena own = {0};
    ck_embedding *e = CK_NEW(arena, ck_embedding, 1);
    if (!e) return NULL;
    memset(e, 0, sizeof *e);
    e->d = d;
    e->origin = CK_NEW(arena, double, d);
    if (arena->failed) return NULL;
    memcpy(e->origin, origin, (size_t)d * sizeof *origin);
    if (!choose_basis(e, arena, X)) return NULL;

    const int64_t dimensions = e->m + 1;
    ck_screen_model_init(&e->model, arena, ck_screen_choose_shape(dimensions), 1, dimensions);
    if (arena->failed) return NULL;
    ck_screen_model_identity(&e->model);
    const int64_t width = e->model.shape->panel_rows, n_panels = ck_ceil_div(n, width);
    e->points = CK_NEW(arena, float, n_panels * width * dimensions);
    e->sqnorm = CK_NEW(arena, float, n_panels *width);
    const int workers = ck_useful_threads(n_threads, n_panels, (double)n * (double)d * (double)e->m / 4.0);
    embed_task task = {e, X, NULL, NULL};
    task.rows = CK_NEW(&own, double, workers *ck_apart(MAX_PANEL_ROWS * (d + dimensions)));
    task.narrow = CK_NEW(&own, float, workers * 2 * ck_apart(MAX_PANEL_ROWS * dimensions));
    int status = own.failed || arena->failed ? CK_ERROR_MEMORY : CK_OK;
    if (status == CK_OK) status = ck_parallel_for(n_panels, workers, embed_panel, &task);
    float *sample = CK_NEW(arena, float, BALANCE_ROWS *dimensions);
    double *rows = CK_NEW(&own, double, BALANCE_ROWS *(d + dimensions));
    if (own.failed || arena->failed) status = CK_ERROR_MEMORY;
    if (status == CK_OK) {
        for (int64_t i = 0; i < BALANCE_ROWS; i++) ck_load_row(X, i * (n / BALANCE_ROWS), rows + i * d);
        embed(e, rows, BALANCE_ROWS, rows + BALANCE_ROWS * d);
        for (int64_t i = 0; i < BALANCE_ROWS * dimensions; i++) sample[i] = (float)rows[BALANCE_ROWS * d + i];
        e->sample = ck_dense_matrix(sample, BALANCE_ROWS, dimensions, CK_F32);
    }
    ck_arena_free(&own);
    return status == CK_OK ? e : NULL;
}

void ck_embedded_centers_init(ck_embedded_centers *c, ck_arena *arena, const ck_embedding *embedding, int64_t most,
                              double balance)
{
    const int64_t dimensions = embedding->m + 1;
    c->embedding = embedding;
    ck_screen_model_init(&c->model, arena, embedding->model.shape, most, dimensions);
    c->centers = CK_NEW(arena, double, most *dimensions);
    c->scratch = CK_NEW(arena, double, most * embedding->d);
    if (arena->failed) return;
    ck_screen_model_identity(&c->model);
    c->model.embedding_slack = ck_embedding_slack(embedding->error);
    c->model.balance = balance;
}

void ck_embedded_centers_set(ck_embedded_centers *embedded, const double *centers, int64_t k)
{
    const ck_embedding *e = embedded->embedding;
    memcpy(embedded->scratch, centers, (size_t)(k * e->d) * sizeof *centers);
    embed(e, embedded->scratch, k, embedded->centers);
    ck_screen_model_set_count(&embedded->model, k);
    ck_screen_model_set(&embedded->model, &e->sample, embedded->centers, 1);
}
