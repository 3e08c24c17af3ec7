#include "tests/miner/pools_rig.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "plumbing/clock.h"
#include "tests/support/test.h"

enum { DEADLINE_MS = 20000 };

uv_loop_t loop;
static uv_timer_t ticker;
struct pools *pools;
uint64_t last_serial; /* of the job in hand; 0: none */
unsigned jobs_seen;
unsigned told, warned; /* messages to people */
char last_warning[400];
struct miner_pool every_pool;
struct pools_timing pools_timing;

static void on_job(void *ctx, const struct job *job)
{
    (void)ctx;
    last_serial = job == NULL ? 0 : job->serial;
    jobs_seen += job == NULL ? 0 : 1;
}

const struct pools_handler pools_handler = {.job = on_job};

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
    if (pools != NULL) {
        pools_tick(pools, clock_mono());
    }
}

void run_until(bool (*done)(const void *arg), const void *arg, const char *what)
{
    const uint64_t deadline_ns = uv_hrtime() + (uint64_t)DEADLINE_MS * 1000000;
    while (!done(arg)) {
        if (uv_hrtime() > deadline_ns) {
            struct pools_status status = {0};
            if (pools != NULL) {
                pools_get_status(pools, &status);
            }
            fail_msg("waited in vain for %s; last message: %s", what, status.message);
        }
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
}

int set_up(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    last_serial = 0;
    jobs_seen = 0;
    told = warned = 0;
    last_warning[0] = '\0';
    pools = NULL;
    pools_timing = (struct pools_timing){.first_wait_ms = 20,
                                         .most_wait_ms = 200,
                                         .idle_wait_ms = 100,
                                         .good_ms = 1000,
                                         .connect_timeout_ms = 5000,
                                         .patience_ms = 300};
    every_pool = (struct miner_pool){.user = "me", .password = "x", .tls_verify = true};
    assert_int_equal(uv_loop_init(&loop), 0);
    (void)uv_timer_init(&loop, &ticker);
    (void)uv_timer_start(&ticker, on_tick, 0, 2);
    return 0;
}

/* What a failed test left open must not keep the loop running. */
static void close_leftover(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (uv_is_closing(handle) == 0) {
        uv_close(handle, NULL);
    }
}

int tear_down(void **state)
{
    (void)state;
    pools_destroy(pools);
    pools = NULL;
    uv_walk(&loop, close_leftover, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void count_warning(void *ctx, enum log_level level, const char *part, const char *text)
{
    (void)ctx;
    (void)part;
    told += 1;
    warned += level <= LOG_LEVEL_WARN ? 1 : 0;
    (void)snprintf(last_warning, sizeof last_warning, "%s", level <= LOG_LEVEL_WARN ? text : "");
}

static const struct hb_log pool_log = {count_warning, NULL, LOG_LEVEL_INFO};

void start_pools(const char *const *urls)
{
    struct miner_pool list[4] = {{0}};
    struct miner_options options = {.pools = list};
    struct hb_err err = {0};
    for (; urls[options.pool_count] != NULL; options.pool_count++) {
        list[options.pool_count] = every_pool;
        list[options.pool_count].url = urls[options.pool_count];
    }
    pools = pools_create(&options, &pools_timing, &loop, &pool_log, &pools_handler, &err);
    if (pools == NULL) {
        fail_msg("%s", err.msg);
    }
}

const char *url_of(char *text, size_t size, const char *scheme, const char *host, int port)
{
    (void)snprintf(text, size, "%s%s:%d", scheme, host, port);
    return text;
}

bool works_for(const void *index)
{
    return last_serial >> 40 == *(const uint64_t *)index + 1;
}

void await_pool(uint64_t index)
{
    char what[40];
    (void)snprintf(what, sizeof what, "work of pool %u", (unsigned)index);
    run_until(works_for, &index, what);
}

bool says(const void *part)
{
    struct pools_status status;
    pools_get_status(pools, &status);
    return strstr(status.message, part) != NULL;
}

void await_message(const char *part)
{
    run_until(says, part, part);
}

bool reached(const void *counter)
{
    return *(const unsigned *)counter >= 1;
}

bool reached_many(const void *counter)
{
    return *(const unsigned *)counter >= 5;
}

bool warned_of(const void *part)
{
    return strstr(last_warning, part) != NULL;
}
