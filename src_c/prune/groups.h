/* groups.h - centers in groups of near ones. */
#ifndef CK_GROUPS_H
#define CK_GROUPS_H

#include "../assign/assign.h"

typedef struct {
    int64_t n;
    int64_t *begins;                /* n + 1: places in indices */
    int32_t *indices;               /* k: centers, group after group, ascending within each */
    int32_t *of;                    /* k: the group of each center */
    int64_t *n_panels;              /* n: for score_listed */
    float **panels;                 /* n */
    struct ck_ranked_center *ranks; /* scratch, like means */
    double *means;
} ck_groups;

/* Reserves memory for at most n groups: check arena->failed. */
void ck_groups_init(ck_groups *groups, ck_arena *arena, const ck_assigner *assigner, int64_t n);
/* Forms groups of about equal size, by halves, of near centers each. */
int ck_groups_form(ck_groups *groups, const ck_assigner *assigner);
/* Copies the panels of the assigner's centers; after each ck_assigner_set_centers. */
void ck_groups_set_centers(ck_groups *groups, const ck_assigner *assigner);

#endif
