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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_check)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
