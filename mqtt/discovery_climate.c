#include "mqtt/discovery_climate.h"

#include <string.h>

#include "bridge/event.h"

/* Everything is read from the one state topic. */
static void add_read(struct json *component, const char *topic_key, const char *state_topic,
                     const char *template_key, const char *value_template)
{
    json_add_string(component, topic_key, state_topic);
    json_add_string(component, template_key, value_template);
}

static void add_command(const struct entity_context *context, struct json *component,
                        const char *topic_key, enum command_key key)
{
    char topic[TOPIC_MAX];
    topics_command(&context->config->mqtt, context->room->id, key, topic);
    json_add_string(component, topic_key, topic);
}

static void add_mode(const struct entity_context *context, struct json *component,
                     const char *state_topic)
{
    struct json *modes = json_new_array();
    for (unsigned i = 0; i < ROOM_MODE_COUNT; i++) {
        json_add_string(modes, NULL, room_mode_word((enum room_mode)i));
    }
    json_add(component, "modes", modes);
    add_read(component, "mode_stat_t", state_topic, "mode_stat_tpl", "{{ value_json.mode }}");
    add_command(context, component, "mode_cmd_t", COMMAND_MODE);
    /* Without it, "turn on" would always mean heat; with it the bridge restores the last mode. */
    add_command(context, component, "pow_cmd_t", COMMAND_POWER);
}

static void add_temperatures(const struct entity_context *context, struct json *component,
                             const char *state_topic)
{
    const struct config_room *room = context->room;
    add_read(component, "temp_stat_t", state_topic, "temp_stat_tpl", "{{ value_json.target_c }}");
    add_command(context, component, "temp_cmd_t", COMMAND_TARGET);
    /* A home in °F sends 70 °F as 21.11111111111111. */
    json_add_string(component, "temp_cmd_tpl", "{{ value | round(2) }}");
    add_read(component, "curr_temp_t", state_topic, "curr_temp_tpl", "{{ value_json.room_c }}");
    if (room->humidity.topic[0] != '\0') {
        add_read(component, "curr_hum_t", state_topic, "curr_hum_tpl", "{{ value_json.humidity }}");
    }
    json_add_number(component, "min_temp", room->min_target_c, 2);
    json_add_number(component, "max_temp", room->max_target_c, 2);
    json_add_number(component, "temp_step", room->step_c, 2);
    json_add_number(component, "precision", 0.1, 1);
    json_add_string(component, "temp_unit", "C");
}

static void add_presets(const struct entity_context *context, struct json *component,
                        const char *state_topic)
{
    struct json *presets = json_new_array();
    for (size_t i = 0; i < context->room->preset_count; i++) {
        /* Home Assistant adds "none" itself and refuses the whole entity if it is in the list. */
        if (strcmp(context->room->presets[i].name, "none") != 0) {
            json_add_string(presets, NULL, context->room->presets[i].name);
        }
    }
    if (json_count(presets) == 0) {
        json_free(presets);
        return;
    }
    json_add(component, "pr_modes", presets);
    add_read(component, "pr_mode_stat_t", state_topic, "pr_mode_val_tpl",
             "{{ value_json.preset }}");
    add_command(context, component, "pr_mode_cmd_t", COMMAND_PRESET);
}

void discovery_climate_add(const struct entity_context *context, struct json *component)
{
    char state_topic[TOPIC_MAX];
    topics_room(&context->config->mqtt, context->room->id, ROOM_TOPIC_STATE, state_topic);
    add_mode(context, component, state_topic);
    add_temperatures(context, component, state_topic);
    add_presets(context, component, state_topic);
    add_read(component, "act_t", state_topic, "act_tpl", "{{ value_json.action }}");
    add_read(component, "json_attr_t", state_topic, "json_attr_tpl",
             "{{ {'reason': value_json.reason, 'reason_text': value_json.reason_text} | tojson }}");
}
