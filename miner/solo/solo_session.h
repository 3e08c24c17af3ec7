/* Mining for oneself on one's own node as a pure state machine: answers and time in, calls and work
 * out.
 *
 * The owner calls solo_opened, hands in every answer and every failure, calls solo_tick a few times
 * per second and solo_closed when it gives up; after each call it carries out the effects. The
 * dialogue is: which chain is it; a template; would the node take our block; then work. From then
 * on one call waits for news from the node (long polling) and another asks again from time to time,
 * so that the header's clock keeps right and a dead connection is noticed. A block that was found
 * is submitted until the node has answered, whatever happens to the session.
 */
#ifndef HB_MINER_SOLO_SESSION_H
#define HB_MINER_SOLO_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/time.h"
#include "miner/engine.h"
#include "miner/job.h"
#include "miner/solo/node_codec.h"
#include "miner/solo/solo_job.h"

/* Below this difficulty (a million hashes) results would come faster than anybody can use them; a
 * regtest chain asks for next to nothing. */
#define SOLO_DIFFICULTY_MIN (1.0 / 4096)

enum { SOLO_WORKS = 2, SOLO_BLOCKS = 8 };

enum solo_call {
    SOLO_CHAIN,    /* getblockchaininfo               */
    SOLO_TEMPLATE, /* getblocktemplate                */
    SOLO_NEWS,     /* the same, answered when it is out of date */
    SOLO_PROPOSE,  /* getblocktemplate with a block   */
    SOLO_CALLS
};

enum solo_state { SOLO_DOWN, SOLO_MEETING, SOLO_FIRST_TEMPLATE, SOLO_PROPOSING, SOLO_WORKING };

/* What was handed out as work under `serial`. */
struct solo_work {
    uint64_t serial;    /* 0: none */
    uint8_t target[32]; /* of a hit */
    double difficulty;
    struct block_template *block;
};

/* A found block on its way to the node. */
struct solo_block {
    char *hex; /* NULL: the slot is free */
    uint64_t id;
    char hash[65], work_id[TEMPLATE_ID_MAX + 1];
    uint8_t parent[32];
    uint32_t height;
    uint64_t reward;
    bool asked;
    unsigned tries;
    hb_mono found, next_try;
};

struct solo_session {
    struct solo_payee payee;
    const char *user; /* the address, for messages; borrowed */
    enum solo_state state;
    uint64_t next_serial, next_block_id;
    bool asked[SOLO_CALLS];
    bool outdated; /* the answer that SOLO_TEMPLATE waits for is older than what is known */
    struct node_chain chain;
    struct block_template *block; /* the current one */
    hb_mono block_at;             /* when it came    */
    char *proposal;
    double wanted_difficulty;
    struct job job; /* the current one */
    struct solo_work works[SOLO_WORKS];
    struct solo_block blocks[SOLO_BLOCKS];
    bool parent_taken; /* a block of ours on taken_parent is with the node, or was taken */
    uint8_t taken_parent[32];
};

/* What the owner is to do. Cleared by each call that fills it. */
struct solo_effects {
    bool ask[SOLO_CALLS];
    struct solo_block *submit[SOLO_BLOCKS]; /* borrowed: to be sent now */
    size_t submit_count;
    bool new_job; /* work on session.job from now on            */
    bool close;   /* give up; `why` says why, in plain words    */
    char why[300];
    unsigned blocks;                 /* found and taken by the node: to be added to the accounts */
    unsigned rejected[REJECT_COUNT]; /* found and not taken */
    char say[400];                   /* to be logged, "" for nothing */
    bool say_loud;                   /* as a warning                 */
};

void solo_init(struct solo_session *session, const struct solo_payee *payee, const char *user,
               uint64_t first_serial);
void solo_fini(struct solo_session *session);

void solo_opened(struct solo_session *session, struct solo_effects *effects);
/* All jobs are void; found blocks are kept. */
void solo_closed(struct solo_session *session);
bool solo_is_open(const struct solo_session *session);

/* The text of a call that the effects ask for; free it. */
HB_MUST_USE char *solo_request(const struct solo_session *session, enum solo_call call);

void solo_chain(struct solo_session *session, const struct json *result,
                struct solo_effects *effects);
/* A template came as answer to `call`, SOLO_TEMPLATE or SOLO_NEWS; it becomes the session's. */
void solo_template(struct solo_session *session, enum solo_call call, struct block_template *block,
                   hb_mono now, struct solo_effects *effects);
void solo_proposal(struct solo_session *session, const struct json *result, hb_mono now,
                   struct solo_effects *effects);
/* A call came to nothing. */
void solo_failed(struct solo_session *session, enum solo_call call, const char *why,
                 struct solo_effects *effects);

/* The node's verdict on a found block; or the call came to nothing, `result` is NULL and it will be
 * sent again. */
void solo_submitted(struct solo_session *session, uint64_t block_id, const struct json *result,
                    hb_mono now, struct solo_effects *effects);
void solo_tick(struct solo_session *session, hb_mono now, struct solo_effects *effects);

/* The work of a header that was found, NULL if it is unknown or void. */
const struct solo_work *solo_find_work(const struct solo_session *session, uint64_t serial);
/* A header that was found and has been verified; `hash` is its own. If it is a block it is set on
 * its way. */
void solo_found(struct solo_session *session, uint64_t serial, const uint8_t header[80],
                uint64_t extranonce2, const uint8_t hash[32], hb_mono now,
                struct solo_effects *effects);

/* Difficulty at which hits would come at a good pace; from the next job on. */
void solo_want_difficulty(struct solo_session *session, double difficulty);

#endif
