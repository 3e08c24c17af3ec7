/* The mining engine as a library that knows nothing of homes: pools in, hashes out, heat throttled.
 *
 * Threads: everything here is called on the thread that runs `loop` (the Stratum session lives on
 * that libuv loop and never blocks); hashing happens on worker threads of the engine's own at the
 * lowest scheduling priority. A share is submitted only after OpenSSL, an independent
 * implementation, has hashed its header again and agreed.
 */
#ifndef HB_MINER_ENGINE_H
#define HB_MINER_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "miner/figures/economics.h"
#include "miner/figures/share_stats.h"
#include "plumbing/log.h"

struct uv_loop_s;
struct miner_engine;

struct miner_pool {
    const char *url; /* stratum+tcp:// stratum+ssl:// stratum+tls:// solo+http:// solo+https://
                        and host:port */
    const char *user, *password; /* solo: the address that a found block pays, and nothing */
    const char *ca_file;         /* NULL: the system's */
    bool tls_verify;
    /* Solo only, how to log in to the node: a name and a password, or the file in which the node
     * leaves both. NULL: not given. */
    const char *rpc_user, *rpc_password, *cookie_file;
    double fee_ratio;           /* what the pool keeps, 0 to 1: for the expected money only     */
    const char *tls_pin;        /* SHA-256 of the one certificate that is trusted, hex, colons
                                   allowed; then nothing else counts; NULL: none                */
    const char *proxy;          /* socks5://host:port; NULL: none                               */
    const char *proxy_user;     /* NULL: one that keeps the pool's Tor circuit its own ...      */
    const char *proxy_password; /* ... and so is this                                           */
    int64_t silence_ms; /* without a new job for so long the next pool is used; 0: 60 s         */
};

enum miner_no_pool { MINER_NO_POOL_HEAT, MINER_NO_POOL_PAUSE };

/* Whose word is taken for the power. */
enum miner_meter {
    MINER_METER_AUTO,  /* the best there is: an external one, else RAPL, else the assumption */
    MINER_METER_MODEL, /* always the assumption                                              */
    MINER_METER_RAPL,  /* the processor's counters, where readable                           */
};

/* Where a power figure comes from; a higher value is better evidence. */
enum miner_power_source {
    MINER_POWER_MODELLED, /* computed from the hash rate                */
    MINER_POWER_REPORTED, /* the processor's energy counters            */
    MINER_POWER_METERED,  /* an external meter, through miner_note_power */
};

#define MINER_MAX_CPU_C 85.0
/* Without better knowledge: a desktop processor at full load. */
#define MINER_ASSUMED_FULL_W 65.0

/* What the watts are assumed to be until a meter says; 0 <= idle_w < full_w. */
struct miner_scale {
    double idle_w, full_w; /* at duty 0 and 1 */
    enum miner_meter meter;
};

/* What was learnt about watts and hashes, to be kept over a restart. See miner/heat/calibration.h.
 */
struct miner_calibration {
    char kernel[32]; /* measured with this kernel ...     */
    int threads;     /* ... on so many threads            */
    enum miner_power_source source;
    double reference_hs;
    double w[3], sd_w[3];
    double full_hs, known_at; /* the full rate, and the duty at which it was measured */
};

/* Why less heat is made than asked for. */
enum miner_guard {
    MINER_GUARD_OPEN,     /* it is not            */
    MINER_GUARD_WARM,     /* the processor is at its temperature limit */
    MINER_GUARD_CRITICAL, /* it is off until cool */
    MINER_GUARD_BLIND,    /* the temperature sensor is gone */
};

/* A share that a pool has just accepted. */
struct miner_accepted {
    const char *pool;      /* host:port */
    double asked, reached; /* difficulty: what the pool wanted, and the share's own */
    double latency_ms;     /* from the submit to the answer; negative if not known */
    bool block;
};

struct miner_options {
    const struct miner_pool *pools; /* in order of preference; copied */
    size_t pool_count;          /* 0 is allowed: then only `no_pool` applies                    */
    int threads;                /* 0: one per CPU that this process may use and is not spared   */
    int spare_cores;            /* physical cores that never hash, the last one excepted        */
    double ramp_s;              /* from duty 0 to 1 in so long; 0: at once                      */
    double max_cpu_c;           /* the processor is kept below this; 0: MINER_MAX_CPU_C         */
    enum miner_no_pool no_pool; /* heat: keep hashing a job of our own; pause: stop             */
    const char *const *redirect_hosts; /* "host" or "host:port" that client.reconnect may name */
    size_t redirect_host_count;
    double suggest_difficulty; /* 0: from the measured hash rate                               */
    const char *kernel;        /* name of the hashing kernel; NULL: the fastest here           */
    const char *sysfs_root;    /* NULL: "/sys"; where RAPL, hwmon and topology are looked for  */
    const struct miner_calibration *calibration; /* kept from before; NULL: none; copied */
    /* Called on the loop's thread for each accepted share; NULL: nobody asks. */
    void (*accepted)(void *ctx, const struct miner_accepted *share);
    void *ctx;
};

enum miner_link { MINER_LINK_NONE, MINER_LINK_CONNECTING, MINER_LINK_OK, MINER_LINK_LOST };

/* What the engine does with one of its pools. */
enum miner_pool_state {
    MINER_POOL_WAITING, /* not connected: a better one works, or the next try is due later */
    MINER_POOL_TRYING,
    MINER_POOL_WORKING, /* the one in use                                                  */
    MINER_POOL_SILENT,  /* connected, but without a new job for too long                   */
};

/* Why shares were not accepted, by kind. */
enum share_reject {
    REJECT_STALE,
    REJECT_DUPLICATE,
    REJECT_LOW_DIFFICULTY,
    REJECT_UNAUTHORIZED,
    REJECT_OTHER,
    REJECT_COUNT
};

/* A share whose hash makes a block. */
struct miner_block {
    char hash[65];     /* as people write it: most significant digit first */
    double difficulty; /* that it reaches */
    uint32_t height;   /* 0: not known */
};

/* What the engine knows about its own work beside counting it; NaN for what is not known. */
struct miner_figures {
    double average_1m_hs, average_15m_hs; /* of counted hashes, over at most so long */
    struct share_evidence shares;         /* what accepted shares prove */
    struct economics economics;           /* of the job in work, a pool's */
    uint64_t blocks_found;                /* and sent, since start */
    struct miner_block block;             /* the last of them */
};

struct miner_stats {
    enum miner_link link;
    char pool[128];          /* host:port in use, "" if none */
    char message[200];       /* last plain-words cause of a loss, or pool's message, "" if none */
    char pool_reason[200];   /* why that pool, or none, is in use: one sentence                 */
    uint64_t pool_changes;   /* changes of the pool in use, losses included                     */
    bool hashing;            /* workers have work and a duty above 0 */
    bool pool_work;          /* the work is a pool's, not our own */
    double duty_ratio;       /* being delivered, or approached on a ramp */
    double wanted_ratio;     /* the same without the thermal guard */
    double hashrate_hs;      /* delivered, over the last ~2 s */
    double full_hashrate_hs; /* what duty 1 would give, measured while hashing; 0 before */
    double hashes;           /* total since start */
    uint64_t accepted, rejected[REJECT_COUNT], dropped; /* dropped: failed our own re-check */
    uint64_t blocks;                                    /* found by us and taken by our own node */
    uint64_t hits;                        /* solo: results that show that we hash and pay nothing */
    double difficulty;                    /* of the session, 0 without one */
    double best_difficulty;               /* best share since start */
    double power_w;                       /* drawn now, the best that is known ...             */
    double power_error_w;                 /* ... its standard deviation if it is modelled ...  */
    int64_t power_age_ms;                 /* ... how old it is ...                             */
    enum miner_power_source power_source; /* ... and who says so              */
    enum miner_power_source calibrated_by; /* the meter that taught the calibration, or none */
    double idle_w, full_w;                 /* at duty 0 and 1, by the calibration            */
    double package_w;                      /* RAPL over the last ~2 s; NaN where unreadable */
    double cpu_c;                          /* CPU temperature; NaN where unreadable */
    enum miner_guard guard;
    int threads;
    const char *kernel; /* name of the hashing kernel in use */
    struct miner_figures figures;
};

/* One pool of the list, since the engine started. */
struct miner_pool_stats {
    char pool[128]; /* host:port */
    enum miner_pool_state state;
    uint64_t losses; /* connections that ended or could not be made */
    uint64_t submitted, accepted, rejected[REJECT_COUNT], dropped;
    double accepted_difficulty; /* of the jobs of the accepted shares, added up    */
    double best_difficulty;     /* 0: none                                         */
    uint64_t answers;           /* to submits; how long they took, NaN without any */
    double answer_mean_ms, answer_p50_ms, answer_p95_ms, answer_max_ms;
};

/* Starts the workers and the first connection. NULL with `err` if a URL is malformed or a thread
 * cannot start. Duty is 0 at first. */
HB_MUST_USE struct miner_engine *miner_create(const struct miner_options *options,
                                              struct uv_loop_s *loop, const struct hb_log *log,
                                              struct hb_err *err);
/* Stops the workers (within 100 ms) and closes the session; its libuv handles close during the next
 * run of the loop, which the caller must still give it. NULL is allowed. */
void miner_destroy(struct miner_engine *engine);

/* Fraction of full hashing to deliver, 0 to 1, from now on; 0 takes effect within 100 ms. */
void miner_set_duty(struct miner_engine *engine, double duty_ratio);
/* Power to draw from now on, as the meter shows it; 0 takes effect within 100 ms. What is drawn
 * without hashing is counted, so less than that cannot be had. */
void miner_set_power(struct miner_engine *engine, double power_w);
/* Tells what watts are assumed to be, and whether a meter may correct it. */
void miner_set_scale(struct miner_engine *engine, const struct miner_scale *scale);
/* What the machine takes at full load, as far as its maker tells Linux; NaN if not. */
double miner_rated_w(const struct miner_engine *engine);
/* A reading of an external meter of this machine, taken just now. */
void miner_note_power(struct miner_engine *engine, double power_w);
/* What is worth keeping over a restart; false if nothing is. */
HB_MUST_USE bool miner_get_calibration(const struct miner_engine *engine,
                                       struct miner_calibration *calibration);

void miner_get_stats(const struct miner_engine *engine, struct miner_stats *stats);
/* Fills the first `max` pools in order of preference and returns how many pools there are. */
size_t miner_get_pools(const struct miner_engine *engine, struct miner_pool_stats *list,
                       size_t max);

#endif
