/* An Apollo may answer anything: what is written back to it stays one query of ours. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/apollo_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine)
{
    if (!fine) {
        abort();
    }
}

static void check_seen(const struct apollo *seen)
{
    const struct heater_state *state = &seen->state;
    char body[APOLLO_BODY_MAX];
    check(!mono_is_set(state->power_w.at) || state->power_w.value >= 0);
    check(!mono_is_set(state->hashrate_hs.at) || isfinite(state->hashrate_hs.value));
    check(memchr(state->pool, '\0', sizeof state->pool) != NULL);
    check(strpbrk(seen->node_software, "\"\\(){}: \n") == NULL);
    apollo_write_body(seen, APOLLO_SET_MODE, APOLLO_ECO, body);
    check(strchr(body, ')') != NULL && strchr(strchr(body, ')') + 1, ')') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct apollo seen;
    struct reply_faults faults = {0};
    char why[64];
    char token[APOLLO_TOKEN_MAX];
    char *body = malloc(size + 1);
    if (body == NULL) {
        return 0;
    }
    memcpy(body, data, size);
    body[size] = '\0';
    apollo_forget(&seen, (hb_mono){1000});
    (void)apollo_judge(body, size, why, sizeof why, &faults);
    check(memchr(why, '\0', sizeof why) != NULL && strpbrk(why, "\r\n") == NULL);
    (void)apollo_read_state(body, size, &seen, &faults);
    apollo_read_node(body, size, &seen, &faults);
    if (apollo_read_login(body, size, token)) {
        check(strpbrk(token, "\r\n ") == NULL && token[0] != '\0');
    }
    check_seen(&seen);
    free(body);
    return 0;
}
