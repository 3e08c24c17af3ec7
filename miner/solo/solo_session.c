#include "miner/solo/solo_session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "miner/difficulty.h"
#include "miner/hex.h"
#include "plumbing/json.h"

enum {
    REFRESH_MS = 30 * 1000,      /* for the header's clock and new fees                       */
    REFRESH_BLIND_MS = 5 * 1000, /* where the node does not tell of news                      */
    SUBMIT_AGAIN_MS = 1000,
    SUBMIT_FOR_MS = 10 * 60 * 1000, /* by then the network is a block further                  */
};

static void hang_up(struct solo_effects *effects, const char *why)
{
    effects->close = true;
    (void)text_copy(effects->why, sizeof effects->why, why);
}

static void ask(struct solo_session *session, enum solo_call call, struct solo_effects *effects)
{
    session->asked[call] = effects->ask[call] = true;
}

static bool same_parent(const struct block_template *a, const struct block_template *b)
{
    return a != NULL && memcmp(a->prevhash, b->prevhash, sizeof a->prevhash) == 0;
}

/* --- life ---------------------------------------------------------------------------------------
 */

void solo_init(struct solo_session *session, const struct solo_payee *payee, const char *user,
               uint64_t first_serial)
{
    memset(session, 0, sizeof *session);
    session->payee = *payee;
    session->user = user;
    session->next_serial = first_serial;
    session->next_block_id = 1;
}

/* Frees a template unless it is still in use. */
static void drop_template(const struct solo_session *session, struct block_template *block)
{
    bool used = block == session->block;
    for (size_t i = 0; i < SOLO_WORKS; i++) {
        used = used || block == session->works[i].block;
    }
    if (!used) {
        block_template_free(block);
    }
}

static void set_template(struct solo_session *session, struct block_template *block)
{
    struct block_template *old = session->block;
    session->block = block;
    drop_template(session, old);
}

static void forget_works(struct solo_session *session)
{
    for (size_t i = 0; i < SOLO_WORKS; i++) {
        struct block_template *old = session->works[i].block;
        session->works[i] = (struct solo_work){0};
        drop_template(session, old);
    }
}

void solo_closed(struct solo_session *session)
{
    session->state = SOLO_DOWN;
    memset(session->asked, 0, sizeof session->asked);
    forget_works(session);
    set_template(session, NULL);
    free(session->proposal);
    session->proposal = NULL;
    for (size_t i = 0; i < SOLO_BLOCKS; i++) {
        session->blocks[i].asked = false;
    }
}

static void free_block(struct solo_block *found)
{
    free(found->hex);
    memset(found, 0, sizeof *found);
}

void solo_fini(struct solo_session *session)
{
    solo_closed(session);
    for (size_t i = 0; i < SOLO_BLOCKS; i++) {
        free_block(&session->blocks[i]);
    }
}

void solo_opened(struct solo_session *session, struct solo_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    solo_closed(session);
    session->state = SOLO_MEETING;
    session->outdated = false;
    ask(session, SOLO_CHAIN, effects);
}

bool solo_is_open(const struct solo_session *session)
{
    return session->state != SOLO_DOWN;
}

char *solo_request(const struct solo_session *session, enum solo_call call)
{
    switch (call) {
    case SOLO_TEMPLATE:
        return node_ask_template("");
    case SOLO_NEWS:
        return node_ask_template(session->block->longpoll_id);
    case SOLO_PROPOSE:
        return node_ask_proposal(session->proposal, session->block->work_id);
    case SOLO_CHAIN:
    case SOLO_CALLS:
        break;
    }
    return node_ask_chain();
}

/* --- meeting ------------------------------------------------------------------------------------
 */

void solo_chain(struct solo_session *session, const struct json *result,
                struct solo_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    session->asked[SOLO_CHAIN] = false;
    struct hb_err err = {0};
    if (!node_read_chain(result, &session->chain, &err)) {
        hang_up(effects, err.msg);
        return;
    }
    if ((session->chain.network & session->payee.address.networks) == 0) {
        (void)snprintf(effects->why, sizeof effects->why,
                       "the node is on chain '%s', where nobody can be paid at '%.100s'",
                       session->chain.name, session->user);
        effects->close = true;
        return;
    }
    session->state = SOLO_FIRST_TEMPLATE;
    ask(session, SOLO_TEMPLATE, effects);
}

/* --- work ---------------------------------------------------------------------------------------
 */

/* Easy enough for hits that tell of our hash rate, never so hard that a block is missed, and never
 * so easy that results flood us. */
static double hit_difficulty(const struct solo_session *session)
{
    const double network = difficulty_of(session->block->target);
    const double wanted = session->wanted_difficulty > 0 ? session->wanted_difficulty : network;
    return fmax(fmin(wanted, network), SOLO_DIFFICULTY_MIN);
}

static void keep_work(struct solo_session *session, const struct job *job)
{
    struct solo_work last = session->works[SOLO_WORKS - 1];
    memmove(session->works + 1, session->works, (SOLO_WORKS - 1) * sizeof session->works[0]);
    session->works[0] = (struct solo_work){
        .serial = job->serial, .difficulty = job->difficulty, .block = session->block};
    memcpy(session->works[0].target, job->target, sizeof job->target);
    if (last.block != NULL) {
        drop_template(session, last.block);
    }
}

static void issue_job(struct solo_session *session, hb_mono now, struct solo_effects *effects)
{
    struct hb_err err = {0};
    struct job *job = &session->job;
    const int64_t age_s = mono_age_ms(now, session->block_at) / 1000;
    const bool clean = !same_parent(session->works[0].block, session->block);
    if (!solo_job_make(session->block, &session->payee, block_template_time(session->block, age_s),
                       job, &err)) {
        hang_up(effects, err.msg);
        return;
    }
    job->serial = session->next_serial++;
    job->extranonce2_first = job->serial << 32; /* equal templates make other headers */
    job->notify.clean = clean;
    (void)snprintf(job->notify.id, sizeof job->notify.id, "%" PRIu64, job->serial);
    job->difficulty = hit_difficulty(session);
    if (job->difficulty == difficulty_of(session->block->target)) {
        memcpy(job->target, session->block->target, sizeof job->target);
    } else {
        difficulty_to_target(job->difficulty, job->target);
    }
    keep_work(session, job);
    effects->new_job = true;
}

/* A block as it would be found, but for its proof of work. */
static void propose(struct solo_session *session, hb_mono now, struct solo_effects *effects)
{
    struct hb_err err = {0};
    uint8_t header[80];
    const int64_t age_s = mono_age_ms(now, session->block_at) / 1000;
    const uint32_t ntime = block_template_time(session->block, age_s);
    if (!solo_job_make(session->block, &session->payee, ntime, &session->job, &err)) {
        hang_up(effects, err.msg);
        return;
    }
    job_make_header(&session->job, 0, ntime, 0, 0, header);
    free(session->proposal);
    session->proposal = solo_block_print(session->block, &session->payee, header, 0, &err);
    if (session->proposal == NULL) {
        hang_up(effects, err.msg);
        return;
    }
    session->state = SOLO_PROPOSING;
    ask(session, SOLO_PROPOSE, effects);
}

static void start_working(struct solo_session *session, hb_mono now, struct solo_effects *effects)
{
    session->state = SOLO_WORKING;
    free(session->proposal);
    session->proposal = NULL;
    issue_job(session, now, effects);
    if (session->block->longpoll_id[0] != '\0') {
        ask(session, SOLO_NEWS, effects);
    }
}

void solo_proposal(struct solo_session *session, const struct json *result, hb_mono now,
                   struct solo_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    session->asked[SOLO_PROPOSE] = false;
    char reason[120];
    if (session->state != SOLO_PROPOSING) {
        return;
    }
    if (node_read_verdict(result, reason, sizeof reason)) {
        start_working(session, now, effects);
    } else if (node_reject_kind(reason) == REJECT_STALE) {
        session->state = SOLO_FIRST_TEMPLATE; /* somebody was faster */
        ask(session, SOLO_TEMPLATE, effects);
    } else {
        (void)snprintf(effects->why, sizeof effects->why, "the node would not take our block: %s",
                       reason);
        effects->close = true;
    }
}

void solo_template(struct solo_session *session, enum solo_call call, struct block_template *block,
                   hb_mono now, struct solo_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    session->asked[call] = false;
    if (session->state == SOLO_DOWN || (call == SOLO_TEMPLATE && session->outdated)) {
        session->outdated = false;
        block_template_free(block);
        return;
    }
    session->outdated = call == SOLO_NEWS && session->asked[SOLO_TEMPLATE];
    set_template(session, block);
    session->block_at = now;
    if (session->state == SOLO_FIRST_TEMPLATE && block->takes_proposals) {
        propose(session, now, effects);
    } else if (session->state == SOLO_FIRST_TEMPLATE) {
        start_working(session, now, effects);
    } else {
        issue_job(session, now, effects);
        if (!session->asked[SOLO_NEWS] && block->longpoll_id[0] != '\0') {
            ask(session, SOLO_NEWS, effects);
        }
    }
}

/* While a node catches up, how far it is says more than that it does. */
void solo_failed(struct solo_session *session, enum solo_call call, const char *why,
                 struct solo_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    session->asked[call] = false;
    if (session->state == SOLO_DOWN) {
        return;
    }
    hang_up(effects, why);
    if (session->chain.headers > session->chain.blocks && call != SOLO_CHAIN) {
        (void)snprintf(effects->why, sizeof effects->why, "%.180s (block %.0f of %.0f)", why,
                       session->chain.blocks, session->chain.headers);
    }
}

/* --- found blocks -------------------------------------------------------------------------------
 */

static struct solo_block *free_slot(struct solo_session *session)
{
    struct solo_block *slot = &session->blocks[0];
    for (size_t i = 0; i < SOLO_BLOCKS; i++) {
        struct solo_block *one = &session->blocks[i];
        if (one->hex == NULL) {
            return one;
        }
        slot = one->found.ms < slot->found.ms ? one : slot;
    }
    free_block(slot);
    return slot;
}

static void submit(struct solo_block *found, struct solo_effects *effects)
{
    found->asked = true;
    found->tries++;
    effects->submit[effects->submit_count++] = found;
}

static void print_hash(char text[65], const uint8_t hash[32])
{
    uint8_t printed[32];
    for (size_t i = 0; i < 32; i++) {
        printed[i] = hash[31 - i];
    }
    hex_encode(text, printed, sizeof printed);
}

const struct solo_work *solo_find_work(const struct solo_session *session, uint64_t serial)
{
    for (size_t i = 0; i < SOLO_WORKS; i++) {
        if (session->works[i].serial == serial && serial != 0) {
            return &session->works[i];
        }
    }
    return NULL;
}

void solo_found(struct solo_session *session, uint64_t serial, const uint8_t header[80],
                uint64_t extranonce2, const uint8_t hash[32], hb_mono now,
                struct solo_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    const struct solo_work *work = solo_find_work(session, serial);
    if (work == NULL || !difficulty_meets(hash, work->block->target)) {
        return;
    }
    const struct block_template *block = work->block;
    if (session->parent_taken && memcmp(session->taken_parent, block->prevhash, 32) == 0) {
        return; /* one block on one parent is all that can ever count */
    }
    struct hb_err err = {0};
    char *hex = solo_block_print(block, &session->payee, header, extranonce2, &err);
    if (hex == NULL) {
        (void)snprintf(effects->say, sizeof effects->say, "a found block is lost: %.200s", err.msg);
        effects->say_loud = true;
        effects->rejected[REJECT_OTHER]++;
        return;
    }
    struct solo_block *found = free_slot(session);
    found->hex = hex;
    found->id = session->next_block_id++;
    found->height = block->height;
    found->reward = block->reward;
    found->found = now;
    print_hash(found->hash, hash);
    memcpy(found->work_id, block->work_id, sizeof found->work_id);
    memcpy(found->parent, block->prevhash, 32);
    memcpy(session->taken_parent, block->prevhash, 32);
    session->parent_taken = true;
    submit(found, effects);
}

static void on_taken(struct solo_session *session, const struct solo_block *found,
                     struct solo_effects *effects)
{
    effects->blocks = 1;
    (void)snprintf(effects->say, sizeof effects->say,
                   "block %" PRIu32 " found and taken by the node: %s, %.8f BTC", found->height,
                   found->hash, (double)found->reward / 1e8);
    const bool current =
        session->block != NULL && memcmp(session->block->prevhash, found->parent, 32) == 0;
    if (session->state == SOLO_WORKING && current && !session->asked[SOLO_NEWS] &&
        !session->asked[SOLO_TEMPLATE]) {
        ask(session, SOLO_TEMPLATE, effects);
    }
}

static void on_refused(struct solo_session *session, const struct solo_block *found,
                       const char *reason, struct solo_effects *effects)
{
    const enum share_reject kind = node_reject_kind(reason);
    effects->rejected[kind] = 1;
    effects->say_loud = true;
    (void)snprintf(effects->say, sizeof effects->say,
                   "the node does not take block %" PRIu32 ", %s: %s%s", found->height, found->hash,
                   reason, kind == REJECT_STALE ? " (another block was first)" : "");
    if (kind != REJECT_STALE && kind != REJECT_DUPLICATE &&
        memcmp(session->taken_parent, found->parent, 32) == 0) {
        session->parent_taken = false;
    }
}

static struct solo_block *find_block(struct solo_session *session, uint64_t id)
{
    for (size_t i = 0; i < SOLO_BLOCKS; i++) {
        if (session->blocks[i].hex != NULL && session->blocks[i].id == id) {
            return &session->blocks[i];
        }
    }
    return NULL;
}

void solo_submitted(struct solo_session *session, uint64_t block_id, const struct json *result,
                    hb_mono now, struct solo_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    char reason[120];
    struct solo_block *found = find_block(session, block_id);
    if (found == NULL) {
        return;
    }
    found->asked = false;
    if (result == NULL) {
        found->next_try = mono_add_ms(now, SUBMIT_AGAIN_MS);
        return;
    }
    /* Known already, if asked again: the answer to an earlier call was lost. */
    if (node_read_verdict(result, reason, sizeof reason) ||
        (found->tries > 1 && strcmp(reason, "duplicate") == 0)) {
        on_taken(session, found, effects);
    } else {
        on_refused(session, found, reason, effects);
    }
    free_block(found);
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void push_blocks(struct solo_session *session, hb_mono now, struct solo_effects *effects)
{
    for (size_t i = 0; i < SOLO_BLOCKS; i++) {
        struct solo_block *found = &session->blocks[i];
        if (found->hex == NULL || found->asked || mono_age_ms(now, found->next_try) < 0) {
            continue;
        }
        if (mono_age_ms(now, found->found) < SUBMIT_FOR_MS) {
            submit(found, effects);
            continue;
        }
        effects->rejected[REJECT_STALE]++;
        effects->say_loud = true;
        (void)snprintf(effects->say, sizeof effects->say,
                       "block %" PRIu32 " is lost: the node did not answer for 10 minutes: %s",
                       found->height, found->hash);
        free_block(found);
    }
}

void solo_tick(struct solo_session *session, hb_mono now, struct solo_effects *effects)
{
    memset(effects, 0, sizeof *effects);
    push_blocks(session, now, effects);
    if (session->state != SOLO_WORKING || session->asked[SOLO_TEMPLATE]) {
        return;
    }
    const bool blind = session->block->longpoll_id[0] == '\0';
    if (mono_age_ms(now, session->block_at) >= (blind ? REFRESH_BLIND_MS : REFRESH_MS)) {
        ask(session, SOLO_TEMPLATE, effects);
    }
}

void solo_want_difficulty(struct solo_session *session, double difficulty)
{
    session->wanted_difficulty = difficulty;
}
