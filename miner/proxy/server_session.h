/* Stratum V1 with one miner from the pool's side, as a pure state machine: lines, jobs and time in,
 * lines and judged shares out.
 *
 * The miner sees a pool that never changes: its extranonce1 and the size of extranonce2 are fixed
 * when it subscribes, before anything is known of who it is or which pool will give the work. They
 * both lie within the extranonce2 that the pool behind leaves free; the pool's own extranonce1
 * travels at the end of coinb1:
 *
 *   pool:   coinb1 | extranonce1 |      extranonce2        | coinb2
 *   miner:  coinb1 . . . . . . . 0 0 0 | extranonce1 | extranonce2 | coinb2
 *
 * So another pool, or a new extranonce of the same one, is a new job to the miner and nothing else;
 * no support for mining.set_extranonce is needed, and the miner need not reconnect.
 *
 * Its difficulty is its own too: low enough for shares to be evidence of its hash rate, never above
 * what the pool behind asks for. Every share is hashed again (OpenSSL) before it counts.
 */
#ifndef HB_MINER_SERVER_SESSION_H
#define HB_MINER_SERVER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/time.h"
#include "miner/engine.h"
#include "miner/heat/workers.h"
#include "miner/job.h"
#include "miner/proxy/share_rate.h"
#include "miner/proxy/stratum_server_codec.h"
#include "miner/proxy/vardiff.h"
#include "miner/stratum/share_book.h"

enum {
    SERVER_JOBS = 8,            /* that a share may belong to       */
    SERVER_EXTRANONCE_LEAST = 2 /* bytes that a pool must leave free */
};

struct server_options {
    uint32_t extranonce1;    /* differs between connections, as far as its bytes are used      */
    size_t extranonce2_room; /* that pools are known to leave free; from SERVER_EXTRANONCE_LEAST */
    uint32_t version_mask;   /* that pools are known to grant */
};

/* A job as the miner knows it. */
struct server_job {
    hb_mono told_at;
    uint64_t id;       /* as sent; 0: none                                                    */
    bool stale;        /* a clean job came after it                                           */
    double difficulty; /* of its shares; lowered along with the miner's                 */
    struct job job;
};

struct server_session {
    struct server_options options;
    bool subscribed, admitted;
    bool rolls_versions;
    uint32_t miner_mask, told_mask; /* that the miner can roll, and may, as it was told last */
    size_t size1, size2;            /* of its extranonces */
    char agent[64];
    struct stratum_login login;
    char login_id[48];
    double expected_hs, suggested, least_difficulty; /* 0: none */
    double difficulty;                               /* as told last; 0: never */
    struct vardiff vardiff;
    struct share_rate rate;
    struct server_job jobs[SERVER_JOBS];
    size_t newest; /* index in `jobs` */
    uint64_t next_id;
    hb_mono opened_at, heard_at, budget_at, shared_at; /* shared: evidence; unset: none yet */
    double budget;                                     /* of lines that may come now */
    struct share_book book;
    struct stratum_client_call call; /* scratch: too large for a stack */
};

/* A share that was judged. */
struct server_share {
    bool good;    /* accepted; else `reject` says why not             */
    bool hashed;  /* its hash meets the miner's difficulty: evidence of work, even if not good */
    bool forward; /* it meets the pool's difficulty too: submit `candidate` */
    enum share_reject reject;
    double difficulty; /* that it reaches; 0 if it was not hashed          */
    struct candidate candidate;
};

/* What the owner is to do. Cleared by each call that fills it. */
struct server_effects {
    char out[STRATUM_SAY_MAX + 1024]; /* to be sent */
    size_t out_len;
    bool login; /* session->login wants in: call server_session_admit before anything else */
    bool shared;
    struct server_share share;
    bool close; /* after sending, hang up; `why` says why */
    char why[160];
};

/* A miner has connected. */
void server_session_open(struct server_session *session, const struct server_options *options,
                         hb_mono now);
/* One line without its end. */
void server_session_line(struct server_session *session, const char *line, size_t len, hb_mono now,
                         struct server_effects *effects);
/* The owner's verdict on a login: NULL to let it in, else why not. `hashrate_hs`: what the miner is
 * expected to do, 0 if that is not known. */
void server_session_admit(struct server_session *session, const char *refusal, double hashrate_hs,
                          hb_mono now, struct server_effects *effects);
/* New work for an admitted miner; `clean`: what came before is void. The miner is hung up on if it
 * cannot work on this job: it may fare better when it subscribes again. */
void server_session_work(struct server_session *session, const struct job *job, bool clean,
                         hb_mono now, struct server_effects *effects);
/* Time-outs and difficulty; call it about once a second. */
void server_session_tick(struct server_session *session, hb_mono now,
                         struct server_effects *effects);

#endif
