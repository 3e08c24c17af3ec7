#define _GNU_SOURCE /* strsep */
#include "tests/miner/server_stage.h"

#include <stdio.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/verify.h"
#include "tests/support/test.h"

struct server_stage stage;

/* The time in the job. */
static const hb_wall wall = {INT64_C(1700000000) * 1000};

hb_mono stage_now(void)
{
    return (hb_mono){1000000 + stage.now_ms};
}

/* --- both sides ---------------------------------------------------------------------------------
 */

void stage_make_job(uint64_t serial, size_t size1, size_t size2)
{
    memset(&stage.job, 0, sizeof stage.job);
    stage.job.serial = serial;
    (void)snprintf(stage.job.notify.id, sizeof stage.job.notify.id, "pool-%u", (unsigned)serial);
    for (size_t i = 0; i < 200; i++) {
        stage.job.notify.coinbase[i] = (uint8_t)(i * 7 + serial);
    }
    stage.job.notify.coinb1_len = 77;
    stage.job.notify.coinb2_len = 123;
    stage.job.notify.branch_count = 3;
    memset(stage.job.notify.branches, (int)serial, sizeof stage.job.notify.branches);
    memset(stage.job.notify.prevhash, 0x5a, sizeof stage.job.notify.prevhash);
    stage.job.notify.version = 0x20000000;
    stage.job.notify.nbits = 0x17034219;
    stage.job.notify.ntime = 1700000000;
    stage.job.extranonce.size1 = size1;
    stage.job.extranonce.size2 = size2;
    memset(stage.job.extranonce.prefix, 0xe1, size1);
    stage.job.version_mask = STRATUM_VERSION_MASK;
    stage.job.difficulty = 1e-9;
    difficulty_to_target(stage.job.difficulty, stage.job.target);
}

static struct server_options options(size_t room)
{
    return (struct server_options){
        .extranonce1 = 0xa1b2c3d4, .extranonce2_room = room, .version_mask = STRATUM_VERSION_MASK};
}

void stage_open(size_t room)
{
    const struct server_options made = options(room);
    stage.now_ms = 0;
    server_session_open(&stage.server, &made, stage_now());
}

void stage_line(const char *text)
{
    server_session_line(&stage.server, text, strlen(text), stage_now(), &stage.fx);
}

bool stage_says(const char *part)
{
    return stage.fx.out_len > 0 && strstr(stage.fx.out, part) != NULL;
}

/* What the server says goes to the client, and what that answers to the server, until both are
 * silent. The last judged share stays in `judged`. */

static void deliver_to_client(void)
{
    static char text[sizeof stage.fx.out + 1];
    memcpy(text, stage.fx.out, stage.fx.out_len);
    text[stage.fx.out_len] = '\0';
    stage.fx.out_len = 0;
    char *rest = text;
    for (char *each = strsep(&rest, "\n"); each != NULL; each = strsep(&rest, "\n")) {
        if (each[0] != '\0') {
            session_line(&stage.client, each, strlen(each), stage_now(), wall, &stage.client_fx);
            assert_false(stage.client_fx.close);
            stage_deliver();
        }
    }
}

void stage_deliver(void)
{
    char text[sizeof stage.client_fx.out + 1];
    memcpy(text, stage.client_fx.out, stage.client_fx.out_len);
    text[stage.client_fx.out_len] = '\0';
    stage.client_fx.out_len = 0;
    char *rest = text;
    for (char *each = strsep(&rest, "\n"); each != NULL; each = strsep(&rest, "\n")) {
        if (each[0] == '\0') {
            continue;
        }
        stage_line(each);
        assert_false(stage.fx.close);
        if (stage.fx.shared) {
            stage.judged = stage.fx.share;
        }
        if (stage.fx.login) {
            server_session_admit(&stage.server, NULL, 0, stage_now(), &stage.fx);
        }
        deliver_to_client();
    }
}

void stage_connect(size_t room)
{
    const struct session_options mine = {
        .pool = {.host = "proxy.example", .port = 3333},
        .user = "ofen",
        .password = "geheim",
        .first_serial = 1,
    };
    stage_open(room);
    session_init(&stage.client, &mine);
    session_opened(&stage.client, stage_now(), &stage.client_fx);
    stage_deliver();
    assert_int_equal(stage.client.state, SESSION_READY);
    assert_true(stage.server.admitted);
    assert_string_equal(stage.server.login.user, "ofen");
    assert_string_equal(stage.server.login.password, "geheim");
}

void stage_work(bool clean)
{
    server_session_work(&stage.server, &stage.job, clean, stage_now(), &stage.fx);
    assert_false(stage.fx.close);
    deliver_to_client();
}

/* Counts the header's nonce up until it is a share of the job; some four tries. */
uint32_t stage_find_nonce(uint8_t header[80], uint32_t nonce, uint8_t hash[32])
{
    double difficulty = 0;
    do {
        job_set_nonce(header, ++nonce);
    } while (!verify_share(header, stage.job.target, hash, &difficulty));
    return nonce;
}

/* Submits a share of the job by hand, with these version bits ("" for none). */
void stage_submit(unsigned id, uint32_t nonce, const char *bits)
{
    char text[300];
    (void)snprintf(text, sizeof text,
                   "{\"id\":5,\"method\":\"mining.submit\",\"params\":[\"ofen\",\"%x\",\"00000a\","
                   "\"%08x\",\"%08x\"%s%s%s]}",
                   id, (unsigned)stage.job.notify.ntime, (unsigned)nonce,
                   bits[0] == '\0' ? "" : ",\"", bits, bits[0] == '\0' ? "" : "\"");
    stage_line(text);
}

/* A nonce that makes a share of what `submit` sends, where the miner has one byte for extranonce1.
 */
uint32_t stage_nonce_for(uint32_t version_bits)
{
    uint8_t header[80];
    uint8_t hash[32];
    job_make_header(&stage.job, UINT64_C(0xd4) << 24 | 10, stage.job.notify.ntime, version_bits, 0,
                    header);
    return stage_find_nonce(header, 0, hash);
}

/* The client finds its header number `index` and submits it; what it hashed goes to `header`. */
void stage_mine(uint64_t index, uint8_t header[80])
{
    struct job_piece piece;
    struct session_share share = {.serial = stage.client.job.serial};
    job_make_piece(&stage.client.job, index, &piece);
    share.version_bits = piece.version_bits[piece.version_count - 1];
    memcpy(header, piece.header, 80);
    job_roll_version(header, share.version_bits);
    share.extranonce2 = piece.extranonce2;
    share.ntime = piece.ntime;
    share.nonce = stage_find_nonce(header, piece.first_nonce, share.hash);
    memset(&stage.judged, 0, sizeof stage.judged);
    session_submit(&stage.client, &share, stage_now(), &stage.client_fx);
    stage_deliver();
}

/* The header as the pool behind will make it of what is forwarded to it. */
void stage_assert_pool_sees(const struct job *pool_job, const uint8_t header[80])
{
    const struct candidate *c = &stage.judged.candidate;
    uint8_t seen[80];
    assert_int_equal(c->serial, pool_job->serial);
    job_make_header(pool_job, c->extranonce2, c->ntime, c->version_bits, c->nonce, seen);
    assert_memory_equal(seen, header, 80);
    assert_memory_equal(c->header, header, 80);
}
