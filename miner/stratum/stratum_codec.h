/* Stratum V1, one line of JSON at a time: lines to typed messages, typed requests to lines. Pure.
 *
 * The shapes are those of real servers (ckpool, public-pool, DATUM, braiins, NiceHash); where they
 * disagree the reader takes all of them. Every number from a pool is checked here, once; messages
 * name the field. Nothing is allocated in proportion to a number.
 */
#ifndef HB_MINER_STRATUM_CODEC_H
#define HB_MINER_STRATUM_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "miner/job.h"

struct json;

/* Longest line without its end: real notify lines reach 10 to 20 KB. */
#define STRATUM_LINE_MAX (64 * 1024)
/* Longest line that stratum_write makes. */
#define STRATUM_REQUEST_MAX 2048
/* Bits that BIP 320 sets aside for rolling; nothing else is ever rolled, whatever a pool says. */
#define STRATUM_VERSION_MASK 0x1fffe000U

enum stratum_kind {
    STRATUM_REPLY,
    STRATUM_NOTIFY,
    STRATUM_SET_DIFFICULTY,
    STRATUM_SET_EXTRANONCE,
    STRATUM_SET_VERSION_MASK,
    STRATUM_RECONNECT,
    STRATUM_SHOW_MESSAGE,
    STRATUM_GET_VERSION,
    STRATUM_PING,
    STRATUM_OTHER, /* a method that we do not know: to be ignored */
};

enum stratum_result {
    RESULT_NONE, /* null, absent, or a type without a meaning here */
    RESULT_TRUE,
    RESULT_FALSE,
    RESULT_SUBSCRIBED, /* `extranonce` is set            */
    RESULT_CONFIGURED, /* the configure fields are set   */
    RESULT_NONSENSE,   /* `text` says what is wrong      */
};

struct stratum_reply {
    int64_t id; /* of our request; 0 if it is none of ours */
    enum stratum_result result;
    bool failed;    /* there is an error, in whatever shape   */
    int error_code; /* 0 if it has none                       */
    char text[200]; /* the error, or what is wrong with the result; printable */
    struct job_extranonce extranonce;
    bool version_rolling, minimum_difficulty, subscribe_extranonce;
    uint32_t version_mask;
};

struct stratum_reconnect {
    char host[256]; /* "" for the same host */
    uint16_t port;  /* 0 for the same port  */
    double wait_s;  /* finite               */
};

struct stratum_message {
    enum stratum_kind kind;
    char id[48]; /* JSON of the request's id, to answer with; "null" where there is none */
    union {
        struct stratum_reply reply;
        struct job_notify notify;
        double difficulty;
        struct job_extranonce extranonce;
        uint32_t version_mask;
        struct stratum_reconnect reconnect;
        char text[200]; /* of show_message; printable */
    };
};

/* Reads one line without its end. False, with `err` naming the field, if it is refused;
 * `err->code` is HB_ERR_INPUT then, or HB_ERR_STATE when the line is no JSON object at all, which
 * means that the peer does not speak Stratum. */
HB_MUST_USE bool stratum_parse(const char *line, size_t len, struct stratum_message *message,
                               struct hb_err *err);

/* Keeps the id of a call as JSON, to answer with; what is no scalar, or does not fit, becomes null.
 */
void stratum_keep_id(const struct json *id, char *text, size_t size);

enum stratum_call {
    CALL_CONFIGURE,          /* difficulty (minimum wanted) */
    CALL_SUBSCRIBE,          /* agent                       */
    CALL_AUTHORIZE,          /* user, password              */
    CALL_SUGGEST_DIFFICULTY, /* difficulty                  */
    CALL_EXTRANONCE_SUBSCRIBE,
    CALL_SUBMIT, /* user, share */
    CALL_PING,
    ANSWER_VERSION, /* answer_to, agent */
    ANSWER_PING,    /* answer_to        */
};

struct stratum_share {
    char job_id[JOB_ID_MAX + 1];
    uint8_t extranonce2[JOB_EXTRANONCE2_MAX];
    size_t extranonce2_size;
    uint32_t ntime, nonce, version_bits;
    bool with_version_bits; /* true, and then mandatory, once version rolling was agreed */
};

struct stratum_request {
    enum stratum_call call;
    int64_t id;
    const char *answer_to; /* JSON of the id */
    const char *agent, *user, *password;
    double difficulty;
    struct stratum_share share;
};

/* Writes the line, ending in '\n' and a terminator; returns its length without the terminator, 0 if
 * it does not fit. */
size_t stratum_write(const struct stratum_request *request, char *line, size_t size);

#endif
