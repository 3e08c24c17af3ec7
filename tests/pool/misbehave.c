#include <stdio.h>
#include <string.h>

#include "tests/pool/pool.h"

static const char *const names[MISBEHAVE_COUNT] = {
    [MISBEHAVE_NOT] = "not",
    [MISBEHAVE_GARBAGE] = "garbage",
    [MISBEHAVE_ENDLESS_LINE] = "endless-line",
    [MISBEHAVE_DEEP_JSON] = "deep-json",
    [MISBEHAVE_NEG_DIFFICULTY] = "negative-difficulty",
    [MISBEHAVE_REDIRECT_FOREIGN] = "redirect-foreign",
    [MISBEHAVE_SILENT] = "silent",
    [MISBEHAVE_CLOSE_ON_CONFIGURE] = "close-on-configure",
    [MISBEHAVE_REJECT_ALL] = "reject-all",
    [MISBEHAVE_STRING_ERRORS] = "string-errors",
    [MISBEHAVE_ERROR_SHAPES] = "error-shapes",
    [MISBEHAVE_NO_JOBS] = "no-jobs",
    [MISBEHAVE_HUGE_NUMBERS] = "huge-numbers",
    [MISBEHAVE_BAD_NOTIFY] = "bad-notify",
    [MISBEHAVE_DROP_ON_SHARE] = "drop-on-share",
    [MISBEHAVE_REFUSE_WORKER] = "refuse-worker",
    [MISBEHAVE_NEW_EXTRANONCE] = "new-extranonce",
};

static const char *const garbage[] = {
    "\x01\x02\xff\xfe not json",
    "{\"id\":null,\"method\":",
    "[]",
    "42",
    "null",
    "\"\"",
    "{}",
    "{\"id\":1e999,\"result\":true,\"error\":null}",
    "{\"id\":99999,\"result\":true,\"error\":null}",
    "{\"id\":null,\"method\":42,\"params\":{}}",
    "{\"id\":null,\"method\":\"mining.unheard_of\",\"params\":[]}",
    "{\"id\":null,\"method\":\"client.show_message\",\"params\":[\"\\u0007\\u001b[2Jhello\"]}",
    "{\"id\":null,\"method\":\"mining.set_version_mask\",\"params\":[\"zzzzzzzz\"]}",
    "{\"id\":null,\"method\":\"mining.set_extranonce\",\"params\":[\"xyz\",-4]}",
};

static const char *const bad_difficulties[] = {"-1", "0", "1e999", "\"4\"", "null", "[]", "1e-300"};

static const char *const bad_jobs[] = {
    "[]",
    "[\"j\"]",
    "[\"j\",\"00\",\"\",\"\",[],\"20000000\",\"1d00ffff\",\"5d10bc0a\",true]",
    "[\"j\",null,null,null,null,null,null,null,null]",
    "[\"j\",\"0000000000000000000000000000000000000000000000000000000000000000\",\"0\",\"zz\",["
    "\"00\"],"
    "\"2\",\"1d00ffff\",\"5d10bc0a\",\"yes\"]",
};

/* Refusals of real servers: four are stale, and two each of low difficulty, duplicate, unauthorized
 * and anything else. */
static const char *const error_shapes[] = {
    "\"result\":null,\"error\":[21,\"Job not found\",\"\"]",
    "\"result\":false,\"error\":[23,\"Above target\",null]",
    "\"error\":[20,\"unknown-work\",null],\"result\":null",
    "\"error\":[-3,\"Method not found\",null],\"result\":null",
    "\"result\":false,\"error\":\"Stale\"",
    "\"result\":null,\"error\":\"Stale\"",
    "\"reject-reason\":\"Above target 2\",\"result\":false,\"error\":null",
    "\"jsonrpc\":\"2.0\",\"error\":{\"code\":22,\"message\":\"duplicate share\"}",
    "\"result\":null,\"error\":[22,\"Duplicate\",null]",
    "\"result\":null,\"error\":[24,\"Unauthorized worker\",null]",
    "\"result\":null,\"error\":[25,\"Not subscribed\",null]",
    "\"result\":null,\"error\":[20,\"Other/Unknown\",null]",
};

const char *misbehave_name(enum misbehave kind)
{
    return names[kind];
}

enum misbehave misbehave_find(const char *name)
{
    for (int i = 0; i < MISBEHAVE_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum misbehave)i;
        }
    }
    return MISBEHAVE_COUNT;
}

static void send_line(struct client *client, const char *text)
{
    client_send(client, text, strlen(text));
    client_send(client, "\n", 1);
}

static void send_call(struct client *client, const char *method, const char *params)
{
    char line[1024];
    (void)snprintf(line, sizeof line, "{\"id\":null,\"method\":\"%s\",\"params\":%s}", method,
                   params);
    send_line(client, line);
}

static void send_all(struct client *client, const char *const *line, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        send_line(client, line[i]);
    }
}

static void send_difficulties(struct client *client)
{
    char params[32];
    for (size_t i = 0; i < sizeof bad_difficulties / sizeof bad_difficulties[0]; i++) {
        (void)snprintf(params, sizeof params, "[%s]", bad_difficulties[i]);
        send_call(client, "mining.set_difficulty", params);
    }
}

static void send_repeated(struct client *client, char byte, size_t count)
{
    char block[4096];
    memset(block, byte, sizeof block);
    while (count > 0 && !client->closing) {
        size_t part = count < sizeof block ? count : sizeof block;
        client_send(client, block, part);
        count -= part;
    }
}

static void send_redirect(const struct pool_options *options, struct client *client)
{
    char params[200];
    (void)snprintf(params, sizeof params, "[\"%s\",%d,0]", options->redirect_host,
                   options->redirect_port);
    send_call(client, "client.reconnect", params);
}

void misbehave_subscribed(const struct pool_options *options, struct client *client)
{
    if (options->misbehave == MISBEHAVE_GARBAGE) {
        send_all(client, garbage, sizeof garbage / sizeof garbage[0]);
    } else if (options->misbehave == MISBEHAVE_NEG_DIFFICULTY) {
        send_difficulties(client);
    } else if (options->misbehave == MISBEHAVE_DEEP_JSON) {
        send_repeated(client, '[', 20000);
        send_line(client, "");
    } else if (options->misbehave == MISBEHAVE_BAD_NOTIFY) {
        for (size_t i = 0; i < sizeof bad_jobs / sizeof bad_jobs[0]; i++) {
            send_call(client, "mining.notify", bad_jobs[i]);
        }
    } else if (options->misbehave == MISBEHAVE_REDIRECT_FOREIGN) {
        send_redirect(options, client);
    }
}

void misbehave_refuse(struct client *client, double id)
{
    char line[200];
    const size_t count = sizeof error_shapes / sizeof error_shapes[0];
    (void)snprintf(line, sizeof line, "{\"id\":%.0f,%s}", id,
                   error_shapes[client->next_shape++ % count]);
    send_line(client, line);
}

void misbehave_drained(const struct pool_options *options, struct client *client)
{
    if (options->misbehave == MISBEHAVE_ENDLESS_LINE && client->subscribed) {
        send_repeated(client, 'a', 65536);
    }
}
