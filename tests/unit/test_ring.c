/* The bounded ring: order, both policies, counting, and two threads. */
#include <pthread.h>
#include <sched.h>

#include "plumbing/ring.h"
#include "tests/support/test.h"

static void oldest_gives_way(void **state)
{
    (void)state;
    struct ring *ring = ring_create(2, sizeof(int), RING_DROP_OLDEST, NULL, NULL);
    for (int i = 1; i <= 3; i++) {
        assert_true(ring_push(ring, &i));
    }
    int got = 0;
    assert_true(ring_pop(ring, &got));
    assert_int_equal(got, 2);
    assert_true(ring_pop(ring, &got));
    assert_int_equal(got, 3);
    assert_false(ring_pop(ring, &got));
    assert_int_equal(ring_lost(ring), 1);
    ring_destroy(ring);
}

static void count_wake(void *ctx)
{
    ++*(int *)ctx;
}

static void full_refuses_without_waking(void **state)
{
    (void)state;
    int wakes = 0;
    struct ring *ring = ring_create(2, sizeof(int), RING_REFUSE, count_wake, &wakes);
    int i = 7;
    assert_true(ring_push(ring, &i));
    assert_true(ring_push(ring, &i));
    assert_false(ring_push(ring, &i));
    assert_int_equal(wakes, 2);
    assert_int_equal(ring_lost(ring), 1);
    ring_destroy(ring);
}

enum { MESSAGES = 100000 };

static void *produce(void *arg)
{
    for (int i = 0; i < MESSAGES;) {
        if (ring_push(arg, &i)) {
            i++;
        } else {
            (void)sched_yield();
        }
    }
    return NULL;
}

static void order_survives_two_threads(void **state)
{
    (void)state;
    struct ring *ring = ring_create(16, sizeof(int), RING_REFUSE, NULL, NULL);
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, ring), 0);
    for (int expected = 0; expected < MESSAGES;) {
        int got = -1;
        if (ring_pop(ring, &got)) {
            assert_int_equal(got, expected);
            expected++;
        } else {
            (void)sched_yield();
        }
    }
    (void)pthread_join(producer, NULL);
    ring_destroy(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_gives_way),
        cmocka_unit_test(full_refuses_without_waking),
        cmocka_unit_test(order_survives_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
