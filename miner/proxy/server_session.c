#include "miner/proxy/server_session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"
#include "miner/difficulty.h"
#include "miner/verify.h"

enum {
    LOGIN_MS = 20000,         /* from the connection to the login                         */
    SILENCE_MS = 15 * 60000,  /* a miner that says nothing for so long is gone            */
    NTIME_AHEAD_S = 7200,     /* by which a share's time may be later than its job's      */
    EXTRANONCE_MINER_MAX = 4, /* bytes of each of the miner's extranonces                 */
};
/* Lines per second, and at once, before and after the login. */
static const double calm_lines = 1, calm_burst = 20, work_lines = 30, work_burst = 150;
static const double first_difficulty = 1024, least_for_asics = 1;

/* --- saying -------------------------------------------------------------------------------------
 */

static void say(struct server_effects *effects, const struct stratum_say *what)
{
    effects->out_len += stratum_server_write(what, effects->out + effects->out_len,
                                             sizeof effects->out - effects->out_len);
}

static void say_true(const struct server_session *session, struct server_effects *effects)
{
    say(effects, &(struct stratum_say){.kind = SAY_TRUE, .id = session->call.id});
}

static void say_error(const char *id, enum stratum_error code, const char *text,
                      struct server_effects *effects)
{
    say(effects, &(struct stratum_say){.kind = SAY_ERROR, .id = id, .code = code, .text = text});
}

static void hang_up(struct server_effects *effects, const char *why)
{
    if (!effects->close) {
        effects->close = true;
        (void)text_copy(effects->why, sizeof effects->why, why);
    }
}

static void clear(struct server_effects *effects)
{
    effects->out_len = 0;
    effects->login = effects->shared = effects->close = false;
    effects->why[0] = '\0';
    memset(&effects->share, 0, sizeof effects->share);
}

/* --- the dialogue before work -------------------------------------------------------------------
 */

void server_session_open(struct server_session *session, const struct server_options *options,
                         hb_mono now)
{
    memset(session, 0, sizeof *session);
    session->options = *options;
    session->opened_at = session->heard_at = session->budget_at = now;
    session->budget = calm_burst;
    session->next_id = 1;
    session->miner_mask = UINT32_MAX;
    /* Both halves get four bytes where there is room; extranonce2 is the more useful one. */
    const size_t room = options->extranonce2_room;
    session->size1 = room >= 2 * EXTRANONCE_MINER_MAX ? EXTRANONCE_MINER_MAX
                     : room > EXTRANONCE_MINER_MAX    ? room - EXTRANONCE_MINER_MAX
                                                      : 1;
    session->size2 =
        room - session->size1 < EXTRANONCE_MINER_MAX ? room - session->size1 : EXTRANONCE_MINER_MAX;
}

static uint64_t extranonce1_number(const struct server_session *session)
{
    return session->options.extranonce1 & (UINT64_MAX >> (64 - 8 * session->size1));
}

static void on_configure(struct server_session *session, hb_mono now,
                         struct server_effects *effects)
{
    (void)now;
    const struct stratum_configure *asked = &session->call.configure;
    struct stratum_configure granted = *asked;
    if (asked->version_rolling) {
        session->miner_mask = asked->version_mask;
        session->told_mask = asked->version_mask & session->options.version_mask;
        session->rolls_versions = session->told_mask != 0;
    }
    if (asked->minimum_difficulty) {
        session->least_difficulty = asked->minimum_difficulty_value;
    }
    granted.version_mask = session->told_mask;
    say(effects, &(struct stratum_say){
                     .kind = SAY_CONFIGURED, .id = session->call.id, .configure = granted});
}

static void on_subscribe(struct server_session *session, hb_mono now,
                         struct server_effects *effects)
{
    (void)now;
    struct stratum_say what = {.kind = SAY_SUBSCRIBED, .id = session->call.id};
    what.extranonce.size1 = session->size1;
    what.extranonce.size2 = session->size2;
    job_extranonce2_bytes(extranonce1_number(session), what.extranonce.prefix, session->size1);
    session->subscribed = true;
    (void)text_copy(session->agent, sizeof session->agent, session->call.agent);
    say(effects, &what);
}

static void on_authorize(struct server_session *session, hb_mono now,
                         struct server_effects *effects)
{
    (void)now;
    const struct stratum_login *login = &session->call.login;
    if (!session->subscribed) {
        say_error(session->call.id, STRATUM_ERROR_NOT_SUBSCRIBED, "Not subscribed", effects);
    } else if (!session->admitted) {
        session->login = *login;
        (void)text_copy(session->login_id, sizeof session->login_id, session->call.id);
        effects->login = true;
    } else if (strcmp(login->user, session->login.user) == 0 &&
               strcmp(login->password, session->login.password) == 0) {
        say_true(session, effects);
    } else {
        say_error(session->call.id, STRATUM_ERROR_UNAUTHORIZED, "Unauthorized worker", effects);
        hang_up(effects, "a second worker wanted in on the same connection");
    }
}

/* A CPU miner is slow enough for difficulties that an ASIC cannot even represent. */
static bool is_cpu_miner(const struct server_session *session)
{
    return strstr(session->agent, "cpuminer") != NULL ||
           strstr(session->agent, "heatbridge") != NULL;
}

/* What the owner of the miner says of its hash rate counts for more than what the miner suggests,
 * which is often a setting that nobody ever looked at. */
static void start_difficulty(struct server_session *session, hb_mono now)
{
    const double suggested = session->suggested;
    double floor = least_for_asics;
    if (is_cpu_miner(session)) {
        floor = DIFFICULTY_MIN;
    } else if (suggested > 0 && suggested < floor) {
        floor = suggested;
    }
    floor = fmax(floor, session->least_difficulty);
    double first = suggested > 0 ? suggested : first_difficulty;
    if (session->expected_hs > 0) {
        first = difficulty_for_interval(session->expected_hs, VARDIFF_INTERVAL_S);
    }
    vardiff_start(&session->vardiff, first, floor, now);
}

void server_session_admit(struct server_session *session, const char *refusal, double hashrate_hs,
                          hb_mono now, struct server_effects *effects)
{
    clear(effects);
    if (refusal != NULL) {
        say_error(session->login_id, STRATUM_ERROR_UNAUTHORIZED, refusal, effects);
        hang_up(effects, refusal);
        return;
    }
    session->admitted = true;
    session->budget = work_burst;
    session->expected_hs = hashrate_hs;
    start_difficulty(session, now);
    say(effects, &(struct stratum_say){.kind = SAY_TRUE, .id = session->login_id});
}

/* --- work ---------------------------------------------------------------------------------------
 */

/* No share that the pool behind would pay for may be kept back by the miner. A test network's
 * difficulty may be less than anything that miners understand. */
static double ceiling_of(const struct job *job)
{
    return job->own ? DIFFICULTY_MAX : fmax(job->difficulty, DIFFICULTY_MIN);
}

/* With its first job: the time before was no time to find shares in. */
static void begin_to_count(struct server_session *session, double difficulty, hb_mono now)
{
    share_rate_start(&session->rate, difficulty, now);
    vardiff_start(&session->vardiff, session->vardiff.difficulty, session->vardiff.floor, now);
}

static void tell_difficulty(struct server_session *session, const struct job *job, hb_mono now,
                            struct server_effects *effects)
{
    const double wanted = fmin(session->vardiff.difficulty, ceiling_of(job));
    if (wanted == session->difficulty) {
        return;
    }
    if (session->difficulty == 0) {
        begin_to_count(session, wanted, now);
    }
    session->difficulty = wanted;
    share_rate_set_difficulty(&session->rate, wanted, now);
    for (size_t i = 0; i < SERVER_JOBS; i++) {
        session->jobs[i].difficulty = fmin(session->jobs[i].difficulty, wanted);
    }
    say(effects, &(struct stratum_say){.kind = SAY_DIFFICULTY, .difficulty = wanted});
}

static uint32_t mask_for(const struct server_session *session, const struct job *job)
{
    const uint32_t mask = session->miner_mask & job->version_mask;
    return session->rolls_versions ? job_usable_mask(job->notify.version, mask) : 0;
}

static void tell_mask(struct server_session *session, const struct job *job,
                      struct server_effects *effects)
{
    const uint32_t mask = mask_for(session, job);
    if (session->rolls_versions && mask != session->told_mask) {
        session->told_mask = mask;
        say(effects, &(struct stratum_say){.kind = SAY_VERSION_MASK, .version_mask = mask});
    }
}

static void tell_job(struct server_session *session, struct server_job *slot, hb_mono now,
                     struct server_effects *effects)
{
    const struct job *job = &slot->job;
    uint8_t middle[JOB_EXTRANONCE1_MAX + JOB_EXTRANONCE2_MAX] = {0};
    const size_t taken = session->size1 + session->size2;
    memcpy(middle, job->extranonce.prefix, job->extranonce.size1);
    slot->told_at = now;
    slot->id = session->next_id++;
    slot->difficulty = session->difficulty;
    say(effects,
        &(struct stratum_say){.kind = SAY_NOTIFY,
                              .job_id = slot->id,
                              .notify = &job->notify,
                              .middle = middle,
                              .middle_len = job->extranonce.size1 + job->extranonce.size2 - taken});
}

/* The slot for the next job, which becomes the newest. */
static struct server_job *next_slot(struct server_session *session)
{
    session->newest = (session->newest + 1) % SERVER_JOBS;
    return &session->jobs[session->newest];
}

static void send_work(struct server_session *session, const struct job *job, bool clean,
                      hb_mono now, struct server_effects *effects)
{
    for (size_t i = 0; clean && i < SERVER_JOBS; i++) {
        session->jobs[i].stale = true;
    }
    struct server_job *slot = next_slot(session);
    slot->job = *job;
    slot->job.notify.clean = clean;
    slot->stale = false;
    tell_difficulty(session, job, now, effects);
    tell_mask(session, job, effects);
    tell_job(session, slot, now, effects);
}

void server_session_work(struct server_session *session, const struct job *job, bool clean,
                         hb_mono now, struct server_effects *effects)
{
    clear(effects);
    if (!session->admitted) {
        return;
    }
    if (job->extranonce.size2 < session->size1 + session->size2) {
        hang_up(effects, "the pool leaves less room for extranonces now, the miner must subscribe "
                         "again");
        return;
    }
    send_work(session, job, clean, now, effects);
}

/* --- shares -------------------------------------------------------------------------------------
 */

static struct server_job *find_job(struct server_session *session, const char *text)
{
    char id[20];
    for (size_t i = 0; i < SERVER_JOBS; i++) {
        (void)snprintf(id, sizeof id, "%" PRIx64, session->jobs[i].id);
        if (session->jobs[i].id != 0 && strcmp(id, text) == 0) {
            return &session->jobs[i];
        }
    }
    return NULL;
}

static void reject(struct server_session *session, enum share_reject kind, const char *text,
                   struct server_effects *effects)
{
    static const enum stratum_error codes[REJECT_COUNT] = {
        [REJECT_STALE] = STRATUM_ERROR_STALE,
        [REJECT_DUPLICATE] = STRATUM_ERROR_DUPLICATE,
        [REJECT_LOW_DIFFICULTY] = STRATUM_ERROR_LOW_DIFFICULTY,
        [REJECT_UNAUTHORIZED] = STRATUM_ERROR_UNAUTHORIZED,
        [REJECT_OTHER] = STRATUM_ERROR_OTHER,
    };
    effects->share.good = effects->share.forward = false;
    effects->share.reject = kind;
    say_error(session->call.id, codes[kind], text, effects);
}

/* False, with the refusal said, if the share cannot be hashed at all. */
static bool is_whole(struct server_session *session, const struct server_job *job,
                     struct server_effects *effects)
{
    const struct stratum_submit *submit = &session->call.submit;
    const struct stratum_share *share = &submit->share;
    if (strcmp(submit->user, session->login.user) != 0) {
        reject(session, REJECT_UNAUTHORIZED, "Worker mismatch", effects);
    } else if (job == NULL) {
        reject(session, REJECT_STALE, "Job not found", effects);
    } else if (share->extranonce2_size != session->size2) {
        reject(session, REJECT_OTHER, "Wrong size of extranonce2", effects);
    } else if (share->ntime < job->job.notify.ntime ||
               share->ntime - job->job.notify.ntime > NTIME_AHEAD_S) {
        reject(session, REJECT_OTHER, "ntime out of range", effects);
    } else {
        return true;
    }
    return false;
}

/* Hashes the share with these version bits; true if it meets the miner's difficulty. */
static bool hash_with(const struct server_job *job, uint32_t version_bits, uint8_t hash[32],
                      struct server_share *share)
{
    struct candidate *candidate = &share->candidate;
    double difficulty = 0;
    uint8_t target[32];
    candidate->version_bits = version_bits;
    job_make_header(&job->job, candidate->extranonce2, candidate->ntime, version_bits,
                    candidate->nonce, candidate->header);
    difficulty_to_target(job->difficulty, target);
    const bool meets = verify_share(candidate->header, target, hash, &difficulty);
    share->difficulty = fmax(share->difficulty, difficulty);
    return meets;
}

/* Miners send either the bits that were changed or the bits as they are; the two differ only where
 * the job's version has ones inside the mask, which a miner that knows no
 * mining.set_version_mask may have rolled. */
static bool hash_it(const struct server_session *session, const struct server_job *job,
                    uint8_t hash[32], struct server_share *share)
{
    const struct stratum_share *sent = &session->call.submit.share;
    const uint32_t version = job->job.notify.version;
    uint64_t extranonce2 = 0;
    for (size_t i = 0; i < sent->extranonce2_size; i++) {
        extranonce2 = extranonce2 << 8 | sent->extranonce2[i];
    }
    share->candidate.serial = job->job.serial;
    share->candidate.extranonce2 =
        extranonce1_number(session) << (8 * session->size2) | extranonce2;
    share->candidate.ntime = sent->ntime;
    share->candidate.nonce = sent->nonce;
    const uint32_t replaced = (version ^ sent->version_bits) & STRATUM_VERSION_MASK;
    return hash_with(job, sent->version_bits, hash, share) ||
           ((version & sent->version_bits) != 0 && hash_with(job, replaced, hash, share));
}

/* Counts as evidence if it meets the difficulty in force: what is only good for an older, lower one
 * is not what the rate is counted in. */
static void take_as_evidence(struct server_session *session, struct server_share *share,
                             hb_mono now)
{
    share->hashed = true;
    session->shared_at = now;
    if (share->difficulty >= session->difficulty) {
        share_rate_note(&session->rate, now);
        vardiff_note(&session->vardiff);
    }
}

static void judge(struct server_session *session, const struct server_job *job, hb_mono now,
                  struct server_effects *effects)
{
    struct server_share *share = &effects->share;
    uint8_t hash[32] = {0};
    if (!hash_it(session, job, hash, share)) {
        reject(session, REJECT_LOW_DIFFICULTY, "Above target", effects);
        return;
    }
    if (share_book_knows(&session->book, hash)) {
        reject(session, REJECT_DUPLICATE, "Duplicate share", effects);
        return;
    }
    share_book_sent(&session->book, hash, &(struct share_pending){.sent_at = now});
    take_as_evidence(session, share, now);
    if (job->stale) {
        reject(session, REJECT_STALE, "Stale", effects);
    } else if ((share->candidate.version_bits & ~mask_for(session, &job->job)) != 0) {
        reject(session, REJECT_OTHER, "Version bits outside of the mask", effects);
    } else {
        share->good = true;
        share->forward = !job->job.own && difficulty_meets(hash, job->job.target);
        say_true(session, effects);
    }
}

static void on_submit(struct server_session *session, hb_mono now, struct server_effects *effects)
{
    if (!session->admitted) {
        say_error(session->call.id,
                  session->subscribed ? STRATUM_ERROR_UNAUTHORIZED : STRATUM_ERROR_NOT_SUBSCRIBED,
                  session->subscribed ? "Unauthorized worker" : "Not subscribed", effects);
        return;
    }
    const struct server_job *job = find_job(session, session->call.submit.share.job_id);
    effects->shared = true;
    if (is_whole(session, job, effects)) {
        judge(session, job, now, effects);
    }
}

/* --- lines --------------------------------------------------------------------------------------
 */

static void on_suggestion(struct server_session *session, hb_mono now,
                          struct server_effects *effects)
{
    /* Later ones are left to what its shares say. */
    if (session->difficulty == 0) {
        session->suggested = session->call.difficulty;
        start_difficulty(session, now);
    }
    say_true(session, effects);
}

static void on_extranonce_subscribe(struct server_session *session, hb_mono now,
                                    struct server_effects *effects)
{
    (void)now;
    say_true(session, effects); /* it never changes, so there is nothing to be told of */
}

static void on_ping(struct server_session *session, hb_mono now, struct server_effects *effects)
{
    (void)now;
    say(effects, &(struct stratum_say){.kind = SAY_PONG, .id = session->call.id});
}

static void on_other(struct server_session *session, hb_mono now, struct server_effects *effects)
{
    (void)now;
    if (strcmp(session->call.id, "null") != 0) {
        say_error(session->call.id, STRATUM_ERROR_OTHER, "Unknown method", effects);
    }
}

static void on_answer(struct server_session *session, hb_mono now, struct server_effects *effects)
{
    (void)session;
    (void)now;
    (void)effects;
}

static void obey(struct server_session *session, hb_mono now, struct server_effects *effects)
{
    static void (*const on[])(struct server_session *, hb_mono, struct server_effects *) = {
        [MINER_CONFIGURE] = on_configure,
        [MINER_SUBSCRIBE] = on_subscribe,
        [MINER_AUTHORIZE] = on_authorize,
        [MINER_EXTRANONCE_SUBSCRIBE] = on_extranonce_subscribe,
        [MINER_SUGGEST_DIFFICULTY] = on_suggestion,
        [MINER_SUBMIT] = on_submit,
        [MINER_PING] = on_ping,
        [MINER_ANSWER] = on_answer,
        [MINER_OTHER] = on_other,
    };
    on[session->call.kind](session, now, effects);
}

/* A leaky bucket. */
static bool may_speak(struct server_session *session, hb_mono now)
{
    const double per_s = session->admitted ? work_lines : calm_lines;
    const double burst = session->admitted ? work_burst : calm_burst;
    const double elapsed_s = (double)mono_age_ms(now, session->budget_at) / 1000;
    session->budget = fmin(session->budget + elapsed_s * per_s, burst) - 1;
    session->budget_at = now;
    return session->budget >= 0;
}

/* A new difficulty counts from the next job on, so the present one is sent again under a new name;
 * with a later time, for a miner begins each job at the same place and would do its work twice. */
static void adjust_difficulty(struct server_session *session, hb_mono now,
                              struct server_effects *effects)
{
    const struct server_job *current = &session->jobs[session->newest];
    const int64_t age_s = mono_age_ms(now, current->told_at) / 1000;
    if (session->difficulty == 0 || age_s < 1 ||
        !vardiff_adjust(&session->vardiff, ceiling_of(&current->job), now)) {
        return;
    }
    const double before = session->difficulty;
    tell_difficulty(session, &current->job, now, effects);
    if (session->difficulty != before) {
        struct server_job *slot = next_slot(session);
        slot->job = current->job;
        slot->job.notify.clean = false;
        slot->job.notify.ntime += (uint32_t)age_s;
        slot->stale = false;
        tell_job(session, slot, now, effects);
    }
}

void server_session_line(struct server_session *session, const char *line, size_t len, hb_mono now,
                         struct server_effects *effects)
{
    struct hb_err err = {0};
    clear(effects);
    if (!may_speak(session, now)) {
        hang_up(effects, "it sends far too many messages");
    } else if (stratum_server_parse(line, len, &session->call, &err)) {
        session->heard_at = now;
        obey(session, now, effects);
        adjust_difficulty(session, now, effects);
    } else if (err.code == HB_ERR_STATE) {
        hang_up(effects, "it does not speak Stratum");
    } else {
        say_error(session->call.id, STRATUM_ERROR_OTHER, err.msg, effects);
    }
}

void server_session_tick(struct server_session *session, hb_mono now,
                         struct server_effects *effects)
{
    clear(effects);
    if (!session->admitted) {
        if (mono_age_ms(now, session->opened_at) >= LOGIN_MS) {
            hang_up(effects, "it did not log in within 20 s");
        }
        return;
    }
    if (mono_age_ms(now, session->heard_at) >= SILENCE_MS) {
        hang_up(effects, "it said nothing for 15 min");
        return;
    }
    share_rate_tick(&session->rate, now);
    adjust_difficulty(session, now, effects);
}
