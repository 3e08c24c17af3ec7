/* JSON in and out: a strict door around cJSON, whose own parser forgives too much.
 *
 * Refused on the way in: more than `max_len` bytes, nesting deeper than JSON_MAX_DEPTH, invalid
 * UTF-8, anything after the value, and (when read by json_number) numbers that are not finite.
 * Names are compared case-sensitively. On the way out NaN and infinities become null: unknown is
 * never zero.
 */
#ifndef HB_PLUMBING_JSON_H
#define HB_PLUMBING_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/attr.h"
#include "ground/err.h"

#define JSON_MAX_DEPTH 16

struct json;

/* --- reading ------------------------------------------------------------------------------------
 */

/* Parses one JSON text. NULL, with `err` filled, if it is refused. Owned; free with json_free. */
HB_MUST_USE struct json *json_parse(const char *text, size_t len, size_t max_len,
                                    struct hb_err *err);
/* NULL is allowed. */
void json_free(struct json *json);

/* Drops members that share their name, in all objects of the tree: the first is kept if all are
 * the same number, text, true or false, else none, as it is anybody's guess which one is true.
 * `tell` is called for each such name. */
void json_drop_twins(struct json *json, void (*tell)(void *ctx, const char *name, size_t times),
                     void *ctx);

/* Borrowed members, NULL where there is none; each accepts NULL and any type. */
const struct json *json_get(const struct json *object, const char *name);
/* Follows a dotted path with optional indices: "temperature", "values.inside.t", "sensors[0].c". */
const struct json *json_path(const struct json *json, const char *path);
const struct json *json_item(const struct json *array, size_t index);
/* Members of an array or object; 0 for anything else. */
size_t json_count(const struct json *json);
/* First and next member, for walking an object or array: for (m = json_first(o); m; m =
 * json_next(m)) */
const struct json *json_first(const struct json *json);
const struct json *json_next(const struct json *json);
/* Name of an object's member, "" elsewhere and for NULL. */
const char *json_name(const struct json *json);

bool json_is_object(const struct json *json);
bool json_is_array(const struct json *json);
bool json_is_null(const struct json *json); /* the value null; false for an absent member */
/* Each is true only for exactly that type; a string "21" is not a number. */
HB_MUST_USE bool json_number(const struct json *json, double *value); /* finite */
HB_MUST_USE bool json_bool(const struct json *json, bool *value);
/* Borrowed until the tree is freed; NULL if it is not a string. */
const char *json_string(const struct json *json);

/* --- writing ------------------------------------------------------------------------------------
 */

/* Running out of memory while writing ends the process: it is small, and no sane answer exists. */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_string(const char *value);
struct json *json_new_number(double value);
struct json *json_copy(const struct json *json);
/* Adds a member to an object, or with `name` NULL an item to an array. */
void json_add(struct json *parent, const char *name, struct json *child); /* takes ownership */
void json_add_string(struct json *parent, const char *name, const char *value); /* NULL -> null */
void json_add_bool(struct json *parent, const char *name, bool value);
void json_add_null(struct json *parent, const char *name);
/* Rounded to `decimals` (0 to 9); NaN and infinities become null. */
void json_add_number(struct json *parent, const char *name, double value, int decimals);
/* One line, no spaces. Owned by the caller, free with free(). */
char *json_print(const struct json *json);
/* The same into `text`, and frees `json`. False, with `text` "", if it does not fit. */
bool json_print_to(struct json *json, char *text, size_t size);

#endif
