#include "sampler.h"

void ck_sampler_init(ck_sampler *s, ck_arena *arena, int64_t n_rows)
{
    s->n_rows = n_rows;
    s->n_blocks = ck_ceil_div(n_rows, CK_SUM_ROWS);
    s->masses = CK_NEW(arena, double, n_rows);
    s->block_sums = CK_NEW(arena, double, s->n_blocks);
}

int ck_sampler_set_weights(ck_sampler *s, const ck_problem *problem)
{
    ck_watch_pace pace = {0};
    for (int64_t block = 0; block < s->n_blocks; block++) {
        const int64_t first = block * CK_SUM_ROWS, last = ck_min_i64(first + CK_SUM_ROWS, s->n_rows);
        if (ck_watch_stops(&pace)) return CK_ERROR_STOPPED;
        for (int64_t i = first; i < last; i++) s->masses[i] = ck_weight(problem, i);
        ck_sampler_sum_block(s, block);
    }
    return CK_OK;
}

double ck_sampler_sum_block(ck_sampler *s, int64_t block)
{
    const int64_t first = block * CK_SUM_ROWS;
    double most;
    s->block_sums[block] =
        ck_settle_table()->sum_masses(s->masses + first, ck_min_i64(CK_SUM_ROWS, s->n_rows - first), &most);
    return most;
}

double ck_sampler_total(const ck_sampler *s)
{
    double total = 0.0;
    for (int64_t block = 0; block < s->n_blocks; block++) total += s->block_sums[block];
    return total;
}

/* The row at which the running sum of the masses exceeds target; never one of no mass. */
static int64_t sampler_find(const ck_sampler *s, double target)
{
    int64_t block = -1, found = -1;
    double before = 0.0, after = 0.0;
    for (int64_t b = 0; b < s->n_blocks && !(after > target); b++) {
        if (s->block_sums[b] <= 0.0) continue;
        block = b;
        before = after;
        after += s->block_sums[b];
    }
    if (block < 0) return -1;
    const int64_t first = block * CK_SUM_ROWS, last = ck_min_i64(first + CK_SUM_ROWS, s->n_rows);
    for (int64_t i = first; i < last && !(found >= 0 && before > target); i++) {
        if (s->masses[i] <= 0.0) continue;
        found = i;
        before += s->masses[i];
    }
    assert(found < s->n_rows);
    return found;
}

int64_t ck_sampler_draw(const ck_sampler *s, ck_random *random)
{
    return sampler_find(s, ck_random_uniform(random) * ck_sampler_total(s));
}

int64_t ck_draw_alike(int64_t n, ck_random *random)
{
    /* Sums of ones are exact: the first that exceeds the target is the one of that place. */
    return ck_min_i64((int64_t)(ck_random_uniform(random) * (double)n), n - 1);
}
