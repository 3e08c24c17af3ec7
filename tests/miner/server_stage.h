/* A pool's side and our own client's, joined without a network, with what a test says to either. */
#ifndef HB_TESTS_MINER_SERVER_STAGE_H
#define HB_TESTS_MINER_SERVER_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "miner/proxy/server_session.h"
#include "miner/stratum/session.h"

struct server_stage {
    struct server_session server;
    struct server_effects fx; /* of the last call */
    struct session client;
    struct session_effects client_fx;
    struct job job; /* as the pool behind gives it */
    int64_t now_ms;
    struct server_share judged; /* the last share of the client */
};

extern struct server_stage stage;

hb_mono stage_now(void);
/* Makes stage.job, of which every fourth hash is a share; the pool's extranonces have these sizes.
 */
void stage_make_job(uint64_t serial, size_t size1, size_t size2);
/* A miner connects whose pools leave `room` bytes. */
void stage_open(size_t room);
/* A line of the miner, by hand. */
void stage_line(const char *text);
bool stage_says(const char *part);
/* Our client connects and logs in as "ofen" with "geheim". */
void stage_connect(size_t room);
/* What the client has to say goes to the server, and so on until both are silent. */
void stage_deliver(void);
/* stage.job goes to the client. */
void stage_work(bool clean);
/* The client finds its header number `index` and submits it; what it hashed goes to `header`. */
void stage_mine(uint64_t index, uint8_t header[80]);
/* The header as the pool behind will make it of what is forwarded to it. */
void stage_assert_pool_sees(const struct job *pool_job, const uint8_t header[80]);
/* Counts the header's nonce up until it is a share of stage.job. */
uint32_t stage_find_nonce(uint8_t header[80], uint32_t nonce, uint8_t hash[32]);
/* Submits a share of the job `id` by hand, with these version bits ("" for none). */
void stage_submit(unsigned id, uint32_t nonce, const char *bits);
/* A nonce that makes a share of what stage_submit sends, where the miner has one byte for
 * extranonce1. */
uint32_t stage_nonce_for(uint32_t version_bits);

#endif
