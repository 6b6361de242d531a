/* kernel_test.h - what the parts of the kernel test share: rooms with walls, values, expectations and clocks. */
#ifndef KERNEL_TEST_H
#define KERNEL_TEST_H

#include "../../src_c/kernels.h"
/* After base.h, which it begins with. */
#include "../../src_c/base/matrix.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum {
    PLAIN,
    TIES,
    HUGE_VALUES, /* whose squares float64 does not hold, or float32 hardly */
    TINY,        /* whose squares vanish */
    SUBNORMAL,
    OFFSET,
    EVERY_SIZE,
    N_KINDS
} value_kind;

/* The case at hand, for those who read a failure. */
extern struct test_case {
    const char *job, *level;
    value_kind kind;
    int64_t n, d;
    int at_end; /* memory ends where it may not be touched, rather than begins there */
    int timed;
    int round;
} now;

/* Memory of `count` elements with nothing readable right behind it, or right before it, from here to the next
 * `leave_rooms`; aligned as its size allows. What the case does not write is noise. */
void *room(int64_t count, int64_t size);
#define ROOM(type, count) ((type *)room((count), (int64_t)sizeof(type)))
/* Nothing but the rooms was written. */
void leave_rooms(void);

/* Ends the program where it does not hold. */
void expect(int holds, const char *what);
int same_bits(const void *a, const void *b, int64_t bytes);
int same_doubles(const double *a, const double *b, int64_t n); /* to the bit, but for the payload of NaN */

int64_t below(int64_t limit);
int64_t draw_size(int64_t most); /* at least one; the most where it is timed */
int64_t draw_start(int64_t n);   /* less than n; none where it is timed */
double draw_value(value_kind kind, ck_dtype dtype);
void fill_doubles(double *out, int64_t n, value_kind kind);
void fill_floats(float *out, int64_t n, value_kind kind);

/* Rows in a room, and the same as float64 in C order, which nobody guards. */
typedef struct {
    ck_matrix X;
    double *values;
} test_rows;
enum { N_LAYOUTS = 4 };
test_rows draw_rows(value_kind kind, ck_dtype dtype, int layout, int64_t n, int64_t d);

/* Seconds of a call, the least of many; printed with --time. */
void report_time(const char *routine, double seconds);
#define TIME(routine, call)                                                                                            \
    do {                                                                                                               \
        if (now.timed) {                                                                                               \
            double fastest = INFINITY;                                                                                 \
            for (int trial = 0; trial < 20; trial++) {                                                                 \
                const double start = ck_seconds();                                                                     \
                for (int call_number = 0; call_number < 50; call_number++) call;                                       \
                fastest = fmin(fastest, (ck_seconds() - start) / 50);                                                  \
            }                                                                                                          \
            report_time(routine, fastest);                                                                             \
        }                                                                                                              \
    } while (0)

/* One entry of a table on one case. */
void check_screen(const void *kernels);
void check_coarse(const void *kernels);
void check_settle(const void *kernels);
void check_quick(const void *kernels);
void check_rows(const void *kernels);

#endif
