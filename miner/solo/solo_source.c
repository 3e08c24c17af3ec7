#define _GNU_SOURCE /* getrandom in a strict mode */
#include "miner/solo/solo_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <uv.h>

#include "ground/text.h"
#include "miner/difficulty.h"
#include "miner/solo/node_codec.h"
#include "miner/solo/node_rpc.h"
#include "miner/solo/solo_session.h"
#include "miner/stratum/pool_url.h"
#include "miner/verify.h"
#include "plumbing/clock.h"
#include "plumbing/json.h"

enum {
    CALL_TIMEOUT_MS = 30 * 1000,
    SUBMIT_TIMEOUT_MS = 60 * 1000,
    NEWS_TIMEOUT_MS = 0, /* none: news may take hours, and a dead node is noticed otherwise */
    SMALL_ANSWER = 256 * 1024,
};

static const char plain_scheme[] = "solo+http://";
static const char tls_scheme[] = "solo+https://";

struct reading;

struct solo_source {
    struct work_source source; /* first: a source's address is its owner's */
    uv_loop_t *loop;
    struct node_rpc *rpc;
    char *user;
    struct solo_session session;
    struct reading *readings; /* templates that are being read */
};

/* Reading the template of a full block takes tens of milliseconds, too long for the loop: a thread
 * of libuv's pool does it. */
struct reading {
    uv_work_t work;
    struct solo_source *owner; /* NULL: nobody waits any more */
    struct reading *next;
    enum solo_call call;
    int http_status;
    char *body;
    size_t len;
    struct block_template *block; /* the result, or why there is none */
    struct hb_err err;
};

static void carry_out(struct solo_source *solo, struct solo_effects *effects);

/* --- the end ------------------------------------------------------------------------------------
 */

static void down(struct solo_source *solo)
{
    node_rpc_cancel(solo->rpc);
    for (struct reading *reading = solo->readings; reading != NULL; reading = reading->next) {
        reading->owner = NULL;
    }
    solo->readings = NULL;
    solo_closed(&solo->session);
}

static void lose(struct solo_source *solo, const char *why)
{
    const struct work_handler *handler = &solo->source.handler;
    char message[700];
    (void)snprintf(message, sizeof message, "%s: %s", solo->source.where, why);
    down(solo);
    handler->lost(handler->ctx, &solo->source, message, -1);
}

/* --- calling ------------------------------------------------------------------------------------
 */

static int timeout_of(enum solo_call call)
{
    return call == SOLO_NEWS ? NEWS_TIMEOUT_MS : CALL_TIMEOUT_MS;
}

/* False if the source was closed over it. */
static bool start_call(struct solo_source *solo, enum solo_call call)
{
    struct hb_err err = {0};
    const bool template = call == SOLO_TEMPLATE || call == SOLO_NEWS;
    if (node_rpc_call(solo->rpc, call, solo_request(&solo->session, call), timeout_of(call),
                      template ? NODE_ANSWER_MAX : SMALL_ANSWER, &err)) {
        return true;
    }
    lose(solo, err.msg);
    return false;
}

static void start_submit(struct solo_source *solo, const struct solo_block *found)
{
    struct solo_effects effects;
    char *request = node_ask_submit(found->hex, found->work_id);
    if (!node_rpc_call(solo->rpc, SOLO_CALLS + found->id, request, SUBMIT_TIMEOUT_MS, SMALL_ANSWER,
                       NULL)) {
        solo_submitted(&solo->session, found->id, NULL, clock_mono(), &effects);
    }
}

static void account(struct solo_source *solo, const struct solo_effects *effects)
{
    struct share_accounts *accounts = &solo->source.accounts;
    accounts->blocks += effects->blocks;
    for (size_t i = 0; i < REJECT_COUNT; i++) {
        accounts->rejected[i] += effects->rejected[i];
    }
}

static void carry_out(struct solo_source *solo, struct solo_effects *effects)
{
    const struct work_handler *handler = &solo->source.handler;
    /* A found block goes before everything else. */
    for (size_t i = 0; i < effects->submit_count; i++) {
        start_submit(solo, effects->submit[i]);
    }
    account(solo, effects);
    if (effects->say[0] != '\0') {
        handler->said(handler->ctx, &solo->source, effects->say_loud, effects->say);
    }
    if (effects->close) {
        lose(solo, effects->why);
        return;
    }
    for (int call = 0; call < SOLO_CALLS; call++) {
        if (effects->ask[call] && !start_call(solo, (enum solo_call)call)) {
            return;
        }
    }
    if (effects->new_job) {
        handler->job(handler->ctx, &solo->source, &solo->session.job);
    }
}

/* --- answers ------------------------------------------------------------------------------------
 */

/* On a thread of libuv's pool. */
static void on_read(uv_work_t *work)
{
    struct reading *reading = work->data;
    struct json *tree = node_read(reading->http_status, reading->body, reading->len, &reading->err);
    if (tree != NULL) {
        reading->block = block_template_read(json_get(tree, "result"), &reading->err);
        json_free(tree);
    }
}

static void forget_reading(struct reading *reading)
{
    struct reading **place = &reading->owner->readings;
    while (*place != reading) {
        place = &(*place)->next;
    }
    *place = reading->next;
}

/* Back on the loop's. */
static void on_was_read(uv_work_t *work, int status)
{
    (void)status;
    struct reading *reading = work->data;
    struct solo_source *solo = reading->owner;
    if (solo == NULL) {
        block_template_free(reading->block);
    } else {
        struct solo_effects effects;
        forget_reading(reading);
        if (reading->block != NULL) {
            solo_template(&solo->session, reading->call, reading->block, clock_mono(), &effects);
        } else {
            solo_failed(&solo->session, reading->call, reading->err.msg, &effects);
        }
        carry_out(solo, &effects);
    }
    free(reading->body);
    free(reading);
}

/* Takes the answer's body over. */
static void read_template(struct solo_source *solo, enum solo_call call,
                          const struct node_answer *answer)
{
    struct solo_effects effects;
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading != NULL) {
        reading->work.data = reading;
        reading->owner = solo;
        reading->call = call;
        reading->http_status = answer->http_status;
        reading->body = answer->body;
        reading->len = answer->len;
        if (uv_queue_work(solo->loop, &reading->work, on_read, on_was_read) == 0) {
            reading->next = solo->readings;
            solo->readings = reading;
            return;
        }
    }
    free(reading);
    free(answer->body);
    solo_failed(&solo->session, call, "out of memory", &effects);
    carry_out(solo, &effects);
}

static void on_submitted(struct solo_source *solo, uint64_t block_id,
                         const struct node_answer *answer)
{
    struct solo_effects effects;
    struct json *tree = NULL;
    if (answer->http_status != 0) {
        tree = node_read(answer->http_status, answer->body, answer->len, NULL);
    }
    solo_submitted(&solo->session, block_id, json_get(tree, "result"), clock_mono(), &effects);
    json_free(tree);
    carry_out(solo, &effects);
}

static void on_small_answer(struct solo_source *solo, enum solo_call call,
                            const struct node_answer *answer)
{
    struct solo_effects effects;
    struct hb_err err = {0};
    struct json *tree = node_read(answer->http_status, answer->body, answer->len, &err);
    if (tree == NULL) {
        solo_failed(&solo->session, call, err.msg, &effects);
    } else if (call == SOLO_CHAIN) {
        solo_chain(&solo->session, json_get(tree, "result"), &effects);
    } else {
        solo_proposal(&solo->session, json_get(tree, "result"), clock_mono(), &effects);
    }
    json_free(tree);
    carry_out(solo, &effects);
}

static void on_answer(void *ctx, uint64_t tag, const struct node_answer *answer)
{
    struct solo_source *solo = ctx;
    struct solo_effects effects;
    const enum solo_call call = (enum solo_call)tag;
    solo->source.reached = solo->source.reached || answer->http_status != 0;
    if (tag >= SOLO_CALLS) {
        on_submitted(solo, tag - SOLO_CALLS, answer);
    } else if (answer->http_status == 0) {
        solo_failed(&solo->session, call, answer->why, &effects);
        carry_out(solo, &effects);
    } else if (call == SOLO_TEMPLATE || call == SOLO_NEWS) {
        read_template(solo, call, answer);
        return; /* the body is the reader's */
    } else {
        on_small_answer(solo, call, answer);
    }
    free(answer->body);
}

/* --- the table ----------------------------------------------------------------------------------
 */

static void open_solo(struct work_source *source)
{
    struct solo_source *solo = (struct solo_source *)source;
    struct solo_effects effects;
    if (solo_is_open(&solo->session)) {
        return;
    }
    source->reached = false;
    solo_opened(&solo->session, &effects);
    carry_out(solo, &effects);
}

static void close_solo(struct work_source *source)
{
    down((struct solo_source *)source);
}

static bool solo_source_is_open(const struct work_source *source)
{
    return solo_is_open(&((const struct solo_source *)source)->session);
}

static void tick_solo(struct work_source *source, hb_mono now)
{
    struct solo_source *solo = (struct solo_source *)source;
    struct solo_effects effects;
    solo_tick(&solo->session, now, &effects);
    carry_out(solo, &effects);
}

static void solo_wants_difficulty(struct work_source *source, double difficulty)
{
    solo_want_difficulty(&((struct solo_source *)source)->session, difficulty);
}

/* Every result shows that we hash; a block, once it is on its way to the node, is something more.
 */
static void tell_result(struct solo_source *solo, struct share_event *share, bool submitted)
{
    const struct work_handler *handler = &solo->source.handler;
    share->fate = SHARE_PROVEN;
    handler->share(handler->ctx, &solo->source, share);
    if (submitted) {
        share->fate = SHARE_SENT;
        share->block = true;
        handler->share(handler->ctx, &solo->source, share);
    }
}

static void submit_to_solo(struct work_source *source, const struct candidate *candidate,
                           hb_mono now)
{
    struct solo_source *solo = (struct solo_source *)source;
    struct share_accounts *accounts = &source->accounts;
    struct solo_effects effects;
    struct share_event share = {.latency_ms = -1};
    const struct solo_work *work = solo_find_work(&solo->session, candidate->serial);
    if (work == NULL) {
        return;
    }
    if (!verify_share(candidate->header, work->target, share.hash, &share.reached)) {
        /* The kernel compares 32 bits only, so near misses are nothing to tell of. */
        accounts->dropped += difficulty_top(share.hash) > difficulty_top(work->target) ? 1 : 0;
        return;
    }
    share.asked = work->difficulty;
    accounts->hits++;
    accounts->hit_difficulty += work->difficulty;
    if (share.reached > accounts->best_difficulty) {
        accounts->best_difficulty = share.reached;
    }
    solo_found(&solo->session, candidate->serial, candidate->header, candidate->extranonce2,
               share.hash, now, &effects);
    const bool submitted = effects.submit_count > 0;
    carry_out(solo, &effects);
    tell_result(solo, &share, submitted);
}

/* --- creation -----------------------------------------------------------------------------------
 */

static void destroy_solo(struct work_source *source)
{
    struct solo_source *solo = (struct solo_source *)source;
    if (solo->rpc != NULL) {
        down(solo);
        node_rpc_destroy(solo->rpc);
    }
    solo_fini(&solo->session);
    free(solo->user);
    free(solo);
}

/* Where the node is: the pool's URL without its scheme is like any other. */
static bool read_url(const char *text, struct pool_url *url, struct hb_err *err)
{
    const bool tls = strncasecmp(text, tls_scheme, strlen(tls_scheme)) == 0;
    if (!pool_url_parse(text + strlen(tls ? tls_scheme : plain_scheme), url, err)) {
        return false;
    }
    url->tls = tls;
    return true;
}

static bool start_session(struct solo_source *solo, const struct work_source_options *options,
                          struct hb_err *err)
{
    struct solo_payee payee;
    const char *user = options->pool->user == NULL ? "" : options->pool->user;
    if (!address_parse(user, &payee.address, err)) {
        hb_err_prefix(err, "pool user");
        return false;
    }
    solo->user = strdup(user);
    if (solo->user == NULL || getrandom(payee.extranonce1, sizeof payee.extranonce1, 0) !=
                                  (ssize_t)sizeof payee.extranonce1) {
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory or chance");
    }
    solo_init(&solo->session, &payee, solo->user, options->first_serial);
    return true;
}

/* What a pool may have and a node cannot; what a node needs. */
static bool check_keys(const struct miner_pool *pool, struct hb_err *err)
{
    if (pool->tls_pin != NULL) {
        return hb_fail(err, HB_ERR_USAGE,
                       "pool tls_pin: expected ca_file instead to trust a node's certificate");
    }
    return pool->rpc_user != NULL || pool->cookie_file != NULL ||
           hb_fail(err, HB_ERR_USAGE,
                   "pool: expected rpc_user and rpc_password, or cookie_file, to log in to the "
                   "node");
}

static bool start_rpc(struct solo_source *solo, const struct work_source_options *options,
                      const struct pool_url *url, struct hb_err *err)
{
    const struct miner_pool *pool = options->pool;
    char node_url[340];
    char proxy_text[300];
    struct pool_url proxy;
    if (!check_keys(pool, err) ||
        (pool->proxy != NULL && !pool_url_parse_proxy(pool->proxy, &proxy, err))) {
        return false;
    }
    if (pool->proxy != NULL) {
        pool_url_print(proxy_text, sizeof proxy_text, proxy.host, proxy.port);
    }
    (void)snprintf(node_url, sizeof node_url, "http%s://%s/", url->tls ? "s" : "",
                   solo->source.where);
    const struct node_rpc_options rpc = {
        .url = node_url,
        .user = pool->rpc_user,
        .password = pool->rpc_password,
        .cookie_file = pool->cookie_file,
        .ca_file = pool->ca_file,
        .tls_verify = pool->tls_verify,
        .proxy = pool->proxy == NULL ? NULL : proxy_text,
        /* As with pools: a user of its own keeps it on a Tor circuit of its own. */
        .proxy_user = pool->proxy_user == NULL ? "heatbridge" : pool->proxy_user,
        .proxy_password = pool->proxy_password == NULL ? solo->source.where : pool->proxy_password,
        .connect_timeout_ms = options->connect_timeout_ms,
    };
    solo->rpc = node_rpc_create(&rpc, solo->loop, on_answer, solo, err);
    return solo->rpc != NULL;
}

static struct work_source *create_solo(const struct work_source_options *options,
                                       struct uv_loop_s *loop, const struct work_handler *handler,
                                       struct hb_err *err)
{
    struct pool_url url;
    if (!read_url(options->pool->url, &url, err)) {
        return NULL;
    }
    struct solo_source *solo = calloc(1, sizeof *solo);
    if (solo == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    solo->source.kind = &solo_source_kind;
    solo->source.handler = *handler;
    solo->loop = loop;
    pool_url_print(solo->source.where, sizeof solo->source.where, url.host, url.port);
    if (!start_session(solo, options, err) || !start_rpc(solo, options, &url, err)) {
        destroy_solo(&solo->source);
        return NULL;
    }
    return &solo->source;
}

const struct work_source_kind solo_source_kind = {
    .create = create_solo,
    .destroy = destroy_solo,
    .open = open_solo,
    .close = close_solo,
    .tick = tick_solo,
    .is_open = solo_source_is_open,
    .submit = submit_to_solo,
    .want_difficulty = solo_wants_difficulty,
};
