/* fail_allocations.c - preloaded by tests/test_allocations.py: counts what the compiled core allocates and frees, and
 * makes one of its allocations fail, or all from one on. What anybody else asks for is none of its business. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t), *__libc_realloc(void *, size_t), __libc_free(void *);

static int64_t armed, first, last, count, living;

/* Allocations [first, last] fail, counted from 1; count begins anew. */
void fail_allocations(int64_t from, int64_t to)
{
    first = from;
    last = to;
    count = 0;
    armed = 1;
}
int64_t allocations_counted(void) { return __atomic_load_n(&count, __ATOMIC_RELAXED); }
int64_t allocations_living(void) { return __atomic_load_n(&living, __ATOMIC_RELAXED); }

/* Whether the code at this address is the core's. */
static int by_core(const void *caller)
{
    Dl_info info;
    return armed && dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "/ckmeans/_core");
}

static int fails(void)
{
    const int64_t number = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
    return number >= first && number <= last;
}

void *malloc(size_t size)
{
    if (!by_core(__builtin_return_address(0))) return __libc_malloc(size);
    void *pointer = fails() ? NULL : __libc_malloc(size);
    __atomic_add_fetch(&living, pointer != NULL, __ATOMIC_RELAXED);
    return pointer;
}

void *realloc(void *before, size_t size)
{
    if (!by_core(__builtin_return_address(0))) return __libc_realloc(before, size);
    void *pointer = fails() ? NULL : __libc_realloc(before, size);
    __atomic_add_fetch(&living, pointer && !before, __ATOMIC_RELAXED);
    return pointer;
}

void free(void *pointer)
{
    if (pointer && by_core(__builtin_return_address(0))) __atomic_sub_fetch(&living, 1, __ATOMIC_RELAXED);
    __libc_free(pointer);
}
