#include "devices/avalon_models.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#define MINUTE_MS 60000

/* Modes of the machines for halls: 0 is normal, 1 is high performance. Watts are those of the
 * maker's sheets and of recordings; a device that tells its limit corrects them. Their normal mode
 * has about four fifths of the frequency and a lower voltage. That a mode counts only after a
 * restart is said in the maker's manual of the A10, and programs in use do so with an A13. */
#define HALL(key_, name_, product_, normal_w, high_w)                                              \
    {                                                                                              \
        .key = (key_), .name = (name_), .product = (product_), .model = "",                        \
        .knob = AVALON_KNOB_BARE_MODE, .off = AVALON_SWITCH_REBOOT, .power_at = 6,                 \
        .mode_needs_reboot = true, .own_thermostat_mode = AVALON_NONE, .standby_w = 30,            \
        .settle_ms = 5 * MINUTE_MS, .min_on_ms = 15 * MINUTE_MS, .min_off_ms = 5 * MINUTE_MS,      \
        .level_count = 2, .level = {{(normal_w), 0, AVALON_NONE}, {(high_w), 1, AVALON_NONE}},     \
    }

/* clang-format off */
const struct avalon_model avalon_models[] = {
    {.key = "nano3s", .name = "Avalon Nano 3S", .product = "Avalon Nano3s", .model = "",
     .knob = AVALON_KNOB_MODE, .off = AVALON_SWITCH_NONE, .power_at = 6,
     .own_thermostat_mode = AVALON_NONE, .standby_w = 5,
     .settle_ms = 2 * MINUTE_MS, .level_count = 3,
     .level = {{70, 0, AVALON_NONE}, {100, 1, AVALON_NONE}, {140, 2, AVALON_NONE}}},
    {.key = "nano3", .name = "Avalon Nano 3", .product = "Avalonnano", .model = "nano3",
     .knob = AVALON_KNOB_LEVEL, .off = AVALON_SWITCH_NONE, .power_at = 5,
     .own_thermostat_mode = AVALON_NONE, .standby_w = 5,
     .settle_ms = 2 * MINUTE_MS, .level_count = 3,
     .level = {{60, AVALON_NONE, 0}, {90, AVALON_NONE, 1}, {125, AVALON_NONE, 2}}},
    {.key = "mini3", .name = "Avalon Mini 3", .product = "Avalon Mini3", .model = "",
     .knob = AVALON_KNOB_MODE_AND_LEVEL, .off = AVALON_SWITCH_TIMED, .power_at = 6,
     .own_thermostat_mode = 0, .standby_w = 8,
     .settle_ms = 2 * MINUTE_MS, .min_on_ms = 10 * MINUTE_MS, .min_off_ms = 3 * MINUTE_MS,
     .level_count = 2, .level = {{500, 1, -1}, {800, 1, 0}}},
    {.key = "q", .name = "Avalon Q", .product = "Avalon Q", .model = "",
     .knob = AVALON_KNOB_MODE, .off = AVALON_SWITCH_TIMED, .power_at = 6,
     .own_thermostat_mode = AVALON_NONE, .standby_w = 15,
     .settle_ms = 2 * MINUTE_MS, .min_on_ms = 10 * MINUTE_MS, .min_off_ms = 3 * MINUTE_MS,
     .level_count = 3,
     .level = {{800, 0, AVALON_NONE}, {1300, 1, AVALON_NONE}, {1700, 2, AVALON_NONE}}},
    HALL("a10", "AvalonMiner A10", "AvalonMiner 10", 2500, 3250),
    HALL("a11", "AvalonMiner A11", "AvalonMiner 11", 2650, 3420),
    HALL("a12", "AvalonMiner A12", "AvalonMiner 12", 2500, 3200),
    HALL("a13", "AvalonMiner A13", "AvalonMiner 13", 2550, 3300),
    HALL("a14", "AvalonMiner A14", "AvalonMiner 14", 2500, 3230),
    HALL("a15", "AvalonMiner A15", "AvalonMiner 15", 2700, 3515),
    {0},
};
/* clang-format on */

static bool begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

const struct avalon_model *avalon_model_find(const char *product, const char *model)
{
    for (const struct avalon_model *m = avalon_models; m->key != NULL; m++) {
        if (begins(product, m->product) && begins(model, m->model)) {
            return m;
        }
    }
    /* Firmware of the first months tells PROD=Avalon0O, and the model only in MODEL. */
    for (const struct avalon_model *m = avalon_models; m->key != NULL; m++) {
        if (begins(product, "Avalon") && strcasecmp(model, m->key) == 0) {
            return m;
        }
    }
    return NULL;
}

int avalon_level_find(const struct avalon_model *model, int mode, int level)
{
    for (size_t i = 0; i < model->level_count; i++) {
        const struct avalon_level *l = &model->level[i];
        if ((l->mode == AVALON_NONE || l->mode == mode) &&
            (l->level == AVALON_NONE || l->level == level)) {
            return (int)i;
        }
    }
    return -1;
}

int avalon_level_near(const struct avalon_model *model, const double *level_w, double power_w)
{
    int best = 0;
    for (size_t i = 1; i < model->level_count; i++) {
        if (fabs(level_w[i] - power_w) < fabs(level_w[best] - power_w)) {
            best = (int)i;
        }
    }
    return best;
}
