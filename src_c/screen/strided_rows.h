/* strided_rows.h - the v_ operations that read strided or partial rows, for instruction sets without gathers:
 * element by element through a small buffer. Expects VF, L, v_loadu. */

CK_INLINE VF v_gather(const char *rows, int stride)
{
    float lanes[L];
    for (int i = 0; i < L; i++) lanes[i] = *(const float *)(rows + (int64_t)i * stride);
    return v_loadu(lanes);
}
CK_INLINE VF v_image_gather_f64(const char *rows, int stride, double scale, double minus_offset)
{
    float lanes[L];
    for (int i = 0; i < L; i++)
        lanes[i] = (float)(*(const double *)(rows + (int64_t)i * stride) * scale + minus_offset);
    return v_loadu(lanes);
}
CK_INLINE VF v_load_first(const float *a, int count)
{
    float lanes[L] = {0};
    if (count == L) return v_loadu(a);
    for (int i = 0; i < count; i++) lanes[i] = a[i];
    return v_loadu(lanes);
}
CK_INLINE VF v_image_first_f64(const double *a, int count, double scale, const double *minus_offset)
{
    float lanes[L] = {0};
    for (int i = 0; i < count; i++) lanes[i] = (float)(a[i] * scale + minus_offset[i]);
    return v_loadu(lanes);
}
