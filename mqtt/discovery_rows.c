#include "mqtt/discovery_rows.h"

#include <math.h>
#include <string.h>

#include "bridge/reason.h"
#include "mqtt/discovery_climate.h"
#include "mqtt/discovery_shorthand.h"
#include "mqtt/state_codec.h"

/* Watts between two values of the power limit's number box. */
#define POWER_LIMIT_STEP_W 10.0

/* --- what rows ask and add ----------------------------------------------------------------------
 */

/* The most that the room's heaters can draw, rounded up to a step; a larger limit that the
 * configuration names stays within reach. */
static double power_limit_max_w(const struct entity_context *context)
{
    double sum_w = 0.0;
    for (size_t i = 0; i < context->room->heater_count; i++) {
        sum_w += context->caps[context->room->heaters[i]].max_w;
    }
    const double max_w = fmax(sum_w, context->room->power_limit_w);
    return ceil(max_w / POWER_LIMIT_STEP_W) * POWER_LIMIT_STEP_W;
}

static bool has_power_limit(const struct entity_context *context)
{
    return power_limit_max_w(context) > 0.0;
}

static void add_power_limit(const struct entity_context *context, struct json *component)
{
    json_add_number(component, "min", 0.0, 0);
    json_add_number(component, "max", power_limit_max_w(context), 0);
    json_add_number(component, "step", POWER_LIMIT_STEP_W, 0);
    json_add_string(component, "mode", "box");
}

static bool takes_demand(const struct entity_context *context)
{
    return context->room->demand.source.stale_after_ms > 0 && has_power_limit(context);
}

static bool takes_demand_w(const struct entity_context *context)
{
    return takes_demand(context) && context->room->demand.unit == DEMAND_WATT;
}

static bool takes_demand_percent(const struct entity_context *context)
{
    return takes_demand(context) && context->room->demand.unit == DEMAND_PERCENT;
}

/* Versatile Thermostat takes the limits of its output from here. */
static void add_demand_percent(const struct entity_context *context, struct json *component)
{
    (void)context;
    json_add_number(component, "min", 0.0, 0);
    json_add_number(component, "max", 100.0, 0);
    json_add_number(component, "step", 1.0, 0);
    json_add_string(component, "mode", "slider");
}

static void add_reasons(const struct entity_context *context, struct json *component)
{
    struct json *options = json_new_array();
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        json_add_string(options, NULL, reason_word((enum reason)i));
    }
    json_add(component, "ops", options);
    char topic[TOPIC_MAX];
    topics_room(&context->config->mqtt, context->room->id, ROOM_TOPIC_STATE, topic);
    json_add_string(component, "json_attr_t", topic);
    json_add_string(component, "json_attr_tpl", "{{ {'text': value_json.reason_text} | tojson }}");
}

static bool has_window(const struct entity_context *context)
{
    return context->room->window.topic[0] != '\0';
}

static void add_window_words(const struct entity_context *context, struct json *component)
{
    (void)context;
    json_add_string(component, "pl_on", "open");
    json_add_string(component, "pl_off", "closed");
}

static const struct heater_caps *own_caps(const struct entity_context *context)
{
    return &context->caps[context->heater - context->config->heaters];
}

static bool has_fan(const struct entity_context *context)
{
    return own_caps(context)->has_fan;
}

static bool sees_work(const struct entity_context *context)
{
    return own_caps(context)->sees_work;
}

/* Whether hashes of this program are among those that are counted, and not those of machines built
 * for it, which make a million times as many. */
static bool hashes_here(const struct entity_context *context)
{
    bool here = false;
    if (context->heater != NULL) {
        return sees_work(context);
    }
    for (size_t i = 0; i < context->room->heater_count; i++) {
        here = here || context->caps[context->room->heaters[i]].sees_work;
    }
    return here;
}

/* Six show a single CPU core's megahashes. */
static int hashrate_decimals(const struct entity_context *context)
{
    return hashes_here(context) ? 6 : 2;
}

static int difficulty_decimals(const struct entity_context *context)
{
    return hashes_here(context) ? 3 : 0;
}

static bool switches_relay(const struct entity_context *context)
{
    return own_caps(context)->switches_relay;
}

static void add_revenue_source(const struct entity_context *context, struct json *component)
{
    char topic[TOPIC_MAX];
    topics_heater(&context->config->mqtt, context->heater->id, HEATER_TOPIC_STATE, topic);
    json_add_string(component, "json_attr_t", topic);
    json_add_string(component, "json_attr_tpl",
                    "{{ {'source': value_json.revenue_source} | tojson }}");
}

static void add_event_types(const struct entity_context *context, struct json *component)
{
    (void)context;
    struct json *types = json_new_array();
    json_add_string(types, NULL, STATE_EVENT_BLOCK_FOUND);
    json_add(component, "evt_typ", types);
}

static void add_problem_text(const struct entity_context *context, struct json *component)
{
    char topic[TOPIC_MAX];
    topics_heater(&context->config->mqtt, context->heater->id, HEATER_TOPIC_STATE, topic);
    json_add_string(component, "json_attr_t", topic);
    json_add_string(component, "json_attr_tpl", "{{ {'text': value_json.problem_text} | tojson }}");
}

static bool has_interlocks(const struct entity_context *context)
{
    return context->heater->interlock_count > 0;
}

static void add_interlock_text(const struct entity_context *context, struct json *component)
{
    char topic[TOPIC_MAX];
    topics_heater(&context->config->mqtt, context->heater->id, HEATER_TOPIC_STATE, topic);
    json_add_string(component, "json_attr_t", topic);
    json_add_string(component, "json_attr_tpl",
                    "{{ {'text': value_json.interlock_text} | tojson }}");
}

static void add_acknowledge(const struct entity_context *context, struct json *component)
{
    char topic[TOPIC_MAX];
    topics_heater(&context->config->mqtt, context->heater->id, HEATER_TOPIC_ACKNOWLEDGE, topic);
    json_add_string(component, "cmd_t", topic);
}

static void add_pool_accounts(const struct entity_context *context, struct json *component)
{
    char topic[TOPIC_MAX];
    topics_heater(&context->config->mqtt, context->heater->id, HEATER_TOPIC_STATE, topic);
    json_add_string(component, "json_attr_t", topic);
    json_add_string(component, "json_attr_tpl",
                    "{{ {'reason': value_json.pool_reason, 'changes': value_json.pool_changes, "
                    "'pools': value_json.pools} | tojson }}");
}

static void heater_attributes(const struct entity_context *context, struct json *component,
                              const char *template)
{
    char topic[TOPIC_MAX];
    topics_heater(&context->config->mqtt, context->heater->id, HEATER_TOPIC_STATE, topic);
    json_add_string(component, "json_attr_t", topic);
    json_add_string(component, "json_attr_tpl", template);
}

static void add_health(const struct entity_context *context, struct json *component)
{
    struct json *options = json_new_array();
    for (unsigned i = 0; i < HEATER_HEALTH_COUNT; i++) {
        json_add_string(options, NULL, heater_health_word((enum heater_health)i));
    }
    json_add(component, "ops", options);
    heater_attributes(context, component,
                      "{{ {'text': value_json.problem_text, 'recoveries_today': "
                      "value_json.recoveries_today} | tojson }}");
}

static void add_outcomes(const struct entity_context *context, struct json *component)
{
    static const char *const words[] = {"pending", "confirmed", "failed", "expired"};
    struct json *options = json_new_array();
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        json_add_string(options, NULL, words[i]);
    }
    json_add(component, "ops", options);
    heater_attributes(context, component, "{{ {'text': value_json.outcome_text} | tojson }}");
}

static bool takes_commands(const struct entity_context *context)
{
    return !own_caps(context)->observe_only;
}

static bool has_write_limit(const struct entity_context *context)
{
    return own_caps(context)->max_writes_per_day > 0;
}

static void add_write_limit(const struct entity_context *context, struct json *component)
{
    heater_attributes(context, component,
                      "{{ {'max_writes_per_day': value_json.max_writes_per_day, "
                      "'flash_writes_today': value_json.flash_writes_today} | tojson }}");
}

static void add_dwell(const struct entity_context *context, struct json *component)
{
    heater_attributes(context, component,
                      "{{ {'min_on_s': value_json.min_on_s, 'min_off_s': value_json.min_off_s} | "
                      "tojson }}");
}

static bool has_meter(const struct entity_context *context)
{
    return context->heater->power_meter.topic[0] != '\0';
}

static void add_faults(const struct entity_context *context, struct json *component)
{
    heater_attributes(context, component, "{{ value_json.bad_fields_by_reason | tojson }}");
}

/* --- the tables ---------------------------------------------------------------------------------
 */

/* Versatile Thermostat does not begin to use a number that is unknown; the state topic says null.
 */
#define DEMAND_OR_ZERO "{{ value_json.demand if value_json.demand is not none else 0 }}"

const struct entity_row entity_room_rows[] = {
    {.key = "climate",
     .platform = "climate",
     .name = ENTITY_MAIN,
     PLAIN,
     .command = COMMAND_PROPERTIES,
     .more = discovery_climate_add},
    {.key = "requested_power",
     SENSOR,
     .name = "Requested power",
     POWER,
     ALWAYS,
     .field = "requested_w",
     .icon = "mdi:radiator"},
    {.key = "power", SENSOR, POWER, ALWAYS, .field = "power_w"},
    {.key = "energy", SENSOR, ENERGY, .precision = 2, ALWAYS, .field = "energy_kwh"},
    {.key = "hashrate", SENSOR, .name = "Hashrate", HASHRATE, ALWAYS, .field = "hashrate_ths"},
    {.key = "reason",
     SENSOR,
     .name = "Reason",
     .device_class = "enum",
     PLAIN,
     ALWAYS,
     .field = "reason",
     .icon = "mdi:comment-question-outline",
     .more = add_reasons},
    {.key = "power_limit",
     .platform = "number",
     .name = "Power limit",
     .device_class = "power",
     .unit = "W",
     PLAIN,
     .flags = ENTITY_ALWAYS,
     .category = "config",
     .field = "power_limit_w",
     .command = COMMAND_POWER_LIMIT,
     .wanted = has_power_limit,
     .more = add_power_limit},
    {.key = "demand",
     .platform = "number",
     .name = "Demand",
     .device_class = "power",
     .unit = "W",
     PLAIN,
     .flags = ENTITY_ALWAYS,
     .value_template = DEMAND_OR_ZERO,
     .icon = "mdi:transmission-tower-import",
     .command = COMMAND_DEMAND,
     .wanted = takes_demand_w,
     .more = add_power_limit},
    {.key = "demand_percent",
     .platform = "number",
     .name = "Demand",
     .unit = "%",
     PLAIN,
     .flags = ENTITY_ALWAYS,
     .value_template = DEMAND_OR_ZERO,
     .icon = "mdi:transmission-tower-import",
     .command = COMMAND_DEMAND,
     .wanted = takes_demand_percent,
     .more = add_demand_percent},
    {.key = "window",
     BINARY,
     .device_class = "window",
     PLAIN,
     ALWAYS,
     .field = "window",
     .wanted = has_window,
     .more = add_window_words},
    {.key = NULL},
};

const struct entity_row entity_heater_rows[] = {
    {.key = "power", SENSOR, POWER, ALIVE, .field = "power_w"},
    {.key = "energy", SENSOR, ENERGY, .precision = 2, ALWAYS, .field = "energy_kwh"},
    {.key = "hashrate", SENSOR, .name = "Hashrate", HASHRATE, ALIVE, .field = "hashrate_ths"},
    {.key = "commanded_power",
     SENSOR,
     .name = "Commanded power",
     POWER,
     ALWAYS,
     DIAG,
     .field = "commanded_w"},
    {.key = "chip_temperature",
     SENSOR,
     .name = "Chip temperature",
     CELSIUS,
     .precision = 1,
     ALIVE,
     DIAG,
     .field = "chip_c"},
    {.key = "board_temperature",
     SENSOR,
     .name = "Board temperature",
     CELSIUS,
     .precision = 1,
     ALIVE,
     DIAG,
     .field = "board_c"},
    {.key = "inlet_temperature",
     SENSOR,
     .name = "Inlet temperature",
     CELSIUS,
     .precision = 1,
     ALIVE,
     DIAG,
     .field = "inlet_c"},
    {.key = "fan",
     SENSOR,
     .name = "Fan",
     .unit = "%",
     .state_class = "measurement",
     .precision = 0,
     ALIVE,
     DIAG,
     .field = "fan",
     .icon = "mdi:fan",
     .wanted = has_fan},
    {.key = "shares_accepted",
     SENSOR,
     .name = "Shares accepted",
     .state_class = "total_increasing",
     .precision = 0,
     ALWAYS,
     DIAG,
     .field = "shares_accepted",
     .icon = "mdi:check-decagram-outline"},
    {.key = "shares_rejected",
     SENSOR,
     .name = "Shares rejected",
     .state_class = "total_increasing",
     .precision = 0,
     ALWAYS,
     DIAG,
     .field = "shares_rejected",
     .icon = "mdi:close-octagon-outline"},
    {.key = "best_difficulty",
     SENSOR,
     .name = "Best difficulty",
     .state_class = "measurement",
     .decimals = difficulty_decimals,
     ALWAYS,
     DIAG,
     .field = "best_difficulty",
     .icon = "mdi:trophy-outline"},
    {.key = "block_found",
     .platform = "event",
     .name = "Block found",
     .command = COMMAND_PROPERTIES,
     PLAIN,
     .flags = ENTITY_ALWAYS | ENTITY_EVENT,
     .icon = "mdi:treasure-chest-outline",
     .wanted = sees_work,
     .more = add_event_types},
    {.key = "share_hashrate",
     SENSOR,
     .name = "Hashrate by shares",
     HASHRATE,
     ALIVE,
     DIAG,
     .field = "hashrate_shares_ths",
     .wanted = sees_work},
    /* Six decimals here too: a processor earns thousandths of a satoshi in a day. */
    {.key = "expected_revenue",
     SENSOR,
     .name = "Expected revenue",
     .unit = "sat/h",
     MONEY,
     ALIVE,
     DIAG,
     .field = "sat_per_hour",
     .wanted = sees_work,
     .more = add_revenue_source},
    {.key = "expected_revenue_per_kwh",
     SENSOR,
     .name = "Expected revenue per kWh",
     .unit = "sat/kWh",
     MONEY,
     ALIVE,
     DIAG,
     .field = "sat_per_kwh",
     .wanted = sees_work,
     .more = add_revenue_source},
    {.key = "pool",
     SENSOR,
     .name = "Pool",
     PLAIN,
     ALIVE,
     DIAG,
     .field = "pool",
     .value_template = "{{ value_json.pool or 'none' }}",
     .icon = "mdi:server-network",
     .more = add_pool_accounts},
    {.key = "pool_connection",
     BINARY,
     .name = "Pool connection",
     .device_class = "connectivity",
     PLAIN,
     ALIVE,
     DIAG,
     .value_template = "{{ {'ok': 'ON', 'connecting': 'OFF', 'lost': 'OFF'}"
                       ".get(value_json.pool_link, 'None') }}"},
    {.key = "problem",
     BINARY,
     .device_class = "problem",
     PLAIN,
     ALWAYS,
     DIAG,
     .value_template = "{{ 'ON' if value_json.problem else 'OFF' }}",
     .more = add_problem_text},
    {.key = "interlock",
     BINARY,
     .name = "Interlock",
     .device_class = "problem",
     PLAIN,
     ALWAYS,
     .value_template = "{{ 'ON' if value_json.interlock else 'OFF' }}",
     .wanted = has_interlocks,
     .more = add_interlock_text},
    {.key = "acknowledge",
     .platform = "button",
     .name = "Acknowledge interlock",
     .command = COMMAND_PROPERTIES,
     PLAIN,
     .flags = ENTITY_ALWAYS,
     .icon = "mdi:check-circle-outline",
     .wanted = has_interlocks,
     .more = add_acknowledge},
    {.key = "connection",
     BINARY,
     .name = "Connection",
     .device_class = "connectivity",
     PLAIN,
     ALWAYS,
     DIAG,
     .value_template = "{{ {'ok': 'ON', 'lost': 'OFF'}.get(value_json.link, 'None') }}"},
    {.key = "writes_today",
     SENSOR,
     .name = "Writes today",
     .state_class = "total_increasing",
     .precision = 0,
     ALWAYS,
     DIAG,
     .field = "writes_today",
     .icon = "mdi:pencil-outline"},
    {.key = "writes_left",
     SENSOR,
     .name = "Writes left today",
     .state_class = "measurement",
     .precision = 0,
     ALWAYS,
     DIAG,
     .field = "writes_left",
     .icon = "mdi:pencil-lock-outline",
     .wanted = has_write_limit,
     .more = add_write_limit},
    {.key = "relay_cycles",
     SENSOR,
     .name = "Relay cycles",
     .state_class = "total_increasing",
     .precision = 0,
     ALWAYS,
     DIAG,
     .field = "relay_cycles",
     .icon = "mdi:electric-switch",
     .wanted = switches_relay},
    {.key = "flash_writes",
     SENSOR,
     .name = "Flash writes",
     .state_class = "total_increasing",
     .precision = 0,
     ALWAYS,
     DIAG,
     .field = "flash_writes",
     .icon = "mdi:memory"},
    {.key = "min_write_time",
     SENSOR,
     .name = "Minimum time between writes",
     .device_class = "duration",
     .unit = "s",
     .precision = 0,
     ALWAYS,
     DIAG,
     .field = "min_write_s",
     .wanted = takes_commands,
     .more = add_dwell},
    {.key = "health",
     SENSOR,
     .name = "Health",
     .device_class = "enum",
     PLAIN,
     ALWAYS,
     DIAG,
     .field = "health",
     .icon = "mdi:stethoscope",
     .more = add_health},
    {.key = "command",
     SENSOR,
     .name = "Last command",
     .device_class = "enum",
     PLAIN,
     ALWAYS,
     DIAG,
     .field = "outcome",
     .icon = "mdi:checkbox-marked-circle-outline",
     .wanted = takes_commands,
     .more = add_outcomes},
    {.key = "bad_fields",
     SENSOR,
     .name = "Unusable fields",
     .state_class = "total_increasing",
     .precision = 0,
     ALWAYS,
     DIAG,
     .field = "bad_fields",
     .icon = "mdi:code-json",
     .more = add_faults},
    {.key = "calibration",
     SENSOR,
     .name = "Power calibration",
     .state_class = "measurement",
     .precision = 3,
     ALWAYS,
     DIAG,
     .field = "calibration",
     .icon = "mdi:scale-balance",
     .wanted = has_meter},
    {.key = NULL},
};
