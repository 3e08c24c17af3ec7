/* A device may answer anything: every reader of Braiins OS takes every answer, and nothing that is
 * not finite or impossible comes out. The first byte chooses the reader. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/braiins_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef bool (*reader)(const char *body, size_t len, struct braiins *seen,
                       struct reply_faults *faults);
static const reader readers[] = {
    braiins_read_details, braiins_read_configuration, braiins_read_tuner, braiins_read_stats,
    braiins_read_cooling, braiins_read_boards,        braiins_read_pools};
enum { READERS = sizeof readers / sizeof readers[0] };

static void check(bool fine)
{
    if (!fine) {
        abort();
    }
}

static void check_state(struct braiins *seen)
{
    const struct heater_state *state = &seen->state;
    braiins_conclude(seen);
    check(!mono_is_set(state->power_w.at) || state->power_w.value >= 0);
    check(!mono_is_set(state->hashrate_hs.at) || isfinite(state->hashrate_hs.value));
    check(isnan(state->applied_w) || state->applied_w >= 0);
    check(memchr(state->pool, '\0', sizeof state->pool) != NULL);
    check(state->problem == (state->problem_text[0] != '\0'));
    for (int i = 0; i < BRAIINS_WRITES; i++) {
        const bool off = braiins_needs(seen, (enum braiins_write)i, 0);
        const bool on = braiins_needs(seen, (enum braiins_write)i, 900);
        check(!(off && on)); /* no write serves both */
    }
}

static void check_texts(const char *body, size_t len)
{
    char token[BRAIINS_TOKEN_MAX];
    char text[NAME_MAX_B];
    struct braiins_range range = {NAN, NAN};
    struct reply_faults faults = {0};
    if (braiins_read_login(body, len, token)) {
        check(strpbrk(token, "\r\n ") == NULL && token[0] != '\0');
    }
    braiins_read_refusal(body, len, text, sizeof text);
    check(memchr(text, '\0', sizeof text) != NULL && strpbrk(text, "\r\n") == NULL);
    (void)braiins_read_version(body, len, text, sizeof text);
    check(memchr(text, '\0', sizeof text) != NULL);
    (void)braiins_read_constraints(body, len, &range, &faults);
    check(!isinf(range.min_w) && !isinf(range.max_w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct braiins seen;
    struct reply_faults faults = {0};
    if (size == 0) {
        return 0;
    }
    char *body = malloc(size);
    if (body == NULL) {
        return 0;
    }
    memcpy(body, data + 1, size - 1);
    body[size - 1] = '\0';
    braiins_forget(&seen, (hb_mono){1000});
    (void)readers[data[0] % READERS](body, size - 1, &seen, &faults);
    check_state(&seen);
    check_texts(body, size - 1);
    free(body);
    return 0;
}
