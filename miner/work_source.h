/* What gives work and takes shares: a Stratum pool, or whatever else speaks through this table.
 *
 * pools.c drives a list of sources and knows no kind of them. A kind is one table of functions,
 * chosen by the scheme of the URL in one row of work_source.c; its instances begin with a struct
 * work_source. Everything here is called on the loop's thread and returns at once.
 */
#ifndef HB_MINER_WORK_SOURCE_H
#define HB_MINER_WORK_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "ground/time.h"
#include "miner/engine.h"
#include "miner/heat/workers.h"
#include "miner/job.h"
#include "miner/stratum/latency.h"
#include "miner/stratum/share_event.h"

struct uv_loop_s;
struct work_source;

/* What became of the shares since the program started. */
struct share_accounts {
    uint64_t submitted, accepted, rejected[REJECT_COUNT];
    uint64_t dropped;           /* failed our own re-check                               */
    double accepted_difficulty; /* of the jobs of the accepted shares, added up          */
    double best_difficulty;     /* of a share                                            */
    struct latency latency;     /* from a submit to its answer                           */
    uint64_t blocks;            /* found by us and taken by our own node */
    /* Results that nobody pays for but that prove hashing all the same, and the sum of the
     * difficulties that were asked of them: what solo mining has instead of shares. */
    uint64_t hits;
    double hit_difficulty;
};

/* Called on the loop's thread, from within any of the kind's functions but `create`, or later. */
struct work_handler {
    /* Work on this from now on; `job` is the source's and holds until the next event. Its serial is
     * one of those that the options set aside. */
    void (*job)(void *ctx, struct work_source *source, const struct job *job);
    /* The connection ended or could not be made: the source is closed, its jobs are void. `why` is
     * one sentence that names the place. `retry_ms` is at least 0 if the other end itself asked to
     * come back after so long, else negative. */
    void (*lost)(void *ctx, struct work_source *source, const char *why, int64_t retry_ms);
    /* A share was sent, or answered. */
    void (*share)(void *ctx, struct work_source *source, const struct share_event *share);
    /* Something a person may want to read; `loud`: something is wrong. */
    void (*said)(void *ctx, struct work_source *source, bool loud, const char *text);
    void *ctx;
};

/* Serials that one source may give to jobs: from `first_serial` on, so many. */
#define WORK_SOURCE_SERIALS (UINT64_C(1) << 40)

struct work_source_options {
    const struct miner_pool *pool;     /* to be copied                      */
    const char *const *redirect_hosts; /* borrowed for the source's life    */
    size_t redirect_host_count;
    uint64_t first_serial;
    int connect_timeout_ms;
};

struct work_source_kind {
    /* Opens nothing yet. NULL, with `err` naming the key, if the URL is malformed or a text cannot
     * be sent. */
    struct work_source *(*create)(const struct work_source_options *options, struct uv_loop_s *loop,
                                  const struct work_handler *handler, struct hb_err *err);
    /* Closes and frees; what libuv still holds is freed when the loop runs. */
    void (*destroy)(struct work_source *source);
    /* Connects, unless that is done already; a failure is told by `lost`, possibly before this
     * returns. */
    void (*open)(struct work_source *source);
    /* Hangs up without a word to the handler. */
    void (*close)(struct work_source *source);
    /* Called a few times per second, open or not. */
    void (*tick)(struct work_source *source, hb_mono now);
    /* True from `open` to `close` or `lost`. */
    bool (*is_open)(const struct work_source *source);
    /* Verifies a candidate and submits it if it is a share; counts what becomes of it. */
    void (*submit)(struct work_source *source, const struct candidate *candidate, hb_mono now);
    /* Difficulty at which shares would come at a good pace; a kind may ignore it. */
    void (*want_difficulty)(struct work_source *source, double difficulty);
};

/* What every source begins with; pools.c reads it, the kind writes it. */
struct work_source {
    const struct work_source_kind *kind;
    struct work_handler handler;
    char where[300]; /* "host:port" that it is connected to or will be */
    bool reached;    /* the latest connection came to stand            */
    bool silent;     /* open, but it gave no new job for too long      */
    struct share_accounts accounts;
};

/* A source of the kind that the scheme of options->pool->url asks for; see `create`. */
HB_MUST_USE struct work_source *work_source_create(const struct work_source_options *options,
                                                   struct uv_loop_s *loop,
                                                   const struct work_handler *handler,
                                                   struct hb_err *err);

#endif
