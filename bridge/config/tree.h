/* YAML or JSON text as a tree of nodes that remember their place; the only file that sees libyaml.
 *
 * Taken of YAML: one document of mappings, lists and scalars, and the tag `!secret`. Refused:
 * anchors and aliases (so nothing can grow beyond the size of the text), other tags, keys that are
 * not scalars, duplicate keys, several documents, bytes that are not UTF-8, control characters, and
 * nesting deeper than TREE_DEPTH_MAX. Scalars stay text: no coercion ever happens here.
 */
#ifndef HB_BRIDGE_CONFIG_TREE_H
#define HB_BRIDGE_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config/problem.h"

enum { TREE_DEPTH_MAX = 16 };

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    const char *name; /* key of a member of a mapping, NULL elsewhere */
    int name_line, name_column;
    int line, column;
    const char *text; /* of a scalar; holds no control characters */
    bool plain;       /* a scalar without quotes */
    bool secret;      /* tagged !secret: `text` is the name of a secret */
    const struct node *first, *next;
    size_t count; /* members or items */
};

struct tree;

/* Reads a text. NULL, with at least one problem added, if it is refused. Free with tree_free. */
HB_MUST_USE struct tree *tree_parse(const char *text, size_t len, const char *file,
                                    struct config_problems *problems);
/* NULL is allowed. */
void tree_free(struct tree *tree);

/* The topmost node; NULL for a text without any content. Borrowed. */
const struct node *tree_root(const struct tree *tree);
/* The member of that name; NULL if there is none or `map` is NULL or no mapping. */
const struct node *node_get(const struct node *map, const char *name);

#endif
