#include "tests/miner/templates.h"

#include <string.h>

#include "tests/miner/vectors.h"
#include "tests/support/test.h"

enum { RECORDED_ROW = 2 };

struct json *template_change(struct json *json, const char *name, const char *text)
{
    struct json *changed = json_new_object();
    for (const struct json *m = json_first(json); m != NULL; m = json_next(m)) {
        if (strcmp(json_name(m), name) != 0) {
            json_add(changed, json_name(m), json_copy(m));
        }
    }
    if (text != NULL) {
        struct json *value = json_parse(text, strlen(text), 1 << 24, NULL);
        assert_non_null(value);
        json_add(changed, name, value);
    }
    json_free(json);
    return changed;
}

struct json *template_changed(const char *name, const char *text)
{
    struct json *file = vectors_open("blocks.json");
    const struct json *recorded = json_get(json_item(file, RECORDED_ROW), "template");
    assert_non_null(recorded);
    struct json *copy = json_copy(recorded);
    json_free(file);
    return template_change(copy, name, text);
}

struct block_template *template_read(struct json *json)
{
    struct hb_err err = {0};
    struct block_template *block = block_template_read(json, &err);
    json_free(json);
    if (block == NULL) {
        fail_msg("%s", err.msg);
    }
    return block;
}
