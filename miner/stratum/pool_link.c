#include "miner/stratum/pool_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "miner/net/line_buffer.h"
#include "miner/net/socks5.h"
#include "miner/net/tls.h"
#include "miner/net/transport_uv.h"
#include "miner/stratum/pool_url.h"
#include "miner/stratum/session.h"
#include "plumbing/clock.h"

enum {
    CREDENTIAL_MAX = 512,
    PROXY_PATIENCE = 4, /* times the time to connect: Tor may build a circuit first */
};

struct pool_link {
    struct work_source source; /* first: a source's address is its link's */
    struct uv_loop_s *loop;
    struct pool_url url, target; /* as configured; for the next connection */
    struct pool_url proxy;       /* host "": none */
    char *user, *password, *ca_file, *tls_pin, *proxy_user, *proxy_password;
    bool tls_verify;
    int connect_timeout_ms;
    struct transport *transport; /* NULL: down */
    struct session session;
    struct line_buffer lines;
};

static void aim_at(struct pool_link *link, const struct pool_url *target)
{
    link->target = *target;
    pool_url_print(link->source.where, sizeof link->source.where, target->host, target->port);
}

static void down(struct pool_link *link)
{
    if (link->transport != NULL) {
        transport_close(link->transport);
        link->transport = NULL;
    }
    session_closed(&link->session);
    link->lines.used = 0;
    link->source.silent = false;
}

static void lose(struct pool_link *link, const char *why, int64_t retry_ms)
{
    down(link);
    link->source.handler.lost(link->source.handler.ctx, &link->source, why, retry_ms);
}

/* A loss within the dialogue; the transport's own messages name the place already. */
static void lose_here(struct pool_link *link, const char *why, int64_t retry_ms)
{
    char message[600];
    (void)snprintf(message, sizeof message, "%s: %s", link->source.where, why);
    lose(link, message, retry_ms);
}

static void account(struct pool_link *link, const struct session_effects *effects)
{
    struct share_accounts *accounts = &link->source.accounts;
    accounts->submitted += effects->submitted;
    accounts->accepted += effects->accepted;
    accounts->accepted_difficulty += effects->accepted_difficulty;
    accounts->dropped += effects->dropped;
    for (size_t i = 0; i < REJECT_COUNT; i++) {
        accounts->rejected[i] += effects->rejected[i];
    }
    if (effects->latency_ms >= 0) {
        latency_note(&accounts->latency, effects->latency_ms);
    }
    if (effects->found_difficulty > accounts->best_difficulty) {
        accounts->best_difficulty = effects->found_difficulty;
    }
}

static void carry_out(struct pool_link *link, const struct session_effects *effects)
{
    const struct work_handler *handler = &link->source.handler;
    account(link, effects);
    link->source.silent = link->session.silent;
    if (effects->say[0] != '\0') {
        handler->said(handler->ctx, &link->source, effects->say_loud, effects->say);
    }
    if (link->transport != NULL) {
        transport_send(link->transport, effects->out, effects->out_len);
    }
    for (size_t i = 0; i < effects->share_count; i++) {
        handler->share(handler->ctx, &link->source, &effects->shares[i]);
    }
    if (effects->close && link->transport != NULL) {
        lose_here(link, effects->why, effects->redirect ? effects->redirect_wait_ms : -1);
        aim_at(link, effects->redirect ? &effects->redirect_to : &link->url);
    } else if (effects->new_job && link->transport != NULL) {
        handler->job(handler->ctx, &link->source, &link->session.job);
    }
}

static void on_opened(void *ctx)
{
    struct pool_link *link = ctx;
    struct session_effects effects;
    link->source.reached = true;
    session_opened(&link->session, clock_mono(), &effects);
    carry_out(link, &effects);
}

/* What the line begins with tells a huge job from another protocol. */
static void lose_too_long_line(struct pool_link *link)
{
    char begin[64];
    char why[200];
    text_copy_printable(begin, sizeof begin, link->lines.text,
                        link->lines.used < sizeof begin ? link->lines.used : sizeof begin);
    (void)snprintf(why, sizeof why,
                   "the pool sent nonsense: a line of more than 64 KiB, which begins with '%s'",
                   begin);
    lose_here(link, why, -1);
}

static void on_received(void *ctx, const char *data, size_t len)
{
    struct pool_link *link = ctx;
    const struct transport *transport = link->transport;
    bool too_long = false;
    size_t line_len = 0;
    while (line_buffer_take(&link->lines, &data, &len, &line_len, &too_long)) {
        struct session_effects effects;
        session_line(&link->session, link->lines.text, line_len, clock_mono(), clock_wall(),
                     &effects);
        carry_out(link, &effects);
        if (link->transport != transport) {
            return; /* hung up: the rest of the data is void */
        }
    }
    if (too_long) {
        lose_too_long_line(link);
        aim_at(link, &link->url);
    }
}

static void open_link(struct work_source *source);

static void on_closed(void *ctx, const char *why)
{
    struct pool_link *link = ctx;
    link->transport = NULL;
    if (session_hung_up(&link->session)) {
        link->lines.used = 0;
        open_link(&link->source);
        return;
    }
    aim_at(link, &link->url);
    lose(link, why, -1);
}

static bool copy_text(char **copy, const char *text, const char *what, struct hb_err *err)
{
    const char *given = text == NULL ? "" : text;
    const size_t len = strlen(given);
    char shown[CREDENTIAL_MAX + 1];
    if (len > CREDENTIAL_MAX) {
        return hb_fail(err, HB_ERR_USAGE, "pool %s: expected at most %d bytes, got %zu", what,
                       CREDENTIAL_MAX, len);
    }
    text_copy_printable(shown, sizeof shown, given, len);
    if (strcmp(shown, given) != 0) {
        return hb_fail(err, HB_ERR_USAGE, "pool %s: expected printable text", what);
    }
    *copy = strdup(given);
    return *copy != NULL || hb_fail(err, HB_ERR_SYSTEM, "out of memory");
}

/* With quotes in it a worker's name can grow too long on the way into JSON. */
static bool requests_fit(const struct pool_link *link, struct hb_err *err)
{
    char line[STRATUM_REQUEST_MAX];
    struct stratum_request request = {
        .call = CALL_AUTHORIZE, .id = INT32_MAX, .user = link->user, .password = link->password};
    bool fits = stratum_write(&request, line, sizeof line) > 0;
    request.call = CALL_SUBMIT;
    request.share.extranonce2_size = JOB_EXTRANONCE2_MAX;
    request.share.with_version_bits = true;
    memset(request.share.job_id, '"', JOB_ID_MAX);
    fits = fits && stratum_write(&request, line, sizeof line) > 0;
    return fits || hb_fail(err, HB_ERR_USAGE, "pool user: too long for a request of %d bytes",
                           STRATUM_REQUEST_MAX);
}

/* A text that may be left out: it stays NULL then. */
static bool copy_optional(char **copy, const char *text, const char *what, struct hb_err *err)
{
    return text == NULL || copy_text(copy, text, what, err);
}

/* Without a user of its own a pool's connection still shall not share a circuit of Tor's with
 * another's, so its place serves as a password. */
static bool copy_proxy(struct pool_link *link, const struct miner_pool *pool, struct hb_err *err)
{
    char where[300];
    pool_url_print(where, sizeof where, link->url.host, link->url.port);
    if (pool->proxy == NULL) {
        return !pool_url_is_onion(link->url.host) ||
               hb_fail(err, HB_ERR_USAGE,
                       "pool proxy: expected one, such as socks5://127.0.0.1:9050, because only "
                       "Tor reaches '%s', got nothing",
                       link->url.host);
    }
    struct socks5 probe;
    return pool_url_parse_proxy(pool->proxy, &link->proxy, err) &&
           copy_text(&link->proxy_user, pool->proxy_user == NULL ? "heatbridge" : pool->proxy_user,
                     "proxy user", err) &&
           copy_text(&link->proxy_password,
                     pool->proxy_password == NULL ? where : pool->proxy_password, "proxy password",
                     err) &&
           socks5_init(&probe, link->url.host, link->url.port, link->proxy_user,
                       link->proxy_password, err);
}

static bool copy_pool(struct pool_link *link, const struct miner_pool *pool, struct hb_err *err)
{
    uint8_t pin[TLS_PIN_SIZE];
    link->tls_verify = pool->tls_verify;
    return pool_url_parse(pool->url == NULL ? "" : pool->url, &link->url, err) &&
           copy_text(&link->user, pool->user, "user", err) &&
           copy_text(&link->password, pool->password, "password", err) &&
           copy_optional(&link->ca_file, pool->ca_file, "ca_file", err) &&
           copy_optional(&link->tls_pin, pool->tls_pin, "tls_pin", err) &&
           (pool->tls_pin == NULL || tls_read_pin(pool->tls_pin, pin, err)) &&
           copy_proxy(link, pool, err) && requests_fit(link, err);
}

static void close_link(struct work_source *source)
{
    struct pool_link *link = (struct pool_link *)source;
    down(link);
    aim_at(link, &link->url);
}

static void destroy_link(struct work_source *source)
{
    struct pool_link *link = (struct pool_link *)source;
    close_link(source);
    free(link->user);
    free(link->password);
    free(link->ca_file);
    free(link->tls_pin);
    free(link->proxy_user);
    free(link->proxy_password);
    free(link);
}

static struct work_source *create_link(const struct work_source_options *options,
                                       struct uv_loop_s *loop, const struct work_handler *handler,
                                       struct hb_err *err)
{
    struct pool_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    link->source.kind = &pool_link_kind;
    link->source.handler = *handler;
    link->loop = loop;
    link->connect_timeout_ms = options->connect_timeout_ms;
    if (!copy_pool(link, options->pool, err)) {
        destroy_link(&link->source);
        return NULL;
    }
    aim_at(link, &link->url);
    session_init(&link->session, &(struct session_options){
                                     .pool = link->url,
                                     .user = link->user,
                                     .password = link->password,
                                     .redirect_hosts = options->redirect_hosts,
                                     .redirect_host_count = options->redirect_host_count,
                                     .first_serial = options->first_serial,
                                     .silence_ms = options->pool->silence_ms,
                                 });
    return &link->source;
}

static void open_link(struct work_source *source)
{
    struct pool_link *link = (struct pool_link *)source;
    if (link->transport != NULL) {
        return;
    }
    source->reached = false;
    const bool proxied = link->proxy.host[0] != '\0';
    const struct tls_options tls = {.host = link->target.host,
                                    .verify = link->tls_verify,
                                    .ca_file = link->ca_file,
                                    .pin = link->tls_pin};
    const struct transport_options options = {
        .host = link->target.host,
        .port = link->target.port,
        .tls = link->target.tls ? &tls : NULL,
        .proxy_host = proxied ? link->proxy.host : NULL,
        .proxy_port = link->proxy.port,
        .proxy_user = link->proxy_user,
        .proxy_password = link->proxy_password,
        .connect_timeout_ms = (proxied ? PROXY_PATIENCE : 1) * link->connect_timeout_ms,
    };
    const struct transport_handler handler = {on_opened, on_received, on_closed, link};
    struct hb_err err = {0};
    if (proxied || !pool_url_is_onion(link->target.host)) {
        link->transport = transport_connect(link->loop, &options, &handler, &err);
    } else {
        (void)hb_fail(&err, HB_ERR_USAGE, "only Tor reaches it, and the pool has no proxy");
    }
    if (link->transport == NULL) {
        lose_here(link, err.msg, -1);
        aim_at(link, &link->url);
    }
}

static void tick_link(struct work_source *source, hb_mono now)
{
    struct pool_link *link = (struct pool_link *)source;
    if (link->session.state == SESSION_DOWN) {
        return;
    }
    struct session_effects effects;
    session_tick(&link->session, now, &effects);
    carry_out(link, &effects);
}

static bool link_is_open(const struct work_source *source)
{
    return ((const struct pool_link *)source)->transport != NULL;
}

static void link_wants_difficulty(struct work_source *source, double difficulty)
{
    session_want_difficulty(&((struct pool_link *)source)->session, difficulty);
}

static void submit_to_link(struct work_source *source, const struct candidate *candidate,
                           hb_mono now)
{
    struct pool_link *link = (struct pool_link *)source;
    struct session_effects effects;
    session_offer(&link->session, candidate, now, &effects);
    carry_out(link, &effects);
}

const struct work_source_kind pool_link_kind = {
    .create = create_link,
    .destroy = destroy_link,
    .open = open_link,
    .close = close_link,
    .tick = tick_link,
    .is_open = link_is_open,
    .submit = submit_to_link,
    .want_difficulty = link_wants_difficulty,
};
