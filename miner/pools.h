/* Several sources of work, pools for short, in order of preference: failover, patience, return.
 *
 * A pool that gives work is used; meanwhile every better one is tried again from time to time and
 * taken as soon as it gives work itself. A pool that has given none after `patience_ms`, or no new
 * job for too long, keeps its chance and its connection, but the next one is tried beside it. Every
 * change of the pool in use has a reason, which is told and logged. Waits double from
 * `first_wait_ms` to `most_wait_ms`, with jitter, and start over after a pool has been good for
 * `good_ms`, or works after it could not be reached. While there is no work at all, one that cannot
 * be reached is waited for no longer than `idle_wait_ms`. Each cause of a loss is logged once until
 * the pool is good again.
 */
#ifndef HB_MINER_POOLS_H
#define HB_MINER_POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "ground/time.h"
#include "miner/engine.h"
#include "miner/heat/workers.h"
#include "miner/job.h"
#include "miner/work_source.h"
#include "plumbing/log.h"

struct uv_loop_s;
struct pools;

struct pools_timing {
    int first_wait_ms, most_wait_ms, idle_wait_ms, good_ms, connect_timeout_ms, patience_ms;
};

/* 1 s to 60 s, at most 8 s when idle, good after 60 s, 10 s to connect, the next one after 5 s. */
struct pools_timing pools_default_timing(void);

/* What the owner is told, on the loop's thread: work, or that there is none (NULL). The serials of
 * jobs are unique and never 0. */
struct pools_handler {
    void (*job)(void *ctx, const struct job *job);
    /* A share was sent to the pool at `where`, or answered by it. NULL: nobody asks. */
    void (*share)(void *ctx, const char *where, const struct share_event *share);
    void *ctx;
};

struct pools_status {
    enum miner_link link;
    char where[128];   /* "host:port" of the pool in use or being tried */
    char message[200]; /* last cause of a loss, or the pool's message   */
    double difficulty; /* of the current job; 0 without one             */
    char reason[200];  /* why this pool, or none, is in use             */
    uint64_t changes;  /* of the pool in use, losses included           */
};

/* Opens nothing yet: the first pools_tick does. Pools and lists are copied, but the texts of
 * `redirect_hosts` are borrowed. NULL, with `err`, if a pool is malformed. */
HB_MUST_USE struct pools *pools_create(const struct miner_options *options,
                                       const struct pools_timing *timing, struct uv_loop_s *loop,
                                       const struct hb_log *log,
                                       const struct pools_handler *handler, struct hb_err *err);
/* Hangs up; the loop must still run once. NULL is allowed. */
void pools_destroy(struct pools *pools);
/* Call it a few times per second. */
void pools_tick(struct pools *pools, hb_mono now);
void pools_want_difficulty(struct pools *pools, double difficulty);
void pools_submit(struct pools *pools, const struct candidate *candidate, hb_mono now);
void pools_get_status(const struct pools *pools, struct pools_status *status);
/* What the pool in use keeps of the reward, 0 to 1, as configured; 0 without one. */
double pools_fee_ratio(const struct pools *pools);
/* The shares of all pools, without their latency. */
void pools_get_accounts(const struct pools *pools, struct share_accounts *sum);
/* As miner_get_pools. */
size_t pools_get_list(const struct pools *pools, struct miner_pool_stats *list, size_t max);

#endif
