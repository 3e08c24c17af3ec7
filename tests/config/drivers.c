#include "tests/config/drivers.h"

#include "devices/driver.h"

#define FIELD(field) offsetof(struct plug_options, field), sizeof(((struct plug_options *)0)->field)

static const char *const schemes[] = {"http", "https", NULL};
static const char *const meters[] = {"model", "own", NULL};

static const struct config_item plug_items[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL, "address of the plug"},
    {"token", CONFIG_SECRET, FIELD(token), 0, 0, NULL, NULL, "", "access token"},
    {"room_name", CONFIG_TEXT, FIELD(room_name), 0, 0, NULL, NULL, "", "its own name"},
    {"tiers", CONFIG_POWERS, FIELD(tiers), 1, 5000, NULL, NULL, "500 W, 1 kW", "fixed levels"},
    {"rated_power", CONFIG_POWER, FIELD(rated_w), 1, 5000, NULL, NULL, "", "largest power"},
    {"rise", CONFIG_NUMBER, FIELD(rise_k), 0, 100, "K", NULL, "45", "warmth of its chip"},
    {"settle", CONFIG_DURATION, FIELD(settle_ms), 0, 600000, NULL, NULL, "10 s", "time to settle"},
    {"retries", CONFIG_INT, FIELD(retries), -1, 10, NULL, NULL, "-1", "tries | more"},
    {"meter", CONFIG_ENUM, FIELD(meter), 0, 0, NULL, meters, "own", "where the power is from"},
    {"metered", CONFIG_BOOL, FIELD(metered), 0, 0, NULL, NULL, "yes", "whether it has a meter"},
    {0},
};

static const struct heater_driver engine = {
    .name = "engine", .summary = "the mining engine", .single = true};
static const struct heater_driver plug = {.name = "plug",
                                          .summary = "a switched socket",
                                          .options_size = sizeof(struct plug_options),
                                          .options = plug_items};

const struct heater_driver *const test_drivers[] = {&engine, &plug, NULL};
