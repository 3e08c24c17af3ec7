/* The demo pool's state and rules: current jobs, which share counts, what each client is owed.
 *
 * No sockets and no clock here: a client's lines go in, its answers gather in `out`, time is an
 * argument. main.c does the rest.
 */
#ifndef HB_TESTS_POOL_POOL_H
#define HB_TESTS_POOL_POOL_H

#include "ground/time.h"
#include "tests/pool/work.h"

enum {
    POOL_JOBS = 16,         /* jobs kept                                   */
    POOL_SEEN = 4096,       /* accepted shares kept to recognise duplicates */
    POOL_LINE_MAX = 16384,  /* bytes of a client's line                    */
    POOL_OUT_MAX = 1 << 17, /* bytes owed to a client before it is dropped */
};

/* Ways to be a bad pool, for tests of the engine. */
enum misbehave {
    MISBEHAVE_NOT,
    MISBEHAVE_GARBAGE,          /* lines that are no JSON or no Stratum, then normal service  */
    MISBEHAVE_ENDLESS_LINE,     /* a line that never ends                                   */
    MISBEHAVE_DEEP_JSON,        /* twenty thousand brackets                                 */
    MISBEHAVE_NEG_DIFFICULTY,   /* -1, 0, 1e999, text and null as difficulty, then normal service */
    MISBEHAVE_REDIRECT_FOREIGN, /* client.reconnect to another host                         */
    MISBEHAVE_SILENT,           /* accepts the connection and never answers                 */
    MISBEHAVE_CLOSE_ON_CONFIGURE,
    MISBEHAVE_REJECT_ALL,     /* every share refused, error code 20                       */
    MISBEHAVE_STRING_ERRORS,  /* refuses every share with "error":"Stale"                 */
    MISBEHAVE_ERROR_SHAPES,   /* refuses every share, in each shape that servers have in turn */
    MISBEHAVE_NO_JOBS,        /* never sends work                                         */
    MISBEHAVE_HUGE_NUMBERS,   /* extranonce2 size 2e9, then closed unless the client left */
    MISBEHAVE_BAD_NOTIFY,     /* malformed jobs, then normal service                      */
    MISBEHAVE_DROP_ON_SHARE,  /* closes after each accepted share                         */
    MISBEHAVE_REFUSE_WORKER,  /* authorize answers false                                  */
    MISBEHAVE_NEW_EXTRANONCE, /* set_extranonce with each clean job                       */
    MISBEHAVE_COUNT
};

/* How the version bits of a share are applied to the job's version. */
enum version_rule {
    VERSION_OR,      /* ckpool, DATUM */
    VERSION_XOR,     /* public-pool   */
    VERSION_REPLACE, /* BIP 310       */
};

struct pool_options {
    uint16_t port;
    double job_interval_s;
    double difficulty;       /* of a new client       */
    double share_interval_s; /* what vardiff aims at; 0: no vardiff */
    double seconds;          /* 0: until a signal     */
    uint32_t mask;           /* of version rolling; 0: not offered */
    uint32_t nbits;          /* of every job; 0: of the real block */
    uint32_t version;        /* of all jobs; 0: the blocks' own    */
    enum version_rule version_rule;
    size_t extranonce2_size;
    int clean_every; /* every n-th job is a clean one */
    enum misbehave misbehave;
    char redirect_host[128];
    int redirect_port;
    char notify_file[256];    /* serve this recorded job only; "" : real block headers */
    char extranonce1_hex[33]; /* "" : one per connection                            */
};

struct client {
    uint32_t number;
    bool subscribed, authorized, rolling;
    bool closing; /* send what is owed, then close */
    uint32_t mask;
    char worker[128];
    uint8_t extranonce1[WORK_EXTRANONCE_MAX];
    size_t extranonce1_len;
    double difficulty;
    struct {
        uint64_t serial;
        double difficulty;
        uint8_t extranonce1[WORK_EXTRANONCE_MAX];
    } sent[POOL_JOBS]; /* what was in force when the job was sent */
    hb_mono window_start;
    unsigned window_shares;
    size_t next_shape;  /* of a refusal */
    double window_work; /* difficulty of those shares, added up */
    char out[POOL_OUT_MAX];
    size_t out_len;
};

struct pool {
    const struct pool_options *options;
    struct work_job job[POOL_JOBS];
    uint64_t serial;       /* of the newest job                */
    uint64_t valid_serial; /* older jobs are stale             */
    uint64_t seen[POOL_SEEN];
    size_t seen_next;
    uint64_t accepted, rejected;
    double work; /* expected hashes of the accepted shares */
    hb_mono first_share_at, last_share_at;
    uint32_t clients;
    /* One event, as a JSON object; takes ownership. */
    void (*event)(struct json *event);
};

/* False if the recorded job cannot be read. */
bool pool_init(struct pool *pool, const struct pool_options *options, hb_wall now,
               void (*event)(struct json *event), struct hb_err *err);
/* The next job, a block of `now`; the caller sends it to every client. */
void pool_next_job(struct pool *pool, hb_wall now);

void pool_client_init(struct pool *pool, struct client *client);
/* Sends the newest job to a client that is ready for it. */
void pool_send_job(struct pool *pool, struct client *client, bool new_extranonce);
/* Takes one line, without its end, from a client. */
void pool_line(struct pool *pool, struct client *client, const char *line, size_t len, hb_mono now);
/* Adjusts the client's difficulty to its rate of shares. */
void pool_vardiff(struct pool *pool, struct client *client, hb_mono now);
/* {"event":"summary", ...}: shares and the hash rate that they imply; owned by the caller. */
struct json *pool_summary(const struct pool *pool);

/* Appends bytes to what the client is owed; drops the client when it does not read. */
void client_send(struct client *client, const char *bytes, size_t len);
/* Sends one JSON line; takes ownership. */
void client_send_json(struct client *client, struct json *json);

/* --- misbehave.c ------------------------------------------------------------------------------ */

/* Index of the name, MISBEHAVE_COUNT if there is none. */
enum misbehave misbehave_find(const char *name);
const char *misbehave_name(enum misbehave kind);
/* What the bad pool says when a client has just subscribed. */
void misbehave_subscribed(const struct pool_options *options, struct client *client);
/* Refuses the share of request `id` in the next shape. */
void misbehave_refuse(struct client *client, double id);
/* Called whenever everything owed was sent. */
void misbehave_drained(const struct pool_options *options, struct client *client);

#endif
