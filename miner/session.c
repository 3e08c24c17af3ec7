#include "miner/session.h"

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
};

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

static int64_t ask(struct session *session, struct stratum_request *request, hb_mono now,
                   struct session_effects *effects)
{
    request->id = session->next_id++;
    const size_t len = stratum_write(request, effects->out + effects->out_len,
                                     sizeof effects->out - effects->out_len);
    effects->out_len += len;
    session->last_sent = now;
    return request->id;
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
}

static void subscribe(struct session *session, hb_mono now, struct session_effects *effects)
{
    enter(session, SESSION_SUBSCRIBING, now);
    session->subscribe_id = ask(
        session, &(struct stratum_request){.call = CALL_SUBSCRIBE, .agent = AGENT}, now, effects);
}

static void forget_jobs(struct session *session)
{
    memset(session->jobs, 0, sizeof session->jobs);
}

void session_opened(struct session *session, hb_mono now, struct session_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    forget_jobs(session);
    memset(&session->book, 0, sizeof session->book);
    session->next_id = 1;
    session->configure_id = session->subscribe_id = session->authorize_id = 0;
    session->extranonce_asked = session->extranonce_granted = session->job_waiting = false;
    session->version_rolling = false;
    session->version_mask = 0;
    session->difficulty = 1;
    session->suggested_difficulty = 0;
    session->odd_line_told = false;
    if (session->plain) {
        subscribe(session, now, effects);
        return;
    }
    enter(session, SESSION_CONFIGURING, now);
    session->configure_id = ask(
        session,
        &(struct stratum_request){.call = CALL_CONFIGURE,
                                  .difficulty = fmax(session->wanted_difficulty, DIFFICULTY_MIN)},
        now, effects);
}

void session_closed(struct session *session)
{
    session->state = SESSION_DOWN;
    forget_jobs(session);
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
    (void)ask(session,
              &(struct stratum_request){.call = CALL_SUGGEST_DIFFICULTY,
                                        .difficulty = session->wanted_difficulty},
              now, effects);
}

/* Once the pool knows us: what it may ignore or refuse comes last. */
static void become_ready(struct session *session, hb_mono now, struct session_effects *effects)
{
    enter(session, SESSION_READY, now);
    suggest(session, now, effects);
    if (!session->extranonce_granted && !session->no_extranonce) {
        session->extranonce_asked = true;
        (void)ask(session, &(struct stratum_request){.call = CALL_EXTRANONCE_SUBSCRIBE}, now,
                  effects);
    }
}

/* --- jobs ---------------------------------------------------------------------------------------
 */

const struct session_job *session_find_job(const struct session *session, uint64_t serial)
{
    for (size_t i = 0; i < SESSION_JOBS; i++) {
        if (serial != 0 && session->jobs[i].serial == serial) {
            return &session->jobs[i];
        }
    }
    return NULL;
}

bool session_has_job(const struct session *session)
{
    return session_find_job(session, session->job.serial) != NULL;
}

/* Makes the current notify, extranonce, mask and difficulty one job. */
static void issue_job(struct session *session, struct session_effects *effects)
{
    struct job *job = &session->job;
    job->serial = session->next_serial++;
    job->extranonce = session->extranonce;
    /* The same notify can be issued twice (new mask): counting goes on elsewhere then. */
    job->extranonce2_first = job->serial << 16;
    job->version_mask = session->version_rolling ? session->version_mask : 0;
    job->difficulty = session->difficulty;
    difficulty_to_target(job->difficulty, job->target);
    struct session_job *kept = &session->jobs[session->next_slot];
    session->next_slot = (session->next_slot + 1) % SESSION_JOBS;
    kept->serial = job->serial;
    kept->extranonce2_size = job->extranonce.size2;
    kept->difficulty = job->difficulty;
    memcpy(kept->id, job->notify.id, sizeof kept->id);
    memcpy(kept->target, job->target, sizeof kept->target);
    effects->new_job = true;
}

static void on_notify(struct session *session, const struct job_notify *notify, hb_mono now,
                      struct session_effects *effects)
{
    /* Some servers forget the clean flag when the block changes. */
    const bool new_block =
        memcmp(notify->prevhash, session->job.notify.prevhash, sizeof notify->prevhash) != 0;
    if (notify->clean || new_block) {
        forget_jobs(session);
    }
    session->job.notify = *notify;
    session->last_job = now;
    if (session->state < SESSION_AUTHORIZING) {
        session->job_waiting = true;
        return;
    }
    issue_job(session, effects);
}

static void on_version_mask(struct session *session, uint32_t mask, struct session_effects *effects)
{
    if (session->version_rolling && mask == session->version_mask) {
        return;
    }
    session->version_rolling = true;
    session->version_mask = mask;
    if (session_has_job(session)) {
        issue_job(session, effects);
    }
}

/* --- replies ------------------------------------------------------------------------------------
 */

static void on_configured(struct session *session, const struct stratum_reply *reply, hb_mono now,
                          struct session_effects *effects)
{
    session->configure_id = 0;
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
    session->authorize_id = ask(session,
                                &(struct stratum_request){.call = CALL_AUTHORIZE,
                                                          .user = session->options.user,
                                                          .password = session->options.password},
                                now, effects);
    if (session->job_waiting) {
        session->job_waiting = false;
        issue_job(session, effects);
    }
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

static void on_share_answered(const struct stratum_reply *reply, struct session_effects *effects)
{
    if (reply->result == RESULT_TRUE && !reply->failed) {
        effects->accepted++;
        return;
    }
    effects->rejected[share_reject_kind(reply->error_code, reply->text)]++;
    (void)snprintf(effects->say, sizeof effects->say, "share refused: %s",
                   reply->text[0] != '\0' ? reply->text : "no reason given");
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
    } else if (share_book_answered(&session->book, reply->id)) {
        on_share_answered(reply, effects);
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

static void answer(struct session *session, enum stratum_call call, hb_mono now,
                   struct session_effects *effects)
{
    struct stratum_request request = {
        .call = call, .answer_to = session->message.id, .agent = AGENT};
    effects->out_len += stratum_write(&request, effects->out + effects->out_len,
                                      sizeof effects->out - effects->out_len);
    session->last_sent = now;
}

static void on_message(struct session *session, hb_mono now, struct session_effects *effects)
{
    const struct stratum_message *message = &session->message;
    switch (message->kind) {
    case STRATUM_REPLY:
        on_reply(session, &message->reply, now, effects);
        break;
    case STRATUM_NOTIFY:
        on_notify(session, &message->notify, now, effects);
        break;
    case STRATUM_SET_DIFFICULTY:
        session->difficulty = message->difficulty;
        break;
    case STRATUM_SET_EXTRANONCE:
        session->extranonce = message->extranonce;
        break;
    case STRATUM_SET_VERSION_MASK:
        on_version_mask(session, message->version_mask, effects);
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

void session_line(struct session *session, const char *line, size_t len, hb_mono now,
                  struct session_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    if (session->state == SESSION_DOWN || len == 0) {
        return;
    }
    const bool asked = session->extranonce_asked;
    struct hb_err err = {0};
    if (!stratum_parse(line, len, &session->message, &err)) {
        on_refused_line(session, &err, effects);
    } else {
        on_message(session, now, effects);
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

static void check_jobs(struct session *session, hb_mono now, struct session_effects *effects)
{
    if (session->state != SESSION_READY) {
        return;
    }
    if (!session_has_job(session)) {
        if (mono_age_ms(now, session->state_since) >= FIRST_JOB_WAIT_MS) {
            hang_up(effects, "no job within 60 s");
        }
    } else if (mono_age_ms(now, session->last_job) >= JOB_WAIT_MS) {
        hang_up(effects, "no new job for 10 minutes");
    }
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
    } else if (mono_age_ms(now, session->last_sent) >= KEEP_ALIVE_MS) {
        (void)ask(session, &(struct stratum_request){.call = CALL_PING}, now, effects);
    }
}

void session_tick(struct session *session, hb_mono now, struct session_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    check_answers(session, now, effects);
    check_jobs(session, now, effects);
    keep_talking(session, now, effects);
}

/* --- shares -------------------------------------------------------------------------------------
 */

void session_submit(struct session *session, const struct session_share *share, hb_mono now,
                    struct session_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    const struct session_job *job = session_find_job(session, share->serial);
    if (job == NULL) {
        effects->rejected[REJECT_STALE]++;
        return;
    }
    if (!share_book_is_new(&session->book, share->hash)) {
        effects->rejected[REJECT_DUPLICATE]++;
        return;
    }
    if (!share_book_may_send(&session->book, now)) {
        return;
    }
    struct stratum_request request = {.call = CALL_SUBMIT, .user = session->options.user};
    request.share = (struct stratum_share){
        .extranonce2_size = job->extranonce2_size,
        .ntime = share->ntime,
        .nonce = share->nonce,
        .version_bits = share->version_bits,
        .with_version_bits = session->version_rolling,
    };
    memcpy(request.share.job_id, job->id, sizeof request.share.job_id);
    job_extranonce2_bytes(share->extranonce2, request.share.extranonce2, job->extranonce2_size);
    share_book_sent(&session->book, ask(session, &request, now, effects));
}
