#define _GNU_SOURCE /* syscall */
#include "miner/board.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

typedef _Atomic(struct board_job *) atomic_job;

/* A place for a job; there are hardly ever more than three. */
struct slot {
    struct board_job content;
    struct slot *next;
};

struct board {
    /* The owner's. */
    struct slot *slots;
    int readers;
    /* Written by the owner, read by all. */
    atomic_job job;
    _Atomic double duty_ratio;
    atomic_int_fast64_t duty_ns, resumed_ns;
    atomic_bool quit;
    atomic_uint version; /* counts the changes, each after it was made; readers sleep on it */
    /* Written by the readers: the job that each uses. */
    atomic_job held[];
};

struct board *board_create(int readers)
{
    struct board *board = calloc(1, sizeof *board + (size_t)readers * sizeof board->held[0]);
    if (board != NULL) {
        board->readers = readers;
    }
    return board;
}

void board_destroy(struct board *board)
{
    if (board == NULL) {
        return;
    }
    while (board->slots != NULL) {
        struct slot *slot = board->slots;
        board->slots = slot->next;
        free(slot);
    }
    free(board);
}

/* --- sleeping and waking ------------------------------------------------------------------------
 */

/* As the system call wants it, which on 32 bits is not the C library's. */
struct futex_time {
    long s, ns;
};

static void futex(atomic_uint *word, int operation, unsigned value, const struct futex_time *until)
{
    (void)syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, until, NULL,
                  FUTEX_BITSET_MATCH_ANY);
}

static void tell(struct board *board)
{
    (void)atomic_fetch_add(&board->version, 1);
    futex(&board->version, FUTEX_WAKE, INT_MAX, NULL);
}

bool board_is_current(const struct board *board, const struct board_view *view)
{
    return atomic_load_explicit(&board->version, memory_order_relaxed) == view->version;
}

void board_wait(struct board *board, const struct board_view *view, int64_t until_ns)
{
    const struct futex_time until = {(long)(until_ns / NS_PER_S), (long)(until_ns % NS_PER_S)};
    futex(&board->version, FUTEX_WAIT_BITSET, view->version, until_ns == INT64_MAX ? NULL : &until);
}

/* --- the owner ----------------------------------------------------------------------------------
 */

static bool is_free(struct board *board, struct board_job *job)
{
    bool used = atomic_load(&board->job) == job;
    for (int i = 0; i < board->readers && !used; i++) {
        used = atomic_load(&board->held[i]) == job;
    }
    return !used;
}

static struct board_job *free_place(struct board *board)
{
    for (struct slot *slot = board->slots; slot != NULL; slot = slot->next) {
        if (is_free(board, &slot->content)) {
            return &slot->content;
        }
    }
    struct slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL) {
        return NULL;
    }
    slot->next = board->slots;
    board->slots = slot;
    return &slot->content;
}

/* Before a change that may end idleness. */
static void note_resumption(struct board *board, bool will_work, int64_t now_ns)
{
    if (!board_has_work(board) && will_work) {
        atomic_store(&board->resumed_ns, now_ns);
    }
}

bool board_set_job(struct board *board, const struct job *job, int64_t now_ns)
{
    struct board_job *place = NULL;
    if (job != NULL) {
        const struct board_job *present = atomic_load(&board->job);
        if (present != NULL && present->job.serial == job->serial) {
            return true;
        }
        place = free_place(board);
        if (place == NULL) {
            return false;
        }
        place->job = *job;
        atomic_store(&place->next_piece, 0);
    }
    note_resumption(board, job != NULL && atomic_load(&board->duty_ratio) > 0, now_ns);
    atomic_store(&board->job, place);
    tell(board);
    return true;
}

void board_set_duty(struct board *board, double duty_ratio, int64_t now_ns)
{
    note_resumption(board, duty_ratio > 0 && atomic_load(&board->job) != NULL, now_ns);
    atomic_store(&board->duty_ns, now_ns);
    atomic_store(&board->duty_ratio, duty_ratio);
    tell(board);
}

void board_set_quit(struct board *board)
{
    atomic_store(&board->quit, true);
    tell(board);
}

bool board_has_work(const struct board *board)
{
    return atomic_load(&board->job) != NULL && atomic_load(&board->duty_ratio) > 0;
}

/* --- a reader -----------------------------------------------------------------------------------
 */

/* The job is the reader's once the mark was set while it was still the present one: from then on
 * the owner sees the mark before it looks for a free place. */
static struct board_job *hold_job(struct board *board, int reader)
{
    struct board_job *job = atomic_load(&board->job);
    for (;;) {
        atomic_store(&board->held[reader], job);
        struct board_job *present = atomic_load(&board->job);
        if (present == job) {
            return job;
        }
        job = present;
    }
}

/* The version first: what changes meanwhile is read again. */
void board_read(struct board *board, int reader, struct board_view *view)
{
    view->version = atomic_load(&board->version);
    view->quit = atomic_load(&board->quit);
    view->duty_ratio = atomic_load(&board->duty_ratio);
    view->duty_ns = atomic_load(&board->duty_ns);
    view->resumed_ns = atomic_load(&board->resumed_ns);
    view->job = hold_job(board, reader);
}
