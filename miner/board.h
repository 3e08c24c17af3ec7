/* What the owner tells all hashing threads: the job, the duty, the end. Neither side ever waits for
 * the other.
 *
 * Hashing threads have the lowest priority there is: on a busy machine one of them may lie for a
 * tenth of a second where it was interrupted. If it held a lock then, the owner, which regulates
 * the heat of a house, would wait for it. So there is none: small values are atomic, and a reader
 * marks the job that it uses (a hazard pointer), so that the owner writes the next one elsewhere.
 * Readers sleep on a futex.
 */
#ifndef HB_MINER_BOARD_H
#define HB_MINER_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ground/attr.h"
#include "miner/job.h"

struct board;

struct board_job {
    struct job job;
    atomic_uint_fast64_t next_piece; /* to be handed out */
};

/* What a reader saw. */
struct board_view {
    unsigned version;      /* of the board */
    struct board_job *job; /* valid until the reader's next board_read; NULL: none */
    double duty_ratio;
    int64_t duty_ns;    /* when it was set */
    int64_t resumed_ns; /* when there was something to do again, after nothing */
    bool quit;
};

/* For readers 0 to `readers` - 1. No job, duty 0. NULL when memory is short. */
HB_MUST_USE struct board *board_create(int readers);
/* All readers must have ended. NULL is allowed. */
void board_destroy(struct board *board);

/* --- the owner, on one thread; `now_ns` is that of CLOCK_MONOTONIC */

/* Copies the job; NULL: none. The job that is there already (by its serial) is left alone. False
 * if memory is short: the old one goes on, then. */
bool board_set_job(struct board *board, const struct job *job, int64_t now_ns);
void board_set_duty(struct board *board, double duty_ratio, int64_t now_ns);
void board_set_quit(struct board *board);
/* Whether there is a job and a duty above 0. */
bool board_has_work(const struct board *board);

/* --- a reader */

void board_read(struct board *board, int reader, struct board_view *view);
/* Whether nothing has changed since. */
bool board_is_current(const struct board *board, const struct board_view *view);
/* Sleeps until something has changed since, or until `until_ns` of CLOCK_MONOTONIC (INT64_MAX: no
 * limit). It may return early. */
void board_wait(struct board *board, const struct board_view *view, int64_t until_ns);

#endif
