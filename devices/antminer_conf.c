/* The configuration document of an Antminer: read, patched in one place, compared. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/antminer_codec.h"
#include "ground/text.h"

enum { CONF_MAX = 65536 };

/* The document calls two things otherwise than the program that takes it. Left: as
 * get_miner_conf.cgi names them, right: as set_miner_conf.cgi does. */
#define MODE_READ   "bitmain-work-mode"
#define MODE_TAKEN  "miner-mode"
#define LEVEL_READ  "bitmain-freq-level"
#define LEVEL_TAKEN "freq-level"

struct json *antminer_conf_parse(const char *bytes, size_t len, struct reply_faults *faults)
{
    struct json *conf = json_parse(bytes, len, CONF_MAX, NULL);
    if (!json_is_object(conf)) {
        json_free(conf);
        reply_fault(faults, REPLY_UNREADABLE,
                    "configuration: expected an object of %d bytes at most", (int)CONF_MAX);
        return NULL;
    }
    return conf;
}

/* --- the mode --------------------------------------------------------------------------------- */

static const struct json *mode_member(const struct json *conf)
{
    const struct json *mode = json_get(conf, MODE_TAKEN);
    return mode != NULL ? mode : json_get(conf, MODE_READ);
}

enum antminer_mode antminer_conf_mode(const struct json *conf)
{
    const struct json *member = mode_member(conf);
    const char *text = json_string(member);
    double number = NAN;
    if (text != NULL ? !text_to_number(text, strlen(text), &number)
                     : !json_number(member, &number)) {
        return ANTMINER_UNKNOWN;
    }
    for (int mode = ANTMINER_NORMAL; mode <= ANTMINER_LOW; mode++) {
        if (number == mode) {
            return (enum antminer_mode)mode;
        }
    }
    return ANTMINER_UNKNOWN;
}

bool antminer_conf_writable(const struct json *conf, struct hb_err *err)
{
    const struct json *pools = json_get(conf, "pools");
    if (antminer_conf_mode(conf) == ANTMINER_UNKNOWN) {
        return hb_fail(err, HB_ERR_STATE,
                       "this firmware has no work mode to set; put a plug before the heater");
    }
    if (!json_is_array(pools)) {
        return hb_fail(err, HB_ERR_STATE,
                       "its configuration has no list of pools, so it is not written");
    }
    for (const struct json *pool = json_first(pools); pool != NULL; pool = json_next(pool)) {
        const char *password = json_string(json_get(pool, "pass"));
        if (password != NULL && password[0] != '\0' && strspn(password, "*") == strlen(password)) {
            return hb_fail(err, HB_ERR_STATE,
                           "this firmware hides the passwords of its pools, which writing its "
                           "configuration would lose; put a plug before the heater");
        }
    }
    return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

static struct json *mode_value(enum antminer_mode mode, bool as_text)
{
    char text[12];
    (void)snprintf(text, sizeof text, "%d", (int)mode);
    return as_text ? json_new_string(text) : json_new_number(mode);
}

char *antminer_conf_with(const struct json *conf, enum antminer_mode mode, bool as_text)
{
    struct json *body = json_new_object();
    const enum antminer_mode wanted = mode == ANTMINER_UNKNOWN ? antminer_conf_mode(conf) : mode;
    for (const struct json *m = json_first(conf); m != NULL; m = json_next(m)) {
        const char *name = json_name(m);
        if (strcmp(name, MODE_READ) == 0) {
            json_add(body, name, mode_value(wanted, json_string(m) != NULL));
        } else if (strcmp(name, MODE_TAKEN) != 0) {
            json_add(body, name, json_copy(m));
        }
    }
    json_add(body, MODE_TAKEN, mode_value(wanted, as_text));
    const struct json *level = json_get(conf, LEVEL_READ);
    if (level != NULL && json_get(conf, LEVEL_TAKEN) == NULL) {
        json_add(body, LEVEL_TAKEN, json_copy(level));
    }
    char *text = json_print(body);
    json_free(body);
    return text;
}

/* --- comparing -------------------------------------------------------------------------------- */

static bool same_value(const struct json *a, const struct json *b, char path[NAME_MAX_B],
                       size_t used);

/* Appends to the path, which is cut where it does not fit; the new length. */
static size_t extend(char path[NAME_MAX_B], size_t used, const char *name, size_t index)
{
    int more = 0;
    if (name[0] != '\0') {
        more = snprintf(path + used, NAME_MAX_B - used, "%s%s", used > 0 ? "." : "", name);
    } else {
        more = snprintf(path + used, NAME_MAX_B - used, "[%zu]", index);
    }
    const size_t end = used + (more > 0 ? (size_t)more : 0);
    return end < NAME_MAX_B ? end : NAME_MAX_B - 1;
}

static bool same_items(const struct json *a, const struct json *b, char path[NAME_MAX_B],
                       size_t used)
{
    const size_t count = json_count(a) > json_count(b) ? json_count(a) : json_count(b);
    for (size_t i = 0; i < count; i++) {
        const size_t end = extend(path, used, "", i);
        if (!same_value(json_item(a, i), json_item(b, i), path, end)) {
            return false;
        }
    }
    return true;
}

/* Each member of `a` is the same in `b`. */
static bool holds(const struct json *a, const struct json *b, char path[NAME_MAX_B], size_t used)
{
    for (const struct json *m = json_first(a); m != NULL; m = json_next(m)) {
        const struct json *other = json_get(b, json_name(m));
        const size_t end = extend(path, used, json_name(m), 0);
        if (!same_value(m, other, path, end)) {
            return false;
        }
    }
    return true;
}

static bool same_value(const struct json *a, const struct json *b, char path[NAME_MAX_B],
                       size_t used)
{
    double x = NAN;
    double y = NAN;
    bool p = false;
    bool q = false;
    if (a == NULL || b == NULL) {
        return false;
    }
    if (json_string(a) != NULL) {
        return json_string(b) != NULL && strcmp(json_string(a), json_string(b)) == 0;
    }
    if (json_number(a, &x)) {
        return json_number(b, &y) && x == y;
    }
    if (json_bool(a, &p)) {
        return json_bool(b, &q) && p == q;
    }
    if (json_is_array(a)) {
        return json_is_array(b) && same_items(a, b, path, used);
    }
    if (json_is_object(a)) {
        return json_is_object(b) && holds(a, b, path, used) && holds(b, a, path, used);
    }
    return json_is_null(a) && json_is_null(b);
}

/* Without what is ours, and without the second name that the writing program may have kept. */
static struct json *without_ours(const struct json *conf)
{
    struct json *rest = json_new_object();
    const struct json *level = json_get(conf, LEVEL_READ);
    for (const struct json *m = json_first(conf); m != NULL; m = json_next(m)) {
        char path[NAME_MAX_B];
        const char *name = json_name(m);
        const bool mode = strcmp(name, MODE_READ) == 0 || strcmp(name, MODE_TAKEN) == 0;
        const bool twin =
            strcmp(name, LEVEL_TAKEN) == 0 && level != NULL && same_value(m, level, path, 0);
        if (!mode && !twin) {
            json_add(rest, name, json_copy(m));
        }
    }
    return rest;
}

bool antminer_conf_same(const struct json *before, const struct json *after, char path[NAME_MAX_B])
{
    struct json *a = without_ours(before);
    struct json *b = without_ours(after);
    path[0] = '\0';
    bool same = same_value(a, b, path, 0);
    /* The mode must be there still, under one of its names. */
    if (same && antminer_conf_mode(after) == ANTMINER_UNKNOWN) {
        (void)text_copy(path, NAME_MAX_B, MODE_TAKEN);
        same = false;
    }
    json_free(a);
    json_free(b);
    if (same) {
        path[0] = '\0';
    }
    return same;
}
