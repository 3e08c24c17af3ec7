/* Pools on the test's own loop with short times, and waiting for what they tell. */
#ifndef HB_TESTS_MINER_POOLS_RIG_H
#define HB_TESTS_MINER_POOLS_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "miner/engine.h"
#include "miner/pools.h"

extern uv_loop_t loop;
extern struct pools *pools;
extern const struct pools_handler pools_handler; /* keeps what follows up to date */
extern uint64_t last_serial;                     /* of the job in hand; 0: none   */
extern unsigned jobs_seen;
extern unsigned told, warned; /* messages to people */
extern char last_warning[400];
extern struct pools_timing pools_timing; /* short; of start_pools */
extern struct miner_pool every_pool;     /* what start_pools gives each pool beside its URL */

int set_up(void **state);
int tear_down(void **state);
#define POOL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* One URL per pool; NULL ends the list. */
void start_pools(const char *const *urls);
const char *url_of(char *text, size_t size, const char *scheme, const char *host, int port);

/* Runs the loop until `done(arg)`; fails the test after 20 s. */
void run_until(bool (*done)(const void *arg), const void *arg, const char *what);
/* Waits for work of the pool with that index. */
void await_pool(uint64_t index);
/* Waits until the pools' message contains `part`. */
void await_message(const char *part);

/* For run_until: the job in hand is of pool *index; a counter has reached 1, or 5; a message or the
 * latest warning contains a text. */
bool works_for(const void *index);
bool reached(const void *counter);
bool reached_many(const void *counter);
bool says(const void *part);
bool warned_of(const void *part);

#endif
