/* Other programs that are run from the loop: good ones, and such as hang, have no end, or are not
 * there. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plumbing/program.h"
#include "tests/plumbing/loop.h"
#include "tests/support/test.h"

enum { PATIENCE_MS = 60000, MOST = 100000 };

struct result {
    bool done;
    enum program_end end;
    int status;
    char *out;
    size_t out_len;
    char words[PROGRAM_WORDS_MAX], why[200];
};

static const char *const environment[] = {"PATH=/usr/bin:/bin", "WORD=given", NULL};

static void on_done(void *ctx, const struct program_result *from)
{
    struct result *result = ctx;
    assert_false(result->done);
    result->done = true;
    result->end = from->end;
    result->status = from->status;
    result->out_len = from->out_len;
    assert_int_equal(from->out[from->out_len], '\0');
    result->out = malloc(from->out_len + 1);
    assert_non_null(result->out);
    memcpy(result->out, from->out, from->out_len + 1);
    assert_true(snprintf(result->words, sizeof result->words, "%s", from->words) <
                (int)sizeof result->words);
    (void)snprintf(result->why, sizeof result->why, "%s", from->why);
}

static struct program_request request_of(const char *const *argv)
{
    return (struct program_request){
        .argv = argv, .env = environment, .most = MOST, .timeout_ms = PATIENCE_MS};
}

/* Runs it to its end; the caller frees `out`. */
static struct result run(const struct program_request *request)
{
    struct result result = {0};
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_non_null(program_start(&loop, request, on_done, &result, NULL));
    assert_false(result.done);
    loop_until(&loop, &result.done);
    loop_end(&loop);
    return result;
}

static struct result run_script(const char *script, const char *input, size_t len)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct program_request request = request_of(argv);
    request.input = input;
    request.input_len = len;
    return run(&request);
}

/* No process of ours is left, not even as a zombie. */
static void assert_none_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void test_tells_output_words_and_status(void **state)
{
    (void)state;
    struct result result = run_script("echo out; echo words >&2; exit 7", NULL, 0);
    assert_int_equal(result.end, PROGRAM_EXITED);
    assert_int_equal(result.status, 7);
    assert_string_equal(result.out, "out\n");
    assert_string_equal(result.words, "words\n");
    assert_string_equal(result.why, "");
    free(result.out);
    assert_none_left();
}

static void test_gives_input_and_its_end(void **state)
{
    (void)state;
    static char input[MOST];
    for (size_t i = 0; i < sizeof input; i++) {
        input[i] = (char)(i * 31 % 256);
    }
    struct result result = run_script("cat", input, sizeof input);
    assert_int_equal(result.end, PROGRAM_EXITED);
    assert_int_equal(result.status, 0);
    assert_int_equal(result.out_len, sizeof input);
    assert_memory_equal(result.out, input, sizeof input);
    free(result.out);
}

static void test_input_may_go_unread(void **state)
{
    (void)state;
    static char input[4 * 1024 * 1024];
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    struct result result = run_script("exit 3", input, sizeof input);
    assert_int_equal(result.end, PROGRAM_EXITED);
    assert_int_equal(result.status, 3);
    free(result.out);
}

static void test_has_no_other_environment(void **state)
{
    (void)state;
    assert_int_equal(setenv("SECRET", "told", 1), 0);
    struct result result = run_script("echo \"$WORD,$SECRET\"", NULL, 0);
    assert_string_equal(result.out, "given,\n");
    free(result.out);
}

static void test_arguments_meet_no_shell(void **state)
{
    (void)state;
    const char *const argv[] = {"printf", "%s", "$WORD; `id` 'x'", NULL};
    const struct program_request request = request_of(argv);
    struct result result = run(&request);
    assert_string_equal(result.out, "$WORD; `id` 'x'");
    free(result.out);
}

static void test_a_missing_program_is_told(void **state)
{
    (void)state;
    const char *const argv[] = {"heatbridge-has-no-such-program", NULL};
    const struct program_request request = request_of(argv);
    struct result result = run(&request);
    assert_int_equal(result.end, PROGRAM_MISSING);
    assert_string_equal(result.why, "there is no such program");
    free(result.out);
    const char *const folder[] = {"/tmp", NULL};
    const struct program_request forbidden = request_of(folder);
    result = run(&forbidden);
    assert_int_equal(result.end, PROGRAM_FAILED);
    assert_string_not_equal(result.why, "");
    free(result.out);
    assert_none_left();
}

/* The time is far below that of the child, which would outlast the test. */
static void test_a_hanging_program_is_killed_with_its_children(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c", "trap '' TERM HUP; echo begun; sleep 1000; sleep 1000",
                                NULL};
    struct program_request request = request_of(argv);
    request.timeout_ms = 300;
    struct result result = run(&request);
    assert_int_equal(result.end, PROGRAM_LATE);
    assert_string_equal(result.why, "it did not end within 300 ms");
    free(result.out);
    assert_none_left();
}

/* Not there any more, or only until somebody reaps it. */
static bool is_dead(long pid)
{
    char path[64];
    char line[256] = "";
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return true;
    }
    const bool read = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    return !read || strstr(line, ") Z") != NULL || strstr(line, ") X") != NULL;
}

static void test_what_it_leaves_behind_ends_with_it(void **state)
{
    (void)state;
    struct result result = run_script("sleep 1000 & echo $!; exit 0", NULL, 0);
    assert_int_equal(result.end, PROGRAM_EXITED);
    assert_int_equal(result.status, 0);
    const long left = strtol(result.out, NULL, 10);
    assert_true(left > 1);
    for (int i = 0; i < PATIENCE_MS / 10 && !is_dead(left); i++) {
        const struct timespec pause = {.tv_nsec = 10000000};
        (void)nanosleep(&pause, NULL);
    }
    assert_true(is_dead(left));
    free(result.out);
}

static void test_what_escapes_does_not_hold_it_up(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c", "setsid sleep 5 & sleep 0.2; echo done", NULL};
    struct program_request request = request_of(argv);
    request.timeout_ms = 1500;
    struct result result = run(&request);
    assert_int_equal(result.end, PROGRAM_EXITED);
    assert_string_equal(result.out, "done\n");
    free(result.out);
}

static void test_endless_output_is_broken_off(void **state)
{
    (void)state;
    const char *const argv[] = {"yes", NULL};
    struct program_request request = request_of(argv);
    request.most = 1000;
    struct result result = run(&request);
    assert_int_equal(result.end, PROGRAM_EXCESS);
    assert_int_equal(result.out_len, 1000);
    assert_string_equal(result.why, "it said more than 1000 bytes");
    free(result.out);
    assert_none_left();
}

static void test_as_much_as_allowed_is_no_excess(void **state)
{
    (void)state;
    const char *const argv[] = {"printf", "%1000s", "", NULL};
    struct program_request request = request_of(argv);
    request.most = 1000;
    struct result result = run(&request);
    assert_int_equal(result.end, PROGRAM_EXITED);
    assert_int_equal(result.out_len, 1000);
    free(result.out);
}

static void test_long_words_are_cut(void **state)
{
    (void)state;
    struct result result = run_script("printf 'first %9000s' x >&2; echo out", NULL, 0);
    assert_int_equal(result.end, PROGRAM_EXITED);
    assert_int_equal(strlen(result.words), PROGRAM_WORDS_MAX - 1);
    assert_memory_equal(result.words, "first ", 6);
    assert_string_equal(result.out, "out\n");
    free(result.out);
}

static void test_a_crash_is_told(void **state)
{
    (void)state;
    struct result result = run_script("kill -SEGV $$", NULL, 0);
    assert_int_equal(result.end, PROGRAM_KILLED);
    assert_int_equal(result.status, SIGSEGV);
    assert_string_equal(result.why, "it was ended by signal 11");
    free(result.out);
}

/* At each moment of its life, by turns of the loop. */
static void test_cancel_at_each_moment(void **state)
{
    static const char *const scripts[] = {"cat; echo end", "sleep 1000", "yes", "exit 1"};
    static char input[100000];
    (void)state;
    for (size_t script = 0; script < sizeof scripts / sizeof scripts[0]; script++) {
        for (unsigned turns = 0; turns < 12; turns++) {
            const char *const argv[] = {"sh", "-c", scripts[script], NULL};
            struct program_request request = request_of(argv);
            struct result result = {0};
            uv_loop_t loop;
            request.input = input;
            request.input_len = sizeof input;
            assert_int_equal(uv_loop_init(&loop), 0);
            struct program *program = program_start(&loop, &request, on_done, &result, NULL);
            assert_non_null(program);
            for (unsigned i = 0; i < turns && !result.done; i++) {
                (void)uv_run(&loop, UV_RUN_NOWAIT);
            }
            if (!result.done) {
                program_cancel(program);
                loop_end(&loop);
                assert_false(result.done);
            } else {
                loop_end(&loop);
            }
            free(result.out);
        }
    }
    assert_none_left();
}

static void test_cancel_before_it_was_found_missing(void **state)
{
    (void)state;
    const char *const argv[] = {"heatbridge-has-no-such-program", NULL};
    const struct program_request request = request_of(argv);
    struct result result = {0};
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    program_cancel(program_start(&loop, &request, on_done, &result, NULL));
    program_cancel(NULL);
    loop_end(&loop);
    assert_false(result.done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_output_words_and_status),
        cmocka_unit_test(test_gives_input_and_its_end),
        cmocka_unit_test(test_input_may_go_unread),
        cmocka_unit_test(test_has_no_other_environment),
        cmocka_unit_test(test_arguments_meet_no_shell),
        cmocka_unit_test(test_a_missing_program_is_told),
        cmocka_unit_test(test_a_hanging_program_is_killed_with_its_children),
        cmocka_unit_test(test_what_it_leaves_behind_ends_with_it),
        cmocka_unit_test(test_what_escapes_does_not_hold_it_up),
        cmocka_unit_test(test_endless_output_is_broken_off),
        cmocka_unit_test(test_as_much_as_allowed_is_no_excess),
        cmocka_unit_test(test_long_words_are_cut),
        cmocka_unit_test(test_a_crash_is_told),
        cmocka_unit_test(test_cancel_at_each_moment),
        cmocka_unit_test(test_cancel_before_it_was_found_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
