/* distances_template.h - distances of a panel's rows to many centers. Included by settle_template.h. */

/* Of a line, as many vectors as leave registers to the sums of SQUARE centers. */
enum { SOME_DOUBLES = LINE_DOUBLES < 2 ? LINE_DOUBLES : 2 };
/* With less one column after the other takes no longer. */
enum { SQUARES_FROM_FEATURES = 8, SQUARES_FROM_CENTERS = 2 * SQUARE };

#define ADD_DIFFERENCES(q)                                                                                             \
    EACH_OF (SQUARE, c)                                                                                                \
        EACH_OF (SOME_DOUBLES, v) {                                                                                    \
            const doubles_t difference = x[(q) * LINE_DOUBLES + part + v] - centers[c][q];                             \
            sums[c][v] += difference * difference;                                                                     \
            vector_in_register(sums[c][v]);                                                                            \
        }

/* OUT sqdists: plain canonical sums of squares of the panel's rows to SQUARE centers. INOUT roots: of the centers
 * before, which are taken meanwhile; least, most: of all sums so far. */
CK_INLINE void few_sqdists(const double *CK_RESTRICT panel, int64_t d, const double *const centers[SQUARE],
                           doubles_t *CK_RESTRICT sqdists, doubles_t *CK_RESTRICT roots, doubles_t *CK_RESTRICT least,
                           doubles_t *CK_RESTRICT most)
{
    const doubles_t *x = (const doubles_t *)panel;
    CK_UNROLL for (int part = 0; part < LINE_DOUBLES; part += SOME_DOUBLES)
    {
        doubles_t sums[SQUARE][SOME_DOUBLES], *root = roots + part * SQUARE;
        doubles_t *const last_root = root + SOME_DOUBLES * SQUARE;
        EACH_OF (SQUARE, c)
            EACH_OF (SOME_DOUBLES, v) sums[c][v] = (doubles_t){0};
        TAKE_ROOTS_MEANWHILE(ADD_DIFFERENCES, d, root, last_root);
        EACH_OF (SQUARE, c)
            EACH_OF (SOME_DOUBLES, v) {
                *least = vector_min(sums[c][v], *least);
                *most = vector_max(sums[c][v], *most);
                sqdists[c * LINE_DOUBLES + part + v] = sums[c][v];
            }
    }
}

#if CK_VECTOR_TYPES
typedef VECTOR(float, SQUARE * sizeof(float), 4) square_floats_t;
#define TO_FLOATS(x) __builtin_convertvector(x, square_floats_t)
#else
typedef float square_floats_t;
#define TO_FLOATS(x) (float)(x)
#endif

/* OUT out: SQUARE columns of the rows, k apart. in_float32 is a constant where this is called. */
CK_INLINE void write_columns(const doubles_t *roots, int64_t k, const int in_float32, void *out, int64_t at)
{
    for (int lane = 0; lane < CK_LANES; lane += SQUARE) {
        four_doubles_t square[SQUARE];
        EACH_OF (SQUARE, c) square[c] = *(const four_doubles_t *)((const double *)roots + c * CK_LANES + lane);
        TRANSPOSE(square);
        EACH_OF (SQUARE, r) {
            const int64_t place = at + (lane + r) * k;
            if (in_float32)
                *(square_floats_t *)((float *)out + place) = TO_FLOATS(square[r]);
            else
                *(four_doubles_t *)((double *)out + place) = square[r];
        }
    }
}

CK_INLINE void write_column(const double *roots, int64_t n, int64_t k, const int in_float32, void *out, int64_t at)
{
    for (int64_t lane = 0; lane < n; lane++)
        if (in_float32)
            ((float *)out)[at + lane * k] = (float)roots[lane];
        else
            ((double *)out)[at + lane * k] = roots[lane];
}

/* OUT out: whole squares of the columns; least, most: of the squared distances. Returns how many columns. */
CK_INLINE int64_t write_squares(const double *CK_RESTRICT panel, int64_t d, const double *CK_RESTRICT centers,
                                int64_t k, const int in_float32, void *CK_RESTRICT out, doubles_t *CK_RESTRICT least,
                                doubles_t *CK_RESTRICT most)
{
    doubles_t buffers[2][SQUARE * LINE_DOUBLES] = {0}, *sqdists = buffers[0], *roots = buffers[1];
    int64_t j = 0;
    for (; j + SQUARE <= k; j += SQUARE) {
        const double *few[SQUARE];
        for (int c = 0; c < SQUARE; c++) few[c] = centers + (j + c) * d;
        few_sqdists(panel, d, few, sqdists, roots, least, most);
        if (j > 0) write_columns(roots, k, in_float32, out, j - SQUARE);
        doubles_t *const written = roots;
        roots = sqdists, sqdists = written;
    }
    EACH_OF (SQUARE *LINE_DOUBLES, v) roots[v] = vector_sqrt(roots[v]);
    write_columns(roots, k, in_float32, out, j - SQUARE);
    return j;
}

/* in_float32 is a constant where this is called. */
CK_INLINE int write_distances(const double *CK_RESTRICT panel, int64_t d, const double *CK_RESTRICT centers, int64_t k,
                              int64_t n, const int in_float32, void *CK_RESTRICT out)
{
    doubles_t least = (doubles_t){0} + DBL_MAX, most = (doubles_t){0};
    int64_t j = 0;
    if (n == CK_LANES && d >= SQUARES_FROM_FEATURES && k >= SQUARES_FROM_CENTERS)
        j = write_squares(panel, d, centers, k, in_float32, out, &least, &most);
    for (; j < k; j++) {
        doubles_t sums[LINE_DOUBLES];
        double roots[CK_LANES];
        sqdist_line(panel, d, centers + j * d, sums);
        EACH_DOUBLES (v) {
            least = vector_min(sums[v], least);
            most = vector_max(sums[v], most);
            sums[v] = vector_sqrt(sums[v]);
        }
        store_line(sums, roots);
        if (n == CK_LANES) /* worth telling the compiler */
            write_column(roots, CK_LANES, k, in_float32, out, j);
        else
            write_column(roots, n, k, in_float32, out, j);
    }
    return all_of(is_plain(least) & is_plain(most));
}

static int distances(const double *panel, int64_t d, const double *centers, int64_t k, int64_t n, int in_float32,
                     void *out)
{
    return in_float32 ? write_distances(panel, d, centers, k, n, 1, out)
                      : write_distances(panel, d, centers, k, n, 0, out);
}
