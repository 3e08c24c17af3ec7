/* Memory that is taken piece by piece and given back at once. */
#ifndef HB_BRIDGE_CONFIG_ARENA_H
#define HB_BRIDGE_CONFIG_ARENA_H

#include <stddef.h>

struct arena_block;

/* Begin with {NULL}. */
struct arena {
    struct arena_block *blocks;
};

/* Zeroed memory, aligned for any type, valid until arena_free; NULL when memory is short. */
void *arena_take(struct arena *arena, size_t size);
/* A terminated copy of `len` bytes; NULL when memory is short. */
char *arena_text(struct arena *arena, const char *text, size_t len);
/* Wipes all (there may be secrets in it) and gives it back. */
void arena_free(struct arena *arena);

#endif
