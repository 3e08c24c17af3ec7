/* What a FutureBit Apollo says over its GraphQL interface, and what is said to it; pure.
 *
 * Facts: the published source of its interface (apolloapi-v2). Everything is a query there,
 * starting and stopping too; mutations do not exist. An update of its settings in which the node's
 * software is not named makes it install that software anew, so it is named, as it is.
 */
#ifndef HB_DEVICES_APOLLO_CODEC_H
#define HB_DEVICES_APOLLO_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/heater.h"
#include "devices/reply.h"

enum { APOLLO_TOKEN_MAX = 1024, APOLLO_BODY_MAX = 1536, APOLLO_ENUM_MAX = 32 };

enum apollo_mode {
    APOLLO_ECO,
    APOLLO_BALANCED,
    APOLLO_TURBO,
    APOLLO_MODES,
    APOLLO_CUSTOM,
    APOLLO_MODE_UNKNOWN
};

enum apollo_online {
    APOLLO_ONLINE_UNKNOWN,
    APOLLO_OFFLINE,
    APOLLO_PENDING, /* for up to a minute after it was told to start, a few seconds after a stop */
    APOLLO_ONLINE,
};

/* What we last told its miner to do; it does not say to where it is on its way. */
enum apollo_heading { APOLLO_NOWHERE, APOLLO_TO_ON, APOLLO_TO_OFF };

/* What was read in one round. */
struct apollo {
    struct heater_state state;
    enum apollo_online online;
    enum apollo_mode mode; /* that it is set to; a running miner takes it up when it starts anew */
    char node_software[APOLLO_ENUM_MAX]; /* "" where there is no such setting */
};

void apollo_forget(struct apollo *seen, hb_mono now);

/* What the answer as a whole amounts to. */
enum apollo_answer {
    APOLLO_GOOD,
    APOLLO_UNAUTHENTICATED,
    APOLLO_REFUSED,  /* an error; its message is in `why` */
    APOLLO_UNUSABLE, /* no GraphQL */
};
enum apollo_answer apollo_judge(const char *body, size_t len, char *why, size_t size,
                                struct reply_faults *faults);

/* The bodies of its queries. */
extern const char apollo_query_state[];
extern const char apollo_query_node[];
/* False if it does not fit. */
HB_MUST_USE bool apollo_login_body(const char *password, char body[APOLLO_BODY_MAX]);

/* After apollo_judge said APOLLO_GOOD. */
bool apollo_read_state(const char *body, size_t len, struct apollo *seen,
                       struct reply_faults *faults);
void apollo_read_node(const char *body, size_t len, struct apollo *seen,
                      struct reply_faults *faults);
HB_MUST_USE bool apollo_read_login(const char *body, size_t len, char token[APOLLO_TOKEN_MAX]);

/* The mode that it runs in, APOLLO_MODES for off, or APOLLO_MODE_UNKNOWN. On its way up it is still
 * off, and on its way down still on. */
enum apollo_mode apollo_applied(const struct apollo *seen, enum apollo_heading heading);

/* In the order in which they are made. */
enum apollo_write { APOLLO_SET_MODE, APOLLO_RESTART, APOLLO_START, APOLLO_STOP, APOLLO_WRITES };

/* Whether that write is needed to run in `mode`, APOLLO_MODES being off. `stale`: its miner has not
 * been started since the mode was set. */
bool apollo_needs(const struct apollo *seen, enum apollo_write write, enum apollo_mode mode,
                  enum apollo_heading heading, bool stale);
void apollo_write_body(const struct apollo *seen, enum apollo_write write, enum apollo_mode mode,
                       char body[APOLLO_BODY_MAX]);

#endif
