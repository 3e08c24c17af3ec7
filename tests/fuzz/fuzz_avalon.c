/* A miner at the address of an Avalon may answer anything: what is written back to it stays one
 * command of ours. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/avalon_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine)
{
    if (!fine) {
        abort();
    }
}

static bool plain(const char *text, size_t size)
{
    const char *end = memchr(text, '\0', size);
    for (const char *at = text; end != NULL && at < end; at++) {
        if ((unsigned char)*at < ' ') {
            return false;
        }
    }
    return end != NULL;
}

/* NaN is allowed. */
static bool within(double value, double min, double max)
{
    return isnan(value) || (value >= min && value <= max);
}

static void check_stats(const struct avalon_stats *s)
{
    bool hot = false;
    check(within(s->chip_c, -60, 200) && within(s->board_c, -60, 200));
    check(within(s->inlet_c, -60, 200) && within(s->fan_percent, 0, 100));
    check(within(s->hashrate_ghs, 0, 1e9) && within(s->limit_w, 1, 20000));
    (void)avalon_supply_fault(s, &hot);
}

/* For each model and level, what would be written next. */
static void check_steps(const struct avalon_stats *s, int64_t when_s)
{
    for (const struct avalon_model *m = avalon_models; m->key != NULL; m++) {
        const struct avalon_power power = avalon_power(m, s);
        check(within(power.w, 0, 30000) && (isnan(power.w) || !avalon_is_off(s)));
        for (int level = -1; level < (int)m->level_count; level++) {
            char command[AVALON_COMMAND_MAX];
            const struct avalon_step step = avalon_next(m, s, level);
            avalon_print(m, step, when_s, command);
            check(plain(command, sizeof command));
            check(step.write == AVALON_WRITE_NONE ? command[0] == '\0'
                                                  : strncmp(command, "ascset|0,", 9) == 0);
        }
        check(avalon_level_find(m, s->mode, s->level) < (int)m->level_count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reply_faults faults = {0};
    struct avalon_version version;
    struct avalon_stats stats;
    struct avalon_pools pools;
    int mode = 0;
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    const struct avalon_head head = avalon_read_head(text);
    check(plain(head.message, sizeof head.message));
    check(head.status == 0 || strchr("SIWEF", head.status) != NULL);
    check(avalon_read_mode(&head, &mode) == (mode != AVALON_NONE));
    (void)avalon_calibrates(&head);
    if (avalon_read_version(text, &version, &faults)) {
        check(plain(version.product, sizeof version.product));
        check(plain(version.identity, sizeof version.identity));
        (void)avalon_model_find(version.product, version.model);
    }
    if (avalon_read_stats(text, &stats, &faults)) {
        check_stats(&stats);
        check_steps(&stats, head.when_s);
    }
    if (avalon_read_pools(text, &pools, &faults)) {
        check(plain(pools.pool, sizeof pools.pool) && plain(pools.user, sizeof pools.user));
        check(within(pools.accepted, 0, 1e18) && within(pools.best_share, 0, 1e18));
    }
    free(text);
    return 0;
}
