#include "miner/stratum/session_work.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"
#include "miner/difficulty.h"

#define AGENT "heatbridge/" HB_VERSION

enum {
    CONFIGURE_WAIT_MS = 5 * 1000,
    ANSWER_WAIT_MS = 20 * 1000,
    FIRST_JOB_WAIT_MS = 60 * 1000,
    JOB_WAIT_MS = 10 * 60 * 1000,
    KEEP_ALIVE_MS = 2 * 60 * 1000, /* public-pool hangs up after five silent minutes */
    SUGGEST_AGAIN_MS = 2 * 60 * 1000,
    REDIRECT_WAIT_MAX_MS = 60 * 1000,
    TOO_HARD_AFTER_MS = 5 * 60 * 1000,
    NTIME_OFF_MAX_S = 2 * 3600,
    CLOCK_PLAUSIBLE_S = 1735689600, /* 2025: a machine without a clock wakes up before it */
};
#define TOO_HARD_RATIO 450.0

static void hang_up(struct session_effects *effects, const char *why)
{
    effects->close = true;
    (void)text_copy(effects->why, sizeof effects->why, why);
}

static void say(struct session_effects *effects, bool loud, const char *text)
{
    (void)text_copy(effects->say, sizeof effects->say, text);
    effects->say_loud = loud;
}

static void enter(struct session *session, enum session_state state, hb_mono now)
{
    session->state = state;
    session->state_since = now;
}

void session_init(struct session *session, const struct session_options *options)
{
    memset(session, 0, sizeof *session);
    session->options = *options;
    session->next_serial = options->first_serial;
    if (session->options.silence_ms <= 0) {
        session->options.silence_ms = SESSION_SILENCE_MS;
    }
}

static void subscribe(struct session *session, hb_mono now, struct session_effects *effects)
{
    enter(session, SESSION_SUBSCRIBING, now);
    session->subscribe_id = session_ask(
        session, &(struct stratum_request){.call = CALL_SUBSCRIBE, .agent = AGENT}, now, effects);
}

void session_opened(struct session *session, hb_mono now, struct session_effects *effects)
{
    session_clear_effects(effects);
    session_forget_work(session);
    share_book_disconnected(&session->book);
    session->next_id = 1;
    session->configure_id = session->subscribe_id = session->authorize_id = 0;
    session->extranonce_asked = session->extranonce_granted = session->job_waiting = false;
    session->version_rolling = false;
    session->version_mask = 0;
    session->difficulty = 1;
    session->suggested_difficulty = 0;
    session->odd_line_told = session->too_hard_told = session->silent = false;
    session->refused_in_row = 0;
    session->last_job = (hb_mono){0};
    session->last_heard = now;
    if (session->plain) {
        subscribe(session, now, effects);
        return;
    }
    enter(session, SESSION_CONFIGURING, now);
    session->configure_id = session_ask(
        session,
        &(struct stratum_request){.call = CALL_CONFIGURE,
                                  .difficulty = fmax(session->wanted_difficulty, DIFFICULTY_MIN)},
        now, effects);
}

void session_closed(struct session *session)
{
    session->state = SESSION_DOWN;
    session_forget_work(session);
}

/* Before the subscription, with and without configure are tried by turns: some pools answer the
 * question and hang up all the same, and then the cause is seen only one step later. */
static void try_the_other_way(struct session *session)
{
    session->plain = !session->plain;
}

bool session_hung_up(struct session *session)
{
    const bool early =
        session->state == SESSION_CONFIGURING || session->state == SESSION_SUBSCRIBING;
    if (early) {
        try_the_other_way(session);
    }
    session->no_extranonce = session->no_extranonce || session->extranonce_asked;
    session_closed(session);
    return early && session->plain;
}

void session_want_difficulty(struct session *session, double difficulty)
{
    session->wanted_difficulty = difficulty;
}

static void suggest(struct session *session, hb_mono now, struct session_effects *effects)
{
    if (session->wanted_difficulty <= 0) {
        return;
    }
    session->suggested_difficulty = session->wanted_difficulty;
    session->suggested_at = now;
    (void)session_ask(session,
                      &(struct stratum_request){.call = CALL_SUGGEST_DIFFICULTY,
                                                .difficulty = session->wanted_difficulty},
                      now, effects);
}

/* Once the pool knows us: what it may ignore or refuse comes last. */
static void become_ready(struct session *session, hb_mono now, struct session_effects *effects)
{
    enter(session, SESSION_READY, now);
    session_send_held(session, now, effects);
    suggest(session, now, effects);
    if (!session->extranonce_granted && !session->no_extranonce) {
        session->extranonce_asked = true;
        (void)session_ask(session, &(struct stratum_request){.call = CALL_EXTRANONCE_SUBSCRIBE},
                          now, effects);
    }
}

/* --- replies ------------------------------------------------------------------------------------
 */

static void on_configured(struct session *session, const struct stratum_reply *reply, hb_mono now,
                          struct session_effects *effects)
{
    session->configure_id = 0;
    if (reply->result == RESULT_NONSENSE) {
        (void)snprintf(effects->why, sizeof effects->why,
                       "the pool sent nonsense: mining.configure: %s", reply->text);
        effects->close = true;
        return;
    }
    if (reply->result == RESULT_CONFIGURED) {
        session->version_rolling = reply->version_rolling;
        session->version_mask = reply->version_mask;
        session->extranonce_granted = reply->subscribe_extranonce;
    }
    if (session->state == SESSION_CONFIGURING) {
        subscribe(session, now, effects);
    }
}

static void on_subscribed(struct session *session, const struct stratum_reply *reply, hb_mono now,
                          struct session_effects *effects)
{
    session->subscribe_id = 0;
    if (reply->failed || reply->result == RESULT_FALSE) {
        (void)snprintf(effects->why, sizeof effects->why, "mining.subscribe was refused: %s",
                       reply->text[0] != '\0' ? reply->text : "no reason given");
        effects->close = true;
        return;
    }
    if (reply->result != RESULT_SUBSCRIBED) {
        (void)snprintf(effects->why, sizeof effects->why,
                       "the pool sent nonsense: mining.subscribe: %s",
                       reply->text[0] != '\0' ? reply->text : "result: expected a list");
        effects->close = true;
        return;
    }
    session->extranonce = reply->extranonce;
    enter(session, SESSION_AUTHORIZING, now);
    session->authorize_id =
        session_ask(session,
                    &(struct stratum_request){.call = CALL_AUTHORIZE,
                                              .user = session->options.user,
                                              .password = session->options.password},
                    now, effects);
    session_start_work(session, effects);
}

static void on_authorized(struct session *session, const struct stratum_reply *reply, hb_mono now,
                          struct session_effects *effects)
{
    session->authorize_id = 0;
    if (reply->failed || reply->result == RESULT_FALSE) {
        (void)snprintf(effects->why, sizeof effects->why, "the pool refuses worker '%s': %s",
                       session->options.user,
                       reply->text[0] != '\0' ? reply->text : "no reason given");
        effects->close = true;
    } else if (session->state == SESSION_AUTHORIZING) {
        become_ready(session, now, effects);
    }
}

static void on_reply(struct session *session, const struct stratum_reply *reply, hb_mono now,
                     struct session_effects *effects)
{
    if (reply->id == 0) {
        return;
    }
    if (reply->id == session->configure_id) {
        on_configured(session, reply, now, effects);
    } else if (reply->id == session->subscribe_id) {
        on_subscribed(session, reply, now, effects);
    } else if (reply->id == session->authorize_id) {
        on_authorized(session, reply, now, effects);
    } else {
        session_take_verdict(session, reply, now, effects);
    }
}

/* --- other messages -----------------------------------------------------------------------------
 */

static void on_reconnect(struct session *session, const struct stratum_reconnect *wish,
                         struct session_effects *effects)
{
    const struct session_options *options = &session->options;
    const char *host = wish->host[0] != '\0' ? wish->host : options->pool.host;
    const uint16_t port = wish->port != 0 ? wish->port : options->pool.port;
    char where[300];
    pool_url_print(where, sizeof where, host, port);
    if (!pool_url_redirect_allowed(&options->pool, options->redirect_hosts,
                                   options->redirect_host_count, host, port)) {
        (void)snprintf(effects->say, sizeof effects->say,
                       "the pool's redirect to %.270s was refused: it is not in the list of "
                       "allowed hosts",
                       where);
        effects->say_loud = true;
        return;
    }
    effects->close = effects->redirect = true;
    effects->redirect_to = (struct pool_url){.port = port, .tls = options->pool.tls};
    (void)text_copy(effects->redirect_to.host, sizeof effects->redirect_to.host, host);
    effects->redirect_wait_ms = (int64_t)(fmin(fmax(wish->wait_s * 1000, 0), REDIRECT_WAIT_MAX_MS));
    (void)snprintf(effects->why, sizeof effects->why, "the pool asks to connect to %.200s", where);
}

/* Bitcoin's nodes refuse a block that is two hours ahead of them; one as far behind is a replay, or
 * its pool has stopped. The machine's own clock counts only where it can be true. */
static bool ntime_is_plausible(uint32_t ntime, hb_wall wall)
{
    const int64_t clock_s = wall.ms / 1000;
    const int64_t off_s = (int64_t)ntime - clock_s;
    return clock_s < CLOCK_PLAUSIBLE_S || (off_s <= NTIME_OFF_MAX_S && off_s >= -NTIME_OFF_MAX_S);
}

static void on_notify(struct session *session, const struct job_notify *notify, hb_mono now,
                      hb_wall wall, struct session_effects *effects)
{
    if (!ntime_is_plausible(notify->ntime, wall)) {
        (void)snprintf(effects->why, sizeof effects->why,
                       "the pool sent nonsense: mining.notify: ntime: expected a time within two "
                       "hours of this machine's clock, got %08" PRIx32 ", %.1f hours %s",
                       notify->ntime, fabs(notify->ntime - (double)wall.ms / 1000) / 3600,
                       notify->ntime < wall.ms / 1000 ? "before" : "after");
        effects->close = true;
        return;
    }
    session_take_notify(session, notify, now, effects);
}

static void answer(struct session *session, enum stratum_call call, hb_mono now,
                   struct session_effects *effects)
{
    struct stratum_request request = {
        .call = call, .answer_to = session->message.id, .agent = AGENT};
    effects->out_len += stratum_write(&request, effects->out + effects->out_len,
                                      sizeof effects->out - effects->out_len);
    session->last_sent = now;
}

static void on_message(struct session *session, hb_mono now, hb_wall wall,
                       struct session_effects *effects)
{
    const struct stratum_message *message = &session->message;
    switch (message->kind) {
    case STRATUM_REPLY:
        on_reply(session, &message->reply, now, effects);
        break;
    case STRATUM_NOTIFY:
        on_notify(session, &message->notify, now, wall, effects);
        break;
    case STRATUM_SET_DIFFICULTY:
        session->difficulty = message->difficulty;
        break;
    case STRATUM_SET_EXTRANONCE:
        session->extranonce = message->extranonce;
        break;
    case STRATUM_SET_VERSION_MASK:
        session_take_version_mask(session, message->version_mask, effects);
        break;
    case STRATUM_RECONNECT:
        on_reconnect(session, &message->reconnect, effects);
        break;
    case STRATUM_SHOW_MESSAGE:
        (void)snprintf(effects->say, sizeof effects->say, "the pool says: %s", message->text);
        break;
    case STRATUM_GET_VERSION:
        answer(session, ANSWER_VERSION, now, effects);
        break;
    case STRATUM_PING:
        answer(session, ANSWER_PING, now, effects);
        break;
    case STRATUM_OTHER:
        break;
    }
}

/* Skipping one of these means working for nothing from then on: wrong target, job or header. */
static bool work_depends_on(enum stratum_kind kind)
{
    return kind == STRATUM_NOTIFY || kind == STRATUM_SET_DIFFICULTY ||
           kind == STRATUM_SET_EXTRANONCE || kind == STRATUM_SET_VERSION_MASK;
}

static void on_refused_line(struct session *session, const struct hb_err *err,
                            struct session_effects *effects)
{
    const bool speaks_stratum = err->code != HB_ERR_STATE;
    char why[256];
    (void)snprintf(why, sizeof why, "the pool sent nonsense: %.200s", err->msg);
    if (!speaks_stratum || work_depends_on(session->message.kind)) {
        hang_up(effects, why);
    } else if (!session->odd_line_told) {
        session->odd_line_told = true;
        say(effects, true, why);
    }
}

void session_line(struct session *session, const char *line, size_t len, hb_mono now, hb_wall wall,
                  struct session_effects *effects)
{
    session_clear_effects(effects);
    if (session->state == SESSION_DOWN || len == 0) {
        return;
    }
    session->last_heard = now;
    const bool asked = session->extranonce_asked;
    struct hb_err err = {0};
    if (!stratum_parse(line, len, &session->message, &err)) {
        on_refused_line(session, &err, effects);
    } else {
        on_message(session, now, wall, effects);
    }
    if (asked) {
        session->extranonce_asked = false; /* the pool did not hang up on the question */
    }
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void check_answers(struct session *session, hb_mono now, struct session_effects *effects)
{
    const int64_t waited_ms = mono_age_ms(now, session->state_since);
    if (session->state == SESSION_CONFIGURING && waited_ms >= CONFIGURE_WAIT_MS) {
        subscribe(session, now, effects);
    } else if (session->state == SESSION_SUBSCRIBING && waited_ms >= ANSWER_WAIT_MS) {
        try_the_other_way(session); /* an unknown method silences some pools for good */
        hang_up(effects, "no answer to mining.subscribe within 20 s");
    } else if (session->state == SESSION_AUTHORIZING && waited_ms >= ANSWER_WAIT_MS) {
        if (session_has_job(session)) {
            become_ready(session, now, effects); /* it gives us work: it knows us */
        } else {
            hang_up(effects, "no answer to mining.authorize within 20 s");
        }
    }
}

/* Without a new job for longer than this the pool is silent. */
static int64_t silence_ms(const struct session *session)
{
    const int64_t slow_ms = session->slowest_gap_ms + session->slowest_gap_ms / 2;
    const int64_t most_ms = slow_ms < JOB_WAIT_MS ? slow_ms : JOB_WAIT_MS;
    return most_ms > session->options.silence_ms ? most_ms : session->options.silence_ms;
}

static void hang_up_after(struct session_effects *effects, const char *what, int64_t waited_ms)
{
    effects->close = true;
    (void)snprintf(effects->why, sizeof effects->why, "%s for %" PRId64 " s", what,
                   waited_ms / 1000);
}

static void check_jobs(struct session *session, hb_mono now, struct session_effects *effects)
{
    if (session->state != SESSION_READY) {
        return;
    }
    const int64_t patience_ms = silence_ms(session);
    const int64_t last_ms = 2 * patience_ms > JOB_WAIT_MS ? 2 * patience_ms : JOB_WAIT_MS;
    if (!session_has_job(session)) {
        if (mono_age_ms(now, session->state_since) >= FIRST_JOB_WAIT_MS) {
            hang_up(effects, "no job within 60 s");
        }
        return;
    }
    const int64_t waited_ms = mono_age_ms(now, session->last_job);
    session->silent = waited_ms >= patience_ms;
    if (mono_age_ms(now, session->last_heard) >= 2 * patience_ms) {
        hang_up_after(effects, "nothing heard", 2 * patience_ms);
    } else if (waited_ms >= last_ms) {
        hang_up_after(effects, "no new job", last_ms);
    }
}

/* A pool that suits big machines only, in spite of our suggestion. */
static void check_difficulty(struct session *session, hb_mono now, struct session_effects *effects)
{
    const double wanted = session->suggested_difficulty;
    if (session->state != SESSION_READY || session->too_hard_told || wanted <= 0 ||
        mono_age_ms(now, session->state_since) < TOO_HARD_AFTER_MS ||
        session->job.difficulty < wanted * TOO_HARD_RATIO) {
        return;
    }
    session->too_hard_told = true;
    effects->say_loud = true;
    (void)snprintf(effects->say, sizeof effects->say,
                   "the pool's difficulty %.4g is %.0f times what was suggested: shares will be "
                   "rare, a pool for small miners suits better",
                   session->job.difficulty, session->job.difficulty / wanted);
}

/* A pool from which nothing was heard for long is asked for a sign of life. */
static bool needs_probe(const struct session *session, hb_mono now)
{
    const int64_t wait_ms = session->options.silence_ms / 2;
    return mono_age_ms(now, session->last_heard) >= wait_ms &&
           mono_age_ms(now, session->last_sent) >= wait_ms;
}

static void keep_talking(struct session *session, hb_mono now, struct session_effects *effects)
{
    if (session->state != SESSION_READY) {
        return;
    }
    const double ratio = session->wanted_difficulty / session->suggested_difficulty;
    const bool far_off = session->suggested_difficulty <= 0 || ratio > 3 || ratio < 1.0 / 3;
    if (session->wanted_difficulty > 0 && far_off &&
        mono_age_ms(now, session->suggested_at) >= SUGGEST_AGAIN_MS) {
        suggest(session, now, effects);
    } else if (mono_age_ms(now, session->last_sent) >= KEEP_ALIVE_MS || needs_probe(session, now)) {
        (void)session_ask(session, &(struct stratum_request){.call = CALL_PING}, now, effects);
    }
}

void session_tick(struct session *session, hb_mono now, struct session_effects *effects)
{
    session_clear_effects(effects);
    check_answers(session, now, effects);
    check_jobs(session, now, effects);
    check_difficulty(session, now, effects);
    keep_talking(session, now, effects);
}
