#include <stdlib.h>

#include "base.h"

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
