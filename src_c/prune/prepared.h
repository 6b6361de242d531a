/* prepared.h - rows brought into forms that save work: each is of use for some data, and never needed. */
#ifndef CK_PREPARED_H
#define CK_PREPARED_H

#include "../data/problem.h"
#include "embedding.h"
#include "ordering.h"

/* Of rows with more features that are sorted, few centers can be left out. */
enum { CK_SORTED_FEATURES = 5 };

/* A problem with its rows sorted along a space-filling curve. */
typedef struct {
    const ck_ordering *ordering;
    ck_problem problem;
} ck_sorted_rows;

typedef struct {
    ck_problem *problem;
    const ck_packed_rows *packed;  /* or NULL where they are too many */
    const ck_embedding *embedding; /* or NULL where it is of no use */
    ck_sorted_rows *sorted;        /* likewise */
} ck_prepared;

/* Packs the rows where they are few, for passes to come. */
void ck_prepare_packed(ck_prepared *prepared, ck_arena *arena, int64_t k);
/* Embeds the rows where that promises to save more than it costs. */
void ck_prepare_embedding(ck_prepared *prepared, ck_arena *arena, const ck_prospect *prospect);
/* Sorts the rows where that makes up for its cost while k centers are drawn. */
void ck_prepare_sorted(ck_prepared *prepared, ck_arena *arena, int64_t k);
/* Sorted rows of a problem. NULL: X has too many rows or features, there is no memory (then arena->failed too) or the
 * watch asks to stop. */
ck_sorted_rows *ck_sorted_rows_new(const ck_problem *problem, ck_arena *arena);
/* As many threads from now on, whichever form is used. */
void ck_prepared_set_threads(ck_prepared *prepared, int n_threads);

#endif
