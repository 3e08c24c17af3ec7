/* The entities of a circuit. */
#include "mqtt/discovery_shorthand.h"

static bool has_meter(const struct entity_context *context)
{
    return context->circuit->meter.topic[0] != '\0';
}

const struct entity_row entity_circuit_rows[] = {
    {.key = "over_limit",
     BINARY,
     .name = "Over its limit",
     .device_class = "problem",
     PLAIN,
     ALWAYS,
     .value_template = "{{ 'ON' if value_json.over_limit else 'OFF' }}"},
    {.key = "power", SENSOR, POWER, ALWAYS, .field = "metered_w", .wanted = has_meter},
    {.key = "possible_power",
     SENSOR,
     .name = "Possible power",
     POWER,
     ALWAYS,
     .field = "possible_w",
     .icon = "mdi:transmission-tower"},
    {.key = "power_limit",
     SENSOR,
     .name = "Power limit",
     POWER,
     ALWAYS,
     DIAG,
     .field = "limit_w",
     .icon = "mdi:fuse"},
    {.key = "allowed_power",
     SENSOR,
     .name = "Allowed power",
     POWER,
     ALWAYS,
     DIAG,
     .field = "allowed_w",
     .icon = "mdi:fuse-alert",
     .wanted = has_meter},
    {.key = NULL},
};
