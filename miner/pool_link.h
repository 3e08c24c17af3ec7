/* One pool: its connection and its session, joined. Shares pass the OpenSSL check in here. */
#ifndef HB_MINER_POOL_LINK_H
#define HB_MINER_POOL_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "ground/time.h"
#include "miner/engine.h"
#include "miner/line_buffer.h"
#include "miner/pool_url.h"
#include "miner/session.h"
#include "miner/transport_uv.h"
#include "miner/workers.h"

/* What became of the shares of all pools. */
struct pool_accounts {
    uint64_t accepted, rejected[REJECT_COUNT], dropped;
    double best_difficulty;
};

struct pool_link;

/* Called on the loop's thread. */
struct pool_link_handler {
    void (*job)(void *ctx, struct pool_link *link, const struct job *job);
    /* The connection ended or could not be made; all jobs are void. `retry_ms` is at least 0 if the
     * pool itself asked to come back after so long, else negative. */
    void (*lost)(void *ctx, struct pool_link *link, const char *why, int64_t retry_ms);
    /* Something a person may want to read. */
    void (*said)(void *ctx, struct pool_link *link, bool loud, const char *text);
    void *ctx;
};

struct pool_link {
    struct uv_loop_s *loop;
    struct pool_link_handler handler;
    struct pool_accounts *accounts;
    struct pool_url url, target; /* as configured; for the next connection */
    char *user, *password, *ca_file;
    bool tls_verify;
    int connect_timeout_ms;
    struct transport *transport; /* NULL: down */
    bool reached;                /* the latest connection came to stand */
    struct session session;
    struct line_buffer lines;
};

struct pool_link_options {
    const struct miner_pool *pool;     /* copied */
    const char *const *redirect_hosts; /* borrowed for the link's life */
    size_t redirect_host_count;
    uint64_t first_serial;
    int connect_timeout_ms;
};

/* False, with `err`, if the pool's URL is malformed or a text is too long for a request. */
HB_MUST_USE bool pool_link_init(struct pool_link *link, const struct pool_link_options *options,
                                struct uv_loop_s *loop, const struct pool_link_handler *handler,
                                struct pool_accounts *accounts, struct hb_err *err);
/* Legal after a failed init. */
void pool_link_fini(struct pool_link *link);

/* Connects, unless that is done already; a failure is told by `lost`, possibly before this returns.
 */
void pool_link_open(struct pool_link *link);
/* Hangs up without a word to the handler. */
void pool_link_close(struct pool_link *link);
void pool_link_tick(struct pool_link *link, hb_mono now);
bool pool_link_is_open(const struct pool_link *link);
/* True when the pool has given work. */
bool pool_link_has_job(const struct pool_link *link);
/* Verifies a candidate and submits it if it is a share. */
void pool_link_submit(struct pool_link *link, const struct candidate *candidate, hb_mono now);

#endif
