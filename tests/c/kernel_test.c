/* kernel_test.c - every entry of every table of src_c/kernels.c that this machine runs, against plain C.
 *
 *     kernel_test [rounds] [seed] [--time]
 *
 * Values are random and extreme; memory is flush against pages that must not be touched, behind it in one run and
 * before it in the next. Canonical results must have the bits of the plain loop, scores and quick distances lie within
 * their proven bounds. --time prints what a call takes, entry by entry. With CK_WITHOUT_WALLS in the environment those
 * pages may be touched: emulators read the lanes that a load leaves out.
 */
#include "kernel_test.h"

#include <signal.h>

#if !defined(_WIN32)
#include <sys/mman.h>
#include <unistd.h>
#endif

struct test_case now;
static ck_random source;

/* --- Rooms --------------------------------------------------------------------------------------------------- */

enum { N_ROOMS = 80, ROOM_BYTES = 1 << 20, MARGIN = 256 /* bytes that are looked at on the side without a wall */ };
static const uint64_t NOISE = 0xa5c39e7d5b8142f6u;
static struct {
    char *from, *end; /* of what may be touched */
    char *data;
    int64_t bytes;
} rooms[N_ROOMS];
static int n_used;

static void build_room(int i)
{
#if defined(_WIN32)
    char *memory = malloc(ROOM_BYTES + CK_CACHE_LINE);
    if (!memory) abort();
    rooms[i].from = memory + (CK_CACHE_LINE - (uintptr_t)memory % CK_CACHE_LINE) % CK_CACHE_LINE;
    rooms[i].end = rooms[i].from + ROOM_BYTES;
#else
    const int64_t page = (int64_t)sysconf(_SC_PAGESIZE);
    char *walls = mmap(NULL, (size_t)(ROOM_BYTES + 2 * page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (walls == (char *)MAP_FAILED || mprotect(walls + page, ROOM_BYTES, PROT_READ | PROT_WRITE) != 0) abort();
    if (getenv("CK_WITHOUT_WALLS") && mprotect(walls, (size_t)(ROOM_BYTES + 2 * page), PROT_READ | PROT_WRITE) != 0)
        abort();
    rooms[i].from = walls + page;
    rooms[i].end = rooms[i].from + ROOM_BYTES;
#endif
}

static void make_noise(char *at, int64_t bytes)
{
    for (int64_t b = 0; b < bytes; b++) at[b] = (char)(NOISE >> (8 * (b % 8)));
}

static int is_noise(const char *at, int64_t bytes)
{
    for (int64_t b = 0; b < bytes; b++)
        if (at[b] != (char)(NOISE >> (8 * (b % 8)))) return 0;
    return 1;
}

void *room(int64_t count, int64_t size)
{
    const int64_t bytes = count * size;
    expect(n_used < N_ROOMS && bytes + MARGIN <= ROOM_BYTES, "the test itself: rooms");
    const int i = n_used++;
    if (!rooms[i].from) build_room(i);
    rooms[i].bytes = bytes;
    rooms[i].data = now.at_end ? rooms[i].end - bytes : rooms[i].from;
    make_noise(now.at_end ? rooms[i].data - MARGIN : rooms[i].data + bytes, MARGIN);
    make_noise(rooms[i].data, bytes);
    return rooms[i].data;
}

void leave_rooms(void)
{
    for (int i = 0; i < n_used; i++)
        expect(is_noise(now.at_end ? rooms[i].data - MARGIN : rooms[i].data + rooms[i].bytes, MARGIN),
               "memory beside its own was written");
    n_used = 0;
}

/* --- Values -------------------------------------------------------------------------------------------------- */

int64_t below(int64_t limit) { return (int64_t)(ck_random_uniform(&source) * (double)limit); }

int64_t draw_size(int64_t most) { return now.timed ? most : 1 + below(most); }

int64_t draw_start(int64_t n) { return now.timed ? 0 : below(n); }

double draw_value(value_kind kind, ck_dtype dtype)
{
    const double value = 2.0 * ck_random_uniform(&source) - 1.0;
    const int wide = dtype == CK_F64;
    switch (kind) {
    case TIES: return (double)below(4) - 1.5;
    case HUGE_VALUES: return ldexp(value, wide ? 1000 : 120);
    case TINY: return ldexp(value, wide ? -1000 : -120);
    case SUBNORMAL: return ldexp(value, wide ? -1060 : -140);
    case OFFSET: return 1e6 + value;
    case EVERY_SIZE: return ldexp(value, (int)below(wide ? 1900 : 240) - (wide ? 950 : 120));
    default: return value;
    }
}

void fill_doubles(double *out, int64_t n, value_kind kind)
{
    for (int64_t i = 0; i < n; i++) out[i] = draw_value(kind, CK_F64);
}

void fill_floats(float *out, int64_t n, value_kind kind)
{
    for (int64_t i = 0; i < n; i++) out[i] = (float)draw_value(kind, CK_F32);
}

/* What is stored is read back: some compilers take a number cut to an integer for the same number without its fraction,
 * which may be -0. */
static double store(void *at, ck_dtype dtype, double value)
{
    switch (dtype) {
    case CK_F32: *(float *)at = (float)value; return (double)*(float *)at;
    case CK_F64: return *(double *)at = value;
    case CK_I8: *(int8_t *)at = (int8_t)fmax(-128, fmin(127, rint(100 * value))); return *(volatile int8_t *)at;
    case CK_U8: *(uint8_t *)at = (uint8_t)fmax(0, fmin(255, rint(100 * value))); return *(volatile uint8_t *)at;
    case CK_I16: *(int16_t *)at = (int16_t)fmax(-32768, fmin(32767, rint(1e4 * value))); return *(volatile int16_t *)at;
    default: *(uint16_t *)at = (uint16_t)fmax(0, fmin(65535, rint(1e4 * value))); return *(volatile uint16_t *)at;
    }
}

test_rows draw_rows(value_kind kind, ck_dtype dtype, int layout, int64_t n, int64_t d)
{
    enum { MOST_VALUES = 1 << 17 };
    static double values[MOST_VALUES];
    const int64_t item = ck_itemsize(dtype), apart = layout == 2 ? 2 * d : d;
    test_rows rows = {{NULL, n, d, apart * item, item, dtype}, values};
    expect(n * d <= MOST_VALUES, "the test itself: values");
    char *data = room((n - 1) * apart + d, item);
    if (layout == 1) { /* feature by feature */
        rows.X.row_stride = item;
        rows.X.feature_stride = n * item;
    } else if (layout == 3) { /* last row first */
        data += (n - 1) * d * item;
        rows.X.row_stride = -d * item;
    }
    rows.X.data = data;
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < d; p++)
            values[i * d + p] =
                store(data + i * rows.X.row_stride + p * rows.X.feature_stride, dtype, draw_value(kind, dtype));
    return rows;
}

/* --- Expectations -------------------------------------------------------------------------------------------- */

void expect(int holds, const char *what)
{
    if (holds) return;
    printf("FAILED: %s: %s of %s, kind %d, %d rows of %d features, wall %s, round %d\n", what, now.job, now.level,
           (int)now.kind, (int)now.n, (int)now.d, now.at_end ? "behind" : "before", now.round);
    exit(1);
}

int same_bits(const void *a, const void *b, int64_t bytes) { return memcmp(a, b, (size_t)bytes) == 0; }

int same_doubles(const double *a, const double *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return 0;
    return 1;
}

void report_time(const char *routine, double seconds)
{
    printf("%-8s %-15s d %-4d n %-4d %-12s %10.1f ns\n", now.job, routine, (int)now.d, (int)now.n, now.level,
           seconds * 1e9);
}

static void on_fault(int number)
{
    (void)number;
    expect(0, "memory beside its own was touched");
}

/* --- All of them --------------------------------------------------------------------------------------------- */

static void (*const CHECKS[CK_JOB_COUNT])(const void *) = {
    [CK_JOB_SCREEN] = check_screen, [CK_JOB_COARSE] = check_coarse, [CK_JOB_SETTLE] = check_settle,
    [CK_JOB_QUICK] = check_quick,   [CK_JOB_ROWS] = check_rows,
};
static const char *const JOB_NAMES[CK_JOB_COUNT] = {
    [CK_JOB_SCREEN] = "screen", [CK_JOB_COARSE] = "coarse", [CK_JOB_SETTLE] = "settle",
    [CK_JOB_QUICK] = "quick",   [CK_JOB_ROWS] = "rows",
};

static int check_job(ck_job job)
{
    static const int64_t widths[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100, 128, 129, 300};
    int count, n_checked = 0;
    const ck_kernel *kernels = ck_kernels_of(job, &count);
    for (int i = 0; i < count; i++) {
        if (!ck_kernel_runs(kernels + i)) continue;
        n_checked++;
        now.job = JOB_NAMES[job];
        now.level = kernels[i].level;
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (int kind = 0; kind < N_KINDS; kind++)
                for (int at_end = 0; at_end < 2; at_end++) {
                    now.d = widths[w];
                    now.n = 1 + below(70);
                    now.kind = (value_kind)kind;
                    now.at_end = at_end;
                    CHECKS[job](kernels[i].kernels);
                    leave_rooms();
                }
    }
    return n_checked;
}

static void time_job(ck_job job)
{
    static const int64_t widths[] = {3, 16, 128};
    int count;
    const ck_kernel *kernels = ck_kernels_of(job, &count);
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (int i = 0; i < count; i++) {
            if (!ck_kernel_runs(kernels + i)) continue;
            source = ck_random_stream(1, 0); /* the same case for all */
            now = (struct test_case){JOB_NAMES[job], kernels[i].level, PLAIN, 64, widths[w], 0, 1, 0};
            CHECKS[job](kernels[i].kernels);
            leave_rooms();
        }
}

int main(int argc, char **argv)
{
    const int timed = argc > 1 && strcmp(argv[argc - 1], "--time") == 0;
    const int rounds = argc - timed > 1 ? atoi(argv[1]) : 20;
    int n_kernels = 0;
    signal(SIGSEGV, on_fault);
#if defined(SIGBUS)
    signal(SIGBUS, on_fault);
#endif
    source = ck_random_stream(argc - timed > 2 ? strtoull(argv[2], NULL, 10) : 1, 0);
    for (now.round = 0; now.round < rounds; now.round++) {
        n_kernels = 0;
        for (int job = 0; job < CK_JOB_COUNT; job++) n_kernels += check_job((ck_job)job);
    }
    for (int job = 0; job < CK_JOB_COUNT && timed; job++) time_job((ck_job)job);
    printf("%d kernels did what plain loops do in %d rounds\n", n_kernels, rounds);
    return 0;
}
