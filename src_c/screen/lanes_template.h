/* lanes_template.h - across the lanes of vectors, by the v_ operations: included where VF, L and those are defined. */
#ifndef CK_LANES_TEMPLATE_H
#define CK_LANES_TEMPLATE_H

/* L sums over lanes, in L lanes. */
CK_INLINE VF sum_lanes(VF square[L])
{
    v_transpose(square);
    CK_UNROLL for (int width = L / 2; width > 0; width /= 2) CK_UNROLL for (int l = 0; l < width; l++) square[l] =
        v_add(square[l], square[l + width]);
    return square[0];
}

#ifndef HAS_ROWS_MAX
/* The largest lane of each vector. */
CK_INLINE VF v_rows_max(VF rows[L])
{
    v_transpose(rows);
    CK_UNROLL for (int width = L / 2; width > 0; width /= 2) CK_UNROLL for (int l = 0; l < width; l++) rows[l] =
        v_max(rows[l], rows[l + width]);
    return rows[0];
}
#endif

#ifndef HAS_LIST
/* Appends base + the places of the bits; returns how many. May write a whole vector. */
CK_INLINE int v_list(uint32_t mask, int base, int32_t *list)
{
    int count = 0;
    for (; mask; mask &= mask - 1) list[count++] = base + ck_lowest_bit(mask);
    return count;
}
#endif

#endif
