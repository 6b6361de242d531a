/* kernel_test_settle.c - canonical arithmetic: every entry must have the bits of these loops. */
#include "kernel_test.h"
/* After it. */
#include "../../src_c/settle/settle.h"

enum { MOST_FEATURES = 300, MOST_ROWS = 96, LEVELS = 3, CLUSTERS = 5 };
static const ck_settle_kernels *kernels;

static int64_t padded(int64_t n) { return ck_round_up(n, CK_LANES); }

/* OUT panels: of n rows of values, d x CK_LANES each, the last row repeated. */
static void plain_panels(const double *values, int64_t n, int64_t d, double *panels)
{
    for (int64_t i = 0; i < padded(n); i++)
        for (int64_t p = 0; p < d; p++)
            panels[i / CK_LANES * CK_LANES * d + p * CK_LANES + i % CK_LANES] = values[ck_min_i64(i, n - 1) * d + p];
}

static void check_loads(const test_rows *rows)
{
    static double expected[MOST_FEATURES * CK_LANES], listed[MOST_FEATURES * CK_LANES];
    const int64_t d = now.d, n = rows->X.n_rows, first = draw_start(n),
                  count = draw_size(ck_min_i64(CK_LANES, n - first));
    double *panel = ROOM(double, d *CK_LANES), *other = ROOM(double, d *CK_LANES);
    int64_t *list = ROOM(int64_t, count);
    for (int64_t i = 0; i < count; i++) {
        list[i] = below(n);
        memcpy(listed + i * d, rows->values + list[i] * d, (size_t)d * sizeof *listed);
    }
    kernels->load_panel(&rows->X, first, count, panel);
    plain_panels(rows->values + first * d, count, d, expected);
    expect(same_doubles(panel, expected, d * CK_LANES), "load_panel");
    kernels->load_listed(&rows->X, list, count, other);
    plain_panels(listed, count, d, expected);
    expect(same_doubles(other, expected, d * CK_LANES), "load_listed");
    TIME("load_panel", kernels->load_panel(&rows->X, first, count, panel));
}

static void check_lower(const double *panel, const double *center, const double *sqdists, const double *values,
                        const double *weights, double *lowered)
{
    double expected[CK_LANES];
    for (int weighted = 0; weighted < 2; weighted++) {
        uint32_t odd = 0;
        memcpy(lowered, values, CK_LANES * sizeof *lowered);
        memcpy(expected, values, sizeof expected);
        for (int lane = 0; lane < CK_LANES; lane++) {
            const double value = weighted ? weights[lane] * sqdists[lane] : sqdists[lane];
            if (!ck_sqdist_is_plain(sqdists[lane]))
                odd |= 1u << lane;
            else if (value < expected[lane])
                expected[lane] = value;
        }
        expect(kernels->lower(panel, now.d, center, weighted ? weights : NULL, lowered) == odd, "rows not lowered");
        expect(same_doubles(lowered, expected, CK_LANES), "lower");
    }
    TIME("lower", kernels->lower(panel, now.d, center, NULL, lowered));
}

static void check_extent(const double *panels, int64_t n_panels)
{
    const int64_t d = now.d;
    double *low = ROOM(double, d), *high = ROOM(double, d);
    kernels->extent(panels, n_panels, d, low, high);
    for (int64_t p = 0; p < d; p++) {
        double least = INFINITY, most = -INFINITY;
        for (int64_t i = 0; i < n_panels * CK_LANES; i++) {
            const double x = panels[i / CK_LANES * CK_LANES * d + p * CK_LANES + i % CK_LANES];
            least = fmin(least, x);
            most = fmax(most, x);
        }
        expect(low[p] == least && high[p] == most, "extent");
    }
    TIME("extent", kernels->extent(panels, n_panels, d, low, high));
}

static void check_distances(const double *values, int64_t n)
{
    const int64_t d = now.d, n_panels = padded(n) / CK_LANES;
    double *panels = ROOM(double, n_panels * CK_LANES * d), *center = ROOM(double, d), *out = ROOM(double, CK_LANES);
    double *closest = ROOM(double, n_panels *CK_LANES), *weights = ROOM(double, n_panels *CK_LANES);
    double *lowered = ROOM(double, CK_LANES), expected[CK_LANES], lanes[CK_LANES] = {0.0}, total = 0.0;
    const double shift = 1.5 * ldexp(1.0, (int)below(60));
    int plain = 1;
    plain_panels(values, n, d, panels);
    for (int64_t p = 0; p < d; p++) center[p] = below(3) ? values[below(n) * d + p] : draw_value(now.kind, CK_F64);
    for (int64_t i = 0; i < n_panels * CK_LANES; i++) weights[i] = (double)below(4);
    for (int64_t q = 0; q < n_panels; q++) {
        double *of_panel = closest + q * CK_LANES;
        uint32_t bits = 0;
        int panel_plain = 1;
        for (int lane = 0; lane < CK_LANES; lane++) {
            double row[MOST_FEATURES];
            for (int64_t p = 0; p < d; p++) row[p] = panels[q * CK_LANES * d + p * CK_LANES + lane];
            expected[lane] = ck_sqdist_plain(row, center, d);
            of_panel[lane] = below(4) ? expected[lane] * (double)(below(5) + 1) * 0.5 : expected[lane];
            panel_plain &= ck_sqdist_is_plain(expected[lane]) || expected[lane] == 0.0;
            bits |= (uint32_t)(expected[lane] < of_panel[lane]) << lane;
            const double after = expected[lane] < of_panel[lane] ? expected[lane] : of_panel[lane];
            const double weight = weights[q * CK_LANES + lane];
            lanes[lane] += ((weight * of_panel[lane] + shift) - shift) - ((weight * after + shift) - shift);
        }
        plain &= panel_plain;
        kernels->sqdist_panel(panels + q * CK_LANES * d, d, center, out);
        expect(same_doubles(out, expected, CK_LANES), "sqdist_panel");
        memset(out, 0, CK_LANES * sizeof *out);
        const uint32_t closer = kernels->closer(panels + q * CK_LANES * d, d, center, of_panel, out);
        expect(closer == (panel_plain ? bits : 0xffff), "closer");
        expect(same_doubles(out, expected, CK_LANES), "distances of closer");
        check_lower(panels + q * CK_LANES * d, center, expected, of_panel, weights + q * CK_LANES, lowered);
    }
    check_extent(panels, n_panels);
    for (int lane = 0; lane < CK_LANES; lane++) total += lanes[lane];
    if (!plain) total = NAN;
    const double gain = kernels->gain(panels, n_panels, d, center, closest, weights, shift);
    expect(same_doubles(&gain, &total, 1), "gain");
    TIME("sqdist_panel", kernels->sqdist_panel(panels, d, center, out));
    TIME("gain", kernels->gain(panels, n_panels, d, center, closest, weights, shift));
    TIME("closer", kernels->closer(panels, d, center, closest, out));
}

static void check_own(const test_rows *rows)
{
    const int64_t d = now.d, n = rows->X.n_rows, row = draw_start(n), count = draw_size(n - row);
    double *centers = ROOM(double, CLUSTERS *d), *out = ROOM(double, count);
    double *scratch = ROOM(double, CK_OWN_ROWS *d);
    int32_t *labels = ROOM(int32_t, count);
    fill_doubles(centers, CLUSTERS * d, now.kind);
    for (int64_t i = 0; i < count; i++) labels[i] = (int32_t)below(CLUSTERS);
    int plain = 1, finite = 1;
    const int is_plain = kernels->own_sqdists(&rows->X, row, labels, count, centers, out, scratch);
    double *weights = below(2) ? ROOM(double, count) : NULL, *squares = ROOM(double, CLUSTERS);
    double *distances = ROOM(double, CLUSTERS), squares_expected[CLUSTERS], distances_expected[CLUSTERS];
    for (int j = 0; j < CLUSTERS; j++) squares[j] = squares_expected[j] = distances[j] = distances_expected[j] = j;
    for (int64_t i = 0; i < count; i++) {
        const double sum = ck_sqdist_plain(rows->values + (row + i) * d, centers + labels[i] * d, d);
        const double weight = weights ? (weights[i] = (double)below(3)) : 1.0;
        expect(same_doubles(out + i, &sum, 1), "own_sqdists");
        plain &= ck_sqdist_is_plain(sum);
        finite &= sum <= DBL_MAX;
        if (!(weight > 0.0)) continue;
        squares_expected[labels[i]] += weight * sum;
        distances_expected[labels[i]] += weight * sqrt(sum);
    }
    expect(is_plain == plain, "whether own_sqdists are plain");
    expect(kernels->add_distances(out, count, labels, weights, squares, distances) == finite, "add_distances: finite");
    expect(same_doubles(squares, squares_expected, CLUSTERS), "squares of add_distances");
    expect(same_doubles(distances, distances_expected, CLUSTERS), "distances of add_distances");
    TIME("own_sqdists", kernels->own_sqdists(&rows->X, row, labels, count, centers, out, scratch));
}

static void check_roots(const double *values, int64_t n)
{
    const int64_t d = now.d, n_rows = draw_size(ck_min_i64(CK_LANES, n)), k = draw_size(20);
    double *panel = ROOM(double, CK_LANES *d), *centers = ROOM(double, k *d), *wide = ROOM(double, n_rows *k);
    float *narrow = ROOM(float, n_rows *k);
    int plain = 1;
    plain_panels(values, n_rows, d, panel);
    for (int64_t i = 0; i < k * d; i++) centers[i] = below(3) ? values[i % (n * d)] : draw_value(now.kind, CK_F64);
    const int is_plain = kernels->distances(panel, d, centers, k, n_rows, 0, wide);
    expect(is_plain == kernels->distances(panel, d, centers, k, n_rows, 1, narrow), "whether distances are plain");
    for (int64_t i = 0; i < CK_LANES; i++)
        for (int64_t j = 0; j < k; j++) {
            const double sum = ck_sqdist_plain(values + ck_min_i64(i, n_rows - 1) * d, centers + j * d, d);
            const double root = sqrt(sum);
            plain &= ck_sqdist_is_plain(sum);
            if (i >= n_rows) continue;
            const float narrow_root = (float)root;
            expect(same_doubles(wide + i * k + j, &root, 1), "distances");
            expect(isnan(root) ? isnan(narrow[i * k + j]) : narrow[i * k + j] == narrow_root, "distances in float32");
        }
    expect(is_plain == plain, "whether all distances are plain");
    TIME("distances", kernels->distances(panel, d, centers, k, n_rows, 1, narrow));
}

static void check_moves(const test_rows *rows)
{
    static double expected[CLUSTERS * LEVELS * MOST_FEATURES];
    const int64_t d = now.d, n = rows->X.n_rows, row = draw_start(n), n_moves = draw_size(n - row + 1) - 1;
    const int64_t first = draw_start(d), last = first + draw_size(d - first), levels = 1 + below(LEVELS);
    double *shifts = ROOM(double, levels *d), *multipliers = below(2) ? ROOM(double, n) : NULL;
    double *sums = ROOM(double, CLUSTERS * levels * d), *scratch = ROOM(double, d);
    ck_moves moves = {n_moves, ROOM(int32_t, n_moves), ROOM(int32_t, n_moves), ROOM(int32_t, n_moves)};
    for (int64_t l = 0; l < levels; l++)
        for (int64_t p = 0; p < d; p++) shifts[l * d + p] = 1.5 * ldexp(1.0, (int)(50 - 20 * l));
    for (int64_t i = 0; i < n && multipliers; i++) multipliers[i] = (double)(1 + below(3)) / 4.0;
    for (int64_t i = 0; i < CLUSTERS * levels * d; i++) sums[i] = expected[i] = (double)below(100);
    for (int64_t i = 0; i < n_moves; i++) {
        moves.rows[i] = (int32_t)below(n - row);
        moves.before[i] = (int32_t)below(CLUSTERS + 1) - 1;
        moves.after[i] = (int32_t)below(CLUSTERS);
        for (int64_t p = first; p < last; p++) {
            double value = rows->values[(row + moves.rows[i]) * d + p];
            if (multipliers) value *= multipliers[row + moves.rows[i]];
            for (int64_t l = 0; l < levels; l++) {
                const double part = (value + shifts[l * d + p]) - shifts[l * d + p];
                value -= part;
                expected[(moves.after[i] * levels + l) * d + p] += part;
                if (moves.before[i] >= 0) expected[(moves.before[i] * levels + l) * d + p] -= part;
            }
        }
    }
    const ck_sum_grid grid = {(int)levels, shifts, multipliers};
    kernels->move_rows(&rows->X, row, &moves, first, last, &grid, sums, scratch);
    expect(same_doubles(sums, expected, CLUSTERS * levels * d), "move_rows");
    TIME("move_rows", kernels->move_rows(&rows->X, row, &moves, first, last, &grid, sums, scratch));
}

static void check_sums(const test_rows *rows)
{
    static double sums_expected[CLUSTERS * MOST_FEATURES];
    const int64_t d = now.d, n = rows->X.n_rows;
    double *masses = ROOM(double, n), lanes[CK_LANES] = {0.0}, expected = 0.0, largest = 0.0, most;
    for (int64_t i = 0; i < n; i++) {
        masses[i] = fabs(draw_value(now.kind, CK_F64));
        lanes[i % CK_LANES] += masses[i];
        largest = fmax(largest, masses[i]);
    }
    for (int lane = 0; lane < CK_LANES; lane++) expected += lanes[lane];
    const double total = kernels->sum_masses(masses, n, &most);
    expect(same_doubles(&total, &expected, 1) && same_doubles(&most, &largest, 1), "sum_masses");
    TIME("sum_masses", kernels->sum_masses(masses, n, &most));

    const int64_t row = draw_start(n), count = draw_size(n - row);
    int32_t *labels = ROOM(int32_t, count);
    double *weights = below(2) ? ROOM(double, count) : NULL, *origin = ROOM(double, d), *scratch = ROOM(double, d);
    double *sums = ROOM(double, CLUSTERS *d), *totals = ROOM(double, CLUSTERS), totals_expected[CLUSTERS] = {0.0};
    const double scale = ldexp(1.0, (int)below(7) - 3);
    fill_doubles(origin, d, now.kind);
    memset(sums, 0, (size_t)(CLUSTERS * d) * sizeof *sums);
    memset(totals, 0, CLUSTERS * sizeof *totals);
    memset(sums_expected, 0, sizeof sums_expected);
    for (int64_t i = 0; i < count; i++) {
        const double weight = weights ? (weights[i] = (double)below(3)) : 1.0;
        labels[i] = (int32_t)below(CLUSTERS);
        if (!(weight > 0.0)) continue;
        totals_expected[labels[i]] += weight;
        for (int64_t p = 0; p < d; p++)
            sums_expected[labels[i] * d + p] += weight * (rows->values[(row + i) * d + p] * scale - origin[p]);
    }
    kernels->add_rows(&rows->X, row, count, labels, weights, scale, origin, sums, totals, scratch);
    expect(same_doubles(sums, sums_expected, CLUSTERS * d), "sums of add_rows");
    expect(same_doubles(totals, totals_expected, CLUSTERS), "totals of add_rows");
    TIME("add_rows", kernels->add_rows(&rows->X, row, count, labels, weights, scale, origin, sums, totals, scratch));
}

static void check_summary(const double *values, int64_t n)
{
    enum { MOST_WIDTH = 4 * MOST_FEATURES };
    static double expected[3 * MOST_WIDTH];
    const int64_t d = now.d, width = d * draw_size(4), elements = n * d;
    double *x = ROOM(double, elements), *origins = ROOM(double, width), *weights = below(2) ? ROOM(double, n) : NULL;
    double *sums = ROOM(double, width), *squares = ROOM(double, width), *largest = ROOM(double, width);
    const double scale = ldexp(1.0, (int)below(7) - 3), inverse_grid = ldexp(1.0, (int)below(10));
    double most = 0.0;
    int off = 0;
    memcpy(x, values, (size_t)elements * sizeof *x);
    for (int64_t i = 0; i < n && weights; i++) weights[i] = (double)below(3);
    for (int64_t l = 0; l < width; l++) origins[l] = l < d ? draw_value(now.kind, CK_F64) : origins[l - d];
    memset(expected, 0, sizeof expected);
    for (int64_t l = 0; l < width; l++) sums[l] = squares[l] = largest[l] = 0.0;
    for (int64_t e = 0; e < elements; e++) {
        const int64_t at = e % width;
        const double weight = weights ? weights[e / d] : 1.0, value = x[e] * scale - origins[at];
        expected[at] += weight * value;
        expected[MOST_WIDTH + at] += weight * value * value;
        if (weight > 0.0) expected[2 * MOST_WIDTH + at] = fmax(expected[2 * MOST_WIDTH + at], fabs(x[e]));
        off |= x[e] * inverse_grid != rint(x[e] * inverse_grid);
        most = fmax(most, fabs(x[e] * inverse_grid));
    }
    kernels->summarize(x, elements, d, width, weights, scale, origins, sums, squares, largest);
    expect(same_doubles(sums, expected, width), "sums of summarize");
    expect(same_doubles(squares, expected + MOST_WIDTH, width), "squares of summarize");
    expect(same_doubles(largest, expected + 2 * MOST_WIDTH, width), "largest of summarize");
    if (most < 0x1p50) expect(kernels->off_grid(x, elements, inverse_grid) == off, "off_grid");
    TIME("summarize", kernels->summarize(x, elements, d, width, weights, scale, origins, sums, squares, largest));
    TIME("off_grid", kernels->off_grid(x, elements, inverse_grid));
}

static ck_pair_side draw_side(int64_t n, const double *center, double scale, int as_column)
{
    const int64_t d = now.d;
    ck_pair_side side = {n, ROOM(double, padded(n) * d), ROOM(double, padded(n)), ROOM(double, padded(n))};
    double *values = ROOM(double, CK_LANES *d);
    for (int64_t i = 0; i < padded(n); i++) side.weights[i] = i < n ? (double)(1 + below(3)) : 0.0;
    for (int64_t q = 0; q < padded(n) / CK_LANES; q++) {
        double *panel = side.panels + q * CK_LANES * d, *sqnorms = side.sqnorms + q * CK_LANES;
        fill_doubles(values, CK_LANES * d, now.kind);
        kernels->center_panel(values, d, scale, center, as_column, panel, sqnorms);
        for (int lane = 0; lane < CK_LANES; lane++) {
            double sqnorm = 0.0;
            for (int64_t p = 0; p < d; p++) {
                const double value = values[p * CK_LANES + lane] * scale - center[p];
                const double factor = as_column ? -2.0 : 1.0, packed = factor * value;
                sqnorm += value * value;
                expect(same_doubles(panel + p * CK_LANES + lane, &packed, 1), "center_panel");
            }
            expect(same_doubles(sqnorms + lane, &sqnorm, 1), "square norms of center_panel");
        }
    }
    return side;
}

/* |x|^2 + |y|^2 - 2 x.y, and squared differences where little is left of that. */
static double plain_pair_distance(const ck_pair_side *rows, int64_t i, const ck_pair_side *columns, int64_t j)
{
    const int64_t d = now.d;
    const double *x = rows->panels + i / CK_LANES * CK_LANES * d + i % CK_LANES;
    const double *y = columns->panels + j / CK_LANES * CK_LANES * d + j % CK_LANES;
    const double whole = rows->sqnorms[i] + columns->sqnorms[j];
    double sqdist = whole, exact = 0.0;
    for (int64_t p = 0; p < d; p++) sqdist += x[p * CK_LANES] * y[p * CK_LANES];
    for (int64_t p = 0; p < d; p++) {
        const double difference = x[p * CK_LANES] - y[p * CK_LANES] / -2.0;
        exact += difference * difference;
    }
    return sqrt(sqdist < whole * 0x1p-7 ? exact : sqdist);
}

static void check_pairs(void)
{
    double row_expected[MOST_ROWS] = {0.0}, column_expected[MOST_ROWS];
    const int64_t d = now.d, n_rows = draw_size(40), n_columns = draw_size(20);
    const double scale = ldexp(1.0, (int)below(5) - 2);
    double *center = ROOM(double, d), *scratch = ROOM(double, d);
    fill_doubles(center, d, now.kind);
    const ck_pair_side rows = draw_side(n_rows, center, scale, 0), columns = draw_side(n_columns, center, scale, 1);
    double *row_sums = ROOM(double, padded(n_rows)), *column_sums = ROOM(double, n_columns);
    for (int64_t j = 0; j < n_columns; j++) {
        double lanes[CK_LANES] = {0.0};
        column_expected[j] = 0.0;
        for (int64_t i = 0; i < padded(n_rows); i++) {
            const double distance = plain_pair_distance(&rows, i, &columns, j);
            row_expected[i] += columns.weights[j] * distance;
            lanes[i % CK_LANES] += rows.weights[i] * distance;
        }
        for (int lane = 0; lane < CK_LANES; lane++) column_expected[j] += lanes[lane];
    }
    kernels->sum_distances(&rows, d, &columns, row_sums, column_sums, scratch);
    expect(same_doubles(row_sums, row_expected, n_rows), "row sums of sum_distances");
    expect(same_doubles(column_sums, column_expected, n_columns), "column sums of sum_distances");
    TIME("sum_distances", kernels->sum_distances(&rows, d, &columns, row_sums, column_sums, scratch));
}

void check_settle(const void *entry)
{
    kernels = entry;
    const ck_dtype dtype = now.timed ? CK_F32 : (ck_dtype)below(6);
    const test_rows rows = draw_rows(now.kind, dtype, now.timed ? 0 : (int)below(N_LAYOUTS), now.n, now.d);
    check_loads(&rows);
    check_distances(rows.values, now.n);
    check_own(&rows);
    check_roots(rows.values, now.n);
    check_moves(&rows);
    check_sums(&rows);
    check_summary(rows.values, now.n);
    leave_rooms();
    check_pairs();
}
