#include "miner/proxy/proxy.h"

#include <math.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "ground/text.h"
#include "miner/difficulty.h"
#include "miner/net/line_buffer.h"
#include "miner/net/listener_uv.h"
#include "miner/proxy/proxy_worker.h"
#include "miner/proxy/server_session.h"
#include "plumbing/clock.h"

enum {
    TICK_MS = 500,
    STRANGERS_MAX = 16,        /* connections that have not logged in                        */
    STRANGERS_PER_ADDRESS = 4, /* of one address                                             */
    FAILURES = 16,             /* refused logins that are remembered                         */
    FAILURE_MS = 2000,         /* for so long: no passwords by the thousand                  */
    TELL_EVERY_MS = 10000,     /* refusals, and comings and goings of one account, in the log */
    TELL_AT_ONCE = 6,          /* of the latter                                              */
    ROOM_AT_FIRST = 4,         /* bytes of extranonce2 that every pool of note leaves at least */
};

struct proxy_client {
    struct proxy_client *next;
    struct proxy *proxy;
    struct peer *peer;
    struct proxy_worker *worker; /* NULL: a stranger yet */
    struct line_buffer lines;
    struct server_session session;
};

struct failure {
    char address[PEER_ADDRESS_MAX];
    hb_mono at;
};

struct proxy {
    struct uv_loop_s *loop;
    const struct hb_log *log;
    struct miner_options mining;
    struct proxy_ground ground;
    struct listener *listener;
    bool loopback;
    uv_timer_t ticker;
    struct proxy_worker *workers;
    struct proxy_client *clients;
    uint32_t next_extranonce1;
    struct failure failures[FAILURES];
    size_t next_failure;
    hb_mono told_at;
    unsigned untold;               /* refusals since then */
    struct server_effects effects; /* scratch: too large for a stack */
};

bool proxy_is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
           strcmp(address, "localhost") == 0;
}

/* --- the log ------------------------------------------------------------------------------------
 */

/* Strangers must not fill the log: one line in ten seconds, which counts those left out. */
static void tell_refusal(struct proxy *proxy, const char *address, const char *why)
{
    const hb_mono now = clock_mono();
    proxy->untold++;
    if (mono_is_set(proxy->told_at) && mono_age_ms(now, proxy->told_at) < TELL_EVERY_MS) {
        return;
    }
    if (proxy->untold > 1) {
        hb_log(proxy->log, LOG_LEVEL_WARN, "proxy", "%s was refused: %s (and %u more)", address,
               why, proxy->untold - 1);
    } else {
        hb_log(proxy->log, LOG_LEVEL_WARN, "proxy", "%s was refused: %s", address, why);
    }
    proxy->told_at = now;
    proxy->untold = 0;
}

/* Nor may a heater that comes and goes all the time. */
static void tell_worker(struct proxy_worker *worker, const char *text)
{
    const hb_mono now = clock_mono();
    const int64_t turns = mono_age_ms(now, worker->told_at) / TELL_EVERY_MS;
    worker->may_tell =
        turns < TELL_AT_ONCE - worker->may_tell ? worker->may_tell + (int)turns : TELL_AT_ONCE;
    const bool loud = worker->may_tell > 0;
    hb_log(&worker->log, loud ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, worker->part, "%s", text);
    worker->may_tell -= loud ? 1 : 0;
    worker->told_at = turns > 0 ? now : worker->told_at;
}

/* --- clients come and go ------------------------------------------------------------------------
 */

static void free_client(struct proxy_client *client)
{
    struct proxy_client **at = &client->proxy->clients;
    while (*at != client) {
        at = &(*at)->next;
    }
    *at = client->next;
    free(client);
}

/* The peer is closed already. */
static void lose_client(struct proxy_client *client, const char *why)
{
    struct proxy_worker *worker = client->worker;
    if (worker == NULL) {
        if (strcmp(why, "it closed the connection") != 0) {
            tell_refusal(client->proxy, peer_address(client->peer), why);
        }
    } else {
        char text[256];
        (void)snprintf(text, sizeof text, "gone: %s", why);
        tell_worker(worker, text);
        proxy_worker_leave(worker, clock_mono());
    }
    free_client(client);
    if (worker != NULL && worker->changed != NULL) {
        worker->changed(worker->ctx);
    }
}

static void send_away(struct proxy_client *client, const char *why)
{
    peer_close(client->peer);
    lose_client(client, why);
}

static bool has_failed_lately(const struct proxy *proxy, const char *address)
{
    const hb_mono now = clock_mono();
    for (size_t i = 0; i < FAILURES; i++) {
        const struct failure *failure = &proxy->failures[i];
        if (mono_is_set(failure->at) && mono_age_ms(now, failure->at) < FAILURE_MS &&
            strcmp(failure->address, address) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_room_for(const struct proxy *proxy, const char *address)
{
    int strangers = 0;
    int same = 0;
    for (const struct proxy_client *c = proxy->clients; c != NULL; c = c->next) {
        if (c->worker == NULL) {
            strangers++;
            same += strcmp(peer_address(c->peer), address) == 0;
        }
    }
    return strangers < STRANGERS_MAX && same < STRANGERS_PER_ADDRESS;
}

static void *on_opened(void *ctx, struct peer *peer)
{
    struct proxy *proxy = ctx;
    const char *address = peer_address(peer);
    if (has_failed_lately(proxy, address)) {
        return NULL;
    }
    if (!has_room_for(proxy, address)) {
        tell_refusal(proxy, address, "too many connections without a login");
        return NULL;
    }
    struct proxy_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return NULL;
    }
    const size_t room = proxy->ground.extranonce2_room;
    const struct server_options options = {.extranonce1 = proxy->next_extranonce1++,
                                           .extranonce2_room = room == 0 ? ROOM_AT_FIRST : room,
                                           .version_mask = proxy->ground.version_mask};
    client->proxy = proxy;
    client->peer = peer;
    client->next = proxy->clients;
    proxy->clients = client;
    server_session_open(&client->session, &options, clock_mono());
    return client;
}

static void on_closed(void *user, const char *why)
{
    lose_client(user, why);
}

static void on_full(void *ctx, const char *address)
{
    tell_refusal(ctx, address, "there are as many connections as can be");
}

/* --- logging in ---------------------------------------------------------------------------------
 */

/* Takes the same time wherever two texts differ, and however long they are. */
static bool same_secret(const char *a, const char *b)
{
    uint8_t hash_a[EVP_MAX_MD_SIZE] = {0};
    uint8_t hash_b[EVP_MAX_MD_SIZE] = {1};
    unsigned len = 0;
    return EVP_Digest(a, strlen(a), hash_a, &len, EVP_sha256(), NULL) == 1 &&
           EVP_Digest(b, strlen(b), hash_b, &len, EVP_sha256(), NULL) == 1 &&
           CRYPTO_memcmp(hash_a, hash_b, len) == 0;
}

static struct proxy_worker *find_worker(const struct proxy *proxy, const char *user)
{
    struct proxy_worker *worker = proxy->workers;
    while (worker != NULL && strcmp(worker->user, user) != 0) {
        worker = worker->next;
    }
    return worker;
}

static void note_failure(struct proxy *proxy, const char *address)
{
    struct failure *failure = &proxy->failures[proxy->next_failure];
    proxy->next_failure = (proxy->next_failure + 1) % FAILURES;
    (void)text_copy(failure->address, sizeof failure->address, address);
    failure->at = clock_mono();
}

static void refuse_login(struct proxy_client *client, const struct proxy_worker *worker)
{
    struct proxy *proxy = client->proxy;
    const struct server_session *session = &client->session;
    char name[64];
    char why[200];
    text_copy_printable(name, sizeof name, session->login.user, strlen(session->login.user));
    (void)snprintf(why, sizeof why,
                   worker == NULL ? "no heater has the worker name '%s'"
                                  : "wrong password for the worker '%s'",
                   name);
    server_session_admit(&client->session, "Unknown worker or wrong password", 0, clock_mono(),
                         &proxy->effects);
    peer_send(client->peer, proxy->effects.out, proxy->effects.out_len);
    note_failure(proxy, peer_address(client->peer));
    send_away(client, why);
}

static void give_work(struct proxy_client *client, bool clean);

/* True if the client was let in; else it is gone. */
static bool log_in(struct proxy_client *client)
{
    struct proxy *proxy = client->proxy;
    const struct server_session *session = &client->session;
    struct proxy_worker *worker = find_worker(proxy, session->login.user);
    if (worker == NULL ||
        (worker->password[0] != '\0' && !same_secret(worker->password, session->login.password))) {
        refuse_login(client, worker);
        return false;
    }
    if (worker->client != NULL) {
        send_away(worker->client, "another connection took its place");
    }
    server_session_admit(&client->session, NULL, worker->hashrate_hs, clock_mono(),
                         &proxy->effects);
    peer_send(client->peer, proxy->effects.out, proxy->effects.out_len);
    char text[200];
    (void)snprintf(text, sizeof text, "connected from %s, it calls itself '%s'",
                   peer_address(client->peer), session->agent);
    client->worker = worker;
    (void)text_copy(worker->address, sizeof worker->address, peer_address(client->peer));
    (void)text_copy(worker->agent, sizeof worker->agent, session->agent);
    tell_worker(worker, text);
    proxy_worker_join(worker, client, clock_mono());
    return true;
}

/* --- lines and work -----------------------------------------------------------------------------
 */

/* Sends what is to be sent; false if the client is gone then. */
static bool carry_out(struct proxy_client *client)
{
    struct proxy *proxy = client->proxy;
    const struct server_effects *effects = &proxy->effects;
    peer_send(client->peer, effects->out, effects->out_len);
    if (effects->close) {
        char why[sizeof effects->why];
        (void)text_copy(why, sizeof why, effects->why);
        send_away(client, why);
        return false;
    }
    return true;
}

static void give_work(struct proxy_client *client, bool clean)
{
    server_session_work(&client->session, &client->worker->job, clean, clock_mono(),
                        &client->proxy->effects);
    (void)carry_out(client);
}

/* Called from within the pools, and so possibly from within a share's way to them. */
static void on_work(void *ctx, struct proxy_worker *worker, bool clean)
{
    (void)ctx;
    if (worker->client != NULL) {
        give_work(worker->client, clean);
    }
}

static void welcome(struct proxy_client *client)
{
    struct proxy_worker *worker = client->worker;
    if (worker->has_job) {
        give_work(client, true);
    }
    if (worker->changed != NULL) {
        worker->changed(worker->ctx);
    }
}

/* False if the client is gone. */
static bool take_line(struct proxy_client *client, size_t len)
{
    struct proxy *proxy = client->proxy;
    const hb_mono now = clock_mono();
    server_session_line(&client->session, client->lines.text, len, now, &proxy->effects);
    const bool login = proxy->effects.login;
    const bool shared = proxy->effects.shared;
    const struct server_share share = proxy->effects.share;
    struct peer *peer = client->peer;
    if (!carry_out(client)) {
        return false;
    }
    if (login) {
        if (!log_in(client)) {
            return false;
        }
        welcome(client);
    } else if (shared) {
        proxy_worker_share(client->worker, &share, now);
    }
    return !peer_is_closed(peer);
}

static void on_received(void *user, const char *data, size_t len)
{
    struct proxy_client *client = user;
    bool too_long = false;
    size_t line_len = 0;
    while (line_buffer_take(&client->lines, &data, &len, &line_len, &too_long)) {
        if (!take_line(client, line_len)) {
            return;
        }
    }
    if (too_long || client->lines.used > STRATUM_CALL_MAX) {
        send_away(client, "it sent a line of more than 4 KiB");
    }
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void tick_client(struct proxy_client *client, hb_mono now)
{
    server_session_tick(&client->session, now, &client->proxy->effects);
    if (!carry_out(client) || client->worker == NULL) {
        return;
    }
    struct share_estimate estimate;
    if (share_rate_get(&client->session.rate, &estimate) && estimate.hashrate_hs > 0) {
        proxy_worker_want_difficulty(
            client->worker, difficulty_for_interval(estimate.hashrate_hs, VARDIFF_INTERVAL_S));
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct proxy *proxy = timer->data;
    const hb_mono now = clock_mono();
    for (struct proxy_worker *worker = proxy->workers; worker != NULL; worker = worker->next) {
        if (!proxy_worker_tick(worker, now)) {
            send_away(worker->client, "no pool gives work");
        }
    }
    struct proxy_client *next = NULL;
    for (struct proxy_client *client = proxy->clients; client != NULL; client = next) {
        next = client->next;
        tick_client(client, now);
    }
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void start_ground(struct proxy *proxy)
{
    proxy->ground = (struct proxy_ground){.loop = proxy->loop,
                                          .log = proxy->log,
                                          .mining = &proxy->mining,
                                          .timing = pools_default_timing(),
                                          .version_mask = STRATUM_VERSION_MASK,
                                          .work = on_work,
                                          .ctx = proxy};
}

struct proxy *proxy_create(const struct proxy_options *options, struct uv_loop_s *loop,
                           const struct hb_log *log, struct hb_err *err)
{
    struct proxy *proxy = calloc(1, sizeof *proxy);
    if (proxy == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    const struct listener_handler handler = {on_opened, on_received, on_closed, on_full, proxy};
    proxy->loop = loop;
    proxy->log = log;
    proxy->mining = *options->mining;
    proxy->loopback = proxy_is_loopback(options->listen);
    /* Other numbers than before a restart, so that no work is done twice. */
    proxy->next_extranonce1 = (uint32_t)clock_wall().ms;
    start_ground(proxy);
    proxy->listener = listener_create(loop, options->listen, options->port, &handler, err);
    if (proxy->listener == NULL) {
        free(proxy);
        return NULL;
    }
    (void)uv_timer_init(loop, &proxy->ticker);
    proxy->ticker.data = proxy;
    (void)uv_timer_start(&proxy->ticker, on_tick, TICK_MS, TICK_MS);
    return proxy;
}

static void on_ticker_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void proxy_destroy(struct proxy *proxy)
{
    if (proxy == NULL) {
        return;
    }
    while (proxy->workers != NULL) {
        proxy_remove(proxy->workers);
    }
    struct proxy_client *next = NULL;
    for (struct proxy_client *client = proxy->clients; client != NULL; client = next) {
        next = client->next;
        peer_close(client->peer);
        free(client);
    }
    listener_destroy(proxy->listener);
    uv_close((uv_handle_t *)&proxy->ticker, on_ticker_closed);
}

uint16_t proxy_port(const struct proxy *proxy)
{
    return listener_port(proxy->listener);
}

struct proxy_worker *proxy_add(struct proxy *proxy, const struct proxy_account *account,
                               struct hb_err *err)
{
    const bool secret = account->password != NULL && account->password[0] != '\0';
    if (!proxy->loopback && !secret) {
        hb_fail(
            err, HB_ERR_USAGE,
            "password: expected one, because the proxy listens on more than loopback, got none");
        return NULL;
    }
    if (find_worker(proxy, account->user) != NULL) {
        hb_fail(err, HB_ERR_USAGE,
                "worker: expected a name of its own, got that of another heater");
        return NULL;
    }
    struct proxy_worker *worker = proxy_worker_create(&proxy->ground, account, err);
    if (worker != NULL) {
        worker->next = proxy->workers;
        proxy->workers = worker;
    }
    return worker;
}

void proxy_remove(struct proxy_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    struct proxy *proxy = worker->ground->ctx;
    struct proxy_worker **at = &proxy->workers;
    while (*at != worker) {
        at = &(*at)->next;
    }
    *at = worker->next;
    if (worker->client != NULL) {
        peer_close(worker->client->peer);
        free_client(worker->client);
    }
    proxy_worker_destroy(worker);
}

void proxy_get_status(const struct proxy_worker *worker, struct proxy_status *status)
{
    memset(status, 0, sizeof *status);
    proxy_worker_get_status(worker, status);
    status->silence_s = status->sat_per_hour = NAN;
    status->connected = worker->client != NULL;
    if (!status->connected) {
        return;
    }
    const struct server_session *session = &worker->client->session;
    status->difficulty = session->difficulty;
    status->estimated =
        session->difficulty > 0 && share_rate_get(&session->rate, &status->estimate);
    if (status->estimated) {
        status->sat_per_hour =
            economics_sat_per_hour(&worker->economics, status->estimate.hashrate_hs);
    }
    if (mono_is_set(session->shared_at)) {
        status->silence_s = (double)mono_age_ms(clock_mono(), session->shared_at) / 1000;
    }
}

size_t proxy_get_pools(const struct proxy_worker *worker, struct miner_pool_stats *list, size_t max)
{
    return proxy_worker_get_pools(worker, list, max);
}
