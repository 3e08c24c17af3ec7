#include "tests/pool/judge.h"

#include <math.h>
#include <string.h>

/* A job may be rolled this far into the future, as by ckpool. */
#define NTIME_ROLL_S 7000u

static struct verdict refuse(enum verdict_code code, const char *text)
{
    return (struct verdict){.code = code, .text = text};
}

static const struct work_job *find_job(const struct pool *pool, const char *id)
{
    for (size_t i = 0; id != NULL && i < POOL_JOBS; i++) {
        const struct work_job *job = &pool->job[i];
        if (job->serial >= pool->valid_serial && job->serial > 0 && strcmp(job->id, id) == 0) {
            return job;
        }
    }
    return NULL;
}

static bool seen_before(const struct pool *pool, uint64_t mark)
{
    for (size_t i = 0; i < POOL_SEEN; i++) {
        if (pool->seen[i] == mark) {
            return true;
        }
    }
    return false;
}

static uint32_t apply_bits(enum version_rule rule, uint32_t version, uint32_t bits, uint32_t mask)
{
    switch (rule) {
    case VERSION_XOR:
        return version ^ bits;
    case VERSION_REPLACE:
        return (version & ~mask) | bits;
    case VERSION_OR:
        break;
    }
    return version | bits;
}

static const char *read_version(enum version_rule rule, const struct client *client,
                                const struct work_job *job, const char *bits_text,
                                uint32_t *version)
{
    uint32_t bits = 0;
    *version = job->version;
    if (bits_text == NULL) {
        return client->rolling ? "version bits are missing" : NULL;
    }
    if (!work_hex32(bits_text, &bits)) {
        return "version bits are not eight hex digits";
    }
    if ((bits & ~(client->rolling ? client->mask : 0)) != 0) {
        return "version bits outside the mask";
    }
    *version = apply_bits(rule, job->version, bits, client->mask);
    return NULL;
}

static const char *read_share(const struct pool *pool, const struct client *client,
                              const struct work_job *job, const struct json *params,
                              struct pool_share *share)
{
    share->extranonce2_len = pool->options->extranonce2_size;
    if (!work_hex(json_string(json_item(params, 2)), share->extranonce2, share->extranonce2_len)) {
        return "wrong extranonce2 size";
    }
    if (!work_hex32(json_string(json_item(params, 3)), &share->ntime) ||
        !work_hex32(json_string(json_item(params, 4)), &share->nonce)) {
        return "ntime and nonce must be eight hex digits";
    }
    if (share->ntime < job->ntime || share->ntime - job->ntime > NTIME_ROLL_S) {
        return "ntime out of range";
    }
    return read_version(pool->options->version_rule, client, job, json_string(json_item(params, 5)),
                        &share->version);
}

static struct verdict judge_hash(struct pool *pool, const uint8_t hash[32], double required)
{
    struct verdict v = {.required = required, .difficulty = work_difficulty(hash)};
    uint64_t mark;
    memcpy(&mark, hash, sizeof mark);
    work_hash_text(hash, v.hash);
    if (seen_before(pool, mark)) {
        v.code = VERDICT_DUPLICATE;
        v.text = "duplicate share";
    } else if (v.difficulty < required) {
        v.code = VERDICT_LOW_DIFFICULTY;
        v.text = "above target";
    } else {
        pool->seen[pool->seen_next++ % POOL_SEEN] = mark;
    }
    return v;
}

struct verdict judge_share(struct pool *pool, const struct client *client,
                           const struct json *params)
{
    if (!client->subscribed) {
        return refuse(VERDICT_NOT_SUBSCRIBED, "not subscribed");
    }
    const char *worker = json_string(json_item(params, 0));
    if (!client->authorized || worker == NULL || strcmp(worker, client->worker) != 0) {
        return refuse(VERDICT_UNAUTHORIZED, "unauthorized worker");
    }
    const struct work_job *job = find_job(pool, json_string(json_item(params, 1)));
    size_t slot = job == NULL ? 0 : job->serial % POOL_JOBS;
    if (job == NULL || client->sent[slot].serial != job->serial) {
        return refuse(VERDICT_STALE, "job not found");
    }
    struct pool_share share = {.extranonce1_len = client->extranonce1_len};
    memcpy(share.extranonce1, client->sent[slot].extranonce1, sizeof share.extranonce1);
    const char *fault = read_share(pool, client, job, params, &share);
    if (fault != NULL) {
        return refuse(VERDICT_OTHER, fault);
    }
    if (pool->options->misbehave == MISBEHAVE_REJECT_ALL ||
        pool->options->misbehave == MISBEHAVE_STRING_ERRORS ||
        pool->options->misbehave == MISBEHAVE_ERROR_SHAPES) {
        return refuse(VERDICT_OTHER, "rejected on principle");
    }
    uint8_t hash[32];
    work_hash(job, &share, hash);
    struct verdict v =
        judge_hash(pool, hash, fmin(client->sent[slot].difficulty, client->difficulty));
    v.block = v.difficulty >= work_nbits_difficulty(job->nbits);
    return v;
}
