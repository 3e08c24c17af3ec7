#include "bridge/control/safety.h"
#include "tests/support/test.h"

static const hb_mono start = {1000};

static struct safety_room_input room_at(double room_c, int64_t sampled_ms, int64_t now_ms)
{
    return (struct safety_room_input){
        .now = {now_ms},
        .started = start,
        .room_c = reading_make(room_c, (hb_mono){sampled_ms}, PROVENANCE_METERED),
        .stale_after_ms = 900000,
        .too_hot_c = 30,
    };
}

static enum reason room_reason(struct safety_room *safety, struct safety_room_input in)
{
    enum reason why = REASON_COUNT;
    return safety_room_allows(safety, &in, &why) ? REASON_COUNT : why;
}

static void test_room_needs_a_fresh_temperature(void **state)
{
    (void)state;
    struct safety_room safety = {0};
    assert_int_equal(room_reason(&safety, room_at(20, 2000, 902000)), REASON_COUNT);
    assert_int_equal(room_reason(&safety, room_at(20, 2000, 902001)), REASON_ROOM_STALE);
    assert_int_equal(room_reason(&safety, room_at(NAN, 2000, 2000)), REASON_STARTING);
    assert_int_equal(room_reason(&safety, room_at(NAN, 0, 900999)), REASON_STARTING);
    assert_int_equal(room_reason(&safety, room_at(NAN, 0, 901000)), REASON_ROOM_NEVER_SEEN);
}

static void test_room_that_is_not_believed(void **state)
{
    (void)state;
    struct safety_room safety = {0};
    struct safety_room_input in = room_at(20, 2000, 3000);
    in.doubting = true;
    assert_int_equal(room_reason(&safety, in), REASON_COUNT); /* the last good one still holds */
    in.now.ms = 2000000;
    assert_int_equal(room_reason(&safety, in), REASON_ROOM_IMPLAUSIBLE);
}

static void test_room_too_hot_with_hysteresis(void **state)
{
    (void)state;
    struct safety_room safety = {0};
    assert_int_equal(room_reason(&safety, room_at(29.99, 2000, 3000)), REASON_COUNT);
    assert_int_equal(room_reason(&safety, room_at(30, 2000, 3000)), REASON_ROOM_TOO_HOT);
    assert_int_equal(room_reason(&safety, room_at(29, 2000, 3000)), REASON_ROOM_TOO_HOT);
    assert_int_equal(room_reason(&safety, room_at(28.99, 2000, 3000)), REASON_COUNT);
    assert_int_equal(room_reason(&safety, room_at(29.5, 2000, 3000)), REASON_COUNT);
}

static void test_limit_that_is_no_number_forbids(void **state)
{
    (void)state;
    struct safety_room safety = {0};
    struct safety_room_input in = room_at(20, 2000, 3000);
    in.too_hot_c = NAN;
    assert_int_equal(room_reason(&safety, in), REASON_ROOM_TOO_HOT);
}

static struct heater_state healthy(double chip_c, double board_c, int64_t at_ms)
{
    return (struct heater_state){
        .link = HEATER_LINK_OK,
        .at = {at_ms},
        .chip_c = reading_make(chip_c, (hb_mono){at_ms}, PROVENANCE_REPORTED),
        .board_c = reading_make(board_c, (hb_mono){at_ms}, PROVENANCE_REPORTED),
    };
}

static enum reason heater_reason(struct safety_heater *safety, struct heater_state heater,
                                 int64_t now_ms)
{
    enum reason why = REASON_COUNT;
    const struct safety_heater_input in = {.now = {now_ms},
                                           .started = start,
                                           .state = &heater,
                                           .stale_after_ms = 60000,
                                           .too_hot_c = 85};
    return safety_heater_allows(safety, &in, &why) ? REASON_COUNT : why;
}

static void test_heater_must_answer(void **state)
{
    (void)state;
    struct safety_heater safety = {0};
    struct heater_state heater = healthy(50, 50, 2000);
    assert_int_equal(heater_reason(&safety, heater, 62000), REASON_COUNT);
    assert_int_equal(heater_reason(&safety, heater, 62001), REASON_HEATER_UNREACHABLE);
    heater.link = HEATER_LINK_LOST;
    assert_int_equal(heater_reason(&safety, heater, 2000), REASON_HEATER_UNREACHABLE);
    heater.link = HEATER_LINK_UNKNOWN;
    assert_int_equal(heater_reason(&safety, heater, 30999), REASON_STARTING);
    assert_int_equal(heater_reason(&safety, heater, 31000), REASON_HEATER_UNREACHABLE);
    heater = healthy(50, 50, 0);
    assert_int_equal(heater_reason(&safety, heater, 2000), REASON_HEATER_UNREACHABLE);
}

static void test_heater_too_hot_by_chip_or_board(void **state)
{
    (void)state;
    struct safety_heater safety = {0};
    assert_int_equal(heater_reason(&safety, healthy(84.9, 20, 2000), 3000), REASON_COUNT);
    assert_int_equal(heater_reason(&safety, healthy(85, 20, 2000), 3000), REASON_HEATER_TOO_HOT);
    assert_int_equal(heater_reason(&safety, healthy(80, NAN, 2000), 3000), REASON_HEATER_TOO_HOT);
    assert_int_equal(heater_reason(&safety, healthy(79.9, NAN, 2000), 3000), REASON_COUNT);
    assert_int_equal(heater_reason(&safety, healthy(NAN, 90, 2000), 3000), REASON_HEATER_TOO_HOT);
    /* It fell silent about its temperature while hot: still off. */
    assert_int_equal(heater_reason(&safety, healthy(NAN, NAN, 2000), 3000), REASON_HEATER_TOO_HOT);
    assert_int_equal(heater_reason(&safety, healthy(60, NAN, 2000), 3000), REASON_COUNT);
    assert_int_equal(heater_reason(&safety, healthy(NAN, NAN, 2000), 3000), REASON_COUNT);
}

static void test_gate_only_lowers(void **state)
{
    (void)state;
    const struct heater_caps caps = {.min_w = 100, .max_w = 1000};
    assert_near(safety_gate_w(&caps, INFINITY, 500), 500, 0);
    assert_near(safety_gate_w(&caps, INFINITY, 5000), 1000, 0);
    assert_near(safety_gate_w(&caps, 300, 500), 300, 0);
    assert_near(safety_gate_w(&caps, 99, 500), 0, 0);
    assert_near(safety_gate_w(&caps, INFINITY, 99), 0, 0);
    assert_near(safety_gate_w(&caps, INFINITY, INFINITY), 1000, 0);
}

static void test_gate_closes_on_nonsense(void **state)
{
    (void)state;
    const struct heater_caps good = {.min_w = 100, .max_w = 1000};
    assert_near(safety_gate_w(&good, INFINITY, NAN), 0, 0);
    assert_near(safety_gate_w(&good, NAN, 500), 0, 0);
    assert_near(safety_gate_w(&good, INFINITY, -500), 0, 0);
    const struct heater_caps bad[] = {{.min_w = NAN, .max_w = 1000},
                                      {.min_w = 0, .max_w = 1000},
                                      {.min_w = 100, .max_w = NAN},
                                      {.min_w = 100, .max_w = 50},
                                      {.min_w = 1, .max_w = INFINITY}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_near(safety_gate_w(&bad[i], INFINITY, 500), 0, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_needs_a_fresh_temperature),
        cmocka_unit_test(test_room_that_is_not_believed),
        cmocka_unit_test(test_room_too_hot_with_hysteresis),
        cmocka_unit_test(test_limit_that_is_no_number_forbids),
        cmocka_unit_test(test_heater_must_answer),
        cmocka_unit_test(test_heater_too_hot_by_chip_or_board),
        cmocka_unit_test(test_gate_only_lowers),
        cmocka_unit_test(test_gate_closes_on_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
