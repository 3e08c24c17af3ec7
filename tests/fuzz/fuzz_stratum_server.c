/* A miner may say anything at any time: the pool's side stays whole, says only whole lines, and
 * believes no share that does not hash. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/net/line_buffer.h"
#include "miner/proxy/server_session.h"
#include "miner/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct server_session session;
static struct server_effects effects;
static struct line_buffer lines;
static struct job job;

static void expect(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void make_job(uint64_t serial)
{
    memset(&job, 0, sizeof job);
    job.serial = serial;
    job.notify.coinb1_len = job.notify.coinb2_len = 100;
    job.notify.branch_count = serial % 4;
    job.notify.version = 0x20000000;
    job.notify.nbits = 0x17034219;
    job.notify.ntime = 1700000000;
    job.extranonce.size1 = 4;
    job.extranonce.size2 = 4 + serial % 5;
    job.version_mask = serial % 3 == 0 ? 0 : STRATUM_VERSION_MASK;
    job.difficulty = DIFFICULTY_MIN;
    difficulty_to_target(job.difficulty, job.target);
}

static void check_share(void)
{
    const struct server_share *share = &effects.share;
    uint8_t hash[32];
    expect(!share->forward || share->good);
    expect(!share->good || share->hashed);
    if (share->hashed) {
        expect(verify_hash(share->candidate.header, hash));
        expect(difficulty_of(hash) == share->difficulty);
        expect(share->difficulty >= DIFFICULTY_MIN);
    }
}

static void check(void)
{
    expect(effects.out_len <= sizeof effects.out);
    expect(effects.out_len == 0 || effects.out[effects.out_len - 1] == '\n');
    expect(!effects.close || effects.why[0] != '\0');
    if (effects.shared) {
        check_share();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct server_options options = {
        .extranonce1 = 7, .extranonce2_room = 4, .version_mask = STRATUM_VERSION_MASK};
    hb_mono now = {1000};
    const char *at = (const char *)data;
    size_t line_len = 0;
    bool too_long = false;
    uint64_t serial = 0;
    server_session_open(&session, &options, now);
    lines.used = 0;
    while (line_buffer_take(&lines, &at, &size, &line_len, &too_long)) {
        now.ms += 700;
        server_session_line(&session, lines.text, line_len, now, &effects);
        check();
        if (effects.login) {
            server_session_admit(&session, NULL, 0, now, &effects);
            check();
        }
        make_job(++serial);
        server_session_work(&session, &job, serial % 2 == 0, now, &effects);
        check();
        server_session_tick(&session, now, &effects);
        check();
    }
    return 0;
}
