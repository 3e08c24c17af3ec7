/* One question and one answer on a TCP connection of its own, on a libuv loop: how cgminer's API
 * and its relatives are spoken to. Bounded in size and time, however slowly the other side speaks.
 */
#ifndef HB_PLUMBING_EXCHANGE_H
#define HB_PLUMBING_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

struct uv_loop_s;
struct exchange;

/* What ends an answer. The other side closing its end always does. */
enum exchange_end {
    EXCHANGE_CLOSE,    /* nothing else                                                       */
    EXCHANGE_NUL,      /* a NUL byte, which does not count                                   */
    EXCHANGE_LINE,     /* a newline, which does not count                                    */
    EXCHANGE_JSON,     /* the brace that closes the object that the first one opened; or a NUL */
    EXCHANGE_LENGTH32, /* a length of four bytes, least significant first, comes before each
                          message, ours too; bytes beyond it are not read                    */
};

/* Everything is copied. */
struct exchange_request {
    const char *host; /* name or address; names are looked up without blocking the loop */
    uint16_t port;
    const char *bytes; /* sent in one write; the length of EXCHANGE_LENGTH32 is put before them */
    size_t len;
    enum exchange_end end;
    size_t most;                        /* bytes of the answer */
    int connect_timeout_ms, timeout_ms; /* of the connection, and of the whole; above 0 */
};

/* Borrowed until the receiver returns. */
struct exchange_answer {
    const char *bytes; /* ended by a NUL that does not count; NULL: no answer, and `why` says why */
    size_t len;
    const char *why;
    bool excess; /* it was broken off, as there was no end to it */
};

/* Called once for each exchange that is not cancelled, never from within exchange_start. */
typedef void (*exchange_done)(void *ctx, const struct exchange_answer *answer);

/* Owns itself until it is done or cancelled. NULL, with `err`, if it could not be started. An
 * answer that the other side broke off by closing is an answer if anything came, as firmware does
 * that. */
HB_MUST_USE struct exchange *exchange_start(struct uv_loop_s *loop,
                                            const struct exchange_request *request,
                                            exchange_done done, void *ctx, struct hb_err *err);
/* Ends it without a word. Not legal after `done` was called. NULL is allowed. */
void exchange_cancel(struct exchange *exchange);

#endif
