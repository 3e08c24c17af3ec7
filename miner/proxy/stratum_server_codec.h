/* Stratum V1 from the pool's side, one line of JSON at a time: a miner's lines to typed calls,
 * typed answers and notifications to lines. Pure.
 *
 * The reader takes what miners in the field send (ESP-Miner, cgminer and its many children,
 * cpuminer, bosminer, rental services). Every number is checked here, once; messages name the
 * field.
 */
#ifndef HB_MINER_STRATUM_SERVER_CODEC_H
#define HB_MINER_STRATUM_SERVER_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "miner/stratum/stratum_codec.h"

/* Longest line of a miner without its end; a share takes some 200 bytes. */
#define STRATUM_CALL_MAX 4096
/* Longest line that stratum_server_write makes, its end and a terminator included. */
#define STRATUM_SAY_MAX (STRATUM_LINE_MAX + 2)

enum stratum_call_kind {
    MINER_CONFIGURE,
    MINER_SUBSCRIBE,
    MINER_AUTHORIZE,
    MINER_EXTRANONCE_SUBSCRIBE,
    MINER_SUGGEST_DIFFICULTY,
    MINER_SUBMIT,
    MINER_PING,
    MINER_ANSWER, /* to something that we asked; nothing needs it */
    MINER_OTHER,  /* a method that we do not know                 */
};

/* BIP 310. A flag says that the extension was asked for. */
struct stratum_configure {
    bool version_rolling, minimum_difficulty, subscribe_extranonce;
    uint32_t version_mask;           /* that the miner can roll; all bits if it does not say */
    double minimum_difficulty_value; /* sane, or 0 if it does not say                  */
};

struct stratum_login {
    char user[256], password[256];
};

/* A share as sent: extranonce2 of any size, everything else decoded. */
struct stratum_submit {
    char user[256];
    struct stratum_share share; /* with_version_bits: the sixth parameter is there */
};

struct stratum_client_call {
    enum stratum_call_kind kind;
    char id[48]; /* JSON of the request's id, to answer with; "null" where there is none */
    union {
        struct stratum_configure configure;
        char agent[64]; /* of subscribe; printable, "" if the miner does not say */
        struct stratum_login login;
        double difficulty; /* suggested; sane */
        struct stratum_submit submit;
    };
};

/* Reads one line without its end. False, with `err` naming the field, if it is refused;
 * `err->code` is HB_ERR_INPUT then, and `call->id` is set so that the refusal can be answered, or
 * HB_ERR_STATE when the line is no JSON object at all: the peer does not speak Stratum. */
HB_MUST_USE bool stratum_server_parse(const char *line, size_t len,
                                      struct stratum_client_call *call, struct hb_err *err);

/* The usual codes of an error. */
enum stratum_error {
    STRATUM_ERROR_OTHER = 20,
    STRATUM_ERROR_STALE = 21,
    STRATUM_ERROR_DUPLICATE = 22,
    STRATUM_ERROR_LOW_DIFFICULTY = 23,
    STRATUM_ERROR_UNAUTHORIZED = 24,
    STRATUM_ERROR_NOT_SUBSCRIBED = 25,
};

enum stratum_say_kind {
    SAY_TRUE,         /* id                                  */
    SAY_ERROR,        /* id, code, text                      */
    SAY_CONFIGURED,   /* id, configure: what was asked; mask 0: version rolling is not granted */
    SAY_SUBSCRIBED,   /* id, extranonce                      */
    SAY_PONG,         /* id                                  */
    SAY_DIFFICULTY,   /* difficulty                          */
    SAY_VERSION_MASK, /* version_mask                        */
    SAY_NOTIFY,       /* job_id, notify, middle              */
};

struct stratum_say {
    enum stratum_say_kind kind;
    const char *id; /* JSON of the request's id */
    enum stratum_error code;
    const char *text;
    struct stratum_configure configure;
    struct job_extranonce extranonce;
    double difficulty;
    uint32_t version_mask;
    uint64_t job_id;                 /* written as hexadecimal text */
    const struct job_notify *notify; /* all but its id              */
    const uint8_t *middle;           /* appended to coinb1          */
    size_t middle_len;
};

/* Writes the line, ending in '\n' and a terminator; returns its length without the terminator, 0 if
 * it does not fit. */
size_t stratum_server_write(const struct stratum_say *say, char *line, size_t size);

#endif
