#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/hex.h"
#include "miner/stratum/stratum_codec.h"
#include "plumbing/json.h"

/* BIP 310: the extensions wanted, then their parameters. */
static void add_configure(struct json *params, double difficulty)
{
    struct json *wanted = json_new_array();
    json_add_string(wanted, NULL, "version-rolling");
    json_add_string(wanted, NULL, "minimum-difficulty");
    json_add_string(wanted, NULL, "subscribe-extranonce");
    json_add(params, NULL, wanted);
    char mask[9];
    (void)snprintf(mask, sizeof mask, "%08" PRIx32, STRATUM_VERSION_MASK);
    struct json *details = json_new_object();
    json_add_string(details, "version-rolling.mask", mask);
    json_add(details, "version-rolling.min-bit-count", json_new_number(2));
    json_add(details, "minimum-difficulty.value", json_new_number(difficulty));
    json_add(params, NULL, details);
}

static void add_hex32(struct json *params, uint32_t value)
{
    char text[9];
    (void)snprintf(text, sizeof text, "%08" PRIx32, value);
    json_add_string(params, NULL, text);
}

static void add_submit(struct json *params, const char *user, const struct stratum_share *share)
{
    char extranonce2[2 * JOB_EXTRANONCE2_MAX + 1];
    hex_encode(extranonce2, share->extranonce2, share->extranonce2_size);
    json_add_string(params, NULL, user);
    json_add_string(params, NULL, share->job_id);
    json_add_string(params, NULL, extranonce2);
    add_hex32(params, share->ntime);
    add_hex32(params, share->nonce);
    if (share->with_version_bits) {
        add_hex32(params, share->version_bits);
    }
}

static const char *add_params(const struct stratum_request *request, struct json *params)
{
    switch (request->call) {
    case CALL_CONFIGURE:
        add_configure(params, request->difficulty);
        return "mining.configure";
    case CALL_SUBSCRIBE:
        json_add_string(params, NULL, request->agent);
        return "mining.subscribe";
    case CALL_AUTHORIZE:
        json_add_string(params, NULL, request->user);
        json_add_string(params, NULL, request->password);
        return "mining.authorize";
    case CALL_SUGGEST_DIFFICULTY:
        json_add(params, NULL, json_new_number(request->difficulty));
        return "mining.suggest_difficulty";
    case CALL_EXTRANONCE_SUBSCRIBE:
        return "mining.extranonce.subscribe";
    case CALL_SUBMIT:
        add_submit(params, request->user, &request->share);
        return "mining.submit";
    case CALL_PING:
    case ANSWER_VERSION:
    case ANSWER_PING:
        break;
    }
    return "mining.ping";
}

static size_t finish(size_t size, int used)
{
    return used > 0 && (size_t)used < size ? (size_t)used : 0;
}

/* The id goes back as the text it came as, so an answer is put together around it. */
static size_t write_answer(const char *id, const char *result, char *line, size_t size)
{
    struct json *quoted = json_new_string(result);
    char *text = json_print(quoted);
    const int used = snprintf(line, size, "{\"id\":%s,\"result\":%s,\"error\":null}\n", id, text);
    free(text);
    json_free(quoted);
    return finish(size, used);
}

size_t stratum_write(const struct stratum_request *request, char *line, size_t size)
{
    if (request->call == ANSWER_VERSION) {
        return write_answer(request->answer_to, request->agent, line, size);
    }
    if (request->call == ANSWER_PING) {
        return write_answer(request->answer_to, "pong", line, size);
    }
    struct json *json = json_new_object();
    struct json *params = json_new_array();
    const char *method = add_params(request, params);
    json_add(json, "id", json_new_number((double)request->id));
    json_add_string(json, "method", method);
    json_add(json, "params", params);
    char *text = json_print(json);
    const int used = snprintf(line, size, "%s\n", text);
    free(text);
    json_free(json);
    return finish(size, used);
}
