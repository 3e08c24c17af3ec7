/* The recorded block template, whole or with a member changed. */
#ifndef HB_TESTS_MINER_TEMPLATES_H
#define HB_TESTS_MINER_TEMPLATES_H

#include "miner/solo/block_template.h"
#include "plumbing/json.h"

/* The recorded template with one member replaced by a JSON text; NULL: taken away. Free it. */
struct json *template_changed(const char *name, const char *text);
/* The same in place; frees `json` and returns what took its place. */
struct json *template_change(struct json *json, const char *name, const char *text);
/* Reads it; fails the test if it is refused. Frees `json`. */
struct block_template *template_read(struct json *json);

#endif
