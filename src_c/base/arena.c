#include "base.h"

#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { HUGE_PAGE = 2 << 20 };

/* Clearing page after page costs more than what is done with most of them: fewer and larger ones are asked for. */
static void prefer_huge_pages(char *start, int64_t size)
{
#if defined(MADV_HUGEPAGE)
    const uintptr_t first = ((uintptr_t)start + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    const uintptr_t last = ((uintptr_t)start + (uintptr_t)size) / HUGE_PAGE * HUGE_PAGE;
    if (first < last) madvise((void *)first, last - first, MADV_HUGEPAGE);
#else
    (void)start, (void)size;
#endif
}

struct ck_arena_chunk {
    ck_arena_chunk *next;
};

void *ck_arena_alloc(ck_arena *arena, int64_t count, int64_t size)
{
    const int64_t overhead = CK_ALIGNMENT + (int64_t)sizeof(ck_arena_chunk);
    if (arena->failed || count < 0 || (count > 0 && size > (INT64_MAX - overhead) / count) ||
        (uint64_t)(count * size + overhead) > SIZE_MAX) {
        arena->failed = 1;
        return NULL;
    }
    char *raw = malloc((size_t)(count * size + overhead));
    if (!raw) {
        arena->failed = 1;
        return NULL;
    }
    prefer_huge_pages(raw, count * size + overhead);
    ck_arena_chunk *chunk = (ck_arena_chunk *)raw;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    uintptr_t start = (uintptr_t)(raw + sizeof(ck_arena_chunk));
    return (void *)((start + CK_ALIGNMENT - 1) / CK_ALIGNMENT * CK_ALIGNMENT);
}

void ck_arena_free(ck_arena *arena)
{
    while (arena->chunks) {
        ck_arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
}

void ck_free(void *pointer) { free(pointer); }
