#include "tests/miner/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/hex.h"
#include "miner/stratum/stratum_codec.h"
#include "tests/support/test.h"

struct json *vectors_open(const char *name)
{
    char path[200];
    size_t len = 0;
    struct hb_err err = {0};
    (void)snprintf(path, sizeof path, "tests/data/mining/%s", name);
    char *text = test_read_file(path, &len);
    struct json *json = json_parse(text, len, 1 << 20, &err);
    free(text);
    if (json == NULL) {
        fail_msg("%s: %s", path, err.msg);
    }
    return json;
}

static const char *text_of(const struct json *row, const char *name)
{
    const char *text = json_string(json_get(row, name));
    assert_non_null(text);
    return text;
}

void vectors_bytes(const struct json *row, const char *name, uint8_t *bytes, size_t size)
{
    assert_true(hex_decode(text_of(row, name), bytes, size));
}

uint32_t vectors_u32(const struct json *row, const char *name)
{
    uint32_t value = 0;
    assert_true(hex_to_u32(text_of(row, name), &value));
    return value;
}

double vectors_number(const struct json *row, const char *name)
{
    double value = 0;
    assert_true(json_number(json_get(row, name), &value));
    return value;
}

void vectors_hash(const struct json *row, const char *name, uint8_t hash[32])
{
    uint8_t printed[32];
    vectors_bytes(row, name, printed, sizeof printed);
    for (size_t i = 0; i < 32; i++) {
        hash[i] = printed[31 - i];
    }
}

void vectors_job(const struct json *row, struct job *job)
{
    static struct stratum_message message;
    struct hb_err err = {0};
    char *line = json_print(json_get(row, "notify"));
    const bool good = stratum_parse(line, strlen(line), &message, &err);
    free(line);
    if (!good) {
        fail_msg("%s", err.msg);
    }
    assert_int_equal(message.kind, STRATUM_NOTIFY);
    memset(job, 0, sizeof *job);
    job->notify = message.notify;
    assert_true(hex_decode_upto(text_of(row, "extranonce1"), job->extranonce.prefix,
                                JOB_EXTRANONCE1_MAX, &job->extranonce.size1));
    job->extranonce.size2 = strlen(text_of(row, "extranonce2")) / 2;
}

uint64_t vectors_extranonce2(const struct json *row)
{
    return strtoull(text_of(row, "extranonce2"), NULL, 16);
}
