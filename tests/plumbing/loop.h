/* A libuv loop for tests: run until something has happened, however slow the machine is. */
#ifndef HB_TESTS_PLUMBING_LOOP_H
#define HB_TESTS_PLUMBING_LOOP_H

#include <stdbool.h>
#include <uv.h>

/* Runs the loop until `*flag`; fails the test after a minute. */
void loop_until(uv_loop_t *loop, const bool *flag);
/* Runs the loop for about so long, to see that something does not happen. */
void loop_for(uv_loop_t *loop, unsigned ms);
/* Runs the loop until it has nothing left, and closes it: fails if a handle was forgotten. */
void loop_end(uv_loop_t *loop);

#endif
