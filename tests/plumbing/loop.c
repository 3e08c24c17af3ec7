#include "tests/plumbing/loop.h"

#include "tests/support/test.h"

enum { PATIENCE_MS = 60000 };

static void on_time(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void stop_timer(uv_loop_t *loop, uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    (void)uv_run(loop, UV_RUN_NOWAIT);
}

static bool run_until(uv_loop_t *loop, const bool *flag, unsigned ms)
{
    uv_timer_t timer;
    bool late = false;
    (void)uv_timer_init(loop, &timer);
    timer.data = &late;
    (void)uv_timer_start(&timer, on_time, ms, 0);
    while (!late && (flag == NULL || !*flag)) {
        (void)uv_run(loop, UV_RUN_ONCE);
    }
    stop_timer(loop, &timer);
    return !late;
}

void loop_until(uv_loop_t *loop, const bool *flag)
{
    if (!run_until(loop, flag, PATIENCE_MS)) {
        fail_msg("nothing happened within a minute");
    }
}

void loop_for(uv_loop_t *loop, unsigned ms)
{
    (void)run_until(loop, NULL, ms);
}

void loop_end(uv_loop_t *loop)
{
    (void)uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}
