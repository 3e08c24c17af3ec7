#include <stdlib.h>
#include <string.h>

#include "bridge/config/parts.h"
#include "bridge/config/value.h"
#include "devices/driver.h"
#include "ground/suggest.h"
#include "ground/text.h"

bool check_id(struct reader *reader, const struct cursor *at)
{
    static const struct config_item item = {.type = CONFIG_ID, .size = ID_MAX};
    const struct node *node = at->node;
    if (text_is_id(node->name)) {
        return true;
    }
    char expected[EXPECTED_MAX];
    char shown[64];
    char hint[64];
    value_expected(&item, expected, sizeof expected);
    value_hint(&item, node->name, hint, sizeof hint);
    text_copy_printable(shown, sizeof shown, node->name, strlen(node->name));
    const struct spot spot = {reader->file, node->name_line, node->name_column};
    return problem_error(reader->problems, spot, &at->place, "expected %s, got '%s'%s%s%s",
                         expected, shown, hint[0] != '\0' ? " (did you mean '" : "", hint,
                         hint[0] != '\0' ? "'?)" : "");
}

size_t count_members(struct reader *reader, const struct cursor *at, const char *what, size_t max)
{
    char expected[EXPECTED_MAX];
    (void)snprintf(expected, sizeof expected, "a mapping of %s, each with its id as key", what);
    if (!reader_is(reader, at, NODE_MAP, expected)) {
        return 0;
    }
    if (at->node->count > max) {
        (void)reader_error(reader, at, "expected at most %zu %s, got %zu", max, what,
                           at->node->count);
        return 0;
    }
    return at->node->count;
}

void name_from_id(const char *id, char *name, size_t size)
{
    (void)text_copy(name, size, id);
    if (name[0] >= 'a' && name[0] <= 'z') {
        name[0] = (char)(name[0] - 'a' + 'A');
    }
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '_' ? ' ' : *c;
    }
}

/* The driver that the heater names; NULL with an error if there is none. */
static const struct heater_driver *find_driver(struct reader *reader, const struct cursor *at)
{
    char expected[EXPECTED_MAX] = "the name of a driver:";
    struct suggestion suggestion = {.word = ""};
    if (at->node != NULL && at->node->kind == NODE_SCALAR) {
        suggestion.word = at->node->text;
    }
    size_t used = strlen(expected);
    for (size_t i = 0; reader->drivers[i] != NULL; i++) {
        const char *name = reader->drivers[i]->name;
        if (at->node != NULL && !at->node->secret && strcmp(name, suggestion.word) == 0) {
            return reader->drivers[i];
        }
        suggest_offer(&suggestion, name);
        const int n =
            snprintf(expected + used, sizeof expected - used, "%s %s", i == 0 ? "" : ",", name);
        used += n > 0 && (size_t)n < sizeof expected - used ? (size_t)n : 0;
    }
    if (reader_text(reader, at, expected) != NULL) {
        (void)reader_expected(reader, at, expected, suggestion.best);
    }
    return NULL;
}

static void check_single(struct reader *reader, const struct cursor *at,
                         const struct heater_driver *driver, size_t before)
{
    for (size_t i = 0; driver->single && i < before; i++) {
        if (strcmp(reader->config->heaters[i].driver, driver->name) == 0) {
            (void)reader_error(reader, at,
                               "expected at most one heater of the driver '%s', got "
                               "another one beside '%s'",
                               driver->name, reader->config->heaters[i].id);
            return;
        }
    }
}

/* Only options that were read well can contradict each other. */
static void check_options(struct reader *reader, const struct cursor *at,
                          const struct heater_driver *driver, const void *options)
{
    struct hb_err err = {0};
    const char *key = "driver";
    if (driver->check != NULL && !driver->check(options, &key, &err)) {
        const struct cursor key_at = cursor_member(at, key);
        (void)reader_error(reader, &key_at, "%s", err.msg);
    }
}

/* Limits that nothing can break, or that everything breaks, are a mistake. */
static void check_interlock(struct reader *reader, const struct cursor *at,
                            const struct config_interlock *interlock)
{
    const struct cursor min_at = cursor_member(at, "min");
    const struct cursor max_at = cursor_member(at, "max");
    if (min_at.node == NULL && max_at.node == NULL) {
        (void)reader_error(reader, at, "expected min or max or both, got neither");
    } else if (interlock->min > interlock->max) {
        (void)reader_expected(reader, &min_at, "at most max", NULL);
    }
}

static void read_interlocks(struct reader *reader, const struct cursor *heater_at,
                            struct config_heater *heater)
{
    const struct cursor at = cursor_member(heater_at, "interlocks");
    const size_t count = count_members(reader, &at, "interlocks", HEATER_INTERLOCKS);
    heater->interlocks = count > 0 ? calloc(count, sizeof *heater->interlocks) : NULL;
    if (heater->interlocks == NULL) {
        if (count > 0) {
            (void)reader_error(reader, &at, "out of memory");
        }
        return;
    }
    for (const struct node *m = at.node->first; m != NULL; m = m->next) {
        const struct cursor one_at = cursor_item(&at, m, 0);
        struct config_interlock *interlock = &heater->interlocks[heater->interlock_count++];
        if (check_id(reader, &one_at)) {
            (void)text_copy(interlock->id, sizeof interlock->id, m->name);
        }
        reader_shape(reader, &one_at, &config_shape_interlock, NULL, true, interlock);
        check_interlock(reader, &one_at, interlock);
    }
}

static void read_heater(struct reader *reader, const struct cursor *at, size_t index)
{
    struct config_heater *heater = &reader->config->heaters[index];
    heater->room = heater->circuit = INDEX_NONE;
    if (check_id(reader, at)) {
        (void)text_copy(heater->id, sizeof heater->id, at->node->name);
    }
    const struct heater_driver *driver = NULL;
    if (at->node->kind == NODE_MAP) {
        const struct cursor driver_at = cursor_member(at, "driver");
        driver = find_driver(reader, &driver_at);
        if (driver == NULL) {
            /* Which keys are known depends on the driver. */
            return;
        }
        check_single(reader, &driver_at, driver, index);
        (void)text_copy(heater->driver, sizeof heater->driver, driver->name);
    }
    const struct config_item *options = driver != NULL ? driver->options : NULL;
    reader_shape(reader, at, &config_shape_heater, options, true, heater);
    if (heater->name[0] == '\0') {
        name_from_id(heater->id, heater->name, sizeof heater->name);
    }
    if (options != NULL) {
        heater->options = calloc(1, driver->options_size);
        if (heater->options == NULL) {
            (void)reader_error(reader, at, "out of memory");
            return;
        }
        heater->options_size = driver->options_size;
        const size_t errors = reader->problems->errors;
        reader_items(reader, at, options, true, heater->options);
        if (reader->problems->errors == errors) {
            check_options(reader, at, driver, heater->options);
        }
    }
    read_interlocks(reader, at, heater);
    find_circuit(reader, at, heater);
    if (heater->max_w > 0 && heater->min_w > heater->max_w) {
        const struct cursor min_at = cursor_member(at, "min_power");
        (void)reader_expected(reader, &min_at, "at most max_power", NULL);
    }
}

void read_heaters(struct reader *reader, const struct cursor *root)
{
    const struct cursor at = cursor_member(root, "heaters");
    const size_t count = count_members(reader, &at, "heaters", CONFIG_HEATERS_MAX);
    if (count == 0) {
        return;
    }
    reader->config->heaters = calloc(count, sizeof *reader->config->heaters);
    if (reader->config->heaters == NULL) {
        (void)reader_error(reader, &at, "out of memory");
        return;
    }
    for (const struct node *m = at.node->first; m != NULL; m = m->next) {
        const struct cursor heater_at = cursor_item(&at, m, 0);
        /* Counted at once, so that whatever it owns is freed. */
        const size_t index = reader->config->heater_count++;
        read_heater(reader, &heater_at, index);
    }
}
