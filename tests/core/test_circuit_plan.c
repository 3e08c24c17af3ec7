/* The best combination, against trying them all. */
#include <string.h>

#include "bridge/control/circuit_plan.h"
#include "tests/core/random.h"
#include "tests/support/test.h"

static struct circuit_scratch scratch;

static double best_value; /* of try_all */

static void try_all(const struct circuit_choice *choices, size_t count, double left_w, double value)
{
    if (count == 0) {
        best_value = fmax(best_value, value);
        return;
    }
    for (size_t k = 0; k < choices->count; k++) {
        const struct circuit_option *option = &choices->option[k];
        if (option->cost_w <= left_w) {
            try_all(choices + 1, count - 1, left_w - option->cost_w, value + option->value);
        }
    }
}

static void test_nothing_is_better(void **state)
{
    (void)state;
    struct random random = random_seeded(1);
    size_t fitting = 0;
    for (int round = 0; round < 20000; round++) {
        struct circuit_choice choices[5];
        size_t chosen[5];
        const size_t count = 1 + random_below(&random, 5);
        for (size_t i = 0; i < count; i++) {
            choices[i].count = 1 + random_below(&random, 5);
            for (size_t k = 0; k < choices[i].count; k++) {
                choices[i].option[k] = (struct circuit_option){
                    .cost_w = random_below(&random, 200), .value = random_between(&random, 0, 100)};
            }
        }
        const double budget_w = random_below(&random, 700);
        best_value = -INFINITY;
        try_all(choices, count, budget_w, 0);
        const bool fits = circuit_plan(&scratch, choices, count, budget_w, chosen);
        assert_int_equal(fits, isfinite(best_value));
        double cost_w = 0;
        double value = 0;
        for (size_t i = 0; fits && i < count; i++) {
            assert_true(chosen[i] < choices[i].count);
            cost_w += choices[i].option[chosen[i]].cost_w;
            value += choices[i].option[chosen[i]].value;
        }
        if (fits) {
            fitting++;
            assert_true(cost_w <= budget_w);
            assert_near(value, best_value, 1e-9);
        }
    }
    assert_in_range(fitting, 10000, 19999);
}

static struct circuit_choice on_or_off(double cost_w)
{
    return (struct circuit_choice){.option = {{cost_w, cost_w, cost_w}, {0, 0, 0}}, .count = 2};
}

static void test_sixteen_of_many_kilowatts(void **state)
{
    (void)state;
    struct circuit_choice choices[CIRCUIT_HEATERS];
    size_t chosen[CIRCUIT_HEATERS];
    for (size_t i = 0; i < CIRCUIT_HEATERS; i++) {
        choices[i] = on_or_off(3510);
    }
    size_t on = 0;
    assert_true(circuit_plan(&scratch, choices, CIRCUIT_HEATERS, 36000, chosen));
    for (size_t i = 0; i < CIRCUIT_HEATERS; i++) {
        on += chosen[i] == 0;
    }
    assert_int_equal(on, 10); /* 35.1 kW, counted in steps of 5 W */
    assert_true(circuit_plan(&scratch, choices, CIRCUIT_HEATERS, 1e300, chosen));
    for (size_t i = 0; i < CIRCUIT_HEATERS; i++) {
        assert_int_equal(chosen[i], 0);
    }
}

static void test_limits_are_reached_to_the_watt(void **state)
{
    (void)state;
    size_t chosen[2];
    const struct circuit_choice choices[] = {on_or_off(1472), on_or_off(1472)};
    assert_true(circuit_plan(&scratch, choices, 2, 2944, chosen));
    assert_true(chosen[0] == 0 && chosen[1] == 0);
    assert_true(circuit_plan(&scratch, choices, 2, 2943, chosen));
    assert_true(chosen[0] + chosen[1] == 1);
}

static void test_what_can_never_fit(void **state)
{
    (void)state;
    size_t chosen[2] = {7, 7};
    struct circuit_choice choices[] = {on_or_off(100), on_or_off(INFINITY)};
    assert_true(circuit_plan(&scratch, choices, 2, 100, chosen));
    assert_true(chosen[0] == 0 && chosen[1] == 1);
    choices[1].option[1].cost_w = INFINITY;
    assert_false(circuit_plan(&scratch, choices, 2, 1e9, chosen));
    choices[1].option[1].cost_w = NAN;
    assert_false(circuit_plan(&scratch, choices, 2, 1e9, chosen));
    assert_false(circuit_plan(&scratch, choices, 1, -1, chosen));
    assert_false(circuit_plan(&scratch, choices, 1, NAN, chosen));
    assert_true(circuit_plan(&scratch, choices, 0, 0, chosen));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_better),
        cmocka_unit_test(test_sixteen_of_many_kilowatts),
        cmocka_unit_test(test_limits_are_reached_to_the_watt),
        cmocka_unit_test(test_what_can_never_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
