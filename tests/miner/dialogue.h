/* One session, driven by lines as a pool would send them; for the tests of the session's parts. */
#ifndef HB_TESTS_MINER_DIALOGUE_H
#define HB_TESTS_MINER_DIALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "miner/stratum/session.h"

extern struct session session;    /* too large for a stack, as are the effects */
extern struct session_effects fx; /* of the latest call                       */
extern int64_t now_ms;
extern hb_wall wall; /* at first the time of the recorded dialogue */

hb_mono at(int64_t ms);
/* A session as new, for worker "me.w1" at pool.example:3333. */
void start(void);
void open_session(void);
void line(const char *text);
/* Sets the time and ticks. */
void tick_at(int64_t ms);
/* True if the latest call sends something that contains `part`. */
bool sends(const char *part);
void become_ready(void);
/* A share of that job, with a hash that begins with `mark`. */
struct session_share share_of(uint64_t serial, uint8_t mark);
void submit(uint64_t serial, uint8_t mark);

#define CONFIGURED                                                                                 \
    "{\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"1fffe000\"},\"id\":1,"       \
    "\"error\":null}"
#define SUBSCRIBED                                                                                 \
    "{\"result\":[[[\"mining.notify\",\"6b\"]],\"8e2d036b\",8],\"id\":2,\"error\":null}"
#define AUTHORIZED "{\"result\":true,\"error\":null,\"id\":3}"
#define HASH_A     "0ed57ee92e48b81b86c0a257c40c7a372c02bbcb8a656edc5c7182520f4d9af8"
#define HASH_B     "1ed57ee92e48b81b86c0a257c40c7a372c02bbcb8a656edc5c7182520f4d9af8"
#define NTIME      0x6b032d8d
#define NOTIFY(id, hash, clean)                                                                    \
    "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"" id "\",\"" hash                     \
    "\",\"01\",\"02\",[],\"20000000\",\"207fffff\",\"6b032d8d\"," clean "]}"

#endif
