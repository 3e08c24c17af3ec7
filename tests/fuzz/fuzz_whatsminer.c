/* A WhatsMiner may answer anything: nothing that is not finite or impossible comes out, no answer
 * leads to endless writing, and what is opened with the wrong key is not trusted. The first byte
 * chooses the reader. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/whatsminer_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS2 = 7, PARTS3 = 4, JUDGE2 = PARTS2 + PARTS3, JUDGE3, TOKEN, UNSEAL, KINDS };

static void check(bool fine)
{
    if (!fine) {
        abort();
    }
}

static void check_orders(struct whatsminer_set set)
{
    for (int power_w = 0; power_w <= 4000; power_w += 1000) {
        struct whatsminer_set now = set;
        struct whatsminer_step step = whatsminer_next(&now, power_w, 30);
        for (int i = 0; i < 4 && step.write > WHATSMINER_UNKNOWN; i++) {
            check(step.write != WHATSMINER_PERCENT || (step.value >= 30 && step.value <= 100));
            whatsminer_acknowledged(&now, step);
            step = whatsminer_next(&now, power_w, 30);
        }
        check(step.write <= WHATSMINER_UNKNOWN);
    }
}

static void check_seen(struct whatsminer *seen)
{
    const struct heater_state *state = &seen->state;
    whatsminer_conclude(seen, 20);
    check(!mono_is_set(state->power_w.at) || state->power_w.value >= 0);
    check(!mono_is_set(state->hashrate_hs.at) || isfinite(state->hashrate_hs.value));
    check(isnan(state->applied_w) || (state->applied_w >= 0 && isfinite(state->applied_w)));
    check(memchr(state->pool, '\0', sizeof state->pool) != NULL);
    check(memchr(seen->salt, '\0', sizeof seen->salt) != NULL);
    check(state->problem == (state->problem_text[0] != '\0'));
    check(seen->code_count <= WHATSMINER_CODES);
    check_orders(seen->set);
}

static void read_json(size_t kind, const char *body, size_t len)
{
    struct whatsminer seen;
    struct whatsminer_token token;
    struct reply_faults faults = {0};
    struct json *json = reply_parse(body, len, &faults);
    whatsminer_forget(&seen, (hb_mono){1000});
    if (json != NULL && kind < PARTS2) {
        (void)whatsminer_parts(WHATSMINER_API2)[kind].read(json, &seen, &faults);
    } else if (json != NULL && kind < PARTS2 + PARTS3) {
        (void)whatsminer_parts(WHATSMINER_API3)[kind - PARTS2].read(json, &seen, &faults);
    } else if (json != NULL) {
        (void)whatsminer_read_token(json, "admin", &token, &faults);
    }
    json_free(json);
    check_seen(&seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct whatsminer_token token = {.sign = "x", .key = {1}};
    struct reply_faults faults = {0};
    char why[NAME_MAX_B];
    char text[WHATSMINER_PLAIN];
    if (size == 0) {
        return 0;
    }
    char *body = malloc(size);
    if (body == NULL) {
        return 0;
    }
    const size_t kind = data[0] % KINDS;
    memcpy(body, data + 1, size - 1);
    body[size - 1] = '\0';
    if (kind == UNSEAL) {
        (void)whatsminer_unseal(token.key, body, text);
        check(memchr(text, '\0', sizeof text) != NULL);
    } else if (kind == JUDGE2 || kind == JUDGE3) {
        (void)whatsminer_judge(body, size - 1, kind == JUDGE2 ? &token : NULL, why, &faults);
        check(memchr(why, '\0', sizeof why) != NULL);
    } else {
        read_json(kind, body, size - 1);
    }
    free(body);
    return 0;
}
