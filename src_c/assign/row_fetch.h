/* row_fetch.h - rows that will be packed next come from memory while others are scored. */
#ifndef CK_ROW_FETCH_H
#define CK_ROW_FETCH_H

#include "../base/matrix.h"

/* Fetched a little at a time: reading memory and arithmetic overlap, which they would not if the fetches came all at
 * once. */
typedef struct {
    const char *next, *end;
    int64_t step; /* bytes at a time */
} ck_row_fetch;

CK_INLINE ck_row_fetch ck_fetch_rows(const ck_matrix *X, int64_t row, int64_t n_rows, int64_t n_steps)
{
    ck_row_fetch fetch = {NULL, NULL, 0};
    n_rows = ck_min_i64(n_rows, X->n_rows - row);
    if (n_rows <= 0 || !ck_is_dense(X)) return fetch;
    fetch.next = ck_row_start(X, row);
    fetch.end = fetch.next + n_rows * ck_row_bytes(X);
    fetch.step = ck_round_up(ck_ceil_div(n_rows * ck_row_bytes(X), n_steps), CK_CACHE_LINE);
    return fetch;
}

CK_INLINE void ck_fetch_some(ck_row_fetch *fetch)
{
    const char *last = fetch->end - fetch->next > fetch->step ? fetch->next + fetch->step : fetch->end;
    for (; fetch->next < last; fetch->next += CK_CACHE_LINE) CK_PREFETCH_L2(fetch->next);
}

#endif
