#include "bridge/web/answer.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/web/guard.h"
#include "bridge/web/pages.h"
#include "ground/text.h"
#include "plumbing/json.h"

#define TYPE_JSON "application/json"

const struct answer_header answer_headers[] = {
    {"content-security-policy:",
     "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"x-content-type-options:", "nosniff"},
    {"x-frame-options:", "DENY"},
    {"referrer-policy:", "no-referrer"},
    {"cross-origin-opener-policy:", "same-origin"},
    {"cross-origin-resource-policy:", "same-origin"},
    {"cache-control:", "no-store"},
};
const size_t answer_header_count = sizeof answer_headers / sizeof answer_headers[0];

static struct answer answer_owned(unsigned status, char *json, size_t len)
{
    return (struct answer){
        .status = status, .type = TYPE_JSON, .data = json, .len = len, .owned = json};
}

static struct answer print_and_free(unsigned status, struct json *json)
{
    char *text = json_print(json);
    json_free(json);
    return answer_owned(status, text, strlen(text));
}

struct answer answer_error(unsigned status, const char *text)
{
    struct json *json = json_new_object();
    json_add_string(json, "error", text);
    return print_and_free(status, json);
}

static struct answer answer_health(const struct answer_shown *shown)
{
    struct json *json = json_new_object();
    json_add_string(json, "status", "ok");
    json_add_string(json, "version", HB_VERSION);
    if (mono_is_set(shown->shown_at)) {
        const int64_t age_ms = mono_age_ms(shown->now, shown->shown_at);
        json_add_number(json, "snapshot_age_s", (double)age_ms / 1000, 1);
    } else {
        json_add_null(json, "snapshot_age_s");
    }
    return print_and_free(200, json);
}

/* A copy, because the snapshot may be replaced while a slow reader is still served. */
static struct answer answer_state(const struct answer_shown *shown)
{
    char *copy = shown->snapshot != NULL ? malloc(shown->snapshot_len + 1) : NULL;
    if (copy == NULL) {
        return answer_error(503, "heatbridge is still starting");
    }
    memcpy(copy, shown->snapshot, shown->snapshot_len);
    return answer_owned(200, copy, shown->snapshot_len);
}

static struct answer answer_file(const char *path)
{
    for (size_t i = 0; i < page_file_count; i++) {
        const struct page_file *file = &page_files[i];
        if (strcmp(path, file->path) == 0) {
            return (struct answer){.status = 200,
                                   .type = file->type,
                                   .data = (const char *)file->data,
                                   .len = file->len};
        }
    }
    return answer_error(404, "expected a path of heatbridge, got another");
}

struct answer answer_get(const struct answer_shown *shown, const char *path)
{
    if (strcmp(path, "/health") == 0) {
        return answer_health(shown);
    }
    if (strcmp(path, "/api/state") == 0) {
        return answer_state(shown);
    }
    if (strcmp(path, "/api/history") == 0) {
        size_t len;
        char *text = history_print(shown->history, &len);
        return answer_owned(200, text, len);
    }
    return answer_file(path);
}

struct answer answer_post(const char *path, const char *content_length, char room[ID_MAX])
{
    double bytes;
    if (!guard_path_room(path, room)) {
        return answer_error(404, "expected /api/room/<id> with the id of a room, got another path");
    }
    if (!text_to_number(content_length, strlen(content_length), &bytes) || bytes < 0) {
        return answer_error(411, "expected a Content-Length, got none");
    }
    if (bytes > WEB_REQUEST_MAX) {
        return answer_error(413, "expected a body of at most 1024 bytes, got a longer one");
    }
    if (bytes < 1) {
        return answer_error(400, "expected a JSON object such as {\"target\": 21}, got nothing");
    }
    return (struct answer){.status = 0};
}

struct answer answer_body(const char *room, const char *body, size_t len,
                          struct web_request *request)
{
    static const char accepted[] = "{\"accepted\":true}";
    struct hb_err err;
    if (!guard_body_is_object(body, len, &err)) {
        return answer_error(400, err.msg);
    }
    memset(request, 0, sizeof *request);
    (void)text_copy(request->room, sizeof request->room, room);
    memcpy(request->json, body, len);
    request->len = len;
    return (struct answer){
        .status = 202, .type = TYPE_JSON, .data = accepted, .len = sizeof accepted - 1};
}
