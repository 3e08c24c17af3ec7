/* House time beside real time, and the measure of punctuality. */
#include "bridge/app/ticker.h"
#include "tests/support/test.h"

static void real_time_is_untouched(void **state)
{
    (void)state;
    struct ticker ticker;
    ticker_init(&ticker, 1, (hb_mono){5000}, (hb_wall){1000000});
    assert_int_equal(ticker.period_ms, 1000);
    assert_int_equal(ticker_mono(&ticker, (hb_mono){7000}).ms, 7000);
    assert_int_equal(ticker_wall(&ticker, (hb_mono){7000}, (hb_wall){42}).ms, 42);
}

static void demo_time_runs_faster(void **state)
{
    (void)state;
    struct ticker ticker;
    ticker_init(&ticker, 30, (hb_mono){5000}, (hb_wall){1000000});
    assert_int_equal(ticker.period_ms, 33);
    assert_int_equal(ticker_mono(&ticker, (hb_mono){6000}).ms, 5000 + 30000);
    assert_int_equal(ticker_wall(&ticker, (hb_mono){6000}, (hb_wall){1001000}).ms, 1030000);
    ticker_init(&ticker, 1000, (hb_mono){5000}, (hb_wall){0});
    assert_int_equal(ticker.period_ms, 10);
}

static void lateness_is_the_worst_seen(void **state)
{
    (void)state;
    struct ticker ticker;
    ticker_init(&ticker, 1, (hb_mono){1000}, (hb_wall){0});
    static const int64_t ticks[] = {2000, 3001, 4040, 5000, 6000};
    for (size_t i = 0; i < sizeof ticks / sizeof ticks[0]; i++) {
        ticker_tick(&ticker, (hb_mono){ticks[i]});
    }
    assert_near(ticker.worst_late_ms, 39, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_time_is_untouched),
        cmocka_unit_test(demo_time_runs_faster),
        cmocka_unit_test(lateness_is_the_worst_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
