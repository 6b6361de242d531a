/* packed.c - rows packed once, for data that stay in cache. */
#include "packed.h"
#include "../base/costs.h"
#include "../settle/rows.h"

ck_packed_rows *ck_packed_rows_new(ck_arena *arena, const ck_matrix *X)
{
    const int64_t n = X->n_rows, d = X->n_features;
    const ck_screen_shape *shape = ck_screen_choose_shape(d);
    const int64_t width = shape->panel_rows, padded = ck_round_up(n, width);
    if (d > CK_PACKED_BYTES || padded * (d + 1) * (int64_t)sizeof(float) > CK_PACKED_BYTES) return NULL;
    ck_arena local = {0};
    ck_packed_rows *packed = CK_NEW(arena, ck_packed_rows, 1);
    if (!packed) return NULL;
    packed->X = X;
    ck_screen_model_init(&packed->model, arena, shape, 1, d);
    packed->points = CK_NEW(arena, float, padded *d);
    packed->sqnorm = CK_NEW(arena, float, padded);
    double *rows = CK_NEW(&local, double, padded *d); /* the scratch of packing too */
    ck_coarse_model coarse;
    ck_coarse_model_init(&coarse, &local, n, CK_COARSE_MIN_CENTERS, d);
    const int64_t coarse_width = coarse.shape ? coarse.shape->panel_rows : 1,
                  coarse_rows = ck_round_up(n, coarse_width);
    packed->coarse_points = coarse.shape ? ck_arena_alloc(arena, coarse_rows, coarse.row_bytes) : NULL;
    packed->coarse_sqnorm = coarse.shape ? CK_NEW(arena, float, coarse_rows) : NULL;
    void *stage = coarse.shape ? ck_arena_alloc(&local, ck_coarse_stage(coarse.shape, d), 1) : NULL;
    const int failed = arena->failed || local.failed;
    if (!failed) {
        ck_rows_table()->copy_rows(X, 0, n, rows);
        ck_screen_model_center(&packed->model, X->dtype, rows, n);
        for (int64_t row = 0; row < n; row += width)
            shape->pack(X, row, ck_min_i64(width, n - row), &packed->model.image, rows, packed->points + row * d,
                        packed->sqnorm + row);
        for (int64_t row = 0; row < n && coarse.shape; row += coarse_width)
            coarse.shape->pack(X, row, ck_min_i64(coarse_width, n - row), &packed->model.image, coarse.n_words, stage,
                               packed->coarse_points + row * coarse.row_bytes, packed->coarse_sqnorm + row);
    }
    ck_arena_free(&local);
    return failed ? NULL : packed;
}
