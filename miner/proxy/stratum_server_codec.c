#include "miner/proxy/stratum_server_codec.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "miner/difficulty.h"
#include "miner/hex.h"
#include "plumbing/json.h"

/* Ends a failing reader. What was sent is not shown: it may be a password. */
static bool refuse(struct hb_err *err, const char *field, const char *expected)
{
    return hb_fail(err, HB_ERR_INPUT, "%s: expected %s", field, expected);
}

static bool read_text(const struct json *item, const char *field, char *text, size_t size,
                      struct hb_err *err)
{
    const char *value = json_string(item);
    return (value != NULL && text_copy(text, size, value)) ||
           refuse(err, field, "text of at most 255 characters");
}

static bool read_u32(const struct json *item, const char *field, uint32_t *value,
                     struct hb_err *err)
{
    const char *text = json_string(item);
    return (text != NULL && hex_to_u32(text, value)) || refuse(err, field, "up to 8 hex digits");
}

/* --- calls --------------------------------------------------------------------------------------
 */

static bool read_configure(const struct json *params, struct stratum_client_call *call,
                           struct hb_err *err)
{
    struct stratum_configure *configure = &call->configure;
    const struct json *details = json_item(params, 1);
    const char *mask = json_string(json_get(details, "version-rolling.mask"));
    *configure = (struct stratum_configure){.version_mask = UINT32_MAX};
    if (!json_is_array(json_item(params, 0))) {
        return refuse(err, "extensions", "a list");
    }
    for (const struct json *m = json_first(json_item(params, 0)); m != NULL; m = json_next(m)) {
        const char *name = json_string(m);
        if (name == NULL) {
            continue;
        }
        configure->version_rolling |= strcmp(name, "version-rolling") == 0;
        configure->minimum_difficulty |= strcmp(name, "minimum-difficulty") == 0;
        configure->subscribe_extranonce |= strcmp(name, "subscribe-extranonce") == 0;
    }
    if (mask != NULL && !hex_to_u32(mask, &configure->version_mask)) {
        return refuse(err, "version-rolling.mask", "up to 8 hex digits");
    }
    double least = 0;
    if (json_number(json_get(details, "minimum-difficulty.value"), &least) &&
        difficulty_is_sane(least)) {
        configure->minimum_difficulty_value = least;
    }
    return true;
}

static bool read_subscribe(const struct json *params, struct stratum_client_call *call,
                           struct hb_err *err)
{
    (void)err;
    const char *agent = json_string(json_item(params, 0));
    agent = agent == NULL ? "" : agent;
    text_copy_printable(call->agent, sizeof call->agent, agent, strlen(agent));
    return true;
}

static bool read_authorize(const struct json *params, struct stratum_client_call *call,
                           struct hb_err *err)
{
    struct stratum_login *login = &call->login;
    const struct json *password = json_item(params, 1);
    login->password[0] = '\0';
    return read_text(json_item(params, 0), "user", login->user, sizeof login->user, err) &&
           (password == NULL || json_is_null(password) ||
            read_text(password, "password", login->password, sizeof login->password, err));
}

static bool read_suggestion(const struct json *params, struct stratum_client_call *call,
                            struct hb_err *err)
{
    return (json_number(json_item(params, 0), &call->difficulty) &&
            difficulty_is_sane(call->difficulty)) ||
           refuse(err, "difficulty", "a number from 1e-10 to 1e18");
}

static bool read_submit(const struct json *params, struct stratum_client_call *call,
                        struct hb_err *err)
{
    struct stratum_submit *submit = &call->submit;
    struct stratum_share *share = &submit->share;
    memset(share, 0, sizeof *share);
    const char *job_id = json_string(json_item(params, 1));
    const char *extranonce2 = json_string(json_item(params, 2));
    if (!read_text(json_item(params, 0), "user", submit->user, sizeof submit->user, err)) {
        return false;
    }
    if (job_id == NULL || !text_copy(share->job_id, sizeof share->job_id, job_id)) {
        return refuse(err, "job id", "text of at most 128 characters");
    }
    if (extranonce2 == NULL || !hex_decode_upto(extranonce2, share->extranonce2,
                                                JOB_EXTRANONCE2_MAX, &share->extranonce2_size)) {
        return refuse(err, "extranonce2", "up to 16 bytes as hex digits");
    }
    const struct json *bits = json_item(params, 5);
    share->with_version_bits = bits != NULL && !json_is_null(bits);
    return read_u32(json_item(params, 3), "ntime", &share->ntime, err) &&
           read_u32(json_item(params, 4), "nonce", &share->nonce, err) &&
           (!share->with_version_bits || read_u32(bits, "version bits", &share->version_bits, err));
}

static bool read_nothing(const struct json *params, struct stratum_client_call *call,
                         struct hb_err *err)
{
    (void)params;
    (void)call;
    (void)err;
    return true;
}

static const struct method {
    const char *name;
    enum stratum_call_kind kind;
    bool (*read)(const struct json *params, struct stratum_client_call *call, struct hb_err *err);
} methods[] = {
    {"mining.configure", MINER_CONFIGURE, read_configure},
    {"mining.subscribe", MINER_SUBSCRIBE, read_subscribe},
    {"mining.authorize", MINER_AUTHORIZE, read_authorize},
    {"mining.extranonce.subscribe", MINER_EXTRANONCE_SUBSCRIBE, read_nothing},
    {"mining.suggest_difficulty", MINER_SUGGEST_DIFFICULTY, read_suggestion},
    {"mining.submit", MINER_SUBMIT, read_submit},
    {"mining.ping", MINER_PING, read_nothing},
};

/* The historical form "mining.suggest_difficulty(512)" as a method of its own. */
static bool read_suggestion_in_name(const char *name, struct stratum_client_call *call)
{
    static const char start[] = "mining.suggest_difficulty(";
    const size_t len = strlen(name);
    const size_t skip = sizeof start - 1;
    return strncmp(name, start, skip) == 0 && len > skip + 1 && name[len - 1] == ')' &&
           text_to_number(name + skip, len - skip - 1, &call->difficulty) &&
           difficulty_is_sane(call->difficulty);
}

static bool read_call(const struct json *line, struct stratum_client_call *call, struct hb_err *err)
{
    const char *name = json_string(json_get(line, "method"));
    stratum_keep_id(json_get(line, "id"), call->id, sizeof call->id);
    call->kind = name == NULL ? MINER_ANSWER : MINER_OTHER;
    for (size_t i = 0; name != NULL && i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(name, methods[i].name) != 0) {
            continue;
        }
        call->kind = methods[i].kind;
        if (!methods[i].read(json_get(line, "params"), call, err)) {
            hb_err_prefix(err, "%s", name);
            return false;
        }
    }
    if (call->kind == MINER_OTHER && read_suggestion_in_name(name, call)) {
        call->kind = MINER_SUGGEST_DIFFICULTY;
    }
    return true;
}

bool stratum_server_parse(const char *line, size_t len, struct stratum_client_call *call,
                          struct hb_err *err)
{
    struct json *json = json_parse(line, len, STRATUM_CALL_MAX, err);
    if (json == NULL || !json_is_object(json)) {
        (void)hb_fail(err, HB_ERR_STATE, "expected a JSON object");
        json_free(json);
        return false;
    }
    const bool good = read_call(json, call, err);
    json_free(json);
    return good;
}

/* --- what a pool says ---------------------------------------------------------------------------
 */

/* A line in the making. */
struct pen {
    char *line;
    size_t size, used;
    bool full;
};

static void put(struct pen *pen, const char *format, ...) HB_PRINTF(2, 3);

static void put(struct pen *pen, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(pen->line + pen->used, pen->size - pen->used, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= pen->size - pen->used) {
        pen->full = true;
    } else {
        pen->used += (size_t)len;
    }
}

static void put_hex(struct pen *pen, const uint8_t *bytes, size_t len)
{
    if (2 * len >= pen->size - pen->used) {
        pen->full = true;
        return;
    }
    hex_encode(pen->line + pen->used, bytes, len);
    pen->used += 2 * len;
}

static void put_string(struct pen *pen, const char *text)
{
    struct json *string = json_new_string(text);
    char *quoted = json_print(string);
    put(pen, "%s", quoted);
    free(quoted);
    json_free(string);
}

static void put_number(struct pen *pen, double value)
{
    struct json *number = json_new_number(value);
    char *text = json_print(number);
    put(pen, "%s", text);
    free(text);
    json_free(number);
}

static void put_configured(struct pen *pen, const struct stratum_say *say)
{
    const struct stratum_configure *granted = &say->configure;
    struct json *result = json_new_object();
    if (granted->version_rolling) {
        json_add_bool(result, "version-rolling", granted->version_mask != 0);
    }
    if (granted->version_rolling && granted->version_mask != 0) {
        char mask[9];
        (void)snprintf(mask, sizeof mask, "%08" PRIx32, granted->version_mask);
        json_add_string(result, "version-rolling.mask", mask);
    }
    if (granted->minimum_difficulty) {
        json_add_bool(result, "minimum-difficulty", true);
    }
    if (granted->subscribe_extranonce) {
        json_add_bool(result, "subscribe-extranonce", true);
    }
    char *text = json_print(result);
    put(pen, "{\"id\":%s,\"result\":%s,\"error\":null}\n", say->id, text);
    free(text);
    json_free(result);
}

static void put_subscribed(struct pen *pen, const struct stratum_say *say)
{
    put(pen,
        "{\"id\":%s,\"result\":[[[\"mining.set_difficulty\",\"1\"],[\"mining.notify\",\"1\"]],\"",
        say->id);
    put_hex(pen, say->extranonce.prefix, say->extranonce.size1);
    put(pen, "\",%zu],\"error\":null}\n", say->extranonce.size2);
}

static void put_error(struct pen *pen, const struct stratum_say *say)
{
    put(pen, "{\"id\":%s,\"result\":null,\"error\":[%d,", say->id, (int)say->code);
    put_string(pen, say->text);
    put(pen, ",null]}\n");
}

static void put_notify(struct pen *pen, const struct stratum_say *say)
{
    const struct job_notify *n = say->notify;
    put(pen, "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"%" PRIx64 "\",\"",
        say->job_id);
    put_hex(pen, n->prevhash, sizeof n->prevhash);
    put(pen, "\",\"");
    put_hex(pen, n->coinbase, n->coinb1_len);
    put_hex(pen, say->middle, say->middle_len);
    put(pen, "\",\"");
    put_hex(pen, n->coinbase + n->coinb1_len, n->coinb2_len);
    put(pen, "\",[");
    for (size_t i = 0; i < n->branch_count; i++) {
        put(pen, i == 0 ? "\"" : ",\"");
        put_hex(pen, n->branches[i], sizeof n->branches[i]);
        put(pen, "\"");
    }
    put(pen, "],\"%08" PRIx32 "\",\"%08" PRIx32 "\",\"%08" PRIx32 "\",%s]}\n", n->version, n->nbits,
        n->ntime, n->clean ? "true" : "false");
}

size_t stratum_server_write(const struct stratum_say *say, char *line, size_t size)
{
    struct pen pen = {.line = line, .size = size};
    switch (say->kind) {
    case SAY_TRUE:
        put(&pen, "{\"id\":%s,\"result\":true,\"error\":null}\n", say->id);
        break;
    case SAY_ERROR:
        put_error(&pen, say);
        break;
    case SAY_CONFIGURED:
        put_configured(&pen, say);
        break;
    case SAY_SUBSCRIBED:
        put_subscribed(&pen, say);
        break;
    case SAY_PONG:
        put(&pen, "{\"id\":%s,\"result\":\"pong\",\"error\":null}\n", say->id);
        break;
    case SAY_DIFFICULTY:
        put(&pen, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[");
        put_number(&pen, say->difficulty);
        put(&pen, "]}\n");
        break;
    case SAY_VERSION_MASK:
        put(&pen,
            "{\"id\":null,\"method\":\"mining.set_version_mask\",\"params\":[\"%08" PRIx32 "\"]}\n",
            say->version_mask);
        break;
    case SAY_NOTIFY:
        put_notify(&pen, say);
        break;
    }
    return pen.full ? 0 : pen.used;
}
