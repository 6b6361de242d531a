/* settle_template.h - the canonical routines for many rows, compiled once an instruction set by the files that include
 * it. Plain C: the compiler makes vectors of the lanes, which are independent sums, so no bit depends on the target. */

#include "vectors.h"

/* OUT sums: plain canonical sums of squares of a panel's rows to one center. */
CK_INLINE void sqdist_line(const double *CK_RESTRICT panel, int64_t d, const double *CK_RESTRICT center,
                           doubles_t sums[LINE_DOUBLES])
{
    const doubles_t *x = (const doubles_t *)panel;
    EACH_DOUBLES (v) sums[v] = (doubles_t){0};
    for (int64_t p = 0; p < d; p++)
        EACH_DOUBLES (v) {
            const doubles_t difference = x[p * LINE_DOUBLES + v] - center[p];
            sums[v] += difference * difference;
        }
}

static void sqdist_panel(const double *CK_RESTRICT panel, int64_t d, const double *CK_RESTRICT center,
                         double *CK_RESTRICT out)
{
    doubles_t sums[LINE_DOUBLES];
    sqdist_line(panel, d, center, sums);
    store_line(sums, out);
}

CK_INLINE double_mask_t is_plain(doubles_t sqdists) { return (sqdists >= 0x1p-900) & (sqdists <= DBL_MAX); }
CK_INLINE double_mask_t plain_or_zero(doubles_t sqdists) { return is_plain(sqdists) | (sqdists == 0.0); }

#include "loads_template.h"

/* Parts of multiplier * x, level by level, added to `to` and taken from `from` (NULL: nowhere); eight, four, two
 * features at a time where the target has such vectors. */
#define MOVE_PART(value, shift, at)                                                                                    \
    for (int level = 0; level < levels; level++) {                                                                     \
        value##_t part = value + *(const value##_t *)(shift + level * d);                                              \
        part -= *(const value##_t *)(shift + level * d);                                                               \
        value -= part;                                                                                                 \
        *(value##_t *)(to + level * d + at) += part;                                                                   \
        if (from) *(value##_t *)(from + level * d + at) -= part;                                                       \
    }

#if CK_VECTOR_TYPES
#define MOVE_VECTORS(type, lanes)                                                                                      \
    for (; lanes <= VECTOR_DOUBLES && p + lanes <= width; p += lanes) {                                                \
        typedef VECTOR(type, lanes * sizeof(type), sizeof(type)) narrow_t;                                             \
        typedef VECTOR(double, lanes * 8, 8) value_t;                                                                  \
        value_t value = __builtin_convertvector(*(const narrow_t *)(x + p), value_t);                                  \
        if (multiplier) value *= *multiplier;                                                                          \
        MOVE_PART(value, shifts + p, p)                                                                                \
    }
#else
#define MOVE_VECTORS(type, lanes)
#endif

#define DEFINE_MOVE(name, type)                                                                                        \
    CK_INLINE void name##_row(const type *x, const double *multiplier, int64_t width, int64_t d, const int levels,     \
                              const double *shifts, double *from, double *to)                                          \
    {                                                                                                                  \
        int64_t p = 0;                                                                                                 \
        MOVE_VECTORS(type, 8)                                                                                          \
        MOVE_VECTORS(type, 4)                                                                                          \
        MOVE_VECTORS(type, 2)                                                                                          \
        for (; p < width; p++) {                                                                                       \
            typedef double value_t;                                                                                    \
            value_t value = multiplier ? *multiplier * (double)x[p] : (double)x[p];                                    \
            MOVE_PART(value, shifts + p, p)                                                                            \
        }                                                                                                              \
    }                                                                                                                  \
    CK_INLINE void name##_loop(const char *start, int64_t row_stride, const ck_moves *moves, int64_t width, int64_t d, \
                               const int levels, const double *shifts, const double *multipliers, double *sums)        \
    {                                                                                                                  \
        for (int64_t i = 0; i < moves->n; i++) {                                                                       \
            const int64_t at = moves->rows[i], before = moves->before[i];                                              \
            name##_row((const type *)(start + at * row_stride), multipliers ? multipliers + at : NULL, width, d,       \
                       levels, shifts, before < 0 ? NULL : sums + before * levels * d,                                 \
                       sums + moves->after[i] * levels * d);                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(const char *start, int64_t row_stride, const ck_moves *moves, int64_t width, int64_t d,           \
                     int levels, const double *shifts, const double *multipliers, double *sums)                        \
    {                                                                                                                  \
        if (levels == 1 && d == 3 && width == 3 && !multipliers)                                                       \
            name##_loop(start, row_stride, moves, 3, 3, 1, shifts, NULL, sums);                                        \
        else if (levels == 2 && d == 2 && width == 2 && !multipliers)                                                  \
            name##_loop(start, row_stride, moves, 2, 2, 2, shifts, NULL, sums);                                        \
        else if (levels == 1)                                                                                          \
            name##_loop(start, row_stride, moves, width, d, 1, shifts, multipliers, sums);                             \
        else if (levels == 2)                                                                                          \
            name##_loop(start, row_stride, moves, width, d, 2, shifts, multipliers, sums);                             \
        else                                                                                                           \
            name##_loop(start, row_stride, moves, width, d, levels, shifts, multipliers, sums);                        \
    }

DEFINE_MOVE(move_f32, float)
DEFINE_MOVE(move_f64, double)
DEFINE_MOVE(move_u8, uint8_t)

static void move_rows(const ck_matrix *X, int64_t row, const ck_moves *moves, int64_t first, int64_t last,
                      const ck_sum_grid *grid, double *sums, double *scratch)
{
    const int64_t d = X->n_features, width = last - first;
    const double *multipliers = grid->multipliers ? grid->multipliers + row : NULL, *shifts = grid->shifts + first;
    ck_matrix part = *X;
    part.data = ck_row_start(X, row) + first * X->feature_stride;
    part.n_features = width;
    sums += first;
    if (ck_rows_contiguous(X) && X->dtype == CK_F32)
        move_f32(part.data, X->row_stride, moves, width, d, grid->levels, shifts, multipliers, sums);
    else if (ck_rows_contiguous(X) && X->dtype == CK_F64)
        move_f64(part.data, X->row_stride, moves, width, d, grid->levels, shifts, multipliers, sums);
    else if (ck_rows_contiguous(X) && X->dtype == CK_U8)
        move_u8(part.data, X->row_stride, moves, width, d, grid->levels, shifts, multipliers, sums);
    else
        for (int64_t i = 0; i < moves->n; i++) {
            int32_t zero = 0;
            const ck_moves one = {1, &zero, moves->before + i, moves->after + i};
            ck_load_row(&part, moves->rows[i], scratch);
            move_f64((const char *)scratch, 0, &one, width, d, grid->levels, shifts,
                     multipliers ? multipliers + moves->rows[i] : NULL, sums);
        }
}

/* The largest may be sought in any order: fewer vectors than a line has leave registers to the sums. */
enum { ANY_ORDER = LINE_DOUBLES < 2 ? LINE_DOUBLES : 2 };

static double sum_masses(const double *CK_RESTRICT masses, int64_t n, double *CK_RESTRICT most)
{
    doubles_t sums[LINE_DOUBLES], largest[ANY_ORDER];
    double lanes[CK_LANES], largest_lanes[ANY_ORDER * VECTOR_DOUBLES], total = 0.0;
    int64_t i = 0;
    EACH_DOUBLES (v) sums[v] = (doubles_t){0};
    EACH_OF (ANY_ORDER, v) largest[v] = (doubles_t){0};
    for (; i + CK_LANES <= n; i += CK_LANES)
        EACH_DOUBLES (v) {
            const doubles_t mass = ((const loose_doubles_t *)(masses + i))[v];
            sums[v] += mass;
            largest[v % ANY_ORDER] = vector_max(mass, largest[v % ANY_ORDER]);
        }
    store_line(sums, lanes);
    EACH_OF (ANY_ORDER, v) ((loose_doubles_t *)largest_lanes)[v] = largest[v];
    *most = 0.0;
    for (int lane = 0; lane < ANY_ORDER * VECTOR_DOUBLES; lane++)
        *most = largest_lanes[lane] > *most ? largest_lanes[lane] : *most;
    for (int lane = 0; i < n; i++, lane++) {
        lanes[lane] += masses[i];
        *most = masses[i] > *most ? masses[i] : *most;
    }
    for (int lane = 0; lane < CK_LANES; lane++) total += lanes[lane];
    return total;
}

static double gain(const double *CK_RESTRICT panels, int64_t n_panels, int64_t d, const double *CK_RESTRICT center,
                   const double *CK_RESTRICT closest, const double *CK_RESTRICT weights, double shift)
{
    doubles_t gained[LINE_DOUBLES];
    double lanes[CK_LANES], total = 0.0;
    double_mask_t plain = ~(double_mask_t){0};
    EACH_DOUBLES (v) gained[v] = (doubles_t){0};
    for (int64_t panel = 0; panel < n_panels; panel++, panels += d * CK_LANES) {
        doubles_t sqdists[LINE_DOUBLES];
        sqdist_line(panels, d, center, sqdists);
        EACH_DOUBLES (v) {
            const int64_t at = panel * CK_LANES + v * VECTOR_DOUBLES;
            const loose_doubles_t one = (loose_doubles_t){0} + 1.0;
            const doubles_t weight = weights ? *(const loose_doubles_t *)(weights + at) : one;
            const doubles_t before = *(const loose_doubles_t *)(closest + at), after = vector_min(sqdists[v], before);
            plain &= plain_or_zero(sqdists[v]);
            gained[v] += ((weight * before + shift) - shift) - ((weight * after + shift) - shift);
        }
    }
    store_line(gained, lanes);
    for (int lane = 0; lane < CK_LANES; lane++) total += lanes[lane]; /* exact in any order */
    return all_of(plain) ? total : NAN;
}

static uint32_t closer(const double *CK_RESTRICT panel, int64_t d, const double *CK_RESTRICT center,
                       const double *CK_RESTRICT closest, double *CK_RESTRICT sqdists)
{
    doubles_t sums[LINE_DOUBLES];
    double_mask_t plain = ~(double_mask_t){0}, any = {0};
    uint32_t bits = 0;
    sqdist_line(panel, d, center, sums);
    store_line(sums, sqdists);
    EACH_DOUBLES (v) {
        plain &= plain_or_zero(sums[v]);
        any |= sums[v] < ((const loose_doubles_t *)closest)[v];
    }
    if (!all_of(plain)) return 0xffff;
    if (!any_of(any)) return 0;
    for (int lane = 0; lane < CK_LANES; lane++) bits |= (uint32_t)(sqdists[lane] < closest[lane]) << lane;
    return bits;
}

/* ADD(q) for each feature q, and meanwhile the roots from `root` to `last_root`: the unit that takes them is slow and
 * stands apart. */
enum { FEATURES_A_ROOT = 2 };
#define TAKE_ROOTS_MEANWHILE(ADD, d, root, last_root)                                                                  \
    do {                                                                                                               \
        int64_t first = 0;                                                                                             \
        for (; first + FEATURES_A_ROOT <= (d); first += FEATURES_A_ROOT) {                                             \
            CK_UNROLL for (int64_t q = first; q < first + FEATURES_A_ROOT; q++) ADD(q);                                \
            if (root < last_root) {                                                                                    \
                *root = vector_sqrt(*root);                                                                            \
                root++;                                                                                                \
            }                                                                                                          \
        }                                                                                                              \
        for (; first < (d); first++) ADD(first);                                                                       \
        for (; root < last_root; root++) *root = vector_sqrt(*root);                                                   \
    } while (0)

static uint32_t lower(const double *CK_RESTRICT panel, int64_t d, const double *CK_RESTRICT center,
                      const double *CK_RESTRICT weights, double *CK_RESTRICT values)
{
    doubles_t sums[LINE_DOUBLES];
    double sqdists[CK_LANES];
    double_mask_t plain = ~(double_mask_t){0};
    uint32_t odd = 0;
    sqdist_line(panel, d, center, sums);
    EACH_DOUBLES (v) plain &= is_plain(sums[v]);
    if (!all_of(plain)) {
        store_line(sums, sqdists);
        for (int lane = 0; lane < CK_LANES; lane++) {
            const double value = weights ? weights[lane] * sqdists[lane] : sqdists[lane];
            if (!ck_sqdist_is_plain(sqdists[lane]))
                odd |= 1u << lane;
            else
                values[lane] = value < values[lane] ? value : values[lane];
        }
        return odd;
    }
    EACH_DOUBLES (v) {
        doubles_t value = sums[v];
        if (weights) value *= ((const loose_doubles_t *)weights)[v];
        ((loose_doubles_t *)values)[v] = vector_min(value, ((const loose_doubles_t *)values)[v]);
    }
    return 0;
}

static void extent(const double *CK_RESTRICT panels, int64_t n_panels, int64_t d, double *CK_RESTRICT low,
                   double *CK_RESTRICT high)
{
    for (int64_t p = 0; p < d; p++, panels += CK_LANES) {
        doubles_t least[ANY_ORDER], most[ANY_ORDER];
        double lanes[2][VECTOR_DOUBLES];
        EACH_OF (ANY_ORDER, v) least[v] = most[v] = ((const doubles_t *)panels)[v];
        for (int64_t q = 0; q < n_panels; q++)
            EACH_DOUBLES (v) {
                const doubles_t value = ((const doubles_t *)(panels + q * d * CK_LANES))[v];
                least[v % ANY_ORDER] = vector_min(value, least[v % ANY_ORDER]);
                most[v % ANY_ORDER] = vector_max(value, most[v % ANY_ORDER]);
            }
        EACH_OF (ANY_ORDER, v) {
            least[0] = vector_min(least[v], least[0]);
            most[0] = vector_max(most[v], most[0]);
        }
        *(loose_doubles_t *)lanes[0] = least[0];
        *(loose_doubles_t *)lanes[1] = most[0];
        low[p] = lanes[0][0];
        high[p] = lanes[1][0];
        for (int lane = 1; lane < VECTOR_DOUBLES; lane++) {
            low[p] = lanes[0][lane] < low[p] ? lanes[0][lane] : low[p];
            high[p] = lanes[1][lane] > high[p] ? lanes[1][lane] : high[p];
        }
    }
}

#include "pairs_template.h"

#include "distances_template.h"

/* Of elements that share a weight. */
CK_INLINE void summarize_some(const double *CK_RESTRICT x, int64_t n, double weight, double scale,
                              const double *CK_RESTRICT origins, double *CK_RESTRICT sums, double *CK_RESTRICT squares,
                              double *CK_RESTRICT largest)
{
    for (int64_t l = 0; l < n; l++) {
        const double value = x[l] * scale - origins[l], weighted = weight * value;
        const double magnitude = weight > 0.0 ? fabs(x[l]) : 0.0;
        sums[l] += weighted;
        squares[l] += weighted * value;
        largest[l] = magnitude > largest[l] ? magnitude : largest[l];
    }
}

static void summarize(const double *CK_RESTRICT x, int64_t n, int64_t d, int64_t width,
                      const double *CK_RESTRICT weights, double scale, const double *CK_RESTRICT origins,
                      double *CK_RESTRICT sums, double *CK_RESTRICT squares, double *CK_RESTRICT largest)
{
    const int64_t step = weights ? d : width;
    for (int64_t start = 0, at = 0; start < n; start += step, at = at + step < width ? at + step : 0)
        summarize_some(x + start, ck_min_i64(step, n - start), weights ? *weights++ : 1.0, scale, origins + at,
                       sums + at, squares + at, largest + at);
}

/* One row about the origin. */
#define DEFINE_ADD(name, type)                                                                                         \
    CK_INLINE void name(const type *CK_RESTRICT x, int64_t d, double weight, double scale,                             \
                        const double *CK_RESTRICT origin, double *CK_RESTRICT sum)                                     \
    {                                                                                                                  \
        int64_t p = 0;                                                                                                 \
        ADD_VECTORS(type)                                                                                              \
        for (; p < d; p++) sum[p] += weight * ((double)x[p] * scale - origin[p]);                                      \
    }
#if CK_VECTOR_TYPES
#define ADD_VECTORS(type)                                                                                              \
    typedef VECTOR(type, VECTOR_DOUBLES * sizeof(type), sizeof(type)) narrow_t;                                        \
    for (; p + VECTOR_DOUBLES <= d; p += VECTOR_DOUBLES)                                                               \
        *(loose_doubles_t *)(sum + p) +=                                                                               \
            weight * (__builtin_convertvector(*(const narrow_t *)(x + p), doubles_t) * scale -                         \
                      *(const loose_doubles_t *)(origin + p));
#else
#define ADD_VECTORS(type)
#endif
DEFINE_ADD(add_f32, float)
DEFINE_ADD(add_f64, double)

static void add_rows(const ck_matrix *X, int64_t row, int64_t n, const int32_t *CK_RESTRICT labels,
                     const double *CK_RESTRICT weights, double scale, const double *origin, double *CK_RESTRICT sums,
                     double *CK_RESTRICT totals, double *scratch)
{
    const int64_t d = X->n_features;
    const int contiguous = ck_rows_contiguous(X), floats = contiguous && X->dtype == CK_F32;
    const int in_place = contiguous && X->dtype == CK_F64;
    for (int64_t i = 0; i < n; i++) {
        const double weight = weights ? weights[i] : 1.0;
        double *const sum = sums + labels[i] * d;
        if (!(weight > 0.0)) continue;
        totals[labels[i]] += weight;
        if (floats) {
            add_f32((const float *)ck_row_start(X, row + i), d, weight, scale, origin, sum);
        } else {
            if (!in_place) copy_rows(X, row + i, 1, scratch);
            add_f64(in_place ? (const double *)ck_row_start(X, row + i) : scratch, d, weight, scale, origin, sum);
        }
    }
}

/* Of as many as a vector has, or fewer. */
CK_INLINE int64_t add_some(const double *CK_RESTRICT sqdists, const int64_t n, const int32_t *CK_RESTRICT labels,
                           const double *CK_RESTRICT weights, double *CK_RESTRICT squares,
                           double *CK_RESTRICT distances)
{
    double some[VECTOR_DOUBLES] = {0.0}, roots[VECTOR_DOUBLES];
    int64_t finite = 1;
    for (int64_t i = 0; i < n; i++) some[i] = sqdists[i];
    *(loose_doubles_t *)roots = vector_sqrt(*(const loose_doubles_t *)some);
    for (int64_t i = 0; i < n; i++) {
        const double weight = weights ? weights[i] : 1.0;
        finite &= sqdists[i] <= DBL_MAX;
        if (!(weight > 0.0)) continue;
        squares[labels[i]] += weight * sqdists[i];
        distances[labels[i]] += weight * roots[i];
    }
    return finite;
}

static int add_distances(const double *CK_RESTRICT sqdists, int64_t n, const int32_t *CK_RESTRICT labels,
                         const double *CK_RESTRICT weights, double *CK_RESTRICT squares, double *CK_RESTRICT distances)
{
    int64_t i = 0, finite = 1;
    for (; i + VECTOR_DOUBLES <= n; i += VECTOR_DOUBLES)
        finite &= add_some(sqdists + i, VECTOR_DOUBLES, labels + i, weights ? weights + i : NULL, squares, distances);
    if (i < n) finite &= add_some(sqdists + i, n - i, labels + i, weights ? weights + i : NULL, squares, distances);
    return finite != 0;
}

static int off_grid(const double *CK_RESTRICT x, int64_t n, double inverse_grid)
{
    int64_t off = 0;
    for (int64_t i = 0; i < n; i++) {
        const double multiple = x[i] * inverse_grid;
        off |= (multiple + 0x1.8p52) - 0x1.8p52 != multiple;
    }
    return off != 0;
}

static int largest_magnitude(const double *CK_RESTRICT values, int64_t n, double *CK_RESTRICT largest)
{
    doubles_t most[LINE_DOUBLES];
    double lanes[CK_LANES], left = 0.0;
    double_mask_t odd = {0}; /* an infinity, or no number */
    int64_t i = 0;
    EACH_DOUBLES (v) most[v] = (doubles_t){0};
    for (; i + CK_LANES <= n; i += CK_LANES)
        EACH_DOUBLES (v) {
            const doubles_t value = ((const loose_doubles_t *)(values + i))[v];
            most[v] = vector_max(vector_abs(value), most[v]);
            odd |= value - value != 0.0;
        }
    store_line(most, lanes);
    for (int lane = 0; i < n; i++, lane++) {
        lanes[lane] = fabs(values[i]) > lanes[lane] ? fabs(values[i]) : lanes[lane];
        left += values[i] - values[i];
    }
    *largest = 0.0;
    for (int lane = 0; lane < CK_LANES; lane++) *largest = lanes[lane] > *largest ? lanes[lane] : *largest;
    return left == 0.0 && !any_of(odd);
}

enum { LEVEL_VECTORS = LINE_DOUBLES < 2 ? LINE_DOUBLES : 2 }; /* their parts at all levels fit the registers */

/* Of so many vectors of each whole line, from lane `first` on. */
CK_INLINE void sum_lanes(const double *CK_RESTRICT values, int64_t n, const double *CK_RESTRICT shifts, int first,
                         double parts[CK_EXACT_LEVELS][CK_LANES], double rests[CK_LANES])
{
    doubles_t sums[CK_EXACT_LEVELS][LEVEL_VECTORS], left[LEVEL_VECTORS];
    EACH_OF (LEVEL_VECTORS, v) {
        EACH_OF (CK_EXACT_LEVELS, level)
            sums[level][v] = *(loose_doubles_t *)(parts[level] + first + v * VECTOR_DOUBLES);
        left[v] = *(loose_doubles_t *)(rests + first + v * VECTOR_DOUBLES);
    }
    for (int64_t i = first; i < n; i += CK_LANES)
        EACH_OF (LEVEL_VECTORS, v) {
            doubles_t value = *(const loose_doubles_t *)(values + i + v * VECTOR_DOUBLES);
            EACH_OF (CK_EXACT_LEVELS, level) {
                const doubles_t part = (value + shifts[level]) - shifts[level];
                sums[level][v] += part;
                value -= part;
            }
            left[v] += vector_abs(value);
        }
    EACH_OF (LEVEL_VECTORS, v) {
        EACH_OF (CK_EXACT_LEVELS, level)
            *(loose_doubles_t *)(parts[level] + first + v * VECTOR_DOUBLES) = sums[level][v];
        *(loose_doubles_t *)(rests + first + v * VECTOR_DOUBLES) = left[v];
    }
}

static int sum_levels(const double *CK_RESTRICT values, int64_t n, const double *CK_RESTRICT shifts,
                      double *CK_RESTRICT sums)
{
    double parts[CK_EXACT_LEVELS][CK_LANES] = {{0.0}}, rests[CK_LANES] = {0.0}, padded[CK_LANES] = {0.0}, left = 0.0;
    const int64_t whole = n / CK_LANES * CK_LANES;
    for (int64_t i = whole; i < n; i++) padded[i - whole] = values[i];
    for (int first = 0; first < CK_LANES; first += LEVEL_VECTORS * VECTOR_DOUBLES) {
        sum_lanes(values, whole, shifts, first, parts, rests);
        if (whole < n) sum_lanes(padded, CK_LANES, shifts, first, parts, rests);
    }
    for (int level = 0; level < CK_EXACT_LEVELS; level++) sums[level] = 0.0;
    for (int lane = 0; lane < CK_LANES; lane++) {
        for (int level = 0; level < CK_EXACT_LEVELS; level++) sums[level] += parts[level][lane];
        left += rests[lane];
    }
    return left == 0.0;
}

#define SETTLE_TABLE                                                                                                   \
    {.load_panel = load_panel,                                                                                         \
     .load_listed = load_listed,                                                                                       \
     .sqdist_panel = sqdist_panel,                                                                                     \
     .own_sqdists = own_sqdists,                                                                                       \
     .add_distances = add_distances,                                                                                   \
     .distances = distances,                                                                                           \
     .move_rows = move_rows,                                                                                           \
     .sum_masses = sum_masses,                                                                                         \
     .gain = gain,                                                                                                     \
     .closer = closer,                                                                                                 \
     .lower = lower,                                                                                                   \
     .extent = extent,                                                                                                 \
     .summarize = summarize,                                                                                           \
     .largest_magnitude = largest_magnitude,                                                                           \
     .sum_levels = sum_levels,                                                                                         \
     .off_grid = off_grid,                                                                                             \
     .add_rows = add_rows,                                                                                             \
     .center_panel = center_panel,                                                                                     \
     .sum_distances = sum_distances}
