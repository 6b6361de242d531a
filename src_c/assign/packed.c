/* packed.c - rows packed once, for data that stay in cache. */
#include "packed.h"

#include "../base/costs.h"
#include "../settle/rows.h"

static int64_t packed_bytes(const ck_matrix *X)
{
    const int64_t width = ck_screen_choose_shape(X->n_features)->panel_rows, most = INT64_MAX / 8;
    const int64_t rows = ck_round_up(X->n_rows, width), row = (X->n_features + 1) * (int64_t)sizeof(float);
    return rows > most / row ? most : rows * row;
}

int ck_packed_fits(const ck_matrix *X)
{
    if (X->n_features < CK_PACKED_FEATURES) return 0;
    return (double)packed_bytes(X) <= CK_PACKED_SHARE * (double)ck_last_level_cache();
}

int ck_packed_coarse_fits(const ck_matrix *X, int64_t k)
{
    const ck_coarse_shape *shape = ck_coarse_choose_shape(X, k);
    return shape && X->n_rows <= CK_COARSE_KEPT_BYTES / ck_coarse_row_bytes(shape, X->n_features);
}

/* Room for all rows, in float32 and for the coarse screen. */
static ck_packed_rows *reserve(ck_arena *arena, const ck_matrix *X, int in_float32, const ck_coarse_shape *shape)
{
    const int64_t n = X->n_rows, d = X->n_features;
    ck_packed_rows *packed = CK_NEW(arena, ck_packed_rows, 1);
    if (!packed) return NULL;
    memset(packed, 0, sizeof *packed);
    packed->X = X;
    if (in_float32) {
        const int64_t width = ck_screen_choose_shape(d)->panel_rows, n_panels = ck_ceil_div(n, width);
        packed->points = CK_NEW(arena, float, n_panels * width * d);
        packed->sqnorm = CK_NEW(arena, float, n_panels *width);
        packed->filled = CK_NEW(arena, uint8_t, n_panels);
        if (packed->filled) memset(packed->filled, 0, (size_t)n_panels);
    }
    if (shape) {
        const int64_t width = shape->panel_rows, n_panels = ck_ceil_div(n, width);
        packed->coarse_points = ck_arena_alloc(arena, n_panels * width, ck_coarse_row_bytes(shape, d));
        packed->coarse_sqnorm = CK_NEW(arena, float, n_panels *width);
        packed->coarse_filled = CK_NEW(arena, uint8_t, n_panels);
        if (packed->coarse_filled) memset(packed->coarse_filled, 0, (size_t)n_panels);
    }
    return arena->failed ? NULL : packed;
}

ck_packed_rows *ck_packed_room_new(ck_arena *arena, const ck_matrix *X, int64_t k)
{
    const int coarse = ck_packed_coarse_fits(X, k);
    const ck_coarse_shape *shape = coarse ? ck_coarse_choose_shape(X, k) : NULL;
    if (!shape && !ck_packed_fits(X)) return NULL;
    ck_packed_rows *packed = reserve(arena, X, ck_packed_fits(X), shape);
    if (packed) packed->as_needed = 1;
    return packed;
}

ck_packed_rows *ck_packed_rows_new(ck_arena *arena, const ck_matrix *X, int64_t k)
{
    const int64_t n = X->n_rows, d = X->n_features;
    const ck_screen_shape *shape = ck_screen_choose_shape(d);
    const int64_t width = shape->panel_rows;
    if (d > CK_PACKED_BYTES || packed_bytes(X) > CK_PACKED_BYTES) return NULL;
    ck_arena local = {0};
    ck_coarse_model coarse;
    ck_coarse_model_init(&coarse, &local, ck_coarse_choose_shape(X, k), k, d);
    ck_packed_rows *packed = local.failed ? NULL : reserve(arena, X, 1, coarse.shape);
    if (packed) ck_screen_model_init(&packed->model, arena, shape, 1, d);
    double *rows = CK_NEW(&local, double, ck_round_up(n, width) * d); /* the scratch of packing too */
    void *stage = packed && coarse.shape ? ck_arena_alloc(&local, ck_coarse_stage(coarse.shape, d), 1) : NULL;
    const int failed = arena->failed || local.failed;
    if (!failed) {
        const int64_t coarse_width = coarse.shape ? coarse.shape->panel_rows : 1;
        ck_rows_table()->copy_rows(X, 0, n, rows);
        ck_screen_model_center(&packed->model, X->dtype, rows, n);
        for (int64_t row = 0; row < n; row += width)
            shape->pack(X, row, ck_min_i64(width, n - row), &packed->model.image, rows, packed->points + row * d,
                        packed->sqnorm + row);
        for (int64_t row = 0; row < n && coarse.shape; row += coarse_width)
            coarse.shape->pack(X, row, ck_min_i64(coarse_width, n - row), &packed->model.image, coarse.n_words, stage,
                               packed->coarse_points + row * coarse.row_bytes, packed->coarse_sqnorm + row);
        memset(packed->filled, 1, (size_t)ck_ceil_div(n, width));
        if (coarse.shape) memset(packed->coarse_filled, 1, (size_t)ck_ceil_div(n, coarse_width));
    }
    ck_arena_free(&local);
    return failed ? NULL : packed;
}
