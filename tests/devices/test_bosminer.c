/* Old Braiins OS: one number in a file and nothing else, what port 4028 says, and what becomes of
 * an SSH client. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/bosminer_codec.h"
#include "devices/bosminer_file.h"
#include "devices/ssh.h"
#include "tests/devices/answers.h"
#include "tests/support/test.h"

/* --- the file ------------------------------------------------------------------------------------
 */

#define BEFORE                                                                                     \
    "[format]\r\n"                                                                                 \
    "version = '2.0' # keep\r\n"                                                                   \
    "\t[[group]]\r\n"                                                                              \
    "name = \"[autotuning]\"\r\n"                                                                  \
    "note = '''\n[autotuning]\nenabled = false\npower_target = 1\n'''\r\n"                         \
    "pool = [{url = \"a#b]\", user = 'x'}, # one\r\n  {power_target = 2}]\r\n"                     \
    "[power_scaling]\r\nenabled = false\r\nmin_psu_power_limit = 100\r\npower_target = 3\r\n"      \
    "[ autotuning ] # here\r\n"                                                                    \
    "enabled = true\r\n"
#define AFTER "# watts\r\n\r\n[hash_chain.6]\r\nenabled = true\r\npower_target = 4"

static void assert_patched(const char *name, const char *old, unsigned watts, const char *new)
{
    char text[4096];
    char expected[4096];
    char patched[4096];
    size_t len = 0;
    (void)snprintf(text, sizeof text, BEFORE "%s = %s" AFTER, name, old);
    (void)snprintf(expected, sizeof expected, BEFORE "%s = %s" AFTER, name, new);
    const struct bosminer_file file = bosminer_file_read(text, strlen(text));
    assert_int_equal(file.fault, BOSMINER_FINE);
    assert_int_equal(file.watts, strtoul(old, NULL, 10));
    assert_int_equal(file.old_name, strcmp(name, "psu_power_limit") == 0);
    assert_true(bosminer_file_patch(text, strlen(text), watts, patched, sizeof patched, &len));
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(patched, expected, len);
    assert_true(bosminer_file_alike(text, strlen(text), patched, len));
    assert_int_equal(bosminer_file_read(patched, len).watts, watts);
}

static void test_only_the_digits_change(void **state)
{
    (void)state;
    assert_patched("power_target", "900", 1400, "1400");
    assert_patched("psu_power_limit", "1420", 95, "95");
    assert_patched("\"power_target\"", "0", 7, "7");
    assert_patched("power_target", "900", 900, "900");
}

static void test_the_end_of_the_file_may_be_that_of_the_number(void **state)
{
    (void)state;
    static const char text[] = "[autotuning]\nenabled=true\npower_target=900";
    char patched[64];
    size_t len = 0;
    assert_true(bosminer_file_patch(text, strlen(text), 12345, patched, sizeof patched, &len));
    assert_memory_equal(patched, "[autotuning]\nenabled=true\npower_target=12345", len);
    assert_int_equal(len, strlen(text) + 2);
    assert_true(bosminer_file_patch(text, strlen(text), 12345, patched, len, &len));
    assert_false(bosminer_file_patch(text, strlen(text), 123456, patched, sizeof patched, &len));
    assert_false(bosminer_file_patch(text, strlen(text), 12345, patched, strlen(text) + 1, &len));
}

static void test_what_cannot_be_patched_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum bosminer_fault fault;
    } rows[] = {
        {"", BOSMINER_NO_KEY},
        {"[autotuning]\nenabled = true\n", BOSMINER_NO_KEY},
        {"power_target = 900\n[autotuning]\nenabled = true\n", BOSMINER_NO_KEY},
        {"autotuning.enabled = true\nautotuning.power_target = 900\n", BOSMINER_NO_KEY},
        {"autotuning = {enabled = true, power_target = 900}\n", BOSMINER_NO_KEY},
        {"[[autotuning]]\nenabled = true\npower_target = 900\n", BOSMINER_NO_KEY},
        {"[autotuning.more]\nenabled = true\npower_target = 900\n", BOSMINER_NO_KEY},
        {"[autotuning]\nenabled = true\n# power_target = 900\n", BOSMINER_NO_KEY},
        {"[autotuning]\nenabled = true\nPower_target = 900\n", BOSMINER_NO_KEY},
        {"[autotuning]\nenabled = true\npower_target = 900\npower_target = 900\n",
         BOSMINER_TWO_KEYS},
        {"[autotuning]\nenabled = true\npower_target = 900\n'power_target' = 900\n",
         BOSMINER_TWO_KEYS},
        {"[autotuning]\nenabled = true\npower_target = 900\npsu_power_limit = 900\n",
         BOSMINER_TWO_KEYS},
        {"[autotuning]\npower_target = 900\n[b]\n[autotuning]\nenabled = true\npower_target = 1\n",
         BOSMINER_TWO_KEYS},
        {"[autotuning]\nenabled = true\npower_target = '900'\n", BOSMINER_NO_NUMBER},
        {"[autotuning]\nenabled = true\npower_target = 900.0\n", BOSMINER_NO_NUMBER},
        {"[autotuning]\nenabled = true\npower_target = 1_000\n", BOSMINER_NO_NUMBER},
        {"[autotuning]\nenabled = true\npower_target = -900\n", BOSMINER_NO_NUMBER},
        {"[autotuning]\nenabled = true\npower_target = 0x384\n", BOSMINER_NO_NUMBER},
        {"[autotuning]\nenabled = true\npower_target = 0900\n", BOSMINER_NO_NUMBER},
        {"[autotuning]\nenabled = true\npower_target = 900000\n", BOSMINER_NO_NUMBER},
        {"[autotuning]\nenabled = true\npower_target = [900]\n", BOSMINER_NO_NUMBER},
        {"[autotuning]\nenabled = false\npower_target = 900\n", BOSMINER_TUNER_OFF},
        {"[autotuning]\npower_target = 900\n", BOSMINER_TUNER_OFF},
        {"[autotuning]\nenabled = \"true\"\npower_target = 900\n", BOSMINER_TUNER_OFF},
        {"[autotuning]\nenabled = true\nmode = 'hashrate_target'\npower_target = 900\n",
         BOSMINER_OTHER_MODE},
        {"[autotuning]\nenabled = true\nmode = \"power_target\"\npower_target = 900\n",
         BOSMINER_FINE},
        {"[autotuning]\nenabled = true\nmode = 'power_target'\npower_target = 900\n",
         BOSMINER_FINE},
        {"[autotuning]\nenabled = true\npower_target = \n", BOSMINER_NO_TOML},
        {"[autotuning]\nenabled = true\npower_target 900\n", BOSMINER_NO_TOML},
        {"[autotuning]\nenabled = true\npower_target = 900 W\n", BOSMINER_NO_TOML},
        {"[autotuning\nenabled = true\npower_target = 900\n", BOSMINER_NO_TOML},
        {"[autotuning] x\nenabled = true\npower_target = 900\n", BOSMINER_NO_TOML},
        {"name = 'open\n[autotuning]\nenabled = true\npower_target = 900\n", BOSMINER_NO_TOML},
        {"name = '''open\n[autotuning]\nenabled = true\npower_target = 900\n", BOSMINER_NO_TOML},
        {"name = [1, 2\n[autotuning]\nenabled = true\npower_target = 900\n", BOSMINER_NO_TOML},
        {"name = \"\\\"\n[autotuning]\nenabled = true\npower_target = 900\n", BOSMINER_NO_TOML},
        {"[autotuning]\nenabled = true\npower_target = 900\n\xff", BOSMINER_NO_TOML},
        {"<html>", BOSMINER_NO_TOML},
    };
    char patched[256];
    size_t len = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const size_t text_len = strlen(rows[i].text);
        const enum bosminer_fault fault = bosminer_file_read(rows[i].text, text_len).fault;
        if (fault != rows[i].fault) {
            fail_msg("fault %d, expected %d: %s", (int)fault, (int)rows[i].fault, rows[i].text);
        }
        assert_int_equal(
            bosminer_file_patch(rows[i].text, text_len, 1, patched, sizeof patched, &len),
            fault == BOSMINER_FINE);
        assert_int_equal(bosminer_fault_sentence(fault)[0] == '\0', fault == BOSMINER_FINE);
    }
    static const char nul[] = "[autotuning]\nenabled = true\npower_target = 900\n\0";
    assert_int_equal(bosminer_file_read(nul, sizeof nul).fault, BOSMINER_NO_TOML);
}

static void test_a_file_without_end_is_refused(void **state)
{
    (void)state;
    static char text[BOSMINER_FILE_MAX + 1];
    memset(text, '\n', sizeof text);
    assert_int_equal(bosminer_file_read(text, sizeof text).fault, BOSMINER_NO_TOML);
    assert_int_equal(bosminer_file_read(text, sizeof text - 1).fault, BOSMINER_NO_KEY);
    memset(text, '[', sizeof text);
    memcpy(text, "a=", 2);
    assert_int_equal(bosminer_file_read(text, sizeof text - 1).fault, BOSMINER_NO_TOML);
}

static void test_alike_is_but_for_the_watts(void **state)
{
    (void)state;
    static const char a[] = "[autotuning]\nenabled = true\npower_target = 900\n";
    static const char b[] = "[autotuning]\nenabled = true\npower_target = 1000\n";
    static const char c[] = "[autotuning]\nenabled = true\npower_target = 900 \n";
    static const char d[] = "[autotuning]\nenabled =  true\npower_target = 900\n";
    assert_true(bosminer_file_alike(a, strlen(a), b, strlen(b)));
    assert_false(bosminer_file_alike(a, strlen(a), c, strlen(c)));
    assert_false(bosminer_file_alike(a, strlen(a), d, strlen(d)));
    assert_false(bosminer_file_alike(a, strlen(a), "", 0));
}

/* --- commands ------------------------------------------------------------------------------------
 */

/* sha256sum of "abc", and of nothing. */
#define ABC   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_hashes_as_sha256sum_does(void **state)
{
    char hash[BOSMINER_HASH];
    (void)state;
    bosminer_hash("abc", 3, hash);
    assert_string_equal(hash, ABC);
    bosminer_hash("", 0, hash);
    assert_string_equal(hash, EMPTY);
}

static void test_the_write_is_checked_before_and_after(void **state)
{
    char script[BOSMINER_SCRIPT_MAX];
    (void)state;
    bosminer_write_script(ABC, EMPTY, script);
    const char *written = strstr(script, "cat >$n");
    const char *whole = strstr(script, "[ \"$(sha256sum <$n)\" = \"" EMPTY "  -\" ]");
    const char *synced = strstr(script, "\nsync\n");
    const char *untouched = strstr(script, "[ \"$(sha256sum <$f)\" = \"" ABC "  -\" ]");
    const char *renamed = strstr(script, "\nmv $n $f");
    assert_true(written != NULL && written < whole && whole < synced && synced < untouched &&
                untouched < renamed);
    assert_null(strchr(script, '\''));
}

#define READ(sum, text)                                                                            \
    "mac 02:5E:09:00:00:01\nversion 2022-09-27-0-26ba61b9-22.08.1-plus\npidof 0\n" sum "  "        \
    "-\n" text

static void test_reads_what_the_device_says_of_itself(void **state)
{
    struct bosminer_reading reading;
    (void)state;
    static const char good[] = READ(ABC, "abc");
    assert_true(bosminer_read_output(good, strlen(good), &reading));
    assert_string_equal(reading.mac, "02:5e:09:00:00:01");
    assert_string_equal(reading.version, "2022-09-27-0-26ba61b9-22.08.1-plus");
    assert_int_equal(reading.running, 1);
    assert_int_equal(reading.len, 3);
    assert_memory_equal(reading.text, "abc", 3);
    assert_string_equal(reading.hash, ABC);
}

static void test_a_file_that_was_not_read_whole_is_none(void **state)
{
    struct bosminer_reading reading;
    (void)state;
    static const char *const rows[] = {READ(ABC, "ab"),
                                       READ(ABC, "abcd"),
                                       READ("", "abc"),
                                       READ(ABC "0", "abc"),
                                       "mac x\nversion \npidof 127\n",
                                       ("mac \nversion \npidof 1\n" ABC)};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(bosminer_read_output(rows[i], strlen(rows[i]), &reading));
        assert_null(reading.text);
    }
    assert_string_equal(reading.mac, "");
    assert_int_equal(reading.running, 0);
    assert_true(bosminer_read_output(rows[4], strlen(rows[4]), &reading));
    assert_int_equal(reading.running, -1);
    static const char *const others[] = {"", "mac 1", "Welcome\nmac \nversion \npidof 0\n",
                                         "mac \npidof 0\nversion \n"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(bosminer_read_output(others[i], strlen(others[i]), &reading));
    }
}

/* --- port 4028 -----------------------------------------------------------------------------------
 */

typedef bool (*reader)(const char *body, size_t len, struct bosminer *seen,
                       struct reply_faults *faults);

static struct bosminer read_file(reader read, const char *name, struct reply_faults *faults)
{
    struct bosminer seen;
    size_t len = 0;
    char path[128];
    (void)snprintf(path, sizeof path, "bosminer/composed_%s", name);
    char *body = answers_read(path, &len);
    bosminer_forget(&seen, (hb_mono){1000});
    assert_true(read(body, len, &seen, faults));
    free(body);
    return seen;
}

static void test_reads_the_documented_answers(void **state)
{
    struct reply_faults faults = {0};
    (void)state;
    struct bosminer seen = read_file(bosminer_read_tuner, "tunerstatus", &faults);
    assert_true(seen.ours);
    assert_float_equal(seen.state.power_w.value, 1419, 0);
    assert_float_equal(seen.limit_w, 1420, 0);
    assert_int_equal(seen.tuner, BOSMINER_TUNER_BUSY);
    assert_string_equal(seen.tuner_words, "Tuning individual chips");
    assert_string_equal(seen.state.firmware, "BOSminer+ 0.2.0-ea64aec8e");
    seen = read_file(bosminer_read_summary, "summary", &faults);
    assert_float_equal(seen.state.hashrate_hs.value, 13.9e12, 1e6);
    assert_float_equal(seen.shows_hs, 15.7e12, 1e6);
    assert_float_equal(seen.state.uptime_s.value, 3680, 0);
    assert_int_equal(seen.state.shares_accepted, 153);
    seen = read_file(bosminer_read_temps, "temps", &faults);
    assert_float_equal(seen.state.chip_c.value, 108.9375, 0);
    assert_float_equal(seen.state.board_c.value, 85.875, 0);
    seen = read_file(bosminer_read_fans, "fans", &faults);
    assert_float_equal(seen.state.fan_ratio.value, 1, 0);
    seen = read_file(bosminer_read_pools, "pools", &faults);
    assert_string_equal(seen.state.pool, "pool.example:3333");
    assert_string_equal(seen.state.pool_user, "home.heater");
    assert_int_equal(seen.state.pool_link, POOL_OK);
    seen = read_file(bosminer_read_details, "devdetails", &faults);
    assert_string_equal(seen.state.model, "Bitmain Antminer S9");
    for (int i = 0; i < REPLY_FAULT_COUNT; i++) {
        assert_int_equal(faults.count[i], 0);
    }
}

static struct bosminer read_text(reader read, const char *text, struct reply_faults *faults)
{
    struct bosminer seen;
    bosminer_forget(&seen, (hb_mono){1000});
    (void)read(text, strlen(text), &seen, faults);
    return seen;
}

#define TUNER(rows)                                                                                \
    "{\"STATUS\":[{\"STATUS\":\"S\",\"Description\":\"BOSer boser-openwrt 0.1.0\"}],"              \
    "\"TUNERSTATUS\":[{\"ApproximateMinerPowerConsumption\":600,\"PowerLimit\":650,"               \
    "\"TunerChainStatus\":[" rows "]}]}"

static void test_the_tuner_is_as_far_as_its_slowest_board(void **state)
{
    struct reply_faults faults = {0};
    (void)state;
    struct bosminer seen = read_text(
        bosminer_read_tuner, TUNER("{\"Status\":\"Stable\"},{\"Status\":\"Stable\"}"), &faults);
    assert_int_equal(seen.tuner, BOSMINER_TUNER_STABLE);
    assert_true(seen.ours);
    seen = read_text(bosminer_read_tuner,
                     TUNER("{\"Status\":\"Stable\"},{\"Status\":\"Testing performance profile\"}"),
                     &faults);
    assert_int_equal(seen.tuner, BOSMINER_TUNER_BUSY);
    assert_string_equal(seen.tuner_words, "Testing performance profile");
    seen = read_text(bosminer_read_tuner,
                     TUNER("{\"Status\":\"PAUSED\"},{\"Status\":\"Stable\"},{}"), &faults);
    assert_int_equal(seen.tuner, BOSMINER_TUNER_PAUSED);
    seen = read_text(bosminer_read_tuner, TUNER(""), &faults);
    assert_int_equal(seen.tuner, BOSMINER_TUNER_UNKNOWN);
    assert_float_equal(seen.limit_w, 650, 0);
}

static void test_bad_fields_are_unknown(void **state)
{
    struct reply_faults faults = {0};
    (void)state;
    struct bosminer seen = read_text(
        bosminer_read_tuner,
        "{\"STATUS\":[{\"Description\":\"BOSminer\"}],\"TUNERSTATUS\":[{\"PowerLimit\":\"900\","
        "\"ApproximateMinerPowerConsumption\":-5}]}",
        &faults);
    assert_true(isnan(seen.limit_w));
    assert_false(mono_is_set(seen.state.power_w.at));
    assert_int_equal(faults.count[REPLY_TYPE], 1);
    assert_int_equal(faults.count[REPLY_RANGE], 1);
    seen = read_text(bosminer_read_temps, "{\"TEMPS\":[{\"Chip\":0,\"Board\":0}]}", &faults);
    assert_false(mono_is_set(seen.state.chip_c.at)); /* a board without that sensor */
    seen = read_text(bosminer_read_fans, "{\"FANS\":[{\"RPM\":0,\"Speed\":100}]}", &faults);
    assert_false(mono_is_set(seen.state.fan_ratio.at)); /* a connector without a fan */
    seen = read_text(bosminer_read_tuner, "{\"STATUS\":[{\"Description\":\"cgminer 4.11\"}]}",
                     &faults);
    assert_false(seen.ours);
    seen = read_text(bosminer_read_summary, "{\"SUMMARY\":[{\"MHS 1m\":1", &faults);
    assert_false(mono_is_set(seen.state.hashrate_hs.at));
}

static void test_knows_when_the_miner_behind_the_port_is_gone(void **state)
{
    struct reply_faults faults = {0};
    (void)state;
    const struct bosminer seen =
        read_text(bosminer_read_tuner,
                  "{\"STATUS\":[{\"STATUS\":\"E\",\"Msg\":\"Unavailable\",\"Description\":\"BOSer "
                  "1\"}],\"id\":1}",
                  &faults);
    assert_true(seen.unavailable && seen.ours);
    assert_int_equal(faults.count[REPLY_MISSING], 0); /* which is no bad field */
}

static void test_pause_and_resume(void **state)
{
    struct reply_faults faults = {0};
    (void)state;
    static const struct {
        const char *text;
        bool obeys;
    } rows[] = {
        {"{\"STATUS\":[{\"STATUS\":\"S\",\"Code\":204,\"Msg\":\"Pause\"}],\"PAUSE\":[true]}", true},
        {"{\"STATUS\":[{\"STATUS\":\"S\",\"Code\":205}],\"RESUME\":[true]}", true},
        {"{\"STATUS\":[{\"STATUS\":\"S\"}],\"PAUSE\":[{\"STATUS\":\"S\"}]}", true},
        {"{\"STATUS\":[{\"STATUS\":\"S\"}],\"PAUSE\":[false]}", false},
        {"{\"STATUS\":[{\"STATUS\":\"E\",\"Msg\":\"Invalid command\"}]}", false},
        {"{\"STATUS\":[{\"STATUS\":\"E\"}],\"PAUSE\":[true]}", false},
        {"{}", false},
        {"no", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(bosminer_obeys(rows[i].text, strlen(rows[i].text), &faults),
                         rows[i].obeys);
    }
}

/* --- the SSH client ------------------------------------------------------------------------------
 */

static void test_knows_why_a_client_fails(void **state)
{
    (void)state;
    static const struct {
        struct program_result result;
        enum ssh_end end;
    } rows[] = {
        {{.end = PROGRAM_EXITED, .status = 0, .words = ""}, SSH_DONE},
        {{.end = PROGRAM_EXITED, .status = 13, .words = "Host key verification failed."}, SSH_DONE},
        {{.end = PROGRAM_EXITED,
          .status = 255,
          .words = "No RSA host key is known for 192.168.1.20 and you have requested strict "
                   "checking.\r\nHost key verification failed.\r\n"},
         SSH_UNKNOWN_KEY},
        {{.end = PROGRAM_EXITED,
          .status = 255,
          .words = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\nHost key verification "
                   "failed.\r\n"},
         SSH_OTHER_KEY},
        {{.end = PROGRAM_EXITED,
          .status = 255,
          .words = "root@192.168.1.20: Permission denied (publickey,password).\r\n"},
         SSH_REFUSED},
        {{.end = PROGRAM_EXITED,
          .status = 255,
          .words = "Load key \"/k\": Permission denied\r\nroot@h: Permission denied (publickey)."},
         SSH_NO_IDENTITY},
        {{.end = PROGRAM_EXITED,
          .status = 255,
          .words = "ssh: connect to host 192.168.1.20 port 22: Connection refused\r\n"},
         SSH_UNREACHABLE},
        {{.end = PROGRAM_EXITED,
          .status = 255,
          .words = "ssh: Could not resolve hostname s9: Name or service not known\r\n"},
         SSH_UNREACHABLE},
        {{.end = PROGRAM_EXITED,
          .status = 255,
          .words = "Connection to 192.168.1.20 closed by remote host.\r\n"},
         SSH_BROKEN},
        {{.end = PROGRAM_MISSING, .words = ""}, SSH_MISSING},
        {{.end = PROGRAM_LATE, .words = ""}, SSH_LATE},
        {{.end = PROGRAM_EXCESS, .words = ""}, SSH_EXCESS},
        {{.end = PROGRAM_KILLED, .status = 9, .words = ""}, SSH_BROKEN},
        {{.end = PROGRAM_FAILED, .words = ""}, SSH_BROKEN},
    };
    const struct ssh_target target = {.host = "192.168.1.20", .port = 22, .user = "root"};
    char sentence[TEXT_MAX];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(ssh_judge(&rows[i].result), rows[i].end);
        ssh_explain(rows[i].end, &target, "s9", sentence, sizeof sentence);
        assert_int_equal(sentence[0] == '\0', rows[i].end == SSH_DONE);
    }
}

static void test_says_how_to_add_a_host_key(void **state)
{
    struct ssh_target target = {
        .host = "192.168.1.20", .port = 22, .known_hosts = "/etc/heatbridge/known_hosts"};
    char sentence[TEXT_MAX];
    (void)state;
    ssh_explain(SSH_UNKNOWN_KEY, &target, "s9", sentence, sizeof sentence);
    assert_non_null(strstr(sentence, "ssh-keyscan 192.168.1.20 >>/etc/heatbridge/known_hosts"));
    target.port = 2222;
    ssh_explain(SSH_UNKNOWN_KEY, &target, "s9", sentence, sizeof sentence);
    assert_non_null(strstr(sentence, "ssh-keyscan -p 2222 192.168.1.20 >>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_digits_change),
        cmocka_unit_test(test_the_end_of_the_file_may_be_that_of_the_number),
        cmocka_unit_test(test_what_cannot_be_patched_is_refused),
        cmocka_unit_test(test_a_file_without_end_is_refused),
        cmocka_unit_test(test_alike_is_but_for_the_watts),
        cmocka_unit_test(test_hashes_as_sha256sum_does),
        cmocka_unit_test(test_the_write_is_checked_before_and_after),
        cmocka_unit_test(test_reads_what_the_device_says_of_itself),
        cmocka_unit_test(test_a_file_that_was_not_read_whole_is_none),
        cmocka_unit_test(test_reads_the_documented_answers),
        cmocka_unit_test(test_the_tuner_is_as_far_as_its_slowest_board),
        cmocka_unit_test(test_bad_fields_are_unknown),
        cmocka_unit_test(test_knows_when_the_miner_behind_the_port_is_gone),
        cmocka_unit_test(test_pause_and_resume),
        cmocka_unit_test(test_knows_why_a_client_fails),
        cmocka_unit_test(test_says_how_to_add_a_host_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
