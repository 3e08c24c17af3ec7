/* A Stratum proxy: miners with a place for a pool's address, but no other interface, point here.
 *
 * Each gets work of the configured pools through a connection of its own, with failover; what it
 * delivers is hashed again and so tells its hash rate, whatever the miner says of itself. Nothing
 * is commanded: the only lever would be to withhold work, and what miners do without work (hash the
 * old job, restart, run hot with idle fans) differs from firmware to firmware.
 *
 * Only miners whose name and password belong to an account are let in. While no pool answers they
 * are kept busy, and so warm, with work of our own, or sent away, as configured.
 *
 * Everything here is called on the thread that runs `loop`, and nothing blocks.
 */
#ifndef HB_MINER_PROXY_H
#define HB_MINER_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "miner/engine.h"
#include "miner/figures/economics.h"
#include "miner/proxy/share_rate.h"
#include "plumbing/log.h"

struct uv_loop_s;
struct proxy;
struct proxy_worker;

struct proxy_options {
    const char *listen; /* an IP address or "localhost" */
    uint16_t port;      /* 0: a free one                */
    /* Pools, policy and redirect hosts; its lists and texts are borrowed for the proxy's life. */
    const struct miner_options *mining;
};

/* Who may come in. Texts are copied. */
struct proxy_account {
    const char *user;
    const char *password;       /* NULL or "": any, which only a proxy on loopback allows      */
    const char *pool_user;      /* its worker name at the pools; NULL or "": that of each pool */
    double hashrate_hs;         /* expected; 0: not known                                      */
    void (*changed)(void *ctx); /* it came or went; NULL is allowed                       */
    void *ctx;
};

struct proxy_status {
    bool connected;
    char address[48], agent[64]; /* of the connection, or of the last one; "" before the first */
    bool estimated;              /* `estimate` is set: it is connected and was watched a moment */
    struct share_estimate estimate;
    double silence_s;       /* since the last share of this connection; NaN before one          */
    double difficulty;      /* of its shares; 0 before it has work                              */
    double best_difficulty; /* since the account was added                                      */
    /* Shares that the pools answered, and those refused here already; since then, too. */
    uint64_t accepted, rejected[REJECT_COUNT];
    double network_difficulty;      /* of the pool's job; NaN without one                      */
    double sat_per_hour;            /* expected at the estimated hash rate; NaN if not known   */
    enum reward_source reward_from; /* how that is known                                       */
    uint64_t blocks;                /* found since the account was added; the last of them:    */
    char block_hash[65];            /* as people write it                                      */
    double block_difficulty;
    uint32_t block_height; /* 0: not known */
    bool own_work;         /* it works on something of ours, for warmth only */
    enum miner_link link;  /* to the pools; NONE while nobody is connected   */
    char pool[128];        /* host:port in use or being tried                */
    char message[200];     /* last cause of a loss, or the pool's message    */
    char pool_reason[200]; /* why that pool, or none, is in use              */
    uint64_t pool_changes; /* of the pool in use, since the account was added */
};

/* Listens from now on. NULL, with `err`, if the address is malformed or taken. `log` is borrowed
 * for the proxy's life; NULL: silent. */
HB_MUST_USE struct proxy *proxy_create(const struct proxy_options *options, struct uv_loop_s *loop,
                                       const struct hb_log *log, struct hb_err *err);
/* Hangs up on everybody and removes all accounts; the loop must still run once. NULL is allowed. */
void proxy_destroy(struct proxy *proxy);
uint16_t proxy_port(const struct proxy *proxy);

/* NULL, with `err`, if another account has the user, or the password is missing. */
HB_MUST_USE struct proxy_worker *proxy_add(struct proxy *proxy, const struct proxy_account *account,
                                           struct hb_err *err);
/* Hangs up. NULL is allowed. */
void proxy_remove(struct proxy_worker *worker);
void proxy_get_status(const struct proxy_worker *worker, struct proxy_status *status);
/* Fills the first `max` pools in order of preference, with what they made of the account's shares
 * since it was added, and returns how many there are; 0 before its miner connected first. */
size_t proxy_get_pools(const struct proxy_worker *worker, struct miner_pool_stats *list,
                       size_t max);

/* True for 127.x.y.z, ::1 and localhost: what only this computer reaches. */
bool proxy_is_loopback(const char *address);

#endif
