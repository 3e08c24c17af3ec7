/* `heatbridge check`: its exit status, and what goes to which stream. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/command.h"

struct outcome {
    int status;
    char *out, *err;
};

/* Points the descriptor at a new file; returns a copy of what it was. */
static int divert(int descriptor, char *path)
{
    const int file = mkstemp(path);
    const int old = dup(descriptor);
    assert_true(file >= 0 && old >= 0);
    assert_true(dup2(file, descriptor) >= 0);
    (void)close(file);
    return old;
}

static char *restore(int descriptor, int old, const char *path)
{
    assert_true(dup2(old, descriptor) >= 0);
    (void)close(old);
    char *text = test_read_file(path, NULL);
    (void)unlink(path);
    return text;
}

static struct outcome check(char *first, char *second)
{
    char name[] = "check";
    char *argv[] = {name, first, second, NULL};
    char out_path[] = "/tmp/heatbridge-out-XXXXXX";
    char err_path[] = "/tmp/heatbridge-err-XXXXXX";
    (void)fflush(stdout);
    (void)fflush(stderr);
    const int old_out = divert(STDOUT_FILENO, out_path);
    const int old_err = divert(STDERR_FILENO, err_path);
    struct outcome outcome = {.status = check_command(first == NULL    ? 1
                                                      : second == NULL ? 2
                                                                       : 3,
                                                      argv)};
    (void)fflush(stdout);
    (void)fflush(stderr);
    outcome.out = restore(STDOUT_FILENO, old_out, out_path);
    outcome.err = restore(STDERR_FILENO, old_err, err_path);
    return outcome;
}

static void assert_outcome(struct outcome outcome, int status, const char *out, const char *err)
{
    assert_int_equal(outcome.status, status);
    assert_true(*out == '\0' ? *outcome.out == '\0' : strstr(outcome.out, out) != NULL);
    assert_true(*err == '\0' ? *outcome.err == '\0' : strstr(outcome.err, err) != NULL);
    free(outcome.out);
    free(outcome.err);
}

static void test_check(void **state)
{
    (void)state;
    char example[] = "docs/heatbridge.example.yaml";
    char bad[] = "tests/config/mistakes.txt";
    char absent[] = "/nonexistent";
    char help[] = "--help";
    char schema[] = "--schema";
    char reference[] = "--reference";
    char sample[] = "--example";
    char unknown[] = "--colour";
    assert_outcome(check(example, NULL), EXIT_GOOD, "stale_after: 1 h\n", "");
    assert_outcome(check(bad, NULL), EXIT_USAGE, "", "tests/config/mistakes.txt:");
    assert_outcome(check(absent, NULL), EXIT_USAGE, "", "/nonexistent: cannot be opened");
    assert_outcome(check(help, NULL), EXIT_GOOD, "usage: heatbridge check FILE", "");
    assert_outcome(check(schema, NULL), EXIT_GOOD, "\"$schema\"", "");
    assert_outcome(check(reference, NULL), EXIT_GOOD, "# Configuration", "");
    assert_outcome(check(sample, NULL), EXIT_GOOD, "rooms:\n", "");
    assert_outcome(check(unknown, NULL), EXIT_USAGE, "", "usage:");
    assert_outcome(check(NULL, NULL), EXIT_USAGE, "", "usage:");
    assert_outcome(check(example, example), EXIT_USAGE, "", "usage:");
}

/* A house with two heaters behind the Stratum proxy, and what stands before them. */
static struct outcome check_proxy(const char *mining, const char *first, const char *second)
{
    char path[] = "/tmp/heatbridge-config-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(dprintf(fd,
                        "mqtt: {url: \"mqtt://h\"}\n"
                        "mining: {%s}\n"
                        "rooms: {a: {temperature: {topic: t}, heaters: [one, two]}}\n"
                        "heaters:\n"
                        "  one: {driver: stratum_proxy, power: 900, hashrate: 30, %s}\n"
                        "  two: {driver: stratum_proxy, power: 15 W, hashrate: 1.2 TH/s, %s}\n",
                        mining, first, second) > 0);
    (void)close(fd);
    struct outcome outcome = check(path, NULL);
    (void)unlink(path);
    return outcome;
}

static void test_heaters_behind_the_proxy(void **state)
{
    (void)state;
    static const char anywhere[] = "proxy: {listen: 0.0.0.0}";
    assert_outcome(check_proxy("", "worker: w1", "worker: w2"), EXIT_GOOD, "    port: 3333\n", "");
    assert_outcome(check_proxy("", "worker: two", ""), EXIT_USAGE, "",
                   ": heaters.two.worker: expected a worker name of its own, got nothing");
    assert_outcome(check_proxy("", "worker: w", "worker: w"), EXIT_USAGE, "",
                   ": heaters.two.worker: expected a worker name of its own, got 'w'");
    assert_outcome(check_proxy(anywhere, "password: a", ""), EXIT_USAGE, "",
                   ": heaters.two.password: expected a password, because the proxy listens on "
                   "'0.0.0.0', got nothing");
    assert_outcome(check_proxy(anywhere, "password: a", "password: b"), EXIT_GOOD,
                   "password: \"***\"", "");
    assert_outcome(check_proxy("proxy: {listen: my.host}", "", ""), EXIT_USAGE, "",
                   "mining.proxy.listen: expected an IP address such as 127.0.0.1 or 0.0.0.0, got "
                   "'my.host'");
    assert_outcome(check_proxy("proxy: {port: 0}", "", ""), EXIT_USAGE, "",
                   "mining.proxy.port: expected a port number from 1 to 65535, got '0'");
    assert_outcome(check_proxy("", "min_on: 1 min", "tiers: 5"), EXIT_USAGE, "",
                   "heaters.two.tiers: expected a known key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_heaters_behind_the_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
