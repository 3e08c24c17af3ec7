/* What all hashing threads are told arrives whole and at once, and nobody waits for anybody. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "miner/board.h"
#include "tests/support/test.h"

enum { READERS = 4, CHANGES = 3000, DEADLINE_S = 30 };

static struct job job; /* too large for a stack */

static int64_t now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* A job whose every part tells its serial. */
static const struct job *job_of(uint64_t serial)
{
    job_make_own(&job, serial, 0);
    memset(job.notify.coinbase, (int)(serial & 0xff), sizeof job.notify.coinbase);
    memset(job.target, (int)(serial & 0xff), sizeof job.target);
    return &job;
}

static bool is_whole(const struct job *seen)
{
    const uint8_t byte = (uint8_t)(seen->serial & 0xff);
    bool whole = true;
    for (size_t i = 0; i < sizeof seen->notify.coinbase; i++) {
        whole = whole && seen->notify.coinbase[i] == byte;
    }
    return whole && seen->target[0] == byte && seen->target[31] == byte;
}

struct reader {
    struct board *board;
    int index;
    pthread_t thread;
    atomic_uint_fast64_t serial; /* last seen */
    atomic_bool torn, went_back;
};

/* Looks at each job twice, long after it may have been replaced. */
static void *read_on(void *arg)
{
    struct reader *reader = arg;
    struct board_view view = {0};
    board_read(reader->board, reader->index, &view);
    while (!view.quit) {
        if (view.job != NULL) {
            const uint64_t serial = view.job->job.serial;
            const bool first = is_whole(&view.job->job);
            (void)sched_yield();
            if (!first || !is_whole(&view.job->job) || view.job->job.serial != serial) {
                atomic_store(&reader->torn, true);
            }
            if (serial < atomic_load(&reader->serial)) {
                atomic_store(&reader->went_back, true);
            }
            atomic_store(&reader->serial, serial);
        }
        if (board_is_current(reader->board, &view)) {
            board_wait(reader->board, &view, INT64_MAX);
        }
        board_read(reader->board, reader->index, &view);
    }
    return NULL;
}

static void jobs_are_never_torn_and_the_last_one_arrives(void **state)
{
    (void)state;
    static struct reader readers[READERS];
    struct board *board = board_create(READERS);
    assert_non_null(board);
    for (int i = 0; i < READERS; i++) {
        readers[i].board = board;
        readers[i].index = i;
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    for (uint64_t serial = 1; serial <= CHANGES; serial++) {
        assert_true(board_set_job(board, serial % 7 == 0 ? NULL : job_of(serial), now_ns()));
        board_set_duty(board, (double)(serial % 10) / 10, now_ns());
    }
    assert_true(board_set_job(board, job_of(CHANGES + 1), now_ns()));
    const int64_t deadline_ns = now_ns() + DEADLINE_S * INT64_C(1000000000);
    for (int i = 0; i < READERS; i++) {
        while (atomic_load(&readers[i].serial) != CHANGES + 1) {
            assert_true(now_ns() < deadline_ns);
            (void)sched_yield();
        }
    }
    board_set_quit(board);
    for (int i = 0; i < READERS; i++) {
        (void)pthread_join(readers[i].thread, NULL);
        assert_false(atomic_load(&readers[i].torn));
        assert_false(atomic_load(&readers[i].went_back));
    }
    board_destroy(board);
}

/* A reader that lies where it was interrupted keeps its job, and the owner goes on. */
static void a_reader_that_sleeps_holds_nobody_up(void **state)
{
    (void)state;
    struct board *board = board_create(2);
    struct board_view sleeper;
    struct board_view other;
    (void)board_set_job(board, job_of(1), 1);
    board_read(board, 0, &sleeper);
    for (uint64_t serial = 2; serial < 100; serial++) {
        assert_true(board_set_job(board, job_of(serial), 1));
        board_read(board, 1, &other);
        assert_int_equal(other.job->job.serial, serial);
        assert_true(is_whole(&other.job->job));
    }
    assert_int_equal(sleeper.job->job.serial, 1);
    assert_true(is_whole(&sleeper.job->job));
    assert_false(board_is_current(board, &sleeper));
    board_destroy(board);
}

static void what_is_told_is_read(void **state)
{
    (void)state;
    struct board *board = board_create(1);
    struct board_view view;
    board_read(board, 0, &view);
    assert_null(view.job);
    assert_near(view.duty_ratio, 0, 0);
    assert_false(view.quit || board_has_work(board));
    board_set_duty(board, 0.4, 100);
    assert_false(board_has_work(board));
    (void)board_set_job(board, job_of(5), 200);
    assert_true(board_has_work(board));
    board_set_duty(board, 0.6, 300);
    board_read(board, 0, &view);
    assert_near(view.duty_ratio, 0.6, 0);
    assert_int_equal(view.duty_ns, 300);
    assert_int_equal(view.resumed_ns, 200); /* when there was something to do */
    assert_true(board_is_current(board, &view));
    atomic_store(&view.job->next_piece, 17);
    (void)board_set_job(board, job_of(5), 400); /* the same once more: pieces are not repeated */
    board_read(board, 0, &view);
    assert_int_equal(atomic_load(&view.job->next_piece), 17);
    (void)board_set_job(board, NULL, 500);
    assert_false(board_has_work(board));
    (void)board_set_job(board, job_of(6), 600);
    board_read(board, 0, &view);
    assert_int_equal(view.resumed_ns, 600);
    assert_int_equal(atomic_load(&view.job->next_piece), 0);
    board_destroy(board);
}

static void waiting_ends_with_the_time_or_at_once_after_a_change(void **state)
{
    (void)state;
    struct board *board = board_create(1);
    struct board_view view;
    board_read(board, 0, &view);
    const int64_t until_ns = now_ns() + 30000000;
    int waits = 0;
    for (; now_ns() < until_ns; waits++) {
        board_wait(board, &view, until_ns);
    }
    assert_in_range(waits, 1, 10);
    board_set_duty(board, 0.5, 1);
    board_wait(board, &view, INT64_MAX); /* there is news already */
    assert_false(board_is_current(board, &view));
    board_destroy(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_never_torn_and_the_last_one_arrives),
        cmocka_unit_test(a_reader_that_sleeps_holds_nobody_up),
        cmocka_unit_test(what_is_told_is_read),
        cmocka_unit_test(waiting_ends_with_the_time_or_at_once_after_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
