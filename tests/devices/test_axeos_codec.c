/* AxeOS without a network: what is read, what is written, and one-time passwords. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "devices/axeos_codec.h"
#include "devices/axeos_totp.h"

#define DATA "tests/data/devices/axeos/"

static struct axeos_info read_info_text(const char *text, struct reply_faults *faults)
{
    struct axeos_info info;
    assert_true(axeos_read_info(text, strlen(text), &info, faults));
    return info;
}

static struct axeos_info read_info(const char *file)
{
    struct reply_faults faults = {0};
    char *text = test_read_file(file, NULL);
    struct axeos_info info = read_info_text(text, &faults);
    free(text);
    for (size_t i = 0; i < REPLY_FAULT_COUNT; i++) {
        assert_int_equal(faults.count[i], 0);
    }
    return info;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void the_recorded_supra_is_read(void **state)
{
    (void)state;
    const struct axeos_info info = read_info(DATA "bitaxe_supra_401_v2.4.5_info.json");
    assert_int_equal(info.kind, AXEOS_PLAIN);
    assert_string_equal(info.asic, "BM1368");
    assert_string_equal(info.board, "401");
    assert_string_equal(info.firmware, "v2.4.5-3-gb5d1e36-dirty");
    assert_string_equal(info.mac, "aa:bb:cc:dd:ee:ff");
    assert_near(info.power_w, 2.65, 1e-6);
    assert_near(info.hashrate_hs, 1e12, 1);
    assert_near(info.expected_hs, 490 * 1276e6, 1);
    assert_near(info.chip_c, 59.875, 1e-9);
    assert_near(info.regulator_c, 78, 1e-9);
    assert_near(info.fan_ratio, 0.35, 1e-9);
    assert_near(info.best_difficulty, 483000, 1e-6); /* "483k" */
    assert_near(info.uptime_s, 4, 0);
    assert_near(info.frequency_mhz, 490, 0);
    assert_near(info.voltage_mv, 1166, 0);
    assert_true(info.counted);
    assert_string_equal(info.pool, "btc.example.pool:3333");
    assert_string_equal(info.pool_user, "asic-rs.test");
    assert_int_equal(info.paused, -1);
    assert_int_equal(info.overheated, 0);
    assert_int_equal(info.auto_fan, 1);
    assert_true(isnan(info.max_power_w));
    assert_true(isnan(info.actual_mhz));
}

static void newer_firmware_is_read(void **state)
{
    (void)state;
    const struct axeos_info gamma = read_info(DATA "composed_gamma_602_v2.14_info.json");
    assert_int_equal(gamma.kind, AXEOS_PAUSES);
    assert_int_equal(gamma.paused, 0);
    assert_near(gamma.best_difficulty, 187654321, 0);
    assert_near(gamma.max_power_w, 40, 0);
    assert_int_equal(gamma.overclock, 0);
    const struct axeos_info nerd = read_info(DATA "composed_nerdqaxe_v1.0.36_info.json");
    assert_int_equal(nerd.kind, AXEOS_NERD);
    assert_int_equal(nerd.shut_down, 0);
    assert_int_equal(nerd.otp, 0);
    assert_int_equal(nerd.pool_connected, 1);
    assert_int_equal(nerd.auto_fan, 1); /* 2 is its own controller */
    assert_string_equal(nerd.model, "NerdQAxe++");
    assert_near(nerd.expected_hs, 600 * 2040e6 * 4, 1);
}

static void a_chip_without_power_has_no_temperature(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    const struct axeos_info info =
        read_info_text("{\"ASICModel\":\"BM1370\",\"temp\":-1,\"miningPaused\":true}", &faults);
    assert_true(isnan(info.chip_c));
    assert_int_equal(info.paused, 1);
}

static void bad_fields_are_unknown_and_counted(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    const struct axeos_info info = read_info_text(
        "{\"ASICModel\":7,\"power\":\"12 W\",\"hashRate\":-5,\"frequency\":525,\"coreVoltage\":"
        "null,\"macAddr\":\"nonsense\",\"fanspeed\":400,\"bestDiff\":\"lots\",\"uptimeSeconds\":"
        "[1],\"sharesAccepted\":1.5,\"sharesRejected\":0,\"version\":\"v2.14.0\"}",
        &faults);
    assert_near(info.frequency_mhz, 525, 0);
    assert_string_equal(info.firmware, "v2.14.0");
    assert_string_equal(info.asic, "");
    assert_string_equal(info.mac, "");
    assert_true(isnan(info.power_w));
    assert_true(isnan(info.hashrate_hs));
    assert_true(isnan(info.voltage_mv));
    assert_true(isnan(info.fan_ratio));
    assert_true(isnan(info.best_difficulty));
    assert_true(isnan(info.uptime_s));
    assert_false(info.counted);
    assert_true(faults.count[REPLY_TYPE] >= 4);
    assert_true(faults.count[REPLY_RANGE] >= 2);
    assert_true(faults.count[REPLY_MISSING] >= 1);
}

static void other_answers_are_refused(void **state)
{
    (void)state;
    static const char *const answers[] = {"", "{", "[]", "{\"a\":1}", "null", "<html>AxeOS</html>"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct reply_faults faults = {0};
        struct axeos_info info;
        struct axeos_asic asic;
        char token[AXEOS_TOKEN];
        assert_false(axeos_read_info(answers[i], strlen(answers[i]), &info, &faults));
        assert_int_equal(faults.count[REPLY_UNREADABLE], 1);
        assert_false(axeos_read_asic(answers[i], strlen(answers[i]), &asic, &faults));
        assert_false(axeos_read_session(answers[i], strlen(answers[i]), token, &faults));
    }
}

static void difficulties_of_old_firmware(void **state)
{
    (void)state;
    assert_near(axeos_difficulty("0"), 0, 0);
    assert_near(axeos_difficulty("2.57G"), 2.57e9, 1);
    assert_near(axeos_difficulty("1.5T"), 1.5e12, 1);
    assert_true(isnan(axeos_difficulty("")));
    assert_true(isnan(axeos_difficulty("k")));
    assert_true(isnan(axeos_difficulty("-3k")));
    assert_true(isnan(axeos_difficulty("lots")));
}

static void settings_on_offer_are_put_in_order(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    struct axeos_asic asic;
    static const char text[] = "{\"defaultFrequency\":525,\"defaultVoltage\":1150,"
                               "\"frequencyOptions\":[525,400,-1,\"600\",525,1e9,490],"
                               "\"voltageOptions\":[1150,1000]}";
    assert_true(axeos_read_asic(text, sizeof text - 1, &asic, &faults));
    assert_int_equal(asic.mhz_count, 3);
    assert_near(asic.mhz[0], 400, 0);
    assert_near(asic.mhz[2], 525, 0);
    assert_int_equal(asic.mv_count, 2);
    assert_int_equal(faults.count[REPLY_RANGE], 3);
}

static void a_token_is_nothing_but_a_token(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    char token[AXEOS_TOKEN];
    static const char good[] = "{\"token\":\"GA3D.GEZDGNBV\",\"ttlMs\":86400000}";
    static const char bad[] = "{\"token\":\"GA3D\\r\\nHost: elsewhere\"}";
    assert_true(axeos_read_session(good, sizeof good - 1, token, &faults));
    assert_string_equal(token, "GA3D.GEZDGNBV");
    assert_false(axeos_read_session(bad, sizeof bad - 1, token, &faults));
    assert_string_equal(token, "");
}

/* --- one-time passwords: RFC 6238, appendix B ------------------------------------------------- */

static void passwords_are_those_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_s;
        const char *password;
    } vectors[] = {{59, "94287082"},         {1111111109, "07081804"}, {1111111111, "14050471"},
                   {1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"}};
    uint8_t key[TOTP_SECRET];
    const size_t len = totp_key("gezd gnbv-GY3TQOJQGEZDGNBVGY3TQOJQ==", key);
    assert_int_equal(len, 20);
    assert_memory_equal(key, "12345678901234567890", 20);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char password[10];
        assert_true(totp_password(key, len, vectors[i].unix_s, 8, password));
        assert_string_equal(password, vectors[i].password);
        assert_true(totp_password(key, len, vectors[i].unix_s, 6, password));
        assert_string_equal(password, vectors[i].password + 2);
    }
}

static void secrets_are_base32(void **state)
{
    (void)state;
    uint8_t key[TOTP_SECRET];
    char longest[112] = "";
    assert_int_equal(totp_key("", key), 0);
    assert_int_equal(totp_key("0189", key), 0);
    assert_int_equal(totp_key("GEZD!", key), 0);
    memset(longest, 'A', 111); /* 69 bytes */
    assert_int_equal(totp_key(longest, key), 0);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void bodies_are_whole_numbers(void **state)
{
    (void)state;
    char body[64];
    axeos_write_setting(body, sizeof body, AXEOS_FREQUENCY, 524.6);
    assert_string_equal(body, "{\"frequency\":525}");
    axeos_write_setting(body, sizeof body, AXEOS_VOLTAGE, 1150);
    assert_string_equal(body, "{\"coreVoltage\":1150}");
    axeos_write_overheat_over(body, sizeof body, true, true);
    assert_string_equal(body, "{\"autofanspeed\":1,\"overheat_mode\":0}");
    axeos_write_overheat_over(body, sizeof body, false, true);
    assert_string_equal(body, "{\"overheat_mode\":0}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recorded_supra_is_read),
        cmocka_unit_test(newer_firmware_is_read),
        cmocka_unit_test(a_chip_without_power_has_no_temperature),
        cmocka_unit_test(bad_fields_are_unknown_and_counted),
        cmocka_unit_test(other_answers_are_refused),
        cmocka_unit_test(difficulties_of_old_firmware),
        cmocka_unit_test(settings_on_offer_are_put_in_order),
        cmocka_unit_test(a_token_is_nothing_but_a_token),
        cmocka_unit_test(passwords_are_those_of_the_standard),
        cmocka_unit_test(secrets_are_base32),
        cmocka_unit_test(bodies_are_whole_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
