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
};

enum miner_no_pool { MINER_NO_POOL_HEAT, MINER_NO_POOL_PAUSE };

struct miner_options {
    const struct miner_pool *pools; /* in order of preference; copied */
    size_t pool_count;          /* 0 is allowed: then only `no_pool` applies                    */
    int threads;                /* 0: one per online CPU                                        */
    enum miner_no_pool no_pool; /* heat: keep hashing a job of our own; pause: stop             */
    const char *const *redirect_hosts; /* "host" or "host:port" that client.reconnect may name */
    size_t redirect_host_count;
    double suggest_difficulty; /* 0: from the measured hash rate                               */
    const char *sysfs_root;    /* NULL: "/sys"; where RAPL counters and hwmon are looked for   */
};

enum miner_link { MINER_LINK_NONE, MINER_LINK_CONNECTING, MINER_LINK_OK, MINER_LINK_LOST };

/* Why shares were not accepted, by kind. */
enum share_reject {
    REJECT_STALE,
    REJECT_DUPLICATE,
    REJECT_LOW_DIFFICULTY,
    REJECT_UNAUTHORIZED,
    REJECT_OTHER,
    REJECT_COUNT
};

struct miner_stats {
    enum miner_link link;
    char pool[128];          /* host:port in use, "" if none */
    char message[200];       /* last plain-words cause of a loss, or pool's message, "" if none */
    bool hashing;            /* workers have work and a duty above 0 */
    bool pool_work;          /* the work is a pool's, not our own */
    double duty_ratio;       /* as set */
    double hashrate_hs;      /* delivered, over the last ~2 s */
    double full_hashrate_hs; /* what duty 1 would give, measured while hashing; 0 before */
    double hashes;           /* total since start */
    uint64_t accepted, rejected[REJECT_COUNT], dropped; /* dropped: failed our own re-check */
    uint64_t blocks;                                    /* found by us and taken by our own node */
    uint64_t hits;          /* solo: results that show that we hash and pay nothing */
    double difficulty;      /* of the session, 0 without one */
    double best_difficulty; /* best share since start */
    double package_w;       /* RAPL over the last ~2 s; NaN where unreadable */
    double cpu_c;           /* CPU temperature; NaN where unreadable */
    int threads;
    const char *kernel; /* name of the hashing kernel in use */
};

/* Starts the workers and the first connection. NULL with `err` if a URL is malformed or a thread
 * cannot start. Duty is 0 at first. */
HB_MUST_USE struct miner_engine *miner_create(const struct miner_options *options,
                                              struct uv_loop_s *loop, const struct hb_log *log,
                                              struct hb_err *err);
/* Stops the workers (within 100 ms) and closes the session; its libuv handles close during the next
 * run of the loop, which the caller must still give it. NULL is allowed. */
void miner_destroy(struct miner_engine *engine);

/* Fraction of full hashing to deliver, 0 to 1, from now on; takes effect within 100 ms. */
void miner_set_duty(struct miner_engine *engine, double duty_ratio);

void miner_get_stats(const struct miner_engine *engine, struct miner_stats *stats);

#endif
