/* Another program, run once from a libuv loop: given its arguments and its input, bounded in what
 * it says and in time, killed with all that it started when it goes beyond. No shell is involved.
 */
#ifndef HB_PLUMBING_PROGRAM_H
#define HB_PLUMBING_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/attr.h"
#include "ground/err.h"

struct uv_loop_s;
struct program;

enum { PROGRAM_WORDS_MAX = 4096 };

/* Everything is copied. */
struct program_request {
    const char *const *argv; /* ended by NULL; the program is looked up in the PATH of `env`.
                                Others can read it: never a secret */
    const char *const *env;  /* "NAME=value", ended by NULL: all that it gets */
    const char *input;       /* to its standard input, which is closed after it; NULL: none */
    size_t input_len;
    size_t most;    /* bytes of its standard output */
    int timeout_ms; /* from its start to its end; above 0 */
};

enum program_end {
    PROGRAM_EXITED,  /* by itself, with `status`                 */
    PROGRAM_KILLED,  /* by somebody else, or it crashed: `status` is the signal */
    PROGRAM_MISSING, /* there is no such program                 */
    PROGRAM_FAILED,  /* it could not be started otherwise        */
    PROGRAM_LATE,    /* it was killed, as its time was over      */
    PROGRAM_EXCESS,  /* it was killed, as it said too much       */
};

/* Borrowed until the receiver returns. */
struct program_result {
    enum program_end end;
    int status;
    const char *out; /* its standard output, ended by a NUL that does not count; "" if none */
    size_t out_len;
    const char *words; /* the first PROGRAM_WORDS_MAX - 1 bytes of its standard error; the same */
    const char *why;   /* one phrase, unless it exited */
};

/* Called once for each program that is not cancelled, when it has ended and nothing of it is left;
 * never from within program_start. */
typedef void (*program_done)(void *ctx, const struct program_result *result);

/* Owns itself until it is done or cancelled. NULL, with `err`, if memory is short. */
HB_MUST_USE struct program *program_start(struct uv_loop_s *loop,
                                          const struct program_request *request, program_done done,
                                          void *ctx, struct hb_err *err);
/* Kills it without a word; the loop has to run on until its end was noticed. Not legal after `done`
 * was called. NULL is allowed. */
void program_cancel(struct program *program);

#endif
