#include "tests/pool/work.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return (c >= 'A' && c <= 'F') ? c - 'A' + 10 : -1;
}

bool work_hex(const char *text, uint8_t *bytes, size_t len)
{
    if (text == NULL || strlen(text) != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

bool work_hex32(const char *text, uint32_t *value)
{
    uint8_t b[4];
    if (!work_hex(text, b, sizeof b)) {
        return false;
    }
    *value = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return true;
}

void work_to_hex(const uint8_t *bytes, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
}

void work_hash_text(const uint8_t hash[32], char text[65])
{
    uint8_t reversed[32];
    for (size_t i = 0; i < 32; i++) {
        reversed[i] = hash[31 - i];
    }
    work_to_hex(reversed, 32, text);
}

/* A judge that cannot hash must not go on judging. */
static void sha256d(const void *data, size_t len, uint8_t hash[32])
{
    if (EVP_Digest(data, len, hash, NULL, EVP_sha256(), NULL) != 1 ||
        EVP_Digest(hash, 32, hash, NULL, EVP_sha256(), NULL) != 1) {
        abort();
    }
}

static void put_le32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint32_t get_le32(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static void reverse_words(const uint8_t in[32], uint8_t out[32])
{
    for (size_t i = 0; i < 32; i++) {
        out[i] = in[(i & ~(size_t)3) + 3 - (i & 3)];
    }
}

/* Coinbase: version, one input without a source, script {height push, serial, extranonces, tag},
 * sequence, one output of 50 coins to nobody, lock time. */
static void make_coinbase(struct work_job *job, size_t extranonce)
{
    static const char tag[] = "/heatbridge demo/";
    static const uint8_t end[] = {0xff, 0xff, 0xff, 0xff,                /* sequence */
                                  1,    0,    0xf2, 5,    0x2a, 1, 0, 0, /* one output, value... */
                                  0,    1,    0x6a,                      /* ...and OP_RETURN     */
                                  0,    0,    0,    0};
    uint8_t *p = job->coinb1;
    memset(p, 0, 4 + 1 + 32);
    p[0] = 1;
    p[4] = 1;
    memset(p + 37, 0xff, 4);
    p[41] = (uint8_t)(4 + 9 + extranonce + sizeof tag - 1);
    memcpy(p + 42, "\x03\x01\x02\x03\x08", 5);
    put_le32(p + 47, (uint32_t)job->serial);
    put_le32(p + 51, (uint32_t)(job->serial >> 32));
    job->coinb1_len = 55;
    memcpy(job->coinb2, tag, sizeof tag - 1);
    memcpy(job->coinb2 + sizeof tag - 1, end, sizeof end);
    job->coinb2_len = sizeof tag - 1 + sizeof end;
}

void work_job_make(struct work_job *job, const struct pool_block *block, uint64_t serial,
                   size_t extranonce)
{
    uint8_t header[80];
    if (!work_hex(block->header, header, sizeof header)) {
        abort();
    }
    *job = (struct work_job){.serial = serial, .branch_count = serial % 4};
    (void)snprintf(job->id, sizeof job->id, "%" PRIx64, serial);
    job->version = get_le32(header);
    memcpy(job->prevhash, header + 4, 32);
    job->ntime = get_le32(header + 68);
    job->nbits = get_le32(header + 72);
    for (size_t i = 0; i < job->branch_count; i++) {
        uint8_t seed[2] = {(uint8_t)serial, (uint8_t)i};
        sha256d(seed, sizeof seed, job->branch[i]);
    }
    make_coinbase(job, extranonce);
}

static bool parse_half(const char *text, uint8_t *bytes, size_t *len)
{
    *len = text == NULL ? 0 : strlen(text) / 2;
    return *len <= WORK_COINBASE_MAX && work_hex(text, bytes, *len);
}

static bool parse_branches(struct work_job *job, const struct json *list)
{
    job->branch_count = json_count(list);
    if (!json_is_array(list) || job->branch_count > WORK_BRANCHES_MAX) {
        return false;
    }
    for (size_t i = 0; i < job->branch_count; i++) {
        if (!work_hex(json_string(json_item(list, i)), job->branch[i], 32)) {
            return false;
        }
    }
    return true;
}

bool work_job_parse(struct work_job *job, const struct json *params, uint64_t serial,
                    struct hb_err *err)
{
    uint8_t swapped[32];
    const char *id = json_string(json_item(params, 0));
    *job = (struct work_job){.serial = serial};
    if (id == NULL || !text_copy(job->id, sizeof job->id, id) ||
        !work_hex(json_string(json_item(params, 1)), swapped, 32) ||
        !parse_half(json_string(json_item(params, 2)), job->coinb1, &job->coinb1_len) ||
        !parse_half(json_string(json_item(params, 3)), job->coinb2, &job->coinb2_len) ||
        !parse_branches(job, json_item(params, 4)) ||
        !work_hex32(json_string(json_item(params, 5)), &job->version) ||
        !work_hex32(json_string(json_item(params, 6)), &job->nbits) ||
        !work_hex32(json_string(json_item(params, 7)), &job->ntime) ||
        !json_bool(json_item(params, 8), &job->clean)) {
        return hb_fail(err, HB_ERR_INPUT, "expected the parameters of a mining.notify");
    }
    reverse_words(swapped, job->prevhash);
    return true;
}

static void add_hex(struct json *list, const uint8_t *bytes, size_t len)
{
    char text[2 * WORK_COINBASE_MAX + 1];
    work_to_hex(bytes, len, text);
    json_add_string(list, NULL, text);
}

static void add_hex32(struct json *list, uint32_t value)
{
    char text[9];
    (void)snprintf(text, sizeof text, "%08" PRIx32, value);
    json_add_string(list, NULL, text);
}

struct json *work_job_params(const struct work_job *job)
{
    uint8_t swapped[32];
    struct json *params = json_new_array();
    struct json *branches = json_new_array();
    reverse_words(job->prevhash, swapped);
    json_add_string(params, NULL, job->id);
    add_hex(params, swapped, 32);
    add_hex(params, job->coinb1, job->coinb1_len);
    add_hex(params, job->coinb2, job->coinb2_len);
    for (size_t i = 0; i < job->branch_count; i++) {
        add_hex(branches, job->branch[i], 32);
    }
    json_add(params, NULL, branches);
    add_hex32(params, job->version);
    add_hex32(params, job->nbits);
    add_hex32(params, job->ntime);
    json_add_bool(params, NULL, job->clean);
    return params;
}

static size_t append(uint8_t *to, size_t at, const uint8_t *bytes, size_t len)
{
    memcpy(to + at, bytes, len);
    return at + len;
}

void work_hash(const struct work_job *job, const struct pool_share *share, uint8_t hash[32])
{
    uint8_t coinbase[2 * WORK_COINBASE_MAX + 2 * WORK_EXTRANONCE_MAX];
    uint8_t pair[64];
    uint8_t header[80];
    size_t len = append(coinbase, 0, job->coinb1, job->coinb1_len);
    len = append(coinbase, len, share->extranonce1, share->extranonce1_len);
    len = append(coinbase, len, share->extranonce2, share->extranonce2_len);
    len = append(coinbase, len, job->coinb2, job->coinb2_len);
    sha256d(coinbase, len, pair);
    for (size_t i = 0; i < job->branch_count; i++) {
        memcpy(pair + 32, job->branch[i], 32);
        sha256d(pair, sizeof pair, pair);
    }
    put_le32(header, share->version);
    memcpy(header + 4, job->prevhash, 32);
    memcpy(header + 36, pair, 32);
    put_le32(header + 68, share->ntime);
    put_le32(header + 72, job->nbits);
    put_le32(header + 76, share->nonce);
    sha256d(header, sizeof header, hash);
}

double work_difficulty(const uint8_t hash[32])
{
    double value = 0;
    for (size_t i = 32; i-- > 0;) {
        value = value * 256 + hash[i];
    }
    return value > 0 ? ldexp(65535, 208) / value : DBL_MAX;
}

double work_nbits_difficulty(uint32_t nbits)
{
    const double mantissa = nbits & 0x007fffff;
    const int shift = 8 * ((int)(nbits >> 24) - 3);
    return mantissa > 0 ? ldexp(65535, 208) / ldexp(mantissa, shift) : DBL_MAX;
}
