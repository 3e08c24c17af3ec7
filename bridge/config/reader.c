#include "bridge/config/reader.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/config/value.h"
#include "bridge/config/wipe.h"
#include "ground/suggest.h"
#include "ground/text.h"

/* --- places and messages ------------------------------------------------------------------------
 */

struct cursor cursor_member(const struct cursor *map, const char *name)
{
    return (struct cursor){.place = {.up = &map->place, .name = name},
                           .node = node_get(map->node, name),
                           .around = map->node != NULL ? map->node : map->around};
}

struct cursor cursor_item(const struct cursor *list, const struct node *item, size_t index)
{
    return (struct cursor){.place = {.up = &list->place, .name = item->name, .index = index},
                           .node = item,
                           .around = list->node};
}

static struct spot spot_of(const struct reader *reader, const struct cursor *at)
{
    const struct node *node = at->node != NULL ? at->node : at->around;
    return node != NULL ? (struct spot){reader->file, node->line, node->column}
                        : (struct spot){reader->file, 1, 1};
}

/* Formats once for both kinds of problem. */
HB_PRINTF(4, 0)
static void say(struct reader *reader, const struct cursor *at, bool warning, const char *format,
                va_list args)
{
    char text[400];
    if (vsnprintf(text, sizeof text, format, args) < 0) {
        text[0] = '\0';
    }
    if (warning) {
        problem_warn(reader->problems, spot_of(reader, at), &at->place, "%s", text);
    } else {
        (void)problem_error(reader->problems, spot_of(reader, at), &at->place, "%s", text);
    }
}

bool reader_error(struct reader *reader, const struct cursor *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(reader, at, false, format, args);
    va_end(args);
    return false;
}

void reader_warn(struct reader *reader, const struct cursor *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(reader, at, true, format, args);
    va_end(args);
}

static bool is_nothing(const struct node *node)
{
    return node == NULL || (node->kind == NODE_SCALAR && node->plain && !node->secret &&
                            (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
                             strcmp(node->text, "null") == 0));
}

/* What stands at a node, for "got ...". */
static void describe(const struct node *node, char *buf, size_t size)
{
    if (node == NULL || is_nothing(node)) {
        (void)text_copy(buf, size, "nothing");
    } else if (node->kind == NODE_MAP) {
        (void)text_copy(buf, size, "a mapping");
    } else if (node->kind == NODE_LIST) {
        (void)text_copy(buf, size, "a list");
    } else if (node->secret) {
        (void)text_copy(buf, size, "a !secret");
    } else {
        char shown[64];
        text_copy_printable(shown, sizeof shown, node->text, strlen(node->text));
        const bool cut = strlen(shown) < strlen(node->text);
        (void)snprintf(buf, size, "'%s%s'", shown, cut ? "..." : "");
    }
}

bool reader_expected(struct reader *reader, const struct cursor *at, const char *expected,
                     const char *hint)
{
    char got[96];
    describe(at->node, got, sizeof got);
    const bool hinted = hint != NULL && hint[0] != '\0';
    return reader_error(reader, at, "expected %s, got %s%s%s%s", expected, got,
                        hinted ? " (did you mean '" : "", hinted ? hint : "", hinted ? "'?)" : "");
}

bool reader_is(struct reader *reader, const struct cursor *at, enum node_kind kind,
               const char *expected)
{
    if (at->node == NULL) {
        return false;
    }
    return at->node->kind == kind || reader_expected(reader, at, expected, NULL);
}

const char *reader_text(struct reader *reader, const struct cursor *at, const char *expected)
{
    const struct node *node = at->node;
    if (is_nothing(node) || node->kind != NODE_SCALAR || node->secret) {
        (void)reader_expected(reader, at, expected, NULL);
        return NULL;
    }
    return node->text;
}

/* --- secrets ------------------------------------------------------------------------------------
 */

/* Remembers that the field's text must not be shown. */
static bool hide(struct reader *reader, const void *field)
{
    struct config *config = reader->config;
    if (config->hidden_count == reader->hidden_capacity) {
        const size_t capacity = 2 * reader->hidden_capacity + 16;
        const void **larger = realloc(config->hidden, capacity * sizeof(const void *));
        if (larger == NULL) {
            return false;
        }
        config->hidden = larger;
        reader->hidden_capacity = capacity;
    }
    config->hidden[config->hidden_count++] = field;
    return true;
}

/* Reads what `!secret name` stands for. Its text appears in no message. */
static void read_named_secret(struct reader *reader, const struct cursor *at,
                              const struct config_item *item, void *field)
{
    const char *text = secrets_find(&reader->secrets, at->node->text, spot_of(reader, at),
                                    &at->place, reader->problems);
    char expected[EXPECTED_MAX];
    value_expected(item, expected, sizeof expected);
    if (text == NULL) {
        return;
    }
    if (!hide(reader, field)) {
        (void)reader_error(reader, at, "out of memory");
    } else if (!value_read(item, text, field)) {
        (void)reader_error(reader, at, "expected %s, got something else by !secret", expected);
    }
}

static bool takes_secret(const struct config_item *item)
{
    return item->type == CONFIG_SECRET || item->type == CONFIG_TEXT || item->type == CONFIG_URL;
}

/* Name of the key that names a file with the secret. */
static void file_key(const struct config_item *item, char *buf, size_t size)
{
    (void)snprintf(buf, size, "%s_file", item->name);
}

/* Reads the secret from the file that the companion key names. True if there is such a key. */
static bool read_secret_file(struct reader *reader, const struct cursor *map,
                             const struct cursor *at, const struct config_item *item, void *field)
{
    char key[ID_MAX * 2];
    file_key(item, key, sizeof key);
    const struct cursor file = cursor_member(map, key);
    if (file.node == NULL) {
        return false;
    }
    if (at->node != NULL) {
        (void)reader_error(reader, &file, "expected either '%s' or '%s', got both", item->name,
                           key);
        return true;
    }
    const char *path = reader_text(reader, &file, "the path of a file");
    if (path != NULL) {
        (void)secrets_read_file(&reader->secrets, path, field, item->size, spot_of(reader, &file),
                                &file.place, reader->problems);
    }
    return true;
}

/* --- single values ------------------------------------------------------------------------------
 */

/* A list of powers, as the text that value_read takes. */
static bool join_powers(const struct cursor *at, char *buf, size_t size)
{
    size_t used = 0;
    buf[0] = '\0';
    for (const struct node *item = at->node->first; item != NULL; item = item->next) {
        if (item->kind != NODE_SCALAR || item->secret || strchr(item->text, ',') != NULL) {
            return false;
        }
        const int n = snprintf(buf + used, size - used, "%s%s", used == 0 ? "" : ", ", item->text);
        used += n > 0 ? (size_t)n : 0;
        if (used >= size) {
            return false;
        }
    }
    return true;
}

static void read_powers(struct reader *reader, const struct cursor *at,
                        const struct config_item *item, void *field)
{
    char expected[EXPECTED_MAX];
    char text[VALUE_TEXT_MAX];
    value_expected(item, expected, sizeof expected);
    if (!reader_is(reader, at, NODE_LIST, expected)) {
        return;
    }
    if (!join_powers(at, text, sizeof text)) {
        (void)reader_expected(reader, at, expected, NULL);
    } else if (!value_read(item, text, field)) {
        char shown[64];
        text_copy_printable(shown, sizeof shown, text, strlen(text));
        (void)reader_error(reader, at, "expected %s, got [%s]", expected, shown);
    }
}

static void read_scalar(struct reader *reader, const struct cursor *at,
                        const struct config_item *item, void *field)
{
    char expected[EXPECTED_MAX];
    value_expected(item, expected, sizeof expected);
    const struct node *node = at->node;
    if (node->kind == NODE_SCALAR && node->secret && takes_secret(item)) {
        read_named_secret(reader, at, item, field);
        return;
    }
    const char *text = reader_text(reader, at, expected);
    if (text == NULL) {
        return;
    }
    if (item->type == CONFIG_SECRET) {
        /* "x" is what pools are given where they ask for nothing. */
        reader->plain_secret |= strcmp(text, "x") != 0;
        if (strcmp(text, "***") == 0) {
            reader_warn(reader, at,
                        "expected a secret, got the '***' that is printed in its place");
        }
        if (!value_read(item, text, field)) {
            (void)reader_error(reader, at, "expected %s, got a longer one", expected);
        }
        return;
    }
    if (item->type == CONFIG_URL && strchr(text, '@') != NULL) {
        /* What stands before the '@' may be a password, so the text is not repeated. */
        (void)reader_error(reader, at,
                           "expected user and password in keys of their own, got a URL "
                           "with '@'");
        return;
    }
    if (!value_read(item, text, field)) {
        char hint[64];
        value_hint(item, text, hint, sizeof hint);
        (void)reader_expected(reader, at, expected, hint);
    }
}

static void read_item(struct reader *reader, const struct cursor *map,
                      const struct config_item *item, bool required, void *field)
{
    const struct cursor at = cursor_member(map, item->name);
    const bool has_default = value_set_default(item, field);
    if (item->type == CONFIG_SECRET && read_secret_file(reader, map, &at, item, field)) {
        return;
    }
    if (at.node == NULL) {
        if (!has_default && required) {
            char expected[EXPECTED_MAX];
            value_expected(item, expected, sizeof expected);
            (void)reader_expected(reader, &at, expected, NULL);
        }
    } else if (item->type == CONFIG_POWERS) {
        read_powers(reader, &at, item, field);
    } else {
        read_scalar(reader, &at, item, field);
    }
}

void reader_items(struct reader *reader, const struct cursor *at, const struct config_item *items,
                  bool required, void *base)
{
    for (const struct config_item *item = items; item->name != NULL; item++) {
        read_item(reader, at, item, required, (char *)base + item->offset);
    }
}

/* --- mappings -----------------------------------------------------------------------------------
 */

/* Offers a known key; true if it is the one looked for. */
static bool offer(struct suggestion *suggestion, const char *known)
{
    if (strcmp(suggestion->word, known) == 0) {
        return true;
    }
    suggest_offer(suggestion, known);
    return false;
}

static bool offer_items(struct suggestion *suggestion, const struct config_item *items)
{
    for (const struct config_item *item = items; item != NULL && item->name != NULL; item++) {
        char key[ID_MAX * 2];
        file_key(item, key, sizeof key);
        const bool companion = item->type == CONFIG_SECRET && strcmp(suggestion->word, key) == 0;
        if (companion || offer(suggestion, item->name)) {
            return true;
        }
    }
    return false;
}

static bool offer_shape(struct suggestion *suggestion, const struct config_shape *shape)
{
    for (const struct config_special *special = shape->specials; special->name != NULL; special++) {
        if (offer(suggestion, special->name)) {
            return true;
        }
    }
    for (const struct config_shape *group = shape->groups; group->name != NULL; group++) {
        if (offer(suggestion, group->name)) {
            return true;
        }
    }
    return offer_items(suggestion, shape->items);
}

static void refuse_unknown_keys(struct reader *reader, const struct cursor *at,
                                const struct config_shape *shape,
                                const struct config_item *more_items)
{
    for (const struct node *m = at->node->first; m != NULL; m = m->next) {
        struct suggestion suggestion = {.word = m->name};
        if (offer_shape(&suggestion, shape) || offer_items(&suggestion, more_items)) {
            continue;
        }
        char shown[64];
        text_copy_printable(shown, sizeof shown, m->name, strlen(m->name));
        const bool hinted = suggestion.best != NULL;
        const struct spot spot = {reader->file, m->name_line, m->name_column};
        const struct place place = {.up = &at->place, .name = m->name};
        (void)problem_error(reader->problems, spot, &place, "expected a known key, got '%s'%s%s%s",
                            shown, hinted ? " (did you mean '" : "", hinted ? suggestion.best : "",
                            hinted ? "'?)" : "");
    }
}

void reader_shape(struct reader *reader, const struct cursor *at, const struct config_shape *shape,
                  const struct config_item *more_items, bool required, void *base)
{
    struct cursor map = *at;
    if (at->node != NULL) {
        if (reader_is(reader, at, NODE_MAP, "a mapping of keys and values")) {
            refuse_unknown_keys(reader, at, shape, more_items);
        } else {
            /* Only defaults from here on: one mistake, one message. */
            map.node = NULL;
            required = false;
        }
    }
    reader_items(reader, &map, shape->items, required, base);
    for (const struct config_shape *group = shape->groups; group->name != NULL; group++) {
        const struct cursor inner = cursor_member(&map, group->name);
        reader_shape(reader, &inner, group, NULL,
                     required && (inner.node != NULL || !group->optional),
                     (char *)base + group->offset);
    }
}
