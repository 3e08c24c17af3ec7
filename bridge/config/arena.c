#include "bridge/config/arena.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/config/wipe.h"

enum { BLOCK_SIZE = 16384 };

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    _Alignas(max_align_t) char data[];
};

void *arena_take(struct arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    const size_t take = (size + align - 1) / align * align;
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < take) {
        const size_t capacity = take > BLOCK_SIZE ? take : BLOCK_SIZE;
        block = calloc(1, sizeof *block + capacity);
        if (block == NULL) {
            return NULL;
        }
        block->size = capacity;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *taken = block->data + block->used;
    block->used += take;
    return taken;
}

char *arena_text(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_take(arena, len + 1);
    if (copy != NULL && len > 0) {
        memcpy(copy, text, len);
    }
    return copy;
}

void arena_free(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks; block != NULL;) {
        struct arena_block *next = block->next;
        wipe(block->data, block->used);
        free(block);
        block = next;
    }
    arena->blocks = NULL;
}
