/* A pool may say anything at any time: the session stays whole, and its jobs make headers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "miner/net/line_buffer.h"
#include "miner/stratum/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct session session;
static struct session_effects effects;
static struct line_buffer lines;

static void check(hb_mono now)
{
    if (effects.out_len > sizeof effects.out || (effects.close && effects.why[0] == '\0')) {
        abort();
    }
    if (effects.new_job) {
        struct job_piece piece;
        job_make_piece(&session.job, 0, &piece);
        struct session_share share = {.serial = session.job.serial,
                                      .extranonce2 = piece.extranonce2,
                                      .ntime = piece.ntime,
                                      .version_bits = piece.version_bits[0]};
        memcpy(share.hash, piece.header + 36, sizeof share.hash); /* as good as any */
        session_submit(&session, &share, now, &effects);
        if (effects.rejected[REJECT_STALE] != 0 ||
            (effects.submitted == 0 && session.state == SESSION_READY &&
             effects.rejected[REJECT_DUPLICATE] == 0 &&
             session.book.in_second <= SHARE_BOOK_PER_SECOND)) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct session_options options = {.pool = {.host = "pool.example", .port = 3333},
                                            .user = "me",
                                            .password = "x",
                                            .first_serial = 1};
    hb_mono now = {1000};
    const char *at = (const char *)data;
    size_t line_len = 0;
    bool too_long = false;
    session_init(&session, &options);
    session_want_difficulty(&session, 1);
    session_opened(&session, now, &effects);
    lines.used = 0;
    while (line_buffer_take(&lines, &at, &size, &line_len, &too_long)) {
        now.ms += 700;
        session_line(&session, lines.text, line_len, now, (hb_wall){0}, &effects);
        check(now);
        session_tick(&session, now, &effects);
        check(now);
    }
    session_closed(&session);
    return 0;
}
