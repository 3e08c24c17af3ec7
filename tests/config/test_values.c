/* Numbers with units, near words, and random damage. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/config/load.h"
#include "bridge/config/quantity.h"
#include "bridge/config/value.h"
#include "ground/suggest.h"
#include "tests/config/drivers.h"

static void test_quantities_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        " ",      "W",          "kW 1",    "1 2 W",   "1e999 W", "nan W", "inf",
        "-inf W",  "0x10 W", "1,5 W",      "1.2.3 W", "--1 W",   "1e W",    "1 w",   "1W W",
        "1 kW kW", "١ W",    "1\xc2\xa0W", "1 \tW",   "1'000 W", "1e+ W"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double watts = -7;
        if (quantity_read(bad[i], quantity_powers, &watts) || watts != -7) {
            fail_msg("'%s' was taken for %g W", bad[i], watts);
        }
    }
    double ms = 0;
    assert_false(quantity_read("15", quantity_durations, &ms));      /* a unit is needed */
    assert_false(quantity_read("1e308 d", quantity_durations, &ms)); /* infinite in ms */
}

/* Whatever is printed reads back as the very same number. */
static void test_numbers_round_trip(void **state)
{
    (void)state;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        const double whole = (double)(rand() % 100000);
        const double number = i % 2 == 0 ? whole : whole / (1 + rand() % 1000);
        char text[64];
        double back = -1;
        value_write_number(number, text, sizeof text);
        assert_true(quantity_read(text, quantity_powers, &back));
        assert_true(back == number);
        quantity_write(number, quantity_durations, 0, text, sizeof text);
        assert_true(quantity_read(text, quantity_durations, &back));
        assert_near(back, number, number * 1e-15);
    }
    char text[64];
    value_write_number(20, text, sizeof text);
    assert_string_equal(text, "20");
    quantity_write(5400000, quantity_durations, 0, text, sizeof text);
    assert_string_equal(text, "90 min");
    quantity_write(86400000, quantity_durations, 0, text, sizeof text);
    assert_string_equal(text, "1 d");
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(suggest_distance("kitten", "sitting", 9), 3);
    assert_int_equal(suggest_distance("tagret", "target", 9), 1);
    assert_int_equal(suggest_distance("PAHO", "paho", 9), 0);
    assert_int_equal(suggest_distance("", "abc", 9), 3);
    assert_int_equal(suggest_distance("abc", "", 1), 2);
    char long_word[200];
    memset(long_word, 'a', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    assert_int_equal(suggest_distance(long_word, long_word, 5), 6);
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const schemes[] = {"mqtt", "stratum+tcp", NULL};
    static const char *const good[] = {"mqtt://h",          "mqtt://h:1883",
                                       "mqtt://h/path",     "mqtt://[::1]:1883",
                                       "mqtt://[fe80::1]",  "stratum+tcp://p.example:3333",
                                       "mqtt://192.168.1.2"};
    static const char *const bad[] = {"mqtt:/h",         "mqtt://",         "mqtt://:1",
                                      "mqtt://h:",       "mqtt://h:0",      "mqtt://h:65536",
                                      "mqtt://h:1a",     "mqtt://[::1",     "mqtt://[]",
                                      "mqtt://[::1]x",   "mqtt://u@h",      "mqtt://h h",
                                      "mqtts://h",       "stratum+tcp://h", "xmqtt://h",
                                      "mqtt://h:999999", "mqtt://h:000001", ""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!value_is_url(good[i], schemes)) {
            fail_msg("'%s' was refused", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (value_is_url(bad[i], schemes)) {
            fail_msg("'%s' was taken", bad[i]);
        }
    }
}

/* A good file, damaged at random: never a crash, never a leak, never a refusal without words. */
static void test_random_damage(void **state)
{
    (void)state;
    static struct config_problems problems;
    size_t len = 0;
    char *good = test_read_file("tests/config/home.yaml", &len);
    char *text = malloc(2 * len);
    static const char bytes[] = "{}[]:,#&*!|>'\"%@`\n\t \\-?0xZ\xc3\xff";
    srand(20);
    size_t refused = 0;
    for (int round = 0; round < 3000; round++) {
        memcpy(text, good, len);
        size_t now = len;
        for (int hit = rand() % 4; hit >= 0; hit--) {
            const size_t at = (size_t)rand() % now;
            const size_t cut = (size_t)rand() % 20;
            if (rand() % 3 == 0 && at + cut < now && now > 100) {
                memmove(text + at, text + at + cut, now - at - cut);
                now -= cut;
            } else {
                text[at] = bytes[(size_t)rand() % (sizeof bytes - 1)];
            }
        }
        struct config *config =
            config_load_text(text, now, "c.yaml", NULL, test_drivers, &problems);
        assert_true((config == NULL) == (problems.errors > 0));
        assert_true(problems.count == 0 || problems.item[0].text[0] != '\0');
        refused += config == NULL;
        config_free(config);
    }
    assert_true(refused > 1500);
    free(text);
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantities_refused), cmocka_unit_test(test_numbers_round_trip),
        cmocka_unit_test(test_distance),           cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_random_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
