/* Walks the tree of a configuration by the table and fills the structs. */
#ifndef HB_BRIDGE_CONFIG_READER_H
#define HB_BRIDGE_CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config/secrets.h"
#include "bridge/config/table.h"

/* What one reading of a configuration needs everywhere. */
struct reader {
    const char *file; /* for messages */
    struct config_problems *problems;
    const struct heater_driver *const *drivers;
    struct secrets secrets;
    struct config *config;
    size_t hidden_capacity;
    bool plain_secret; /* a password stands in the configuration itself */
};

/* A place, its node (NULL if the key is absent), and the node of the enclosing mapping, which
 * stands for it in messages while it is absent. */
struct cursor {
    struct place place;
    const struct node *node, *around;
};

/* The member `name` of the mapping at `map`; absent if that is. */
struct cursor cursor_member(const struct cursor *map, const char *name);
/* The node `item` of a list or mapping at `list`. */
struct cursor cursor_item(const struct cursor *list, const struct node *item, size_t index);

/* Adds an error at the cursor; returns false. */
bool reader_error(struct reader *reader, const struct cursor *at, const char *format, ...)
    HB_PRINTF(3, 4);
void reader_warn(struct reader *reader, const struct cursor *at, const char *format, ...)
    HB_PRINTF(3, 4);
/* Adds "expected <expected>, got <what stands there> (did you mean '<hint>'?)"; `hint` may be NULL
 * or "". */
bool reader_expected(struct reader *reader, const struct cursor *at, const char *expected,
                     const char *hint);

/* True if the cursor's node is of the kind; else an error is added. An absent node is false without
 * an error. */
bool reader_is(struct reader *reader, const struct cursor *at, enum node_kind kind,
               const char *expected);
/* Text of a scalar that is neither nothing nor a secret; NULL with an error for anything else. */
const char *reader_text(struct reader *reader, const struct cursor *at, const char *expected);

/* Fills everything that the shape's items and groups tell of the mapping at `at`, with defaults for
 * what is absent, and refuses keys that neither the shape nor `more_items` (may be NULL) know.
 * `required`: absent keys without a default are errors. */
void reader_shape(struct reader *reader, const struct cursor *at, const struct config_shape *shape,
                  const struct config_item *more_items, bool required, void *base);
/* The rows of one table only. */
void reader_items(struct reader *reader, const struct cursor *at, const struct config_item *items,
                  bool required, void *base);

#endif
