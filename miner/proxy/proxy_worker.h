/* One account of the proxy: its way to the pools, the work in hand, and its books. The miner itself
 * is miner/proxy/proxy.c's. */
#ifndef HB_MINER_PROXY_WORKER_H
#define HB_MINER_PROXY_WORKER_H

#include "miner/job.h"
#include "miner/pools.h"
#include "miner/proxy/proxy.h"
#include "miner/proxy/server_session.h"

struct proxy_client;

/* What all accounts share; owned by the proxy. */
struct proxy_ground {
    struct uv_loop_s *loop;
    const struct hb_log *log;
    const struct miner_options *mining;
    struct pools_timing timing;
    /* What a new connection can be told before its pool is known: learnt from the jobs so far. */
    size_t extranonce2_room; /* 0: none yet */
    uint32_t version_mask;
    /* The account's work changed: give it to its client. `clean`: what came before is void. */
    void (*work)(void *ctx, struct proxy_worker *worker, bool clean);
    void *ctx;
};

struct proxy_worker {
    struct proxy_worker *next;
    struct proxy_ground *ground;
    char *user, *password, *pool_user;
    double hashrate_hs;
    void (*changed)(void *ctx);
    void *ctx;
    struct hb_log log; /* names the account */
    char part[80];

    struct proxy_client *client; /* NULL: not connected */
    char address[48], agent[64];
    hb_mono told_at; /* its comings and goings in the log: last refill, and lines left */
    int may_tell;

    struct pools *pools;        /* NULL: nobody needs them */
    struct share_accounts past; /* of pools that were closed, and what was refused here */
    uint64_t past_changes;
    struct miner_pool_stats *past_pools; /* ground->mining->pool_count of them; NULL: none yet */
    hb_mono idle_since;                  /* its client left      */
    hb_mono workless_since;              /* unset: there is work of a pool */
    bool has_job;
    struct job job; /* the latest, a pool's or our own; the latter keeps the former's looks */
    struct economics economics; /* of `job` */
    uint64_t blocks;            /* and the last of them */
    char block_hash[65];
    double block_difficulty;
    uint32_t block_height;
    uint64_t own_serial;
    hb_mono own_since, own_made; /* unset: it does not work on our own */
};

/* NULL, with `err`, if memory runs out. */
HB_MUST_USE struct proxy_worker *proxy_worker_create(struct proxy_ground *ground,
                                                     const struct proxy_account *account,
                                                     struct hb_err *err);
/* Its client is gone already. */
void proxy_worker_destroy(struct proxy_worker *worker);

/* A client has come: connects to the pools unless that is done. */
void proxy_worker_join(struct proxy_worker *worker, struct proxy_client *client, hb_mono now);
void proxy_worker_leave(struct proxy_worker *worker, hb_mono now);
/* Books a judged share and passes it on if the pool wants it. May change the work. */
void proxy_worker_share(struct proxy_worker *worker, const struct server_share *share, hb_mono now);
/* What its client's hash rate makes a good difficulty at the pools; 0: not known. */
void proxy_worker_want_difficulty(struct proxy_worker *worker, double difficulty);
/* Failover, work of our own, and the end of connections that nobody needs. False if the client
 * should be sent away, because there is no work and shall be none. */
HB_MUST_USE bool proxy_worker_tick(struct proxy_worker *worker, hb_mono now);
/* As proxy_get_pools. */
size_t proxy_worker_get_pools(const struct proxy_worker *worker, struct miner_pool_stats *list,
                              size_t max);
/* The parts of the status that are kept here. */
void proxy_worker_get_status(const struct proxy_worker *worker, struct proxy_status *status);

#endif
