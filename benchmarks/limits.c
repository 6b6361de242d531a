/* What this machine can do at most: float32 multiply-adds and reading from memory, all threads together. */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define MAX_THREADS 1024

typedef void (*work_function)(int thread, void *context);

struct start_line {
    work_function work;
    void *context;
    int threads;
    atomic_int arrived;
};

struct runner {
    struct start_line *line;
    int thread;
    pthread_t handle;
    double started, finished;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *run_one(void *argument)
{
    struct runner *r = argument;
    atomic_fetch_add(&r->line->arrived, 1);
    while (atomic_load(&r->line->arrived) < r->line->threads) sched_yield();
    r->started = now();
    r->line->work(r->thread, r->line->context);
    r->finished = now();
    return NULL;
}

/* Seconds from the first start to the last finish, or -1 if the threads cannot be had. */
static double timed_parallel(work_function work, void *context, int threads)
{
    struct start_line line = {work, context, threads, 0};
    struct runner *runners = calloc((size_t)threads, sizeof *runners);
    int created = 1;
    double first, last;

    if (runners == NULL) return -1.0;
    for (int i = 0; i < threads; i++) {
        runners[i].line = &line;
        runners[i].thread = i;
    }
    while (created < threads && pthread_create(&runners[created].handle, NULL, run_one, &runners[created]) == 0)
        created++;
    /* Whoever waits at the line must be let go even where not all could be created. */
    atomic_fetch_add(&line.arrived, threads - created);
    run_one(&runners[0]);
    first = runners[0].started;
    last = runners[0].finished;
    for (int i = 1; i < created; i++) {
        pthread_join(runners[i].handle, NULL);
        first = runners[i].started < first ? runners[i].started : first;
        last = runners[i].finished > last ? runners[i].finished : last;
    }
    free(runners);
    return created == threads ? last - first : -1.0;
}

/* ---- multiply-adds ---------------------------------------------------------------------------------------------- */

/* Enough independent chains to hide the latency (4 or 5 cycles times 2 to 4 units), few enough to stay in registers. */
#define TIMES_12(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define TIMES_24(X) TIMES_12(X) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23)

#define DECLARE_CHAIN(i) vector chain##i = (vector){0} + ((float)i + 2.0f);
#define STEP_CHAIN(i) chain##i = chain##i * factor + term;
#define ADD_CHAIN(i) sum += chain##i;

/* The chains start above 1 and tend to it, so that no value ever becomes subnormal or infinite. */
#define MULTIPLY_ADD_KERNEL(name, target, bytes, chains)                                                               \
    target static void name(int thread, void *context)                                                                 \
    {                                                                                                                  \
        typedef float vector __attribute__((vector_size(bytes)));                                                      \
        const long steps = *(const long *)context;                                                                     \
        const vector factor = (vector){0} + 0.999f;                                                                    \
        const vector term = (vector){0} + 0.001f;                                                                      \
        vector sum = {0};                                                                                              \
        volatile float sink;                                                                                           \
        TIMES_##chains(DECLARE_CHAIN) for (long step = 0; step < steps; step++){                                       \
            TIMES_##chains(STEP_CHAIN)} TIMES_##chains(ADD_CHAIN) sink = sum[0];                                       \
        (void)sink;                                                                                                    \
        (void)thread;                                                                                                  \
    }

struct kernel {
    const char *name;
    work_function work;
    int flops_per_step;
};

#define FLOPS(bytes, chains) (2 * (bytes) / 4 * (chains))

#if defined(__x86_64__)
MULTIPLY_ADD_KERNEL(work_avx512, __attribute__((target("avx512f"))), 64, 24)
MULTIPLY_ADD_KERNEL(work_avx2, __attribute__((target("avx2,fma"))), 32, 12)
MULTIPLY_ADD_KERNEL(work_generic, , 16, 12)
#else
MULTIPLY_ADD_KERNEL(work_generic, , 16, 24)
#endif

/* The best here, or the one that is named; without work where this processor has none such. */
static struct kernel kernel_of(const char *name)
{
    const struct kernel kernels[] = {
#if defined(__x86_64__)
        {"avx512", __builtin_cpu_supports("avx512f") ? work_avx512 : NULL, FLOPS(64, 24)},
        {"avx2", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? work_avx2 : NULL, FLOPS(32, 12)},
        {"sse2, no fused multiply-add", work_generic, FLOPS(16, 12)},
#else
        {"generic 128-bit", work_generic, FLOPS(16, 24)},
#endif
    };
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (kernels[i].work != NULL && (name == NULL || strcmp(kernels[i].name, name) == 0)) return kernels[i];
    return (struct kernel){NULL, NULL, 0};
}

/* NULL: the best. */
const char *limits_kernel_name(const char *name) { return kernel_of(name).name; }

/* Best float32 GFLOP/s of `runs` runs of about `seconds` each, by that kernel; -1 on failure. A multiply-add counts as
 * two. */
double limits_peak_gflops(const char *name, int threads, int runs, double seconds)
{
    const struct kernel kernel = kernel_of(name);
    long steps = 1 << 16;
    double best = -1.0, elapsed;

    if (kernel.work == NULL || threads < 1 || threads > MAX_THREADS) return -1.0;
    elapsed = timed_parallel(kernel.work, &steps, threads);
    if (elapsed <= 0.0) return -1.0;
    steps = (long)((double)steps * seconds / elapsed) + 1;
    for (int run = 0; run < runs; run++) {
        elapsed = timed_parallel(kernel.work, &steps, threads);
        if (elapsed > 0.0) {
            const double rate = 1e-9 * (double)kernel.flops_per_step * (double)steps * threads / elapsed;
            best = rate > best ? rate : best;
        }
    }
    return best;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

#define HUGE_PAGE ((size_t)2 << 20)

#define DECLARE_READ(i) vector read##i = {0};
#define STEP_READ(i) read##i ^= part[step + i];
#define JOIN_READ(i) all ^= read##i;

struct memory {
    char *bytes;
    size_t bytes_per_thread;
};

/* Every thread touches its own part first, so that the pages lie near it. */
static void fill_part(int thread, void *context)
{
    const struct memory *m = context;
    memset(m->bytes + (size_t)thread * m->bytes_per_thread, thread + 1, m->bytes_per_thread);
}

static void read_part(int thread, void *context)
{
    typedef unsigned long long vector __attribute__((vector_size(16)));
    const struct memory *m = context;
    const vector *part = (const void *)(m->bytes + (size_t)thread * m->bytes_per_thread);
    const size_t vectors = m->bytes_per_thread / sizeof(vector);
    vector all = {0};
    volatile unsigned long long sink;

    TIMES_12(DECLARE_READ)
    for (size_t step = 0; step + 12 <= vectors; step += 12) {
        TIMES_12(STEP_READ)
    }
    TIMES_12(JOIN_READ)
    sink = all[0] ^ all[1];
    (void)sink;
}

/* Best GB/s (1e9 bytes) of `runs` passes over `bytes` of memory, which should exceed every cache; -1 on failure. */
double limits_read_bandwidth(int threads, int runs, size_t bytes)
{
    struct memory memory;
    double best = -1.0;

    if (threads < 1 || threads > MAX_THREADS) return -1.0;
    memory.bytes_per_thread = bytes / (size_t)threads / HUGE_PAGE * HUGE_PAGE;
    bytes = memory.bytes_per_thread * (size_t)threads;
    if (bytes == 0 || posix_memalign((void **)&memory.bytes, HUGE_PAGE, bytes) != 0) return -1.0;
#if defined(__linux__)
    /* As NumPy asks for its arrays: with small pages the address translation would be measured as well. */
    (void)madvise(memory.bytes, bytes, MADV_HUGEPAGE);
#endif
    if (timed_parallel(fill_part, &memory, threads) >= 0.0) {
        for (int run = 0; run < runs; run++) {
            const double elapsed = timed_parallel(read_part, &memory, threads);
            const double rate = elapsed > 0.0 ? 1e-9 * (double)bytes / elapsed : -1.0;
            best = rate > best ? rate : best;
        }
    }
    free(memory.bytes);
    return best;
}
