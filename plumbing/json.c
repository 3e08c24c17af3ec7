#include "plumbing/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"

/* struct json is cJSON under another name, so that no third-party type crosses the header. */
static cJSON *inner(struct json *json)
{
    return (cJSON *)json;
}

static const cJSON *inner_const(const struct json *json)
{
    return (const cJSON *)json;
}

static const struct json *outer_const(const cJSON *item)
{
    return (const struct json *)item;
}

static void *must(void *pointer)
{
    if (pointer == NULL) {
        (void)fputs("out of memory\n", stderr);
        abort();
    }
    return pointer;
}

/* Brackets outside strings: cJSON recurses once per level, so deep input is refused before it. */
static bool depth_is_sane(const char *text, size_t len)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_MAX_DEPTH) {
                return false;
            }
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return true;
}

struct json *json_parse(const char *text, size_t len, size_t max_len, struct hb_err *err)
{
    if (len > max_len) {
        hb_fail(err, HB_ERR_INPUT, "expected at most %zu bytes of JSON, got %zu", max_len, len);
        return NULL;
    }
    if (!text_is_utf8(text, len) || memchr(text, '\0', len) != NULL) {
        hb_fail(err, HB_ERR_INPUT, "expected JSON, got bytes that are not UTF-8 text");
        return NULL;
    }
    if (!depth_is_sane(text, len)) {
        hb_fail(err, HB_ERR_INPUT, "expected JSON nested at most %d deep", JSON_MAX_DEPTH);
        return NULL;
    }
    /* cJSON's "nothing may follow" check needs the terminator inside the length it is given. */
    char *copy = must(malloc(len + 1));
    memcpy(copy, text, len);
    copy[len] = '\0';
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(copy, len + 1, &end, true);
    if (tree == NULL) {
        char shown[40];
        text_copy_printable(shown, sizeof shown, text, len);
        hb_fail(err, HB_ERR_INPUT, "expected JSON, got a mistake at byte %td of '%s'",
                end == NULL ? (ptrdiff_t)0 : end - copy, shown);
    }
    free(copy);
    return (struct json *)tree;
}

void json_free(struct json *json)
{
    cJSON_Delete(inner(json));
}

/* --- names given twice --------------------------------------------------------------------------
 */

struct member {
    cJSON *item;
    size_t place;
};

static int by_name(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;
    const int order = strcmp(x->item->string, y->item->string);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

/* Objects and lists are not compared: that would take as long as the square of their size. */
static bool same_value(const cJSON *a, const cJSON *b)
{
    return cJSON_IsObject(a) == 0 && cJSON_IsArray(a) == 0 && cJSON_Compare(a, b, 1) != 0;
}

static void drop_group(cJSON *object, const struct member *group, size_t count)
{
    bool same = true;
    for (size_t i = 1; i < count; i++) {
        same = same && same_value(group[0].item, group[i].item);
    }
    for (size_t i = same ? 1 : 0; i < count; i++) {
        cJSON_Delete(cJSON_DetachItemViaPointer(object, group[i].item));
    }
}

struct twins {
    void (*tell)(void *ctx, const char *name, size_t times);
    void *ctx;
};

/* Sorted, so that an object of ten thousand members takes no ten thousand times as long. */
static void drop_twins(cJSON *object, const struct twins *twins)
{
    const size_t count = json_count((struct json *)object);
    if (count < 2) {
        return;
    }
    struct member *members = must(calloc(count, sizeof *members));
    size_t place = 0;
    for (cJSON *item = object->child; item != NULL; item = item->next) {
        members[place] = (struct member){.item = item, .place = place};
        place++;
    }
    qsort(members, count, sizeof *members, by_name);
    for (size_t begin = 0; begin < count;) {
        size_t end = begin + 1;
        while (end < count && strcmp(members[begin].item->string, members[end].item->string) == 0) {
            end++;
        }
        if (end - begin > 1) {
            twins->tell(twins->ctx, members[begin].item->string, end - begin);
            drop_group(object, members + begin, end - begin);
        }
        begin = end;
    }
    free(members);
}

/* As deep as the parser let it be. */
static void drop_twins_below(cJSON *item, const struct twins *twins)
{
    if (cJSON_IsObject(item) != 0) {
        drop_twins(item, twins);
    }
    for (cJSON *child = item->child; child != NULL; child = child->next) {
        if (child->child != NULL) {
            drop_twins_below(child, twins);
        }
    }
}

void json_drop_twins(struct json *json, void (*tell)(void *ctx, const char *name, size_t times),
                     void *ctx)
{
    const struct twins twins = {tell, ctx};
    drop_twins_below(inner(json), &twins);
}

const struct json *json_get(const struct json *object, const char *name)
{
    return outer_const(cJSON_GetObjectItemCaseSensitive(inner_const(object), name));
}

const struct json *json_item(const struct json *array, size_t index)
{
    if (!json_is_array(array)) {
        return NULL;
    }
    const cJSON *item = inner_const(array)->child;
    while (item != NULL && index-- > 0) {
        item = item->next;
    }
    return outer_const(item);
}

const struct json *json_path(const struct json *json, const char *path)
{
    while (json != NULL && *path != '\0') {
        if (*path == '[') {
            char *end = NULL;
            const unsigned long index = strtoul(path + 1, &end, 10);
            if (end == path + 1 || *end != ']') {
                return NULL;
            }
            json = json_item(json, index);
            path = end + 1;
        } else {
            char name[64];
            const size_t len = strcspn(path, ".[");
            if (len == 0 || len >= sizeof name) {
                return NULL;
            }
            memcpy(name, path, len);
            name[len] = '\0';
            json = json_get(json, name);
            path += len;
        }
        if (*path == '.') {
            path++;
        }
    }
    return json;
}

size_t json_count(const struct json *json)
{
    const int size = cJSON_GetArraySize(inner_const(json));
    return size > 0 ? (size_t)size : 0;
}

const struct json *json_first(const struct json *json)
{
    return json == NULL ? NULL : outer_const(inner_const(json)->child);
}

const struct json *json_next(const struct json *json)
{
    return outer_const(inner_const(json)->next);
}

const char *json_name(const struct json *json)
{
    const char *name = json == NULL ? NULL : inner_const(json)->string;
    return name == NULL ? "" : name;
}

bool json_is_object(const struct json *json)
{
    return cJSON_IsObject(inner_const(json)) != 0;
}

bool json_is_array(const struct json *json)
{
    return cJSON_IsArray(inner_const(json)) != 0;
}

bool json_is_null(const struct json *json)
{
    return cJSON_IsNull(inner_const(json)) != 0;
}

bool json_number(const struct json *json, double *value)
{
    const cJSON *item = inner_const(json);
    if (cJSON_IsNumber(item) == 0 || !isfinite(item->valuedouble)) {
        return false;
    }
    *value = item->valuedouble;
    return true;
}

bool json_bool(const struct json *json, bool *value)
{
    const cJSON *item = inner_const(json);
    if (cJSON_IsBool(item) == 0) {
        return false;
    }
    *value = cJSON_IsTrue(item) != 0;
    return true;
}

const char *json_string(const struct json *json)
{
    return cJSON_GetStringValue(inner_const(json));
}

struct json *json_new_object(void)
{
    return must(cJSON_CreateObject());
}

struct json *json_new_array(void)
{
    return must(cJSON_CreateArray());
}

struct json *json_new_string(const char *value)
{
    return must(cJSON_CreateString(value));
}

struct json *json_new_number(double value)
{
    return must(isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

struct json *json_copy(const struct json *json)
{
    return must(cJSON_Duplicate(inner_const(json), 1));
}

void json_add(struct json *parent, const char *name, struct json *child)
{
    if (name == NULL) {
        (void)cJSON_AddItemToArray(inner(parent), inner(child));
    } else {
        (void)cJSON_AddItemToObject(inner(parent), name, inner(child));
    }
}

void json_add_string(struct json *parent, const char *name, const char *value)
{
    json_add(parent, name, value == NULL ? must(cJSON_CreateNull()) : json_new_string(value));
}

void json_add_bool(struct json *parent, const char *name, bool value)
{
    json_add(parent, name, must(cJSON_CreateBool(value)));
}

void json_add_null(struct json *parent, const char *name)
{
    json_add(parent, name, must(cJSON_CreateNull()));
}

void json_add_number(struct json *parent, const char *name, double value, int decimals)
{
    const double scale = pow(10.0, decimals);
    json_add(parent, name, json_new_number(round(value * scale) / scale));
}

char *json_print(const struct json *json)
{
    return must(cJSON_PrintUnformatted(inner_const(json)));
}

bool json_print_to(struct json *json, char *text, size_t size)
{
    char *line = json_print(json);
    const bool fits = text_copy(text, size, line);
    free(line);
    json_free(json);
    if (!fits) {
        text[0] = '\0';
    }
    return fits;
}
