#include "miner/stratum/session_work.h"

#include <stdio.h>
#include <string.h>

#include "ground/text.h"
#include "miner/difficulty.h"
#include "miner/verify.h"

enum { REFUSED_IN_ROW_MAX = 20 };

void session_clear_effects(struct session_effects *effects)
{
    memset(effects, 0, offsetof(struct session_effects, out));
    effects->out[0] = '\0';
    effects->latency_ms = -1;
}

int64_t session_ask(struct session *session, struct stratum_request *request, hb_mono now,
                    struct session_effects *effects)
{
    request->id = session->next_id++;
    effects->out_len += stratum_write(request, effects->out + effects->out_len,
                                      sizeof effects->out - effects->out_len);
    session->last_sent = now;
    return request->id;
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

void session_forget_work(struct session *session)
{
    memset(session->jobs, 0, sizeof session->jobs);
    session->held_count = 0;
}

/* A server may use an id again (NiceHash does after set_extranonce); shares are judged by the new
 * job then, so that the old one is worth nothing. */
static void forget_id(struct session *session, const char *id)
{
    for (size_t i = 0; i < SESSION_JOBS; i++) {
        if (session->jobs[i].serial != 0 && strcmp(session->jobs[i].id, id) == 0) {
            session->jobs[i].serial = 0;
        }
    }
}

/* The job in hand as a new one for the workers. */
static void issue_job(struct session *session, struct session_effects *effects)
{
    struct job *job = &session->job;
    job->serial = session->next_serial++;
    /* The same notify can be issued twice (new mask, new connection): counting goes on elsewhere
     * then, at every width of extranonce2, because the factor is odd. */
    job->extranonce2_first = job->serial * UINT64_C(0x9e3779b97f4a7c15);
    job->version_mask = session->version_rolling ? session->version_mask : 0;
    struct session_job *kept = &session->jobs[session->next_slot];
    session->next_slot = (session->next_slot + 1) % SESSION_JOBS;
    kept->serial = job->serial;
    kept->extranonce2_size = job->extranonce.size2;
    kept->version = job->notify.version;
    kept->ntime = job->notify.ntime;
    kept->difficulty = job->difficulty;
    memcpy(kept->id, job->notify.id, sizeof kept->id);
    memcpy(kept->target, job->target, sizeof kept->target);
    effects->new_job = true;
}

void session_start_work(struct session *session, struct session_effects *effects)
{
    if (!session->job_waiting) {
        return;
    }
    struct job *job = &session->job;
    session->job_waiting = false;
    job->extranonce = session->extranonce;
    job->difficulty = session->difficulty;
    difficulty_to_target(job->difficulty, job->target);
    issue_job(session, effects);
}

/* How slow the pool is; a slow spell is forgotten within some twenty jobs. */
static void note_gap(struct session *session, hb_mono now)
{
    const int64_t faded_ms = session->slowest_gap_ms - session->slowest_gap_ms / 10;
    const int64_t gap_ms = mono_is_set(session->last_job) ? mono_age_ms(now, session->last_job) : 0;
    session->slowest_gap_ms = gap_ms > faded_ms ? gap_ms : faded_ms;
    session->last_job = now;
    session->silent = false;
}

void session_take_notify(struct session *session, const struct job_notify *notify, hb_mono now,
                         struct session_effects *effects)
{
    /* Some servers forget the clean flag when the block changes. */
    const bool new_block =
        memcmp(notify->prevhash, session->job.notify.prevhash, sizeof notify->prevhash) != 0;
    if (notify->clean || new_block) {
        session_forget_work(session);
    }
    forget_id(session, notify->id);
    note_gap(session, now);
    session->job.notify = *notify;
    session->job_waiting = true;
    if (session->state >= SESSION_AUTHORIZING) {
        session_start_work(session, effects);
    }
}

void session_take_version_mask(struct session *session, uint32_t mask,
                               struct session_effects *effects)
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

/* --- shares -------------------------------------------------------------------------------------
 */

static void tell_share(struct session_effects *effects, const struct share_event *share)
{
    if (effects->share_count < sizeof effects->shares / sizeof effects->shares[0]) {
        effects->shares[effects->share_count++] = *share;
    }
}

static void send_share(struct session *session, const struct session_share *share, hb_mono now,
                       struct session_effects *effects)
{
    const struct session_job *job = session_find_job(session, share->serial);
    const uint32_t mask = session->version_rolling ? session->version_mask : 0;
    if (job == NULL || share->ntime - job->ntime > SESSION_NTIME_ROLL_S ||
        (share->version_bits & ~mask) != 0) {
        effects->rejected[REJECT_STALE]++; /* unknown, used up, or found before the mask shrank */
        return;
    }
    if (share_book_knows(&session->book, share->hash)) {
        effects->rejected[REJECT_DUPLICATE]++;
        return;
    }
    if (!share_book_may_send(&session->book, now)) {
        return;
    }
    const uint32_t fixed = job->version & mask;
    struct stratum_request request = {.call = CALL_SUBMIT, .user = session->options.user};
    request.share = (struct stratum_share){
        .extranonce2_size = job->extranonce2_size,
        .ntime = share->ntime,
        .nonce = share->nonce,
        .version_bits = share->version_bits | (session->whole_bits ? fixed : 0),
        .with_version_bits = session->version_rolling,
    };
    memcpy(request.share.job_id, job->id, sizeof request.share.job_id);
    job_extranonce2_bytes(share->extranonce2, request.share.extranonce2, job->extranonce2_size);
    struct share_pending pending = {.id = session_ask(session, &request, now, effects),
                                    .sent_at = now,
                                    .share = {.fate = SHARE_SENT,
                                              .asked = job->difficulty,
                                              .reached = share->reached,
                                              .latency_ms = -1,
                                              .block = share->block},
                                    .ambiguous_bits = fixed != 0,
                                    .whole_bits = session->whole_bits};
    memcpy(pending.share.hash, share->hash, sizeof pending.share.hash);
    share_book_sent(&session->book, share->hash, &pending);
    effects->submitted++;
    tell_share(effects, &pending.share);
}

void session_send_held(struct session *session, hb_mono now, struct session_effects *effects)
{
    for (size_t i = 0; i < session->held_count; i++) {
        send_share(session, &session->held[i], now, effects);
    }
    session->held_count = 0;
}

void session_submit(struct session *session, const struct session_share *share, hb_mono now,
                    struct session_effects *effects)
{
    session_clear_effects(effects);
    if (session->state == SESSION_READY) {
        send_share(session, share, now, effects);
    } else if (session_find_job(session, share->serial) == NULL) {
        effects->rejected[REJECT_STALE]++;
    } else if (session->held_count < SESSION_HELD) {
        session->held[session->held_count++] = *share;
    }
}

/* Whether the hash of a header meets the target that stands in it. */
static bool makes_block(const uint8_t header[80], const uint8_t hash[32])
{
    uint8_t target[32];
    uint32_t nbits = 0;
    for (size_t i = 0; i < 4; i++) {
        nbits |= (uint32_t)header[72 + i] << (8 * i);
    }
    difficulty_nbits_to_target(nbits, target);
    return difficulty_meets(hash, target);
}

void session_offer(struct session *session, const struct candidate *candidate, hb_mono now,
                   struct session_effects *effects)
{
    struct session_share share = {
        .serial = candidate->serial,
        .extranonce2 = candidate->extranonce2,
        .ntime = candidate->ntime,
        .nonce = candidate->nonce,
        .version_bits = candidate->version_bits,
    };
    const struct session_job *job = session_find_job(session, candidate->serial);
    double difficulty = 0;
    if (job != NULL && !verify_share(candidate->header, job->target, share.hash, &difficulty)) {
        session_clear_effects(effects);
        /* The kernel compares 32 bits only, so near misses are nothing to tell of. */
        effects->dropped += difficulty_top(share.hash) > difficulty_top(job->target) ? 1 : 0;
        return;
    }
    share.reached = difficulty;
    share.block = job != NULL && makes_block(candidate->header, share.hash);
    session_submit(session, &share, now, effects);
    effects->found_difficulty = difficulty;
}

/* Servers apply version bits in one of three ways: exclusive or (public-pool), or (ckpool, DATUM),
 * or in place of the job's own bits within the mask (BIP 310). What we send, the bits that were
 * rolled from 0 to 1, means the same to all of them unless the job has bits of its own within the
 * mask; then the last kind wants those too. The first refusals tell. */
static void learn_bits(struct session *session, const struct share_pending *pending, bool accepted,
                       enum share_reject kind)
{
    if (!pending->ambiguous_bits || pending->whole_bits != session->whole_bits) {
        return;
    }
    if (accepted) {
        session->bits_known = true;
    } else if (kind == REJECT_LOW_DIFFICULTY && !session->bits_known) {
        session->whole_bits = !session->whole_bits;
    }
}

void session_take_verdict(struct session *session, const struct stratum_reply *reply, hb_mono now,
                          struct session_effects *effects)
{
    struct share_pending pending;
    if (!share_book_answered(&session->book, reply->id, &pending)) {
        return;
    }
    const bool accepted = reply->result == RESULT_TRUE && !reply->failed;
    effects->latency_ms = (double)mono_age_ms(now, pending.sent_at);
    pending.share.fate = accepted ? SHARE_ACCEPTED : SHARE_REFUSED;
    pending.share.latency_ms = effects->latency_ms;
    tell_share(effects, &pending.share);
    if (accepted) {
        effects->accepted++;
        effects->accepted_difficulty += pending.share.asked;
        session->refused_in_row = 0;
        learn_bits(session, &pending, true, REJECT_COUNT);
        return;
    }
    const enum share_reject kind = share_reject_kind(reply->error_code, reply->text);
    const char *reason = reply->text[0] != '\0' ? reply->text : "no reason given";
    effects->rejected[kind]++;
    learn_bits(session, &pending, false, kind);
    (void)snprintf(effects->say, sizeof effects->say, "share refused: %s", reason);
    if (++session->refused_in_row >= REFUSED_IN_ROW_MAX) {
        effects->close = true;
        (void)snprintf(effects->why, sizeof effects->why,
                       "the pool refused %d shares in a row, the last one because: %.180s",
                       REFUSED_IN_ROW_MAX, reason);
    }
}
