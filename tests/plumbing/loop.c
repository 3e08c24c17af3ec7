#include "tests/plumbing/loop.h"

#include "tests/support/test.h"

enum { PATIENCE_MS = 60000 };

static void on_time(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* Timers run first in a turn of the loop: what they fulfil must not be waited for any more. */
static void before_waiting(uv_prepare_t *prepare)
{
    const bool *flag = prepare->data;
    if (*flag) {
        uv_stop(prepare->loop);
    }
}

static bool run_until(uv_loop_t *loop, const bool *flag, unsigned ms)
{
    uv_timer_t timer;
    uv_prepare_t prepare;
    bool late = false;
    (void)uv_timer_init(loop, &timer);
    timer.data = &late;
    (void)uv_timer_start(&timer, on_time, ms, 0);
    (void)uv_prepare_init(loop, &prepare);
    prepare.data = flag == NULL ? &late : (void *)(uintptr_t)flag;
    (void)uv_prepare_start(&prepare, before_waiting);
    while (!late && (flag == NULL || !*flag)) {
        (void)uv_run(loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    uv_close((uv_handle_t *)&prepare, NULL);
    (void)uv_run(loop, UV_RUN_NOWAIT);
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
