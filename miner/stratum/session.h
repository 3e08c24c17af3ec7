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
#include "miner/heat/workers.h"
#include "miner/job.h"
#include "miner/stratum/pool_url.h"
#include "miner/stratum/share_book.h"
#include "miner/stratum/stratum_codec.h"

enum {
    SESSION_JOBS = 16,           /* jobs that shares may still belong to               */
    SESSION_HELD = 4,            /* shares kept until the pool has answered authorize  */
    SESSION_NTIME_ROLL_S = 7000, /* as far as pools (ckpool) let a job's time be moved */
    SESSION_SILENCE_MS = 60 * 1000,
};

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
    int64_t silence_ms;    /* without a new job for so long the session is silent; 0: 60 s   */
};

/* A job that a share may still belong to. */
struct session_job {
    uint64_t serial; /* 0: none */
    char id[JOB_ID_MAX + 1];
    size_t extranonce2_size;
    uint32_t version, ntime;
    double difficulty;
    uint8_t target[32];
};

/* A share that was found and has been verified. */
struct session_share {
    uint64_t serial;
    uint64_t extranonce2;
    uint32_t ntime, nonce, version_bits;
    double reached; /* difficulty of its hash */
    bool block;     /* it meets the network's target */
    uint8_t hash[32];
};

struct session {
    struct session_options options;
    enum session_state state;
    bool plain;         /* without mining.configure                        */
    bool no_extranonce; /* the pool hung up on mining.extranonce.subscribe */
    bool extranonce_asked, extranonce_granted;
    bool job_waiting; /* a job came before the extranonce                */
    bool silent;      /* no new job for too long: see session_tick */
    hb_mono state_since, last_sent, last_heard, last_job, suggested_at;
    int64_t slowest_gap_ms; /* between jobs, forgotten by and by; of all connections */
    int64_t next_id, configure_id, subscribe_id, authorize_id;
    bool version_rolling;
    uint32_t version_mask;
    bool whole_bits;   /* version bits are sent with the job's own, and not as the difference ... */
    bool bits_known;   /* ... which a share has proved to be right, where it matters              */
    double difficulty; /* for the next job */
    double wanted_difficulty, suggested_difficulty;
    struct job_extranonce extranonce; /* for the next job */
    struct job job;                   /* the current one, if jobs[] holds its serial */
    uint64_t next_serial;
    struct session_job jobs[SESSION_JOBS];
    size_t next_slot;
    bool odd_line_told, too_hard_told;
    unsigned refused_in_row;
    struct session_share held[SESSION_HELD];
    size_t held_count;
    struct share_book book;
    struct stratum_message message; /* scratch: too large for a stack */
};

/* What the owner is to do. Cleared by each call that fills it. */
struct session_effects {
    bool new_job; /* work on session.job from now on                                     */
    bool close;   /* hang up; `why` says why, in plain words                             */
    char why[256];
    bool redirect; /* with close: connect to redirect_to, after redirect_wait_ms          */
    struct pool_url redirect_to;
    int64_t redirect_wait_ms;
    /* To be added to the accounts. */
    unsigned submitted, accepted, rejected[REJECT_COUNT], dropped;
    double accepted_difficulty; /* of the jobs of the accepted shares, added up          */
    double latency_ms;          /* of the share that was answered; negative for none     */
    double found_difficulty;    /* of the share that was found; 0 for none               */
    struct share_event shares[SESSION_HELD + 1]; /* sent or answered, in that order       */
    size_t share_count;
    char say[400]; /* to be logged, "" for nothing                          */
    bool say_loud; /* as a warning                                          */
    size_t out_len;
    char out[8 * STRATUM_REQUEST_MAX]; /* to be sent; holds nothing beyond out_len        */
};

void session_init(struct session *session, const struct session_options *options);

/* The connection stands. Fallbacks learnt from earlier connections are kept. */
void session_opened(struct session *session, hb_mono now, struct session_effects *effects);
/* One line without its end. `wall` judges the time in jobs: one more than two hours away from it
 * ends the session, unless `wall` itself cannot be true (before 2025). */
void session_line(struct session *session, const char *line, size_t len, hb_mono now, hb_wall wall,
                  struct session_effects *effects);
/* Time-outs, keeping alive, suggesting a difficulty anew. The session becomes `silent`, until the
 * next job, when none came for silence_ms; a pool that has shown to be slower is given half as long
 * again as its slowest recent job took. When nothing at all was heard for twice that long, in spite
 * of a ping, the session ends. */
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
/* Verifies a candidate with OpenSSL and submits it if it is a share. */
void session_offer(struct session *session, const struct candidate *candidate, hb_mono now,
                   struct session_effects *effects);
/* Submits a verified share, unless it is stale or was sent before; that is then accounted. One that
 * is found before the pool has answered mining.authorize is sent after that. */
void session_submit(struct session *session, const struct session_share *share, hb_mono now,
                    struct session_effects *effects);

/* True when there is a job to work on. */
bool session_has_job(const struct session *session);

#endif
