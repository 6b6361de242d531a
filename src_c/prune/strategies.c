/* strategies.c - the table of strategies. */
#include "strategy.h"

extern const ck_strategy_kind ck_strategy_kind_lloyd, ck_strategy_kind_hamerly, ck_strategy_kind_yinyang,
    ck_strategy_kind_projection, ck_strategy_kind_filtering;
static const ck_strategy_kind AUTO = {"auto", NULL}; /* fit/choose.c chooses */

/* The place is the code, ck_algorithm: new ones at the end. */
static const ck_strategy_kind *const KINDS[] = {
    [CK_AUTO] = &AUTO,
    [CK_LLOYD] = &ck_strategy_kind_lloyd,
    [CK_HAMERLY] = &ck_strategy_kind_hamerly,
    [CK_YINYANG] = &ck_strategy_kind_yinyang,
    [CK_PROJECTION] = &ck_strategy_kind_projection,
    [CK_FILTERING] = &ck_strategy_kind_filtering,
};

const ck_strategy_kind *ck_strategy_kind_of(int algorithm)
{
    return algorithm >= 0 && algorithm < (int)(sizeof KINDS / sizeof *KINDS) ? KINDS[algorithm] : NULL;
}

const char *ck_algorithm_name(int algorithm)
{
    const ck_strategy_kind *kind = ck_strategy_kind_of(algorithm);
    return kind ? kind->name : NULL;
}
