/* The thermostat in simulated rooms, beside a 0.3 K hysteresis thermostat. */
#include "bridge/control/thermostat.h"
#include "tests/core/world.h"
#include "tests/support/test.h"

static struct world world;
static const double day_s = 86400;

static struct thermostat_input input_at(int64_t at_ms)
{
    return (struct thermostat_input){.at = {at_ms},
                                     .target_c = 21,
                                     .room_c = 20,
                                     .outdoor_c = NAN,
                                     .max_w = 1000,
                                     .available_w = 1000,
                                     .learns = true};
}

static void test_answer_is_limited(void **state)
{
    (void)state;
    struct thermostat thermostat = {0};
    struct thermostat_input in = input_at(1000);
    assert_near(thermostat_step(&thermostat, &in), 450, 1e-9);
    in.room_c = 10;
    assert_near(thermostat_step(&thermostat, &in), 1000, 0);
    in.available_w = 300;
    assert_near(thermostat_step(&thermostat, &in), 300, 0);
    in.room_c = 30;
    assert_near(thermostat_step(&thermostat, &in), 0, 0);
    in.room_c = 10;
    in.available_w = -1;
    assert_near(thermostat_step(&thermostat, &in), 0, 0);
}

static void test_outdoor_comes_and_goes_without_a_bump(void **state)
{
    (void)state;
    struct thermostat thermostat = {0};
    struct thermostat_input in = input_at(1000);
    in.heat_loss_w_per_k = 20;
    in.room_c = 21;
    thermostat.integral_w = 380;
    const double before_w = thermostat_step(&thermostat, &in);
    in.outdoor_c = 2;
    assert_near(thermostat_step(&thermostat, &in), before_w, 1e-9);
    in.outdoor_c = NAN;
    assert_near(thermostat_step(&thermostat, &in), before_w, 1e-9);
}

static void test_first_outdoor_temperature_takes_nothing_away(void **state)
{
    (void)state;
    struct thermostat thermostat = {0};
    struct thermostat_input in = input_at(1000);
    in.heat_loss_w_per_k = 20;
    (void)thermostat_step(&thermostat, &in);
    in.outdoor_c = 6;
    assert_near(thermostat_step(&thermostat, &in), 750, 1e-9);
}

static void test_long_limits_wind_nothing_up(void **state)
{
    (void)state;
    struct thermostat thermostat = {0};
    struct thermostat_input in = input_at(1000);
    in.room_c = 15;
    for (int i = 0; i < 12 * 3600; i += 10) {
        in.at.ms += 10000;
        (void)thermostat_step(&thermostat, &in);
    }
    in.room_c = 21.2;
    assert_true(thermostat_step(&thermostat, &in) < 300);
}

static void test_gaps_and_rests_leave_the_integral(void **state)
{
    (void)state;
    struct thermostat thermostat = {0};
    struct thermostat_input in = input_at(1000);
    (void)thermostat_step(&thermostat, &in);
    thermostat.integral_w = 123;
    in.at.ms += 6 * 3600000;
    (void)thermostat_step(&thermostat, &in);
    assert_near(thermostat.integral_w, 123, 0);
    thermostat_rest(&thermostat, (hb_mono){in.at.ms + 300000});
    in.at.ms += 300000;
    (void)thermostat_step(&thermostat, &in);
    assert_near(thermostat.integral_w, 123, 0);
    in.at.ms -= 5000;
    (void)thermostat_step(&thermostat, &in);
    assert_near(thermostat.integral_w, 123, 0);
}

static void test_steps_of_any_length_integrate_alike(void **state)
{
    (void)state;
    double integral_w[2];
    for (int i = 0; i < 2; i++) {
        struct thermostat thermostat = {0};
        struct thermostat_input in = input_at(1000);
        for (int64_t t_ms = 0; t_ms <= 3600000; t_ms += i == 0 ? 1000 : 240000) {
            in.at.ms = 1000 + t_ms;
            (void)thermostat_step(&thermostat, &in);
        }
        integral_w[i] = thermostat.integral_w;
    }
    assert_near(integral_w[1], integral_w[0], 1);
}

struct plant {
    const char *name;
    double loss_w_per_k, outdoor_c, min_w, max_w, sample_s, step_k;
    int32_t min_on_s;
    double rmse_max_k, overshoot_max_k; /* asked of it */
};

/* A day at 18 °C, a step to 21, then a week: what remains after the first hours of the step, and
 * over the week. */
static void run_plant(const struct plant *plant, struct run *step, struct run *week)
{
    const struct house_room_parameters is = house_living_room();
    struct house_room room;
    world_init(&world);
    world.rooms[0].heat_loss_w_per_k = plant->loss_w_per_k;
    world.caps[0].min_w = plant->min_w;
    world.caps[0].max_w = plant->max_w;
    world.caps[0].min_on_ms = world.caps[0].min_off_ms = plant->min_on_s * 1000;
    house_room_init(&room, &is, 18);
    room.is.sensor_step_k = plant->step_k;
    world_start(&world);
    world_request(&world, (struct room_request){.fields = REQUEST_TARGET, .target_c = 18});
    (void)world_run(&world, &room, plant->outdoor_c, 4, day_s, 10, plant->sample_s, 0, 18);
    world_request(&world, (struct room_request){.fields = REQUEST_TARGET, .target_c = 21});
    *step = world_run(&world, &room, plant->outdoor_c, 4, day_s / 2, 10, plant->sample_s, 0, 21);
    *week =
        world_run(&world, &room, plant->outdoor_c, 4, 7 * day_s, 10, plant->sample_s, day_s, 21);
    world_end(&world);
}

/* A switch with 0.3 K of hysteresis in the same room, for comparison. */
static double hysteresis_rmse_k(const struct plant *plant)
{
    const struct house_room_parameters is = house_living_room();
    struct house_room room;
    house_room_init(&room, &is, 21);
    room.is.sensor_step_k = plant->step_k;
    double square_k2 = 0;
    bool on = false;
    for (double t_s = 0; t_s < 8 * day_s; t_s += 10) {
        if (fmod(t_s, plant->sample_s) < 10) {
            const double sensor_c = house_room_sensor_c(&room);
            on = on ? sensor_c < 21 + 0.3 : sensor_c < 21 - 0.3;
        }
        house_room_step(&room, on ? plant->max_w : 0,
                        plant->outdoor_c - 4 * cos(6.283185307179586 * (t_s / day_s - 0.125)), 10);
        square_k2 += t_s < day_s ? 0 : (room.air_c - 21) * (room.air_c - 21) * 10;
    }
    return sqrt(square_k2 / (7 * day_s));
}

static void test_better_than_hysteresis_in_every_room(void **state)
{
    (void)state;
    static const struct plant plants[] = {
        {"loss known", 25.7, 0, 15, 1500, 60, 0.1, 0, 0.15, 0.3},
        {"nothing known", 0, 0, 15, 1500, 60, 0.1, 0, 0.15, 0.4},
        {"loss badly wrong", 50, 0, 15, 1500, 60, 0.1, 0, 0.15, 0.4},
        {"miner 350 to 1200 W", 0, -2, 350, 1200, 60, 0.1, 1200, 0.15, 0.4},
        {"less than it can hold", 0, 12, 350, 1200, 60, 0.1, 1200, 0.15, 0.5},
        {"coarse sensor", 0, 0, 350, 1200, 600, 0.5, 1200, 0.25, 0.5},
        {"sensor every 10 min", 25.7, 0, 15, 1500, 600, 0.1, 0, 0.15, 0.3},
        {"switched panel", 0, 0, 1500, 1500, 60, 0.1, 0, 0.2, 0.5},
    };
    for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
        struct run step;
        struct run week;
        run_plant(&plants[i], &step, &week);
        const double hysteresis_k = hysteresis_rmse_k(&plants[i]);
        print_message("%-22s RMSE %.3f K (hysteresis %.3f), overshoot %.2f K, %.0f changes and "
                      "%.1f starts a day\n",
                      plants[i].name, week.rmse_k, hysteresis_k, step.overshoot_k,
                      (double)week.changes / 7, (double)week.starts / 7);
        assert_true(week.rmse_k < hysteresis_k);
        assert_true(week.rmse_k <= plants[i].rmse_max_k);
        assert_true(step.overshoot_k <= plants[i].overshoot_max_k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_is_limited),
        cmocka_unit_test(test_outdoor_comes_and_goes_without_a_bump),
        cmocka_unit_test(test_first_outdoor_temperature_takes_nothing_away),
        cmocka_unit_test(test_long_limits_wind_nothing_up),
        cmocka_unit_test(test_gaps_and_rests_leave_the_integral),
        cmocka_unit_test(test_steps_of_any_length_integrate_alike),
        cmocka_unit_test(test_better_than_hysteresis_in_every_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
