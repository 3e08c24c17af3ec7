/* What a WhatsMiner says and is told, API 2 (TCP 4028) and API 3 (TCP 4433), as structs. Pure.
 *
 * Known from recorded answers of both; from miningos for the names of the settings that no
 * recording has (power_pct of status, get.miner.setting), and from pyasic and the maker's own
 * example for commands. Hash rates are MH/s in API 2 and TH/s in API 3.
 */
#ifndef HB_DEVICES_WHATSMINER_CODEC_H
#define HB_DEVICES_WHATSMINER_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/reply.h"
#include "devices/whatsminer_crypt.h"

enum whatsminer_api { WHATSMINER_API2, WHATSMINER_API3 };

enum { WHATSMINER_CODES = 8, WHATSMINER_REQUEST = 1280 };

/* What a command is decided on. Unknown is -1 or NaN. */
struct whatsminer_set {
    int off;        /* mining is switched off                                              */
    int ramped;     /* it has reached its power after a start                              */
    double limit_w; /* its power limit                                                     */
    double percent; /* of the limit that it is throttled to; many firmwares do not tell it */
};

/* What was read in one round. */
struct whatsminer {
    struct heater_state state;
    struct whatsminer_set set;
    int writable;               /* its API takes commands: 1, 0, -1 for unknown          */
    char salt[WHATSMINER_SALT]; /* of API 3                                              */
    double when_s;              /* its own clock, Unix time; NaN                         */
    int codes[WHATSMINER_CODES];
    size_t code_count; /* of errors that it reports, at most WHATSMINER_CODES of them */
};

/* Nothing is known. */
void whatsminer_forget(struct whatsminer *seen, hb_mono now);

/* --- reading -----------------------------------------------------------------------------------*/

/* A part of a round: what is asked, and what takes the answer. Rows end with one without `read`. */
struct whatsminer_part {
    const char *question;
    /* False if the answer is of no use at all. */
    bool (*read)(const struct json *answer, struct whatsminer *seen, struct reply_faults *faults);
    bool essential; /* without it nothing may be written, and nothing is reported */
};

const struct whatsminer_part *whatsminer_parts(enum whatsminer_api api);

/* Draws the conclusions from all that was read: applied power, problem, health. `standby_w` is
 * taken for the power of a miner that is off and does not tell it. */
void whatsminer_conclude(struct whatsminer *seen, double standby_w);

/* What a code that it reports is about, in words of ours; NULL if it is none that we know. */
struct whatsminer_error {
    int from, to; /* codes */
    bool hot;     /* it protects itself from heat */
    const char *what;
};
const struct whatsminer_error *whatsminer_error(int code);

/* --- commands ----------------------------------------------------------------------------------*/

enum whatsminer_write {
    WHATSMINER_NOTHING, /* it is as it should be                               */
    WHATSMINER_UNKNOWN, /* it has not told yet what that would have to be      */
    WHATSMINER_OFF,
    WHATSMINER_ON,
    WHATSMINER_LIMIT,   /* watts: kept in flash, and it restarts its mining      */
    WHATSMINER_PERCENT, /* of the limit: at once, and forgotten when it restarts */
};

struct whatsminer_step {
    enum whatsminer_write write;
    int value; /* W or % */
};

/* The next thing that differs from what is wanted, 0 being off. The limit is set only where no
 * percentage of it from `lowest` to 100 will do, and to no more than was ordered, as it then runs
 * at it until a percentage is said again. */
struct whatsminer_step whatsminer_next(const struct whatsminer_set *set, double power_w,
                                       int lowest);
/* What is known of the settings once it has acknowledged that. */
void whatsminer_acknowledged(struct whatsminer_set *set, struct whatsminer_step step);

/* Plain JSON, for API 2 to be put into whatsminer_wrap. False if it does not fit. */
HB_MUST_USE bool whatsminer_command2(struct whatsminer_step step, const char *sign,
                                     char text[WHATSMINER_PLAIN]);
HB_MUST_USE bool whatsminer_wrap(const struct whatsminer_token *token, const char *command,
                                 char request[WHATSMINER_REQUEST]);
HB_MUST_USE bool whatsminer_command3(struct whatsminer_step step, const char *password,
                                     const char *salt, int64_t unix_s,
                                     char request[WHATSMINER_REQUEST]);

/* The answer to get_token; false if it has none. */
HB_MUST_USE bool whatsminer_read_token(const struct json *answer, const char *password,
                                       struct whatsminer_token *token, struct reply_faults *faults);

/* How a command went. */
enum whatsminer_verdict {
    WHATSMINER_DONE,      /* it says so                                          */
    WHATSMINER_FAILED,    /* it could not                                        */
    WHATSMINER_BAD_TOKEN, /* too old, or made of another password                */
    WHATSMINER_BUSY,      /* it has given away all its tokens: later             */
    WHATSMINER_CLOSED,    /* its API takes no commands from anybody              */
    WHATSMINER_UNCLEAR,   /* nothing that can be read                            */
};

/* `token` is that of API 2, NULL for API 3; `why` becomes its own words. */
enum whatsminer_verdict whatsminer_judge(const char *body, size_t len,
                                         const struct whatsminer_token *token, char why[NAME_MAX_B],
                                         struct reply_faults *faults);

#endif
