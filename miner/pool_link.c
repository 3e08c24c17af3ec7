#include "miner/pool_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/verify.h"
#include "plumbing/clock.h"

enum { CREDENTIAL_MAX = 512 };

static void down(struct pool_link *link)
{
    if (link->transport != NULL) {
        transport_close(link->transport);
        link->transport = NULL;
    }
    session_closed(&link->session);
    link->lines.used = 0;
}

static void lose(struct pool_link *link, const char *why, int64_t retry_ms)
{
    down(link);
    link->handler.lost(link->handler.ctx, link, why, retry_ms);
}

/* A loss within the dialogue; the transport's own messages name the place already. */
static void lose_here(struct pool_link *link, const char *why, int64_t retry_ms)
{
    char where[300];
    char message[600];
    pool_url_print(where, sizeof where, link->target.host, link->target.port);
    (void)snprintf(message, sizeof message, "%s: %s", where, why);
    lose(link, message, retry_ms);
}

static void account(struct pool_link *link, const struct session_effects *effects)
{
    link->accounts->accepted += effects->accepted;
    for (size_t i = 0; i < REJECT_COUNT; i++) {
        link->accounts->rejected[i] += effects->rejected[i];
    }
}

static void carry_out(struct pool_link *link, const struct session_effects *effects)
{
    account(link, effects);
    if (effects->say[0] != '\0') {
        link->handler.said(link->handler.ctx, link, effects->say_loud, effects->say);
    }
    if (link->transport != NULL) {
        transport_send(link->transport, effects->out, effects->out_len);
    }
    if (effects->close && link->transport != NULL) {
        lose_here(link, effects->why, effects->redirect ? effects->redirect_wait_ms : -1);
        link->target = effects->redirect ? effects->redirect_to : link->url;
    } else if (effects->new_job && link->transport != NULL) {
        link->handler.job(link->handler.ctx, link, &link->session.job);
    }
}

static void on_opened(void *ctx)
{
    struct pool_link *link = ctx;
    struct session_effects effects;
    link->reached = true;
    session_opened(&link->session, clock_mono(), &effects);
    carry_out(link, &effects);
}

static void on_received(void *ctx, const char *data, size_t len)
{
    struct pool_link *link = ctx;
    const struct transport *transport = link->transport;
    bool too_long = false;
    size_t line_len = 0;
    while (line_buffer_take(&link->lines, &data, &len, &line_len, &too_long)) {
        struct session_effects effects;
        session_line(&link->session, link->lines.text, line_len, clock_mono(), &effects);
        carry_out(link, &effects);
        if (link->transport != transport) {
            return; /* hung up: the rest of the data is void */
        }
    }
    if (too_long) {
        link->target = link->url;
        lose_here(link, "the pool sent nonsense: a line of more than 64 KiB", -1);
    }
}

static void on_closed(void *ctx, const char *why)
{
    struct pool_link *link = ctx;
    link->transport = NULL;
    if (session_hung_up(&link->session)) {
        link->lines.used = 0;
        pool_link_open(link);
        return;
    }
    link->target = link->url;
    lose(link, why, -1);
}

static bool copy_text(char **copy, const char *text, const char *what, struct hb_err *err)
{
    if (text == NULL) {
        text = "";
    }
    if (strlen(text) > CREDENTIAL_MAX) {
        return hb_fail(err, HB_ERR_USAGE, "pool %s: expected at most %d characters, got %zu", what,
                       CREDENTIAL_MAX, strlen(text));
    }
    *copy = strdup(text);
    return *copy != NULL || hb_fail(err, HB_ERR_SYSTEM, "out of memory");
}

static bool copy_pool(struct pool_link *link, const struct miner_pool *pool, struct hb_err *err)
{
    link->tls_verify = pool->tls_verify;
    if (pool->ca_file != NULL) {
        link->ca_file = strdup(pool->ca_file);
        if (link->ca_file == NULL) {
            return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        }
    }
    return pool_url_parse(pool->url == NULL ? "" : pool->url, &link->url, err) &&
           copy_text(&link->user, pool->user, "user", err) &&
           copy_text(&link->password, pool->password, "password", err);
}

bool pool_link_init(struct pool_link *link, const struct pool_link_options *options,
                    struct uv_loop_s *loop, const struct pool_link_handler *handler,
                    struct pool_accounts *accounts, struct hb_err *err)
{
    memset(link, 0, sizeof *link);
    link->loop = loop;
    link->handler = *handler;
    link->accounts = accounts;
    link->connect_timeout_ms = options->connect_timeout_ms;
    if (!copy_pool(link, options->pool, err)) {
        return false;
    }
    link->target = link->url;
    session_init(&link->session, &(struct session_options){
                                     .pool = link->url,
                                     .user = link->user,
                                     .password = link->password,
                                     .redirect_hosts = options->redirect_hosts,
                                     .redirect_host_count = options->redirect_host_count,
                                     .first_serial = options->first_serial,
                                 });
    return true;
}

void pool_link_fini(struct pool_link *link)
{
    pool_link_close(link);
    free(link->user);
    free(link->password);
    free(link->ca_file);
    link->user = link->password = link->ca_file = NULL;
}

void pool_link_open(struct pool_link *link)
{
    if (link->transport != NULL) {
        return;
    }
    link->reached = false;
    const struct transport_options options = {
        .host = link->target.host,
        .port = link->target.port,
        .tls = link->target.tls,
        .tls_verify = link->tls_verify,
        .ca_file = link->ca_file,
        .connect_timeout_ms = link->connect_timeout_ms,
    };
    const struct transport_handler handler = {on_opened, on_received, on_closed, link};
    struct hb_err err = {0};
    link->transport = transport_connect(link->loop, &options, &handler, &err);
    if (link->transport == NULL) {
        link->target = link->url;
        lose_here(link, err.msg, -1);
    }
}

void pool_link_close(struct pool_link *link)
{
    down(link);
    link->target = link->url;
}

void pool_link_tick(struct pool_link *link, hb_mono now)
{
    if (link->session.state == SESSION_DOWN) {
        return;
    }
    struct session_effects effects;
    session_tick(&link->session, now, &effects);
    carry_out(link, &effects);
}

bool pool_link_is_open(const struct pool_link *link)
{
    return link->transport != NULL;
}

bool pool_link_has_job(const struct pool_link *link)
{
    return link->transport != NULL && session_has_job(&link->session);
}

void pool_link_submit(struct pool_link *link, const struct candidate *candidate, hb_mono now)
{
    struct session_share share = {
        .serial = candidate->serial,
        .extranonce2 = candidate->extranonce2,
        .ntime = candidate->ntime,
        .nonce = candidate->nonce,
        .version_bits = candidate->version_bits,
    };
    const struct session_job *job = session_find_job(&link->session, candidate->serial);
    double difficulty = 0;
    if (job != NULL) {
        if (!verify_share(candidate->header, job->target, share.hash, &difficulty)) {
            /* The kernel compares 32 bits only, so near misses are nothing to tell of. */
            const bool wrong = difficulty_top(share.hash) > difficulty_top(job->target);
            link->accounts->dropped += wrong ? 1 : 0;
            return;
        }
        if (difficulty > link->accounts->best_difficulty) {
            link->accounts->best_difficulty = difficulty;
        }
    }
    struct session_effects effects;
    session_submit(&link->session, &share, now, &effects);
    carry_out(link, &effects);
}
