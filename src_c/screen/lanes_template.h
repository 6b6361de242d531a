/* lanes_template.h - features of a row in vectors, and across the lanes of vectors, by the v_ operations: included
 * where VF, L and those are defined. */
#ifndef CK_LANES_TEMPLATE_H
#define CK_LANES_TEMPLATE_H

/* L features of a row's image; count: those there are, where they are not L. */
CK_INLINE VF image_of(const ck_matrix *X, const char *row, int64_t p, int count, const ck_screen_image *image)
{
    const float scale = (float)image->scale;
    if (X->dtype == CK_F64)
        return v_image_first_f64((const double *)row + p, count, image->scale, image->minus_offset + p);
    const VF value = count == L ? v_loadu((const float *)row + p) : v_load_first((const float *)row + p, count);
    return v_fma(value, v_set1(&scale), v_load(image->minus_offset32 + p));
}

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
