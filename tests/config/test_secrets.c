/* Where passwords come from, which place counts, and that none is ever shown. Uses real files. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/config/load.h"
#include "tests/config/drivers.h"

static const char rest[] = "rooms: {a: {temperature: {topic: t}, heaters: [m]}}\n"
                           "heaters: {m: {driver: engine}}\n";
static struct config_problems problems;
static char folder[] = "/tmp/heatbridge-config-XXXXXX";

static void path_of(char *buf, size_t size, const char *name)
{
    (void)snprintf(buf, size, "%s/%s", folder, name);
}

static void write_file(const char *name, mode_t mode, const char *text)
{
    char path[128];
    path_of(path, sizeof path, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    (void)fputs(text, out);
    (void)fclose(out);
    assert_int_equal(chmod(path, mode), 0);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"c.yaml", "secrets.yaml", "pw", "credentials/mqtt_password",
                                        "credentials"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        path_of(path, sizeof path, names[i]);
        (void)remove(path);
    }
    (void)unsetenv("HEATBRIDGE_MQTT_PASSWORD");
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    return 0;
}

static int tear_down_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* Loads a file whose `mqtt` has these keys besides its url. */
static struct config *load(const char *keys)
{
    char text[1024];
    char path[128];
    (void)snprintf(text, sizeof text, "mqtt: {url: \"mqtt://h\", %s}\n%s", keys, rest);
    write_file("c.yaml", 0600, text);
    path_of(path, sizeof path, "c.yaml");
    return config_load(path, test_drivers, &problems);
}

static void assert_password(const char *keys, const char *expected)
{
    struct config *config = load(keys);
    if (config == NULL) {
        config_problems_print(&problems, stderr);
        fail();
    }
    assert_string_equal(config->mqtt.password, expected);
    config_free(config);
}

static void assert_refused(const char *keys, const char *words)
{
    assert_null(load(keys));
    for (size_t i = 0; i < problems.count; i++) {
        assert_null(strstr(problems.item[i].text, "geheim"));
        if (strstr(problems.item[i].text, words) != NULL) {
            return;
        }
    }
    config_problems_print(&problems, stderr);
    fail_msg("nobody said '%s'", words);
}

static void test_secrets_file(void **state)
{
    (void)state;
    write_file("secrets.yaml", 0600, "mqtt_user: geheimer\nmqtt_password: geheim\nlist: [a]\n");
    struct config *config = load("username: !secret mqtt_user, password: !secret mqtt_password");
    assert_non_null(config);
    assert_int_equal(problems.count, 0);
    assert_string_equal(config->mqtt.password, "geheim");
    assert_string_equal(config->mqtt.username, "geheimer");
    char *printed = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&printed, &len);
    config_print(config, test_drivers, out);
    (void)fclose(out);
    assert_null(strstr(printed, "geheim"));
    assert_non_null(strstr(printed, "username: \"***\""));
    free(printed);
    config_free(config);
    assert_refused("username: u, password: !secret mqtt_pasword",
                   "secrets.yaml, got 'mqtt_pasword' (did you mean 'mqtt_password'?)");
    assert_refused("username: u, password: !secret list", "got 'list'");
    assert_refused("username: u, client_id: !secret mqtt_password, ca_file: !secret long",
                   "got 'long'");
}

static void test_a_bad_secret_is_not_quoted(void **state)
{
    (void)state;
    write_file("secrets.yaml", 0600, "u: \"http://geheim\"\n");
    char text[1024];
    char path[128];
    (void)snprintf(text, sizeof text, "mqtt: {url: !secret u}\n%s", rest);
    write_file("c.yaml", 0600, text);
    path_of(path, sizeof path, "c.yaml");
    assert_null(config_load(path, test_drivers, &problems));
    assert_non_null(strstr(problems.item[0].text, "got something else by !secret"));
    assert_null(strstr(problems.item[0].text, "geheim"));
}

static void test_no_secrets_file(void **state)
{
    (void)state;
    assert_refused("username: !secret a, password: !secret b", "secrets.yaml: cannot be opened");
    assert_int_equal(problems.errors, 1);
    write_file("secrets.yaml", 0600, "a: [\n");
    assert_refused("username: !secret a", "secrets.yaml:2:1: expected YAML, got");
}

static void test_password_file(void **state)
{
    (void)state;
    char keys[256];
    write_file("pw", 0600, "geheim\n");
    assert_password("username: u, password_file: pw", "geheim");
    assert_int_equal(problems.count, 0);
    (void)snprintf(keys, sizeof keys, "username: u, password_file: %s/pw", folder);
    assert_password(keys, "geheim");
    assert_refused("username: u, password_file: none", "none: cannot be opened");
    write_file("pw", 0600, "");
    assert_refused("username: u, password_file: pw", "expected one line of text");
    write_file("pw", 0644, "geheim");
    assert_password("username: u, password_file: pw", "geheim");
    assert_int_equal(problems.warnings, 1);
    assert_non_null(strstr(problems.item[0].text, "/pw: warning: expected a file that only its "
                                                  "owner can read"));
}

static void test_which_place_counts(void **state)
{
    (void)state;
    char path[128];
    assert_int_equal(setenv("HEATBRIDGE_MQTT_PASSWORD", "from-environment", 1), 0);
    assert_password("username: u", "from-environment");
    path_of(path, sizeof path, "credentials");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", path, 1), 0);
    assert_password("username: u", "from-environment");
    write_file("credentials/mqtt_password", 0400, "from-systemd");
    assert_password("username: u", "from-systemd");
    assert_password("username: u, password: from-file", "from-file");
    assert_int_equal(problems.warnings, 1);
    assert_non_null(strstr(problems.item[0].text, "one in HEATBRIDGE_MQTT_PASSWORD"));
    /* A text that is not from a file reads nothing from outside. */
    char text[512];
    (void)snprintf(text, sizeof text, "mqtt: {url: \"mqtt://h\", username: u}\n%s", rest);
    struct config *config =
        config_load_text(text, strlen(text), "c.yaml", NULL, test_drivers, &problems);
    assert_non_null(config);
    assert_string_equal(config->mqtt.password, "");
    config_free(config);
}

static void test_public_files_are_warned_about(void **state)
{
    (void)state;
    char text[512];
    char path[128];
    (void)snprintf(text, sizeof text,
                   "mqtt: {url: \"mqtt://h\", username: u, password: geheim}\n%s", rest);
    write_file("c.yaml", 0644, text);
    path_of(path, sizeof path, "c.yaml");
    struct config *config = config_load(path, test_drivers, &problems);
    assert_non_null(config);
    config_free(config);
    assert_int_equal(problems.warnings, 1);
    assert_non_null(strstr(problems.item[0].text, "everybody can read"));
    write_file("secrets.yaml", 0644, "p: geheim\n");
    assert_password("username: u, password: !secret p", "geheim");
    assert_int_equal(problems.warnings, 1);
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    assert_null(config_load("/nonexistent/c.yaml", test_drivers, &problems));
    assert_string_equal(problems.item[0].text,
                        "/nonexistent/c.yaml: cannot be opened: No such file or directory");
    assert_null(config_load("/tmp", test_drivers, &problems));
    assert_string_equal(problems.item[0].text, "/tmp: cannot be read: Is a directory");
    assert_null(config_load("/dev/zero", test_drivers, &problems));
    assert_string_equal(problems.item[0].text,
                        "/dev/zero: expected at most 1048576 bytes, got more");
    assert_null(config_load("", test_drivers, &problems));
    assert_int_equal(problems.errors, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_secrets_file, tear_down),
        cmocka_unit_test_teardown(test_a_bad_secret_is_not_quoted, tear_down),
        cmocka_unit_test_teardown(test_no_secrets_file, tear_down),
        cmocka_unit_test_teardown(test_password_file, tear_down),
        cmocka_unit_test_teardown(test_which_place_counts, tear_down),
        cmocka_unit_test_teardown(test_public_files_are_warned_about, tear_down),
        cmocka_unit_test_teardown(test_files_that_cannot_be_read, tear_down),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down_folder);
}
