#include "tests/miner/fake_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/hex.h"
#include "miner/job.h"
#include "miner/stratum/stratum_codec.h"
#include "miner/verify.h"
#include "plumbing/clock.h"
#include "plumbing/json.h"
#include "tests/support/test.h"

/* One job for all, of the time when it is first asked for. */
const char *fake_notify(void)
{
    static char text[400];
    if (text[0] == '\0') {
        (void)snprintf(text, sizeof text,
                       "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"job1\","
                       "\"0ed57ee92e48b81b86c0a257c40c7a372c02bbcb8a656edc5c7182520f4d9af8\","
                       "\"0100\",\"00ff\","
                       "[],\"20000000\",\"1d00ffff\",\"%08x\",true]}",
                       (unsigned)(clock_wall().ms / 1000));
    }
    return text;
}

/* The job as a pool sees it: from its own notify, with its own extranonce1. */
static void own_job(struct job *job)
{
    static struct stratum_message message;
    struct hb_err err = {0};
    assert_true(stratum_parse(fake_notify(), strlen(fake_notify()), &message, &err));
    memset(job, 0, sizeof *job);
    job->notify = message.notify;
    assert_true(hex_decode("01020304", job->extranonce.prefix, 4));
    job->extranonce.size1 = 4;
    job->extranonce.size2 = 4;
}

static bool share_is_good(const struct json *params)
{
    static struct job job;
    uint32_t field[4] = {0}; /* extranonce2, ntime, nonce, version bits */
    uint8_t header[80];
    uint8_t target[32];
    uint8_t hash[32];
    double difficulty = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *text = json_string(json_item(params, 2 + i));
        if (text == NULL || strlen(text) != 8 || !hex_to_u32(text, &field[i])) {
            return false;
        }
    }
    own_job(&job);
    difficulty_to_target(FAKE_DIFFICULTY, target);
    job_make_header(&job, field[0], field[1], field[3], field[2], header);
    return verify_share(header, target, hash, &difficulty);
}

size_t fake_answer(const char *line, char *out, size_t size, enum fake_heard *heard)
{
    struct hb_err err = {0};
    struct json *json = json_parse(line, strlen(line), 1 << 16, &err);
    assert_non_null(json);
    const char *method = json_string(json_get(json, "method"));
    double id = 0;
    assert_true(json_number(json_get(json, "id"), &id));
    const int number = (int)id;
    int used = 0;
    *heard = FAKE_HEARD_OTHER;
    if (strcmp(method, "mining.configure") == 0) {
        used = snprintf(out, size,
                        "{\"id\":%d,\"result\":{\"version-rolling\":true,"
                        "\"version-rolling.mask\":\"1fffe000\"},\"error\":null}\n",
                        number);
    } else if (strcmp(method, "mining.subscribe") == 0) {
        used = snprintf(out, size, "{\"id\":%d,\"result\":[[],\"01020304\",4],\"error\":null}\n",
                        number);
    } else if (strcmp(method, "mining.authorize") == 0) {
        *heard = FAKE_HEARD_AUTHORIZE;
        used = snprintf(out, size,
                        "{\"id\":%d,\"result\":true,\"error\":null}\n{\"id\":null,\"method\":"
                        "\"mining.set_difficulty\",\"params\":[%g]}\n%s\n",
                        number, FAKE_DIFFICULTY, fake_notify());
    } else if (strcmp(method, "mining.submit") == 0) {
        const bool good = share_is_good(json_get(json, "params"));
        *heard = good ? FAKE_HEARD_GOOD_SHARE : FAKE_HEARD_BAD_SHARE;
        used = snprintf(out, size, "{\"id\":%d,\"result\":%s,\"error\":%s}\n", number,
                        good ? "true" : "null", good ? "null" : "[23,\"Above target\",null]");
    } else if (strcmp(method, "mining.ping") == 0) {
        used = snprintf(out, size, "{\"id\":%d,\"result\":\"pong\",\"error\":null}\n", number);
    }
    json_free(json);
    return (size_t)used;
}
