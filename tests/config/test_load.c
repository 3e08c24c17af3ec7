/* What a good configuration comes to: every value in its unit, defaults, printing, a second load.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/config/load.h"
#include "plumbing/log.h"
#include "tests/config/drivers.h"

static struct config_problems problems;

static struct config *load_or_fail(const char *text)
{
    struct config *config =
        config_load_text(text, strlen(text), "c.yaml", NULL, test_drivers, &problems);
    if (config == NULL) {
        config_problems_print(&problems, stderr);
        fail_msg("refused");
    }
    return config;
}

static char *print(const struct config *config)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    config_print(config, test_drivers, out);
    (void)fclose(out);
    return text;
}

static void test_a_home(void **state)
{
    (void)state;
    char *text = test_read_file("tests/config/home.yaml", NULL);
    struct config *config = load_or_fail(text);
    free(text);
    assert_int_equal(problems.count, 0);

    assert_string_equal(config->mqtt.url, "mqtt://127.0.0.1:1883");
    assert_string_equal(config->mqtt.username, "heat");
    assert_string_equal(config->mqtt.password, "geheim");
    assert_string_equal(config->mqtt.ca_file, "/x");
    assert_true(config->mqtt.tls_verify);
    assert_int_equal(config->mqtt.keepalive_s, 30);
    assert_int_equal(config->mqtt.client, MQTT_BACKEND_MOSQUITTO);
    assert_int_equal(config->homeassistant.discovery, DISCOVERY_DEVICE);
    assert_int_equal(config->web.port, 8377);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_string_equal(config->outdoor.topic, "weather/outdoor");
    assert_int_equal(config->outdoor.stale_after_ms, 7200000);
    assert_int_equal(config->mining.threads, 1);
    assert_int_equal(config->mining.no_pool, NO_POOL_HEAT);
    assert_int_equal(config->mining.redirect_host_count, 1);
    assert_string_equal(config->mining.redirect_hosts[0], "pool.example");
    assert_int_equal(config->mining.pool_count, 1);
    assert_string_equal(config->mining.pools[0].url, "stratum+tcp://127.0.0.1:3333");
    assert_string_equal(config->mining.pools[0].user, "test.living");
    assert_string_equal(config->mining.pools[0].password, "x");
    assert_true(config->mining.pools[0].tls_verify);

    assert_int_equal(config->room_count, 1);
    const struct config_room *room = &config->rooms[0];
    assert_string_equal(room->id, "living_room");
    assert_string_equal(room->temperature.topic, "test/living_room");
    assert_string_equal(room->temperature.value, "temperature");
    assert_int_equal(room->temperature.stale_after_ms, 900000);
    assert_string_equal(room->humidity.value, "humidity");
    assert_string_equal(room->window.topic, "test/window");
    assert_int_equal(room->preset_count, 5);
    assert_string_equal(room->presets[3].name, "sleep");
    assert_near(room->presets[3].target_c, 18, 0);
    assert_near(room->max_target_c, 30, 0);
    assert_near(room->frost_c, 7, 0);
    assert_near(room->too_hot_c, 28, 0);
    assert_near(room->heat_loss_w_per_k, 25, 0);
    assert_near(room->power_limit_w, 1200, 0);
    assert_int_equal(room->window_delay_ms, 30000);
    assert_int_equal(room->heater_count, 1);
    assert_int_equal(room->heaters[0], 0);

    assert_int_equal(config->heater_count, 1);
    const struct config_heater *heater = &config->heaters[0];
    assert_string_equal(heater->id, "miner");
    assert_string_equal(heater->driver, "engine");
    assert_int_equal(heater->room, 0);
    assert_near(heater->max_w, 400, 0);
    assert_near(heater->min_w, 10, 0);
    assert_int_equal(heater->min_on_ms, 0);
    assert_near(heater->too_hot_c, 90, 0);
    assert_int_equal(heater->lease_ms, 30000);
    assert_int_equal(heater->on_exit, ON_EXIT_OFF);
    config_free(config);
}

static const char minimal[] =
    "mqtt: {url: \"mqtt://h\"}\n"
    "rooms: {living_room: {temperature: {topic: t}, heaters: [my_plug]}}\n"
    "heaters: {my_plug: {driver: plug, url: \"http://p\"}}\n";

static void test_the_least_that_works(void **state)
{
    (void)state;
    struct config *config = load_or_fail(minimal);
    assert_int_equal(problems.count, 0);
    assert_string_equal(config->mqtt.base_topic, "heatbridge");
    assert_true(config->mqtt.tls_verify);
    assert_string_equal(config->homeassistant.prefix, "homeassistant");
    assert_string_equal(config->homeassistant.status_topic, "homeassistant/status");
    assert_string_equal(config->web.listen, "127.0.0.1");
    assert_string_equal(config->outdoor.topic, "");
    const struct config_room *room = &config->rooms[0];
    assert_string_equal(room->name, "Living room");
    assert_string_equal(room->area, "Living room");
    assert_string_equal(room->humidity.topic, "");
    assert_true(room->demand.source.stale_after_ms <= 0); /* none is taken */
    assert_int_equal(room->preset_count, 5);
    assert_int_equal(room->schedule_count, 0);
    assert_near(room->frost_c, 7, 0);
    assert_near(room->power_limit_w, 0, 0);
    const struct config_heater *heater = &config->heaters[0];
    assert_string_equal(heater->name, "My plug");
    assert_near(heater->max_w, 0, 0);
    assert_int_equal(heater->min_on_ms, -1);
    assert_int_equal(heater->min_off_ms, -1);
    const struct plug_options *options = heater->options;
    assert_string_equal(options->url, "http://p");
    assert_string_equal(options->token, "");
    assert_int_equal(options->tiers.count, 2);
    assert_near(options->tiers.w[1], 1000, 0);
    assert_near(options->rated_w, 0, 0);
    assert_near(options->rise_k, 45, 0);
    assert_int_equal(options->settle_ms, 10000);
    assert_int_equal(options->retries, -1);
    assert_int_equal(options->meter, 1);
    assert_true(options->metered);
    config_free(config);
}

/* Loads `minimal` with `key: value` in its room. */
static struct config *load_room(const char *line)
{
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "mqtt: {url: \"mqtt://h\"}\nrooms:\n  a:\n    temperature: {topic: t}\n"
                   "    heaters: []\n    %s\n",
                   line);
    return load_or_fail(text);
}

static void assert_room_number(const char *line, size_t offset, double expected)
{
    struct config *config = load_room(line);
    double number = 0;
    memcpy(&number, (const char *)&config->rooms[0] + offset, sizeof number);
    assert_near(number, expected, 1e-9);
    config_free(config);
}

static void test_units(void **state)
{
    (void)state;
    const size_t too_hot = offsetof(struct config_room, too_hot_c);
    const size_t limit = offsetof(struct config_room, power_limit_w);
    assert_room_number("too_hot: 30", too_hot, 30);
    assert_room_number("too_hot: 30.5 °C", too_hot, 30.5);
    assert_room_number("too_hot: 30.5°C", too_hot, 30.5);
    assert_room_number("too_hot: \"86 °F\"", too_hot, 30);
    assert_room_number("too_hot: +3e1", too_hot, 30);
    assert_room_number("power_limit: 900", limit, 900);
    assert_room_number("power_limit: 900 W", limit, 900);
    assert_room_number("power_limit: 1.2 kW", limit, 1200);
    assert_room_number("power_limit: \" 1.2kW \"", limit, 1200);
    assert_room_number("heat_loss: 25", offsetof(struct config_room, heat_loss_w_per_k), 25);
    assert_room_number("band: {below: 0.3 K}", offsetof(struct config_room, band_below_c), 0.3);
    static const struct {
        const char *text;
        int64_t ms;
    } durations[] = {{"500 ms", 500},  {"30s", 30000},     {"1.5 min", 90000},
                     {"1 h", 3600000}, {"0.01 d", 864000}, {"0 s", 0}};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "window_delay: %s", durations[i].text);
        struct config *config = load_room(line);
        assert_int_equal(config->rooms[0].window_delay_ms, durations[i].ms);
        config_free(config);
    }
    struct config *config = load_room("frost: off");
    assert_true(isnan(config->rooms[0].frost_c));
    config_free(config);
    config = load_room("presets: {warm: 70 °F}");
    assert_near(config->rooms[0].presets[0].target_c, 21.111111111, 1e-6);
    config_free(config);
}

static void assert_slot(const struct config_room *room, size_t index, int32_t day, int32_t hour,
                        const char *preset)
{
    assert_int_equal(room->schedule[index].week_minute, day * 1440 + hour * 60);
    assert_string_equal(room->presets[room->schedule[index].preset].name, preset);
}

/* The more specific key rules the whole day; times come out in order whatever theirs was. */
static void test_schedule(void **state)
{
    (void)state;
    struct config *config =
        load_room("schedule: {sat: {\"9:00\": boost}, weekend: {\"08:00\": eco}, "
                  "daily: {\"22:00\": sleep, \"06:00\": home}}");
    const struct config_room *room = &config->rooms[0];
    assert_int_equal(room->schedule_count, 12);
    assert_slot(room, 0, 0, 6, "home");
    assert_slot(room, 1, 0, 22, "sleep");
    assert_slot(room, 9, 4, 22, "sleep");
    assert_slot(room, 10, 5, 9, "boost");
    assert_slot(room, 11, 6, 8, "eco");
    config_free(config);
}

static const char fused[] = "mqtt: {url: \"mqtt://h\"}\n"
                            "rooms: {hall: {temperature: {topic: t}, heaters: [a, b, c]}}\n"
                            "heaters:\n"
                            "  a: {driver: plug, url: \"http://a\", circuit: f16}\n"
                            "  b: {driver: plug, url: \"http://b\", circuit: cellar}\n"
                            "  c: {driver: plug, url: \"http://c\"}\n"
                            "circuits:\n"
                            "  cellar: {max_power: 2.5 kW, load: 100 %}\n"
                            "  f16: {name: Fuse 3, fuse: 16 A, meter: {topic: m, value: power}}\n";

static void test_circuits(void **state)
{
    (void)state;
    struct config *config = load_or_fail(fused);
    assert_int_equal(problems.count, 0);
    assert_int_equal(config->circuit_count, 2);
    assert_string_equal(config->circuits[0].id, "cellar");
    assert_string_equal(config->circuits[0].name, "Cellar");
    assert_near(config->circuits[0].limit_w, 2500, 0);
    assert_string_equal(config->circuits[0].meter.topic, "");
    assert_string_equal(config->circuits[1].name, "Fuse 3");
    assert_near(config->circuits[1].limit_w, 2944, 1e-9); /* 16 A at 230 V, 80 % of it */
    assert_string_equal(config->circuits[1].meter.topic, "m");
    assert_string_equal(config->circuits[1].meter.value, "power");
    assert_int_equal(config->circuits[1].meter.stale_after_ms, 60000);
    assert_int_equal(config->heaters[0].circuit, 1);
    assert_int_equal(config->heaters[1].circuit, 0);
    assert_int_equal(config->heaters[2].circuit, INDEX_NONE);
    config_free(config);
}

/* What is printed loads again and prints the same. */
static void test_round_trip(void **state)
{
    (void)state;
    char *home = test_read_file("tests/config/home.yaml", NULL);
    const char *texts[] = {home, minimal, fused};
    for (size_t i = 0; i < 3; i++) {
        struct config *first = load_or_fail(texts[i]);
        char *printed = print(first);
        struct config *second = load_or_fail(printed);
        char *again = print(second);
        assert_string_equal(printed, again);
        for (size_t r = 0; r < first->room_count; r++) {
            assert_memory_equal(&first->rooms[r].schedule, &second->rooms[r].schedule,
                                sizeof first->rooms[r].schedule);
            assert_near(second->rooms[r].frost_c, first->rooms[r].frost_c, 0);
        }
        free(printed);
        free(again);
        config_free(first);
        config_free(second);
    }
    free(home);
}

static void test_passwords_are_not_printed(void **state)
{
    (void)state;
    struct config *config =
        load_or_fail("mqtt: {url: \"mqtt://h\", username: u, password: geheim1}\n"
                     "web: {password: geheim2}\n"
                     "mining: {pools: [{url: \"stratum+ssl://p:1\", user: u, password: geheim3}]}\n"
                     "rooms: {a: {temperature: {topic: t}, heaters: [m]}}\n"
                     "heaters: {m: {driver: plug, url: \"http://p\", token: geheim4}}\n");
    char *printed = print(config);
    assert_null(strstr(printed, "geheim"));
    assert_non_null(strstr(printed, "password: \"***\""));
    assert_non_null(strstr(printed, "token: \"***\""));
    free(printed);
    config_free(config);
}

/* JSON, as an add-on's options come. */
static void test_json(void **state)
{
    (void)state;
    struct config *config =
        load_or_fail("{\"mqtt\":{\"url\":\"mqtt:\\/\\/h\",\"tls_verify\":false},\"rooms\":{\"a\":{"
                     "\"name\":\"K\\u00fcche\",\"frost\":\"off\",\n\t\"too_hot\":31,"
                     "\"temperature\":{\"topic\":\"t\"},\"heaters\":[\"m\"]}},"
                     "\"heaters\":{\"m\":{\"driver\":\"engine\",\"max_power\":\"1.5 kW\"}}}");
    assert_string_equal(config->mqtt.url, "mqtt://h");
    assert_false(config->mqtt.tls_verify);
    assert_string_equal(config->rooms[0].name, "Küche");
    assert_true(isnan(config->rooms[0].frost_c));
    assert_near(config->heaters[0].max_w, 1500, 0);
    config_free(config);
}

static void test_doubts_are_told_but_load(void **state)
{
    (void)state;
    struct config *config = load_or_fail("mqtt: {url: \"mqtt://h\"}\n"
                                         "rooms: {a: {temperature: {topic: t}}}\n"
                                         "heaters: {m: {driver: engine}}\n");
    assert_int_equal(problems.errors, 0);
    assert_int_equal(problems.warnings, 2);
    assert_string_equal(problems.item[0].text, "c.yaml:2:12: warning: rooms.a: expected 'heaters', "
                                               "got none; this room is never heated");
    assert_string_equal(problems.item[1].text,
                        "c.yaml:3:14: warning: heaters.m: expected a room that lists this heater, "
                        "got none; it is never switched on");
    assert_int_equal(config->heaters[0].room, INDEX_NONE);
    config_free(config);
}

/* A thousand rooms load, and in a time in which a person waits gladly. */
static void test_a_large_house(void **state)
{
    (void)state;
    const size_t size = 400000;
    char *text = malloc(size);
    size_t used = (size_t)snprintf(text, size, "mqtt: {url: \"mqtt://h\"}\nrooms:\n");
    for (int i = 0; i < 1000; i++) {
        used += (size_t)snprintf(text + used, size - used,
                                 "  r%d: {temperature: {topic: t/%d}, heaters: [h%d, g%d]}\n", i, i,
                                 i, i);
    }
    used += (size_t)snprintf(text + used, size - used, "heaters:\n");
    for (int i = 0; i < 1000; i++) {
        used += (size_t)snprintf(text + used, size - used,
                                 "  h%d: {driver: plug, url: \"http://h%d\"}\n"
                                 "  g%d: {driver: plug, url: \"http://g%d\"}\n",
                                 i, i, i, i);
    }
    assert_true(used < size);
    struct config *config = load_or_fail(text);
    assert_int_equal(config->room_count, 1000);
    assert_int_equal(config->heater_count, 2000);
    assert_int_equal(config->rooms[999].heaters[1], 1999);
    assert_int_equal(config->heaters[1999].room, 999);
    config_free(config);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_home),
        cmocka_unit_test(test_the_least_that_works),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_circuits),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_passwords_are_not_printed),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_doubts_are_told_but_load),
        cmocka_unit_test(test_a_large_house),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
