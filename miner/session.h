/* Stratum V1 with one pool as a pure state machine: lines and time in, lines and wishes out.
 *
 * The owner opens a connection and calls session_opened, hands every line to session_line, calls
 * session_tick about twice a second, and session_closed or session_hung_up when the connection
 * ends. After each call it carries out the effects. The dialogue is configure, subscribe,
 * authorize, then suggestions; a pool that knows no configure (refuses it, is silent, or hangs up)
 * is spoken to without. A malformed message on which work depends ends the session; any other is
 * skipped.
 */
#ifndef HB_MINER_SESSION_H
#define HB_MINER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/time.h"
#include "miner/engine.h"
#include "miner/job.h"
#include "miner/pool_url.h"
#include "miner/share_book.h"
#include "miner/stratum_codec.h"

enum { SESSION_JOBS = 16 };

enum session_state {
    SESSION_DOWN,
    SESSION_CONFIGURING,
    SESSION_SUBSCRIBING,
    SESSION_AUTHORIZING,
    SESSION_READY,
};

struct session_options {
    struct pool_url pool;
    const char *user, *password; /* borrowed for the session's life, as is the list */
    const char *const *redirect_hosts;
    size_t redirect_host_count;
    uint64_t first_serial; /* jobs are numbered from here; other sessions must not use these */
};

/* A job that a share may still belong to. */
struct session_job {
    uint64_t serial; /* 0: none */
    char id[JOB_ID_MAX + 1];
    size_t extranonce2_size;
    double difficulty;
    uint8_t target[32];
};

struct session {
    struct session_options options;
    enum session_state state;
    bool plain;         /* without mining.configure                        */
    bool no_extranonce; /* the pool hung up on mining.extranonce.subscribe */
    bool extranonce_asked, extranonce_granted;
    bool job_waiting; /* a job came before the extranonce                */
    hb_mono state_since, last_sent, last_job, suggested_at;
    int64_t next_id, configure_id, subscribe_id, authorize_id;
    bool version_rolling;
    uint32_t version_mask;
    double difficulty; /* for the next job */
    double wanted_difficulty, suggested_difficulty;
    struct job_extranonce extranonce; /* for the next job */
    struct job job;                   /* the current one, if jobs[] holds its serial */
    uint64_t next_serial;
    struct session_job jobs[SESSION_JOBS];
    size_t next_slot;
    bool odd_line_told;
    struct share_book book;
    struct stratum_message message; /* scratch: too large for a stack */
};

/* What the owner is to do. Cleared by each call that fills it. */
struct session_effects {
    char out[4 * STRATUM_REQUEST_MAX]; /* to be sent */
    size_t out_len;
    bool new_job; /* work on session.job from now on                                     */
    bool close;   /* hang up; `why` says why, in plain words                             */
    char why[256];
    bool redirect; /* with close: connect to redirect_to, after redirect_wait_ms          */
    struct pool_url redirect_to;
    int64_t redirect_wait_ms;
    unsigned accepted, rejected[REJECT_COUNT]; /* to be added to the accounts */
    char say[400];                             /* to be logged, "" for nothing */
    bool say_loud;                             /* as a warning                 */
};

/* A share that was found and has been verified. */
struct session_share {
    uint64_t serial;
    uint64_t extranonce2;
    uint32_t ntime, nonce, version_bits;
    uint8_t hash[32];
};

void session_init(struct session *session, const struct session_options *options);

/* The connection stands. Fallbacks learnt from earlier connections are kept. */
void session_opened(struct session *session, hb_mono now, struct session_effects *effects);
/* One line without its end. */
void session_line(struct session *session, const char *line, size_t len, hb_mono now,
                  struct session_effects *effects);
/* Time-outs, keeping alive, suggesting a difficulty anew. */
void session_tick(struct session *session, hb_mono now, struct session_effects *effects);
/* We ended the connection. All jobs are void. */
void session_closed(struct session *session);
/* The same when the pool ended it, from which is learnt what it does not bear. True if a new
 * connection made at once may fare better: it hung up on mining.configure, which the next one does
 * without. Never true twice in a row. */
HB_MUST_USE bool session_hung_up(struct session *session);

/* Difficulty to suggest to the pool from now on; 0 for none. */
void session_want_difficulty(struct session *session, double difficulty);

/* The job of a candidate, NULL if it is unknown or stale. */
const struct session_job *session_find_job(const struct session *session, uint64_t serial);
/* Submits a share, unless it is stale or was sent before; that is then accounted. */
void session_submit(struct session *session, const struct session_share *share, hb_mono now,
                    struct session_effects *effects);

/* True when there is a job to work on. */
bool session_has_job(const struct session *session);

#endif
