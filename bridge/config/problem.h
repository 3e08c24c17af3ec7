/* Collects what is wrong with a configuration, each with its place in the file and in the tree. */
#ifndef HB_BRIDGE_CONFIG_PROBLEM_H
#define HB_BRIDGE_CONFIG_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config/load.h"

/* A key on the way from the root to a value, kept on the stack of the reading functions. The root
 * has no name. `name` NULL: the item `index` of a list. */
struct place {
    const struct place *up;
    const char *name;
    size_t index;
};

/* Where in which file; line 0: the file as a whole. */
struct spot {
    const char *file;
    int line, column;
};

/* Empties the list. */
void problems_clear(struct config_problems *problems);
/* Adds an error: "<spot>: <place>: <sentence>". `place` may be NULL. Returns false, so that a
 * failing function can end with it. */
bool problem_error(struct config_problems *problems, struct spot spot, const struct place *place,
                   const char *format, ...) HB_PRINTF(4, 5);
/* Adds a warning, marked as such. */
void problem_warn(struct config_problems *problems, struct spot spot, const struct place *place,
                  const char *format, ...) HB_PRINTF(4, 5);
/* True when a further problem would only be counted: then no effort need go into its words. */
bool problems_full(const struct config_problems *problems);
/* Orders by line and column; equal ones stay in the order of their finding. */
void problems_sort(struct config_problems *problems);

#endif
