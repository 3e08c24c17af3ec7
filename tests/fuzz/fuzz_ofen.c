/* An Ofen or a 21port may answer anything: its level is one of five or unknown, and no number that
 * is not finite comes out. The first byte chooses the reader. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/ofen_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ofen_reader readers[] = {ofen_read_system,
                                      ofen_read_status,
                                      ofen_read_level,
                                      ofen_read_watt,
                                      ofen_read_summary,
                                      ofen_read_pools,
                                      port21_read_pools,
                                      port21_read_configuration,
                                      NULL,
                                      NULL};
enum { READERS = sizeof readers / sizeof readers[0] };

static void check(bool fine)
{
    if (!fine) {
        abort();
    }
}

static void check_seen(const struct ofen *seen)
{
    const struct heater_state *state = &seen->state;
    const int level = ofen_applied(seen);
    check(level >= OFEN_LEVEL_UNKNOWN && level < OFEN_LEVELS);
    check(seen->level == OFEN_LEVEL_UNKNOWN || (seen->level >= 0 && seen->level < OFEN_LEVELS));
    check(!isinf(seen->told_w));
    check(!mono_is_set(state->power_w.at) || state->power_w.value >= 0);
    check(!mono_is_set(state->hashrate_hs.at) || isfinite(state->hashrate_hs.value));
    check(memchr(state->pool, '\0', sizeof state->pool) != NULL);
    check(memchr(state->identity, '\0', sizeof state->identity) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ofen seen;
    struct reply_faults faults = {0};
    if (size == 0) {
        return 0;
    }
    char *body = malloc(size);
    if (body == NULL) {
        return 0;
    }
    const size_t which = data[0] % READERS;
    memcpy(body, data + 1, size - 1);
    body[size - 1] = '\0';
    ofen_forget(&seen, (hb_mono){1000});
    if (readers[which] != NULL) {
        (void)readers[which](body, size - 1, &seen, &faults);
    } else {
        (void)port21_read_summary(body, size - 1, which % 2 == 0 ? "" : "a", &seen, &faults);
    }
    check_seen(&seen);
    free(body);
    return 0;
}
