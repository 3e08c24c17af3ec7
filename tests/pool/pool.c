#include "tests/pool/pool.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "tests/pool/judge.h"

#define DIFFICULTY_MIN   1e-7
#define DIFFICULTY_MAX   1e9
#define VARDIFF_WINDOW_S 15.0
#define EASY_BLOCKS      1e9 /* difficulty */
#define VARDIFF_SHARES   24u

/* --- jobs --------------------------------------------------------------------------------------*/

static bool load_recorded(struct pool *pool, struct hb_err *err)
{
    char text[POOL_LINE_MAX];
    FILE *file = fopen(pool->options->notify_file, "rb");
    if (file == NULL) {
        return hb_fail(err, HB_ERR_USAGE, "cannot open '%s'", pool->options->notify_file);
    }
    size_t len = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    struct json *params = json_parse(text, len, sizeof text, err);
    bool good = params != NULL && work_job_parse(&pool->job[1], params, 1, err);
    json_free(params);
    return good;
}

bool pool_init(struct pool *pool, const struct pool_options *options, hb_wall now,
               void (*event)(struct json *event), struct hb_err *err)
{
    *pool = (struct pool){.options = options, .event = event, .valid_serial = 1};
    if (options->notify_file[0] != '\0') {
        pool->serial = 1;
        return load_recorded(pool, err);
    }
    pool_next_job(pool, now);
    return true;
}

/* On a test network's target, or that of the first years, a processor finds blocks by the dozen,
 * and whoever watches the demo would believe in his luck. */
static uint32_t hard_nbits(uint32_t nbits)
{
    enum { OF_2023 = 0x1705ae3a };
    return work_nbits_difficulty(nbits) < EASY_BLOCKS ? OF_2023 : nbits;
}

void pool_next_job(struct pool *pool, hb_wall now)
{
    const struct pool_options *options = pool->options;
    if (options->notify_file[0] != '\0') {
        return;
    }
    uint64_t serial = ++pool->serial;
    uint64_t every = (uint64_t)options->clean_every;
    struct work_job *job = &pool->job[serial % POOL_JOBS];
    work_job_make(job, &pool_blocks[(serial - 1) / every % pool_block_count], serial,
                  4 + options->extranonce2_size);
    job->ntime = (uint32_t)(now.ms / 1000); /* miners refuse work of another year */
    job->nbits = options->nbits != 0 ? options->nbits : hard_nbits(job->nbits);
    job->version = options->version != 0 ? options->version : job->version;
    job->clean = (serial - 1) % every == 0;
    if (job->clean) {
        pool->valid_serial = serial;
    } else if (serial >= POOL_JOBS && pool->valid_serial < serial - POOL_JOBS + 1) {
        pool->valid_serial = serial - POOL_JOBS + 1;
    }
}

/* --- sending
 * ------------------------------------------------------------------------------------*/

void client_send(struct client *client, const char *bytes, size_t len)
{
    if (len > sizeof client->out - client->out_len) {
        client->closing = true;
        client->out_len = 0;
        return;
    }
    memcpy(client->out + client->out_len, bytes, len);
    client->out_len += len;
}

void client_send_json(struct client *client, struct json *json)
{
    char *text = json_print(json);
    json_free(json);
    client_send(client, text, strlen(text));
    client_send(client, "\n", 1);
    free(text);
}

static void send_call(struct client *client, const char *method, struct json *params)
{
    struct json *call = json_new_object();
    json_add_null(call, "id");
    json_add_string(call, "method", method);
    json_add(call, "params", params);
    client_send_json(client, call);
}

/* Answers a request; `result` NULL is null. */
static void reply(struct client *client, const struct json *id, struct json *result)
{
    struct json *answer = json_new_object();
    json_add(answer, "id", json_copy(id));
    if (result == NULL) {
        json_add_null(answer, "result");
    } else {
        json_add(answer, "result", result);
    }
    json_add_null(answer, "error");
    client_send_json(client, answer);
}

static void reply_bool(struct client *client, const struct json *id, bool value)
{
    struct json *answer = json_new_object();
    json_add(answer, "id", json_copy(id));
    json_add_bool(answer, "result", value);
    json_add_null(answer, "error");
    client_send_json(client, answer);
}

static void reply_error(struct client *client, const struct json *id, int code, const char *text)
{
    struct json *answer = json_new_object();
    struct json *error = json_new_array();
    json_add_number(error, NULL, code, 0);
    json_add_string(error, NULL, text);
    json_add_null(error, NULL);
    json_add(answer, "id", json_copy(id));
    json_add_bool(answer, "result", false);
    json_add(answer, "error", error);
    client_send_json(client, answer);
}

static void send_difficulty(struct client *client)
{
    struct json *params = json_new_array();
    json_add(params, NULL, json_new_number(client->difficulty));
    send_call(client, "mining.set_difficulty", params);
}

static void send_new_extranonce(struct pool *pool, struct client *client)
{
    char text[2 * WORK_EXTRANONCE_MAX + 1];
    struct json *params = json_new_array();
    client->extranonce1[0] = (uint8_t)(client->extranonce1[0] + 1);
    work_to_hex(client->extranonce1, client->extranonce1_len, text);
    json_add_string(params, NULL, text);
    json_add_number(params, NULL, (double)pool->options->extranonce2_size, 0);
    send_call(client, "mining.set_extranonce", params);
}

void pool_send_job(struct pool *pool, struct client *client, bool new_extranonce)
{
    const struct work_job *job = &pool->job[pool->serial % POOL_JOBS];
    size_t slot = job->serial % POOL_JOBS;
    if (!client->subscribed || !client->authorized ||
        pool->options->misbehave == MISBEHAVE_NO_JOBS) {
        return;
    }
    if (new_extranonce) {
        send_new_extranonce(pool, client);
    }
    client->sent[slot].serial = job->serial;
    client->sent[slot].difficulty = client->difficulty;
    memcpy(client->sent[slot].extranonce1, client->extranonce1, sizeof client->extranonce1);
    send_call(client, "mining.notify", work_job_params(job));
}

/* --- difficulty
 * ---------------------------------------------------------------------------------*/

/* Holds from the next job on; shares of jobs sent before count by the easier of the two. */
static void set_difficulty(struct client *client, double difficulty)
{
    client->difficulty = fmin(fmax(difficulty, DIFFICULTY_MIN), DIFFICULTY_MAX);
    if (client->subscribed) {
        send_difficulty(client);
    }
}

void pool_vardiff(struct pool *pool, struct client *client, hb_mono now)
{
    double aim_s = pool->options->share_interval_s;
    double elapsed_s = (double)mono_age_ms(now, client->window_start) / 1000;
    if (!client->authorized || aim_s <= 0 ||
        (client->window_shares < VARDIFF_SHARES && elapsed_s < VARDIFF_WINDOW_S)) {
        return;
    }
    /* From the work that was shown, not from the difficulty in force: jobs of the old difficulty go
     * on bringing shares after a change, and would drive it up again and again. */
    double fitting = client->window_work * aim_s / fmax(elapsed_s, 0.1);
    double factor = fitting / client->difficulty;
    client->window_start = now;
    client->window_shares = 0;
    client->window_work = 0;
    if (factor > 2 || factor < 0.5) {
        set_difficulty(client, fmax(fitting, client->difficulty * 0.25));
    }
}

/* --- requests
 * -----------------------------------------------------------------------------------*/

void pool_client_init(struct pool *pool, struct client *client)
{
    const char *hex = pool->options->extranonce1_hex;
    client->number = ++pool->clients;
    client->difficulty = pool->options->difficulty;
    if (hex[0] != '\0') {
        client->extranonce1_len = strlen(hex) / 2;
        if (!work_hex(hex, client->extranonce1, client->extranonce1_len)) {
            abort(); /* checked with the options */
        }
        return;
    }
    client->extranonce1_len = 4;
    client->extranonce1[0] = 0x68;
    client->extranonce1[2] = (uint8_t)(client->number >> 8);
    client->extranonce1[3] = (uint8_t)client->number;
}

static struct json *new_event(const char *name, const struct client *client)
{
    struct json *event = json_new_object();
    json_add_string(event, "event", name);
    json_add_number(event, "client", client->number, 0);
    return event;
}

static void on_configure(struct pool *pool, struct client *client, const struct json *id,
                         const struct json *params)
{
    uint32_t wanted = 0xffffffff;
    char mask[9];
    struct json *result = json_new_object();
    const char *asked = json_string(json_get(json_item(params, 1), "version-rolling.mask"));
    if (asked != NULL && !work_hex32(asked, &wanted)) {
        wanted = 0;
    }
    if (pool->options->misbehave == MISBEHAVE_CLOSE_ON_CONFIGURE) {
        client->closing = true;
    }
    client->mask = wanted & pool->options->mask;
    client->rolling = client->mask != 0;
    (void)snprintf(mask, sizeof mask, "%08" PRIx32, client->mask);
    json_add_bool(result, "version-rolling", client->rolling);
    if (client->rolling) {
        json_add_string(result, "version-rolling.mask", mask);
    }
    json_add_bool(result, "minimum-difficulty", true);
    json_add_bool(result, "subscribe-extranonce", true);
    reply(client, id, result);
}

static void on_subscribe(struct pool *pool, struct client *client, const struct json *id)
{
    char text[2 * WORK_EXTRANONCE_MAX + 1];
    bool huge = pool->options->misbehave == MISBEHAVE_HUGE_NUMBERS;
    struct json *result = json_new_array();
    struct json *list = json_new_array();
    struct json *pair = json_new_array();
    work_to_hex(client->extranonce1, client->extranonce1_len, text);
    json_add_string(pair, NULL, "mining.notify");
    json_add_string(pair, NULL, text);
    json_add(list, NULL, pair);
    json_add(result, NULL, list);
    json_add_string(result, NULL, text);
    json_add_number(result, NULL, huge ? 2e9 : (double)pool->options->extranonce2_size, 0);
    reply(client, id, result);
    client->subscribed = true;
    misbehave_subscribed(pool->options, client);
    send_difficulty(client);
}

static void on_authorize(struct pool *pool, struct client *client, const struct json *id,
                         const struct json *params, hb_mono now)
{
    const char *worker = json_string(json_item(params, 0));
    bool good = worker != NULL && text_copy(client->worker, sizeof client->worker, worker) &&
                pool->options->misbehave != MISBEHAVE_REFUSE_WORKER;
    struct json *event = new_event("authorize", client);
    json_add_string(event, "worker", worker);
    json_add_bool(event, "accepted", good);
    pool->event(event);
    client->authorized = good;
    client->window_start = now;
    /* ckpool and DATUM send work before the answer, too. */
    pool_send_job(pool, client, false);
    reply_bool(client, id, good);
}

static void on_suggest(struct client *client, const struct json *id, const struct json *params)
{
    double difficulty = 0;
    if (!json_number(json_item(params, 0), &difficulty) || !(difficulty > 0)) {
        reply_error(client, id, VERDICT_OTHER, "expected a positive difficulty");
        return;
    }
    reply_bool(client, id, true);
    set_difficulty(client, difficulty);
}

static void count_share(struct pool *pool, struct client *client, const struct verdict *v,
                        hb_mono now)
{
    if (v->code != VERDICT_ACCEPTED) {
        pool->rejected++;
        return;
    }
    /* The first share only starts the clock: its work was done before. */
    if (pool->accepted++ == 0) {
        pool->first_share_at = now;
    } else {
        pool->work += v->required * 4294967296.0;
    }
    pool->last_share_at = now;
    client->window_shares++;
    client->window_work += v->required;
}

static void report_share(struct pool *pool, const struct client *client, const struct json *params,
                         const struct verdict *v)
{
    struct json *event = new_event("share", client);
    json_add_bool(event, "accepted", v->code == VERDICT_ACCEPTED);
    json_add(event, "difficulty", json_new_number(v->difficulty));
    json_add(event, "required", json_new_number(v->required));
    json_add_string(event, "hash", v->hash);
    json_add_bool(event, "block", v->block);
    json_add_string(event, "worker", client->worker);
    json_add_string(event, "job", json_string(json_item(params, 1)));
    json_add_number(event, "code", v->code, 0);
    json_add_string(event, "error", v->text);
    pool->event(event);
}

static void on_submit(struct pool *pool, struct client *client, const struct json *id,
                      const struct json *params, hb_mono now)
{
    struct verdict v = judge_share(pool, client, params);
    count_share(pool, client, &v, now);
    report_share(pool, client, params, &v);
    if (v.code == VERDICT_ACCEPTED) {
        reply_bool(client, id, true);
    } else if (pool->options->misbehave == MISBEHAVE_ERROR_SHAPES) {
        double number = 0;
        if (json_number(id, &number)) {
            misbehave_refuse(client, number);
        }
    } else if (pool->options->misbehave == MISBEHAVE_STRING_ERRORS) {
        struct json *answer = json_new_object();
        json_add(answer, "id", json_copy(id));
        json_add_bool(answer, "result", false);
        json_add_string(answer, "error", "Stale");
        client_send_json(client, answer);
    } else {
        reply_error(client, id, (int)v.code, v.text);
    }
    if (v.code == VERDICT_ACCEPTED && pool->options->misbehave == MISBEHAVE_DROP_ON_SHARE) {
        client->closing = true;
    }
    pool_vardiff(pool, client, now);
}

static void dispatch(struct pool *pool, struct client *client, const struct json *request,
                     const char *method, hb_mono now)
{
    const struct json *id = json_get(request, "id");
    const struct json *params = json_get(request, "params");
    if (strcmp(method, "mining.configure") == 0) {
        on_configure(pool, client, id, params);
    } else if (strcmp(method, "mining.subscribe") == 0) {
        on_subscribe(pool, client, id);
    } else if (strcmp(method, "mining.authorize") == 0) {
        on_authorize(pool, client, id, params, now);
    } else if (strcmp(method, "mining.submit") == 0) {
        on_submit(pool, client, id, params, now);
    } else if (strcmp(method, "mining.suggest_difficulty") == 0) {
        on_suggest(client, id, params);
    } else if (strcmp(method, "mining.extranonce.subscribe") == 0) {
        reply_bool(client, id, true);
    } else if (strcmp(method, "mining.ping") == 0) {
        reply(client, id, json_new_string("pong"));
    } else {
        reply_error(client, id, VERDICT_OTHER, "unknown method");
    }
}

void pool_line(struct pool *pool, struct client *client, const char *line, size_t len, hb_mono now)
{
    struct hb_err err = {0};
    if (pool->options->misbehave == MISBEHAVE_SILENT) {
        return;
    }
    struct json *request = json_parse(line, len, POOL_LINE_MAX, &err);
    const char *method = json_string(json_get(request, "method"));
    if (request == NULL) {
        struct json *event = new_event("bad_line", client);
        json_add_string(event, "error", err.msg);
        pool->event(event);
        client->closing = true;
    } else if (method != NULL) {
        dispatch(pool, client, request, method, now);
    }
    json_free(request);
}

struct json *pool_summary(const struct pool *pool)
{
    double seconds = (double)mono_age_ms(pool->last_share_at, pool->first_share_at) / 1000;
    struct json *event = json_new_object();
    json_add_string(event, "event", "summary");
    json_add_number(event, "accepted", (double)pool->accepted, 0);
    json_add_number(event, "rejected", (double)pool->rejected, 0);
    json_add_number(event, "connections", pool->clients, 0);
    json_add_number(event, "hashrate_hs", seconds > 0 ? pool->work / seconds : NAN, 0);
    return event;
}
