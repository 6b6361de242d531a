/* choose.h - which strategy labels the rows of the next pass. */
#ifndef CK_CHOOSE_H
#define CK_CHOOSE_H

#include "../prune/strategy.h"
#include "fit.h"

typedef struct ck_choice ck_choice;

/* Of what was asked for. Reserves memory, also later: check arena->failed. */
ck_choice *ck_choice_new(ck_arena *arena, const ck_prepared *prepared, ck_screening *screening, ck_algorithm algorithm);
/* A restart of at most so many passes begins. */
void ck_choice_restart(ck_choice *choice, int64_t max_passes);
/* The strategy of the next pass. */
ck_strategy *ck_choice_strategy(const ck_choice *choice);
/* A pass is over that scored this share of the pairs of row and center. */
void ck_choice_passed(ck_choice *choice, double screened);
/* Whether the rows should be sorted before the next pass; and that they are going to be, unless this returns 0: for
 * want of memory, or where nothing comes of it. */
int ck_choice_wants_sorted(const ck_choice *choice);
int ck_choice_sort(ck_choice *choice, const ck_ordering *ordering);
/* Whether rows should stay as they are packed from the next pass on: asked after ck_choice_next. */
int ck_choice_wants_packed(const ck_choice *choice);
/* Chooses anew; centers: of the pass that is over. */
int ck_choice_next(ck_choice *choice, const double *centers);

#endif
