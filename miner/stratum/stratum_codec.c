#include "miner/stratum/stratum_codec.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "miner/difficulty.h"
#include "miner/hex.h"
#include "plumbing/json.h"

/* Ends a failing reader: "<method>: <field>: expected <what>, got <the JSON found>". */
static bool refuse(struct hb_err *err, const char *field, const char *expected,
                   const struct json *found)
{
    if (found == NULL) {
        return hb_fail(err, HB_ERR_INPUT, "%s: expected %s, got nothing", field, expected);
    }
    char *text = json_print(found);
    char shown[48];
    text_copy_printable(shown, sizeof shown, text, strlen(text));
    free(text);
    return hb_fail(err, HB_ERR_INPUT, "%s: expected %s, got %s", field, expected, shown);
}

static bool read_u32(const struct json *item, const char *field, uint32_t *value,
                     struct hb_err *err)
{
    const char *text = json_string(item);
    return (text != NULL && hex_to_u32(text, value)) ||
           refuse(err, field, "up to 8 hex digits", item);
}

/* --- replies ------------------------------------------------------------------------------------
 */

static void copy_text(char *text, size_t size, const char *from)
{
    text_copy_printable(text, size, from, strlen(from));
}

/* Both mining.subscribe's result and mining.set_extranonce carry this pair. */
static bool read_extranonce(const struct json *one, const struct json *two_size,
                            struct job_extranonce *extranonce, struct hb_err *err)
{
    const char *text = json_string(one);
    if (text == NULL ||
        !hex_decode_upto(text, extranonce->prefix, JOB_EXTRANONCE1_MAX, &extranonce->size1)) {
        return refuse(err, "extranonce1", "up to 32 bytes as hex digits", one);
    }
    double size = 0;
    if (!json_number(two_size, &size) || size < 1 || size > JOB_EXTRANONCE2_MAX ||
        size != floor(size)) {
        return refuse(err, "extranonce2_size", "a whole number from 1 to 16", two_size);
    }
    extranonce->size2 = (size_t)size;
    return true;
}

/* A pool that agrees to version rolling without a mask may tell it later (mining.set_version_mask);
 * until then nothing is rolled. One that gives a malformed mask judges our shares by we know not
 * what. */
static void read_configured(const struct json *result, struct stratum_reply *reply)
{
    reply->result = RESULT_CONFIGURED;
    bool flag = false;
    const struct json *mask = json_get(result, "version-rolling.mask");
    struct hb_err err = {0};
    reply->version_rolling = json_bool(json_get(result, "version-rolling"), &flag) && flag;
    if (reply->version_rolling && mask != NULL) {
        if (!read_u32(mask, "version-rolling.mask", &reply->version_mask, &err)) {
            reply->result = RESULT_NONSENSE;
            copy_text(reply->text, sizeof reply->text, err.msg);
        }
        reply->version_mask &= STRATUM_VERSION_MASK;
    }
    reply->minimum_difficulty = json_bool(json_get(result, "minimum-difficulty"), &flag) && flag;
    reply->subscribe_extranonce =
        json_bool(json_get(result, "subscribe-extranonce"), &flag) && flag;
}

/* The first member lists subscriptions; servers fill it with anything, and nothing needs it. */
static void read_subscribed(const struct json *result, struct stratum_reply *reply)
{
    struct hb_err err = {0};
    if (json_count(result) < 3) {
        (void)hb_fail(&err, HB_ERR_INPUT,
                      "result: expected subscriptions, extranonce1 and extranonce2_size, got %zu "
                      "elements",
                      json_count(result));
    } else if (read_extranonce(json_item(result, 1), json_item(result, 2), &reply->extranonce,
                               &err)) {
        reply->result = RESULT_SUBSCRIBED;
        return;
    }
    reply->result = RESULT_NONSENSE;
    copy_text(reply->text, sizeof reply->text, err.msg);
}

static void read_error(const struct json *error, struct stratum_reply *reply)
{
    const bool listed = json_is_array(error);
    const struct json *code = listed ? json_item(error, 0) : json_get(error, "code");
    const struct json *text = listed ? json_item(error, 1) : json_get(error, "message");
    double number = 0;
    if (json_number(code, &number) && fabs(number) < 1e6) {
        reply->error_code = (int)number;
    }
    const char *message = json_string(text != NULL ? text : error);
    if (message != NULL) {
        copy_text(reply->text, sizeof reply->text, message);
    }
    bool flag = false;
    const char *plain = json_string(error);
    const bool empty = (listed && json_count(error) == 0) || (plain != NULL && plain[0] == '\0');
    const bool is_false = json_bool(error, &flag) && !flag;
    reply->failed = error != NULL && !json_is_null(error) && !empty && !is_false;
}

/* Ids come back as we sent them, but some servers turn numbers into text. */
static int64_t read_own_id(const struct json *id)
{
    double number = 0;
    const char *text = json_string(id);
    if (text != NULL ? !text_to_number(text, strlen(text), &number) : !json_number(id, &number)) {
        return 0;
    }
    return number >= 1 && number < 9e15 ? (int64_t)number : 0;
}

static void read_reply(const struct json *line, struct stratum_reply *reply)
{
    memset(reply, 0, sizeof *reply);
    reply->id = read_own_id(json_get(line, "id"));
    read_error(json_get(line, "error"), reply);
    const char *reason = json_string(json_get(line, "reject-reason"));
    if (reason != NULL) {
        reply->failed = true;
        copy_text(reply->text, sizeof reply->text, reason);
    }
    const struct json *result = json_get(line, "result");
    bool flag = false;
    if (json_bool(result, &flag)) {
        reply->result = flag ? RESULT_TRUE : RESULT_FALSE;
    } else if (json_is_array(result)) {
        read_subscribed(result, reply);
    } else if (json_is_object(result)) {
        read_configured(result, reply);
    }
}

/* --- what a pool tells --------------------------------------------------------------------------
 */

static bool read_coinbase(const struct json *params, struct job_notify *notify, struct hb_err *err)
{
    const char *one = json_string(json_item(params, 2));
    if (one == NULL ||
        !hex_decode_upto(one, notify->coinbase, JOB_COINBASE_MAX, &notify->coinb1_len)) {
        return refuse(err, "coinb1", "a coinbase of at most 24576 bytes as hex digits",
                      json_item(params, 2));
    }
    const char *two = json_string(json_item(params, 3));
    if (two == NULL ||
        !hex_decode_upto(two, notify->coinbase + notify->coinb1_len,
                         JOB_COINBASE_MAX - notify->coinb1_len, &notify->coinb2_len)) {
        return refuse(err, "coinb2", "a coinbase of at most 24576 bytes as hex digits",
                      json_item(params, 3));
    }
    return true;
}

static bool read_branches(const struct json *list, struct job_notify *notify, struct hb_err *err)
{
    if (!json_is_array(list)) {
        return refuse(err, "merkle branches", "a list", list);
    }
    if (json_count(list) > JOB_BRANCH_MAX) {
        return hb_fail(err, HB_ERR_INPUT, "merkle branches: expected at most %d, got %zu",
                       JOB_BRANCH_MAX, json_count(list));
    }
    notify->branch_count = 0;
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        const char *text = json_string(item);
        if (text == NULL || !hex_decode(text, notify->branches[notify->branch_count], 32)) {
            return refuse(err, "merkle branch", "64 hex digits", item);
        }
        notify->branch_count++;
    }
    return true;
}

static bool read_nbits(const struct json *item, uint32_t *nbits, struct hb_err *err)
{
    return read_u32(item, "nbits", nbits, err) &&
           (difficulty_nbits_is_sane(*nbits) ||
            refuse(err, "nbits", "a target above zero, no easier than 207fffff", item));
}

static bool read_notify(const struct json *params, struct stratum_message *message,
                        struct hb_err *err)
{
    struct job_notify *notify = &message->notify;
    const size_t count = json_count(params);
    if (count < 9) {
        return hb_fail(err, HB_ERR_INPUT, "params: expected at least 9, got %zu", count);
    }
    const char *id = json_string(json_item(params, 0));
    if (id == NULL || id[0] == '\0' || !text_copy(notify->id, sizeof notify->id, id)) {
        return refuse(err, "job id", "text of 1 to 128 characters", json_item(params, 0));
    }
    const char *prevhash = json_string(json_item(params, 1));
    if (prevhash == NULL || !hex_decode(prevhash, notify->prevhash, sizeof notify->prevhash)) {
        return refuse(err, "previous hash", "64 hex digits", json_item(params, 1));
    }
    /* "clean jobs" is the last element; servers exist that put another before it */
    if (!json_bool(json_item(params, count - 1), &notify->clean)) {
        return refuse(err, "clean jobs", "true or false", json_item(params, count - 1));
    }
    return read_coinbase(params, notify, err) && read_branches(json_item(params, 4), notify, err) &&
           read_u32(json_item(params, 5), "version", &notify->version, err) &&
           read_nbits(json_item(params, 6), &notify->nbits, err) &&
           read_u32(json_item(params, 7), "ntime", &notify->ntime, err);
}

static bool read_difficulty(const struct json *params, struct stratum_message *message,
                            struct hb_err *err)
{
    const struct json *item = json_item(params, 0);
    if (!json_number(item, &message->difficulty) || !difficulty_is_sane(message->difficulty)) {
        return refuse(err, "difficulty", "a number from 1e-10 to 1e18", item);
    }
    return true;
}

static bool read_set_extranonce(const struct json *params, struct stratum_message *message,
                                struct hb_err *err)
{
    return read_extranonce(json_item(params, 0), json_item(params, 1), &message->extranonce, err);
}

static bool read_version_mask(const struct json *params, struct stratum_message *message,
                              struct hb_err *err)
{
    if (!read_u32(json_item(params, 0), "version mask", &message->version_mask, err)) {
        return false;
    }
    message->version_mask &= STRATUM_VERSION_MASK;
    return true;
}

/* A port as number or as text of digits. */
static bool read_port(const struct json *item, uint16_t *port, struct hb_err *err)
{
    if (item == NULL || json_is_null(item)) {
        return true;
    }
    double number = 0;
    const char *text = json_string(item);
    const bool read =
        text != NULL ? text_to_number(text, strlen(text), &number) : json_number(item, &number);
    if (!read || number < 1 || number > 65535 || number != floor(number)) {
        return refuse(err, "port", "a number from 1 to 65535", item);
    }
    *port = (uint16_t)number;
    return true;
}

static bool read_reconnect(const struct json *params, struct stratum_message *message,
                           struct hb_err *err)
{
    struct stratum_reconnect *reconnect = &message->reconnect;
    memset(reconnect, 0, sizeof *reconnect);
    const struct json *host = json_item(params, 0);
    if (host != NULL && !json_is_null(host)) {
        const char *text = json_string(host);
        if (text == NULL || strlen(text) >= sizeof reconnect->host) {
            return refuse(err, "host", "text of at most 255 characters", host);
        }
        copy_text(reconnect->host, sizeof reconnect->host, text);
    }
    const struct json *wait = json_item(params, 2);
    const char *text = json_string(wait);
    if (text != NULL ? !text_to_number(text, strlen(text), &reconnect->wait_s)
                     : !json_number(wait, &reconnect->wait_s)) {
        reconnect->wait_s = 0;
    }
    return read_port(json_item(params, 1), &reconnect->port, err);
}

static bool read_show_message(const struct json *params, struct stratum_message *message,
                              struct hb_err *err)
{
    const char *text = json_string(json_item(params, 0));
    if (text == NULL) {
        return refuse(err, "message", "text", json_item(params, 0));
    }
    copy_text(message->text, sizeof message->text, text);
    return true;
}

static bool read_nothing(const struct json *params, struct stratum_message *message,
                         struct hb_err *err)
{
    (void)params;
    (void)message;
    (void)err;
    return true;
}

static const struct method {
    const char *name;
    enum stratum_kind kind;
    bool (*read)(const struct json *params, struct stratum_message *message, struct hb_err *err);
} methods[] = {
    {"mining.notify", STRATUM_NOTIFY, read_notify},
    {"mining.set_difficulty", STRATUM_SET_DIFFICULTY, read_difficulty},
    {"mining.set_extranonce", STRATUM_SET_EXTRANONCE, read_set_extranonce},
    {"mining.set_version_mask", STRATUM_SET_VERSION_MASK, read_version_mask},
    {"client.reconnect", STRATUM_RECONNECT, read_reconnect},
    {"client.show_message", STRATUM_SHOW_MESSAGE, read_show_message},
    {"client.get_version", STRATUM_GET_VERSION, read_nothing},
    {"mining.ping", STRATUM_PING, read_nothing},
    {"client.ping", STRATUM_PING, read_nothing},
};

void stratum_keep_id(const struct json *id, char *text, size_t size)
{
    char *printed = id == NULL ? NULL : json_print(id);
    const bool scalar = printed != NULL && !json_is_array(id) && !json_is_object(id);
    if (!scalar || !text_copy(text, size, printed)) {
        (void)text_copy(text, size, "null");
    }
    free(printed);
}

static bool read_call(const struct json *line, const char *name, struct stratum_message *message,
                      struct hb_err *err)
{
    stratum_keep_id(json_get(line, "id"), message->id, sizeof message->id);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(name, methods[i].name) != 0) {
            continue;
        }
        message->kind = methods[i].kind;
        if (!methods[i].read(json_get(line, "params"), message, err)) {
            hb_err_prefix(err, "%s", name);
            return false;
        }
        return true;
    }
    message->kind = STRATUM_OTHER;
    return true;
}

bool stratum_parse(const char *line, size_t len, struct stratum_message *message,
                   struct hb_err *err)
{
    struct json *json = json_parse(line, len, STRATUM_LINE_MAX, err);
    if (json == NULL || !json_is_object(json)) {
        if (json != NULL) {
            (void)refuse(err, "line", "a JSON object", json);
        }
        if (err != NULL) {
            err->code = HB_ERR_STATE;
        }
        json_free(json);
        return false;
    }
    bool good = true;
    const char *name = json_string(json_get(json, "method"));
    if (name != NULL) {
        good = read_call(json, name, message, err);
    } else {
        message->kind = STRATUM_REPLY;
        (void)text_copy(message->id, sizeof message->id, "null");
        read_reply(json, &message->reply);
    }
    json_free(json);
    return good;
}
