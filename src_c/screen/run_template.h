/* run_template.h - sums of features in runs of CK_SCREEN_RUN: included where VF and the v_ operations are defined. */
#ifndef CK_RUN_TEMPLATE_H
#define CK_RUN_TEMPLATE_H

/* A run is over. INOUT acc: its n sums; what the next run starts from, or in the end all of them. */
CK_INLINE void end_run(VF *acc, VF *total, const int n, int first_run, int last_run)
{
    CK_UNROLL for (int i = 0; i < n; i++)
    {
        if (!first_run) acc[i] = v_add(total[i], acc[i]);
        if (!last_run) {
            total[i] = acc[i];
            acc[i] = v_zero();
        }
    }
}

#endif
