/* The commands that run the core in virtual time, as a user starts them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plumbing/json.h"
#include "tests/support/test.h"

static const char config[] = "mqtt: {url: \"mqtt://127.0.0.1:1883\"}\n"
                             "rooms:\n"
                             "  hallway:\n"
                             "    temperature: {topic: a/b}\n"
                             "    presets: {home: 21, away: 16}\n"
                             "    heaters: [ofen]\n"
                             "heaters:\n"
                             "  ofen: {driver: simulated, max_power: 1500 W}\n";
static char folder[] = "/tmp/hb_commands_XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Runs a shell line in the folder; its output, which the caller frees, and its exit status. */
static char *run(const char *line, int *status)
{
    char command[1024];
    char path[256];
    (void)snprintf(command, sizeof(command), "cd %s && %s >out 2>err", folder, line);
    const int result = system(command);
    *status = WIFEXITED(result) ? WEXITSTATUS(result) : -1;
    (void)snprintf(path, sizeof(path), "%s/out", folder);
    return test_read_file(path, NULL);
}

static double number(const struct json *json, const char *path)
{
    double value = NAN;
    assert_true(json_number(json_path(json, path), &value));
    return value;
}

static struct json *parse_line(char **rest)
{
    char *line = strsep(rest, "\n");
    assert_non_null(line);
    struct json *json = json_parse(line, strlen(line), 65536, NULL);
    assert_non_null(json);
    return json;
}

static void test_cosim_answers_each_line(void **state)
{
    (void)state;
    write_file(
        "in", "{\"t\":1768780800,\"rooms\":{\"hallway\":{\"temperature_c\":18}},\"outdoor_c\":-3}\n"
              "{\"t\":1768780860,\"rooms\":{\"hallway\":{\"preset\":\"away\"}}}\n"
              "nonsense\n"
              "{\"t\":1768780800}\n"
              "{\"t\":1768780920,\"rooms\":{\"attic\":{}}}\n"
              "{\"t\":1768790000}\n");
    int status;
    char *out = run(PROGRAM " cosim --config c.yaml < in", &status);
    char *rest = out;
    assert_int_equal(status, 0);
    struct json *json = parse_line(&rest);
    assert_near(number(json, "heaters.ofen.command_w"), 1350, 1);
    assert_near(number(json, "rooms.hallway.target_c"), 20, 0);
    assert_string_equal(json_string(json_path(json, "rooms.hallway.reason")), "heating");
    json_free(json);
    json = parse_line(&rest);
    assert_near(number(json, "heaters.ofen.command_w"), 0, 0);
    assert_near(number(json, "rooms.hallway.low_c"), 15.5, 0);
    json_free(json);
    for (int i = 0; i < 3; i++) {
        json = parse_line(&rest);
        assert_non_null(json_string(json_path(json, "error")));
        json_free(json);
    }
    json = parse_line(&rest);
    assert_string_equal(json_string(json_path(json, "rooms.hallway.reason")), "room_stale");
    json_free(json);
    free(out);
}

static void test_simulate_counts_energy_and_money(void **state)
{
    (void)state;
    write_file("p.csv", "timestamp_utc,value,unit\n2022-12-01T00:00:00Z,100,EUR/MWh\n"
                        "2022-12-06T00:00:00Z,200,EUR/MWh\n");
    write_file("o.csv", "timestamp_utc,value,unit\n2022-12-01T00:00:00Z,0,degC\n"
                        "2022-12-06T00:00:00Z,0,degC\n");
    int status;
    char *out =
        run(PROGRAM " simulate --config c.yaml --prices p.csv --outdoor o.csv --json", &status);
    char *rest = out;
    assert_int_equal(status, 0);
    struct json *json = parse_line(&rest);
    /* 25.7 W/K over 20 K for 10 days; the first five at 0.10, the others at 0.20 per kWh. */
    assert_near(number(json, "energy_kwh"), 0.0257 * 20 * 240, 4);
    assert_near(number(json, "cost"), 0.0257 * 20 * 240 * 0.15, 0.6);
    assert_true(number(json, "rmse_k") < 0.15);
    assert_near(number(json, "too_cold_kh"), 0, 1);
    json_free(json);
    free(out);
}

static void test_bad_usage_is_two(void **state)
{
    (void)state;
    static const char *const lines[] = {
        PROGRAM " cosim",
        PROGRAM " cosim --config nowhere.yaml",
        PROGRAM " simulate --config c.yaml",
        PROGRAM " simulate --config c.yaml --prices nowhere.csv --outdoor o.csv",
        PROGRAM " simulate --config c.yaml --prices p.csv --outdoor o.csv --from 2021-01-01",
        PROGRAM " simulate --config c.yaml --prices o.csv --outdoor o.csv",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        int status;
        free(run(lines[i], &status));
        assert_int_equal(status, 2);
    }
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    write_file("c.yaml", config);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    int status;
    free(run("rm -f c.yaml p.csv o.csv in err", &status));
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/out", folder);
    (void)unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cosim_answers_each_line),
        cmocka_unit_test(test_simulate_counts_energy_and_money),
        cmocka_unit_test(test_bad_usage_is_two),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
