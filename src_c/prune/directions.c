/* directions.c - principal directions of a sample by subspace iteration. Loops on threads split what they write, so
 * that no number depends on how many there are. */
#include "directions.h"

#include <string.h>

#include "../base/costs.h"
#include "../settle/rows.h"
#include "../settle/settle.h"
#include "../threads/threads.h"

enum {
    SAMPLE_ROWS = 1024,
    ITERATIONS = 2,    /* directions need not be accurate: any orthonormal basis is valid */
    MEMORY = 64 << 20, /* bytes that directions beyond those of ROW_MEMORY a row may bring an embedding to */
    ROW_MEMORY = 64,
    TRIAL_PART = 4, /* of the sample, for a first look */
    ITEM_ROWS = 32,
    LINE = CK_CACHE_LINE / 8
};
static const double UNIT_ROUNDOFF_64 = 0x1p-53;

/* --- The sample -------------------------------------------------------------------------------------------- */

/* Rows spread over X, less the origin, scaled. They lie an odd number of cache lines apart, so that a column of them
 * fits a cache as well as a row does. */
typedef struct {
    const ck_matrix *X;
    const double *origin;
    int64_t n, d, apart;
    double scale;
    double *rows, *sqnorms, *largest; /* n x apart; n; n */
    int n_threads;
} sample_rows;

static int load_item(void *context, int64_t item, int worker)
{
    const sample_rows *s = context;
    (void)worker;
    for (int64_t i = item * ITEM_ROWS; i < ck_min_i64((item + 1) * ITEM_ROWS, s->n); i++) {
        double *row = s->rows + i * s->apart;
        ck_rows_table()->copy_rows(s->X, i * (s->X->n_rows / s->n), 1, row);
        ck_rows_table()->center_rows(row, s->apart, 1, s->d, s->origin, 1.0, s->sqnorms + i);
        ck_settle_table()->largest_magnitude(row, s->d, s->largest + i);
    }
    return CK_OK;
}

static int scale_item(void *context, int64_t item, int worker)
{
    const sample_rows *s = context;
    const int64_t first = item * ITEM_ROWS, n = ck_min_i64(ITEM_ROWS, s->n - first);
    (void)worker;
    ck_rows_table()->center_rows(s->rows + first * s->apart, s->apart, n, s->d, s->origin, s->scale,
                                 s->sqnorms + first);
    return CK_OK;
}

/* INOUT sample: its scale, and the rows from which nothing is subtracted any more: `zeros` for an origin. Returns 0
 * where all rows are alike, or no scale brings them near one. */
static int load_sample(sample_rows *sample, const double *zeros)
{
    const int64_t n_items = ck_ceil_div(sample->n, ITEM_ROWS);
    const int workers = ck_useful_threads(sample->n_threads, n_items, 2.0 * (double)sample->n * (double)sample->d);
    double largest = 0.0;
    int exponent = 0;
    if (ck_parallel_for(n_items, workers, load_item, sample) != CK_OK) return 0;
    for (int64_t i = 0; i < sample->n; i++) largest = fmax(largest, sample->largest[i]);
    frexp(largest, &exponent);
    if (!(largest > 0.0) || exponent > 400 || exponent < -400) return 0;
    sample->scale = ldexp(1.0, -exponent);
    sample->origin = zeros;
    return ck_parallel_for(n_items, workers, scale_item, sample) == CK_OK;
}

static double scatter_of(const sample_rows *sample)
{
    double scatter = 0.0;
    for (int64_t i = 0; i < sample->n; i++) scatter += sample->sqnorms[i];
    return scatter;
}

/* --- Products ---------------------------------------------------------------------------------------------- */

typedef struct {
    const double *a; /* n rows, or columns, of a matrix; its elements as ck_rows_kernels has them */
    int64_t apart, step, n, length, width;
    const double *basis;
    double *out;
} product;

static int multiply_item(void *context, int64_t item, int worker)
{
    const product *p = context;
    const int64_t first = item * ITEM_ROWS, n = ck_min_i64(ITEM_ROWS, p->n - first);
    (void)worker;
    ck_rows_table()->multiply(p->a + first * p->apart, p->apart, p->step, n, p->length, p->basis, p->width,
                              p->out + first * p->width);
    return CK_OK;
}

static int multiply(product p, int n_threads)
{
    const int64_t n_items = ck_ceil_div(p.n, ITEM_ROWS);
    const double operations = (double)p.n * (double)p.length * (double)p.width;
    return ck_parallel_for(n_items, ck_useful_threads(n_threads, n_items, operations / 4.0), multiply_item, &p);
}

/* OUT t: A y, n x width. */
static int apply(const sample_rows *s, int64_t width, const double *y, double *t)
{
    return multiply((product){s->rows, s->apart, 1, s->n, s->d, width, y, t}, s->n_threads);
}

/* OUT y: A' t, d x width. */
static int apply_transposed(const sample_rows *s, int64_t width, const double *t, double *y)
{
    return multiply((product){s->rows, 1, s->apart, s->d, s->n, width, t, y}, s->n_threads);
}

/* --- The basis --------------------------------------------------------------------------------------------- */

/* Modified Gram and Schmidt, twice, on m columns of length d (d x width); a column that vanishes becomes zero. */
static void orthonormalize(double *y, int64_t d, int64_t m, int64_t width)
{
    double dots[CK_MOST_DIRECTIONS + 1];
    for (int64_t turn = 0; turn < 2 * m && !ck_stopped(); turn++) {
        const int64_t q = turn % m, first = q / CK_BASIS_COLUMNS * CK_BASIS_COLUMNS; /* of the columns behind q */
        double norm = 0.0;
        for (int64_t p = 0; p < d; p++) norm += y[p * width + q] * y[p * width + q];
        const double inverse = norm > 1e-280 ? 1.0 / sqrt(norm) : 0.0;
        for (int64_t p = 0; p < d; p++) y[p * width + q] *= inverse;
        ck_rows_table()->multiply(y + q, 1, width, 1, d, y, width, dots);
        for (int64_t other = first; other <= q; other++) dots[other] = 0.0;
        for (int64_t p = 0; p < d; p++) {
            const double x = y[p * width + q];
            for (int64_t other = first; other < width; other++) y[p * width + other] -= x * dots[other];
        }
    }
}

/* The Frobenius norm of its Gram matrix less the identity. Columns that vanished are as good as absent. */
static double gram_error(const double *y, int64_t d, int64_t m, int64_t width)
{
    double gram[CK_MOST_DIRECTIONS * (CK_MOST_DIRECTIONS + 1)], sum = 0.0;
    ck_rows_table()->multiply(y, 1, width, m, d, y, width, gram);
    for (int64_t a = 0; a < m; a++)
        for (int64_t b = 0; b < m; b++) {
            const double dot = gram[a * width + b], error = a == b && dot != 0.0 ? dot - 1.0 : dot;
            sum += error * error;
        }
    return sqrt(sum);
}

/* OUT captured: the squares of the columns of t (n x width), which are products with the basis. */
static void sum_captured(const double *t, int64_t n, int64_t width, double *captured)
{
    memset(captured, 0, (size_t)width * sizeof *captured);
    for (int64_t i = 0; i < n; i++)
        for (int64_t q = 0; q < width; q++) captured[q] += t[i * width + q] * t[i * width + q];
}

static void draw_columns(double *y, int64_t d, int64_t m, int64_t width)
{
    ck_random random = ck_random_stream(0, 0);
    for (int64_t p = 0; p < d; p++)
        for (int64_t q = 0; q < width; q++) y[p * width + q] = q < m ? ck_random_uniform(&random) - 0.5 : 0.0;
}

/* OUT y, captured: the sample's m directions, and the scatter along each of them. t: scratch. */
static int iterate(const sample_rows *sample, int iterations, int64_t m, int64_t width, double *y, double *t,
                   double *captured)
{
    int status = CK_OK;
    draw_columns(y, sample->d, m, width);
    for (int iteration = 0; iteration < iterations && status == CK_OK; iteration++) {
        status = apply(sample, width, y, t);
        if (status == CK_OK) status = apply_transposed(sample, width, t, y);
        orthonormalize(y, sample->d, m, width);
    }
    if (status == CK_OK) status = apply(sample, width, y, t);
    sum_captured(t, sample->n, width, captured);
    return status;
}

/* Whether one step with m directions, over few rows, finds so much of their scatter. y, t: scratch. */
static int finds(const sample_rows *few, int64_t m, double share, double *y, double *t)
{
    const int64_t width = ck_round_up(m, CK_BASIS_COLUMNS);
    double captured[CK_MOST_DIRECTIONS + 1], sum = 0.0;
    if (iterate(few, 1, m, width, y, t, captured) != CK_OK) return 0;
    for (int64_t q = 0; q < m; q++) sum += captured[q];
    return sum >= share * scatter_of(few);
}

/* Whether it is worth looking further: the fewest directions hold about what as many of the most would were they all
 * alike; then, as few rows show directions that hold more of these than of all rows, nearly what the most must hold. */
static int promising(const sample_rows *sample, const double *zeros, int64_t most, double *y, double *t)
{
    sample_rows few = *sample;
    few.n = sample->n / TRIAL_PART;
    if (few.n == 0 || !load_sample(&few, zeros)) return 0;
    const double enough = 1.0 - CK_LAST_RESORT_SCATTER;
    const int64_t fewest = ck_min_i64(most, CK_BASIS_COLUMNS - 1);
    return finds(&few, fewest, 0.8 * enough * (double)fewest / CK_MOST_DIRECTIONS, y, t) &&
           finds(&few, most, 0.95 * enough, y, t);
}

/* As few of `most` directions as hold enough; 0: all of them do not. */
static int64_t enough_directions(const double *captured, int64_t most, double scatter)
{
    double left = scatter;
    for (int64_t m = 1; m <= most; m++) {
        left -= captured[m - 1];
        const int whole_width = (m + 1) % CK_BASIS_COLUMNS == 0 || m == most; /* with the rest */
        if (whole_width && left <= (m == most ? CK_LAST_RESORT_SCATTER : CK_ENOUGH_SCATTER) * scatter) return m;
    }
    return 0;
}

/* As many as are looked for among rows of X. */
static int64_t most_directions(const ck_matrix *X)
{
    const int64_t bytes = ck_max_i64(MEMORY / X->n_rows, ROW_MEMORY); /* of a row: its directions, the rest, |z|^2 */
    const int64_t affordable = bytes / (int64_t)sizeof(float) - 2;
    return ck_min_i64(ck_min_i64(CK_MOST_DIRECTIONS, affordable), X->n_features / CK_FEATURES_A_DIRECTION);
}

double ck_directions_operations(const ck_matrix *X)
{
    const double rows = (double)ck_min_i64(SAMPLE_ROWS, X->n_rows), passes = 2.0 * ITERATIONS + 1.0;
    const double width = (double)ck_round_up(most_directions(X), CK_BASIS_COLUMNS);
    return CK_COST_DIRECTION * rows * (double)X->n_features * width * passes;
}

int ck_find_directions(ck_directions *directions, ck_arena *arena, const ck_matrix *X, const double *origin,
                       int n_threads)
{
    const int64_t d = X->n_features, n = ck_min_i64(SAMPLE_ROWS, X->n_rows);
    const int64_t most = most_directions(X);
    const int64_t width = ck_round_up(most, CK_BASIS_COLUMNS), room = ck_max_i64(width, CK_BASIS_COLUMNS);
    ck_arena local = {0};
    sample_rows sample = {.X = X, .origin = origin, .n = n, .d = d, .n_threads = n_threads};
    sample.apart = ck_round_up(d, 2 * LINE) + LINE;
    sample.rows = CK_NEW(&local, double, n *sample.apart);
    sample.sqnorms = CK_NEW(&local, double, n);
    sample.largest = CK_NEW(&local, double, n);
    double *y = CK_NEW(&local, double, d *room), *t = CK_NEW(&local, double, n *room);
    double *zeros = CK_NEW(&local, double, d), captured[CK_MOST_DIRECTIONS + 1];
    directions->origin = CK_NEW(arena, double, d);
    directions->basis = CK_NEW(arena, double, d *room);
    directions->m = 0;
    if (!local.failed && !arena->failed) {
        memset(zeros, 0, (size_t)d * sizeof *zeros);
        memcpy(directions->origin, origin, (size_t)d * sizeof *origin);
        if (promising(&sample, zeros, most, y, t) && load_sample(&sample, zeros) &&
            iterate(&sample, ITERATIONS, most, width, y, t, captured) == CK_OK)
            directions->m = enough_directions(captured, most, scatter_of(&sample));
    }
    const int64_t m = directions->m;
    directions->scale = sample.scale;
    directions->width = ck_round_up(m, CK_BASIS_COLUMNS);
    for (int64_t p = 0; p < d && m > 0; p++)
        for (int64_t q = 0; q < directions->width; q++)
            directions->basis[p * directions->width + q] = q < m ? y[p * width + q] : 0.0;
    if (m > 0)
        directions->gram_error =
            gram_error(directions->basis, d, m, directions->width) + (double)(d * m) * UNIT_ROUNDOFF_64;
    ck_arena_free(&local);
    return m > 0;
}
