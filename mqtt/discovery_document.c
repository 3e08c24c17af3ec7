#include "mqtt/discovery_document.h"

#include <stdio.h>
#include <string.h>

#include "ground/text.h"
#include "mqtt/state_codec.h"

/* Seconds without a state after which a sensor is unavailable: three heartbeats. */
#define EXPIRE_AFTER_S (3.0 * STATE_HEARTBEAT_MS / 1000.0)

const struct entity_row *discovery_rows(const struct entity_context *context)
{
    return context->room != NULL     ? entity_room_rows
           : context->heater != NULL ? entity_heater_rows
                                     : entity_circuit_rows;
}

bool discovery_row_wanted(const struct entity_context *context, const struct entity_row *row)
{
    return row->wanted == NULL || row->wanted(context);
}

void discovery_object(const struct entity_context *context, char object[OBJECT_ID_MAX])
{
    if (context->room != NULL) {
        topics_room_object(&context->config->mqtt, context->room->id, object);
    } else if (context->heater != NULL) {
        topics_heater_object(&context->config->mqtt, context->heater->id, object);
    } else {
        topics_circuit_object(&context->config->mqtt, context->circuit->id, object);
    }
}

void discovery_state_topic(const struct entity_context *context, char topic[TOPIC_MAX])
{
    if (context->room != NULL) {
        topics_room(&context->config->mqtt, context->room->id, ROOM_TOPIC_STATE, topic);
    } else if (context->heater != NULL) {
        topics_heater(&context->config->mqtt, context->heater->id, HEATER_TOPIC_STATE, topic);
    } else {
        topics_circuit(&context->config->mqtt, context->circuit->id, topic);
    }
}

void discovery_row_topic(const struct entity_context *context, const struct entity_row *row,
                         char topic[TOPIC_MAX])
{
    if ((row->flags & ENTITY_EVENT) != 0) {
        topics_heater(&context->config->mqtt, context->heater->id, HEATER_TOPIC_EVENT, topic);
    } else {
        discovery_state_topic(context, topic);
    }
}

/* --- what all components of a device share ------------------------------------------------------
 */

static bool only_reachable_here(const char *listen)
{
    static const char *const hosts[] = {"", "localhost", "::1", "0.0.0.0", "::"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (strcmp(listen, hosts[i]) == 0) {
            return true;
        }
    }
    return strncmp(listen, "127.", 4) == 0;
}

/* A link to the page, where the configuration names an address that others can reach. */
static void add_page_url(const struct config_web *web, struct json *device)
{
    char url[NAME_MAX_B + 32];
    if (web->port == 0 || only_reachable_here(web->listen)) {
        return;
    }
    const bool ipv6 = strchr(web->listen, ':') != NULL;
    (void)snprintf(url, sizeof url, "http://%s%s%s:%u/", ipv6 ? "[" : "", web->listen,
                   ipv6 ? "]" : "", web->port);
    json_add_string(device, "cu", url);
}

static const char *name_or_id(const char *name, const char *id)
{
    return name[0] != '\0' ? name : id;
}

static const char *area_of(const struct config_room *room)
{
    return name_or_id(room->area, name_or_id(room->name, room->id));
}

/* What is no product but of our making. */
static void describe_own(struct json *device, const char *model)
{
    json_add_string(device, "mdl", model);
    json_add_string(device, "mf", DISCOVERY_ORIGIN);
    json_add_string(device, "sw", HB_VERSION);
}

static void describe_room(const struct config_room *room, struct json *device)
{
    json_add_string(device, "name", name_or_id(room->name, room->id));
    describe_own(device, "Room");
    json_add_string(device, "sa", area_of(room));
}

/* Text that a device has sent. */
static void add_foreign_text(struct json *device, const char *name, const char *text)
{
    char clean[NAME_MAX_B];
    text_copy_printable(clean, sizeof clean, text, strlen(text));
    json_add_string(device, name, clean);
}

/* The device as it calls itself, once it has; its family, until then. */
static void describe_product(const struct entity_context *context, struct json *device)
{
    const struct config_heater *heater = context->heater;
    const struct heater_about *about = &context->about[heater - context->config->heaters];
    if (about->model[0] != '\0') {
        add_foreign_text(device, "mdl", about->model);
        json_add_string(device, "mf", heater->driver);
    } else {
        json_add_string(device, "mdl", heater->driver);
        json_add_string(device, "mf", DISCOVERY_ORIGIN);
    }
    if (about->firmware[0] != '\0') {
        add_foreign_text(device, "sw", about->firmware);
    }
}

static void describe_heater(const struct entity_context *context, struct json *device)
{
    const struct config_heater *heater = context->heater;
    json_add_string(device, "name", name_or_id(heater->name, heater->id));
    describe_product(context, device);
    if (heater->room >= context->config->room_count) {
        return;
    }
    const struct config_room *room = &context->config->rooms[heater->room];
    char object[OBJECT_ID_MAX];
    topics_room_object(&context->config->mqtt, room->id, object);
    json_add_string(device, "sa", area_of(room));
    json_add_string(device, "via_device", object);
}

static void describe_circuit(const struct config_circuit *circuit, struct json *device)
{
    json_add_string(device, "name", name_or_id(circuit->name, circuit->id));
    describe_own(device, "Circuit");
}

static const char *id_of(const struct entity_context *context)
{
    return context->room != NULL     ? context->room->id
           : context->heater != NULL ? context->heater->id
                                     : context->circuit->id;
}

static struct json *device_json(const struct entity_context *context, const char *object)
{
    struct json *device = json_new_object();
    struct json *ids = json_new_array();
    json_add_string(ids, NULL, object);
    json_add(device, "ids", ids);
    if (context->room != NULL) {
        describe_room(context->room, device);
    } else if (context->heater != NULL) {
        describe_heater(context, device);
    } else {
        describe_circuit(context->circuit, device);
    }
    add_page_url(&context->config->web, device);
    return device;
}

static struct json *origin_json(void)
{
    struct json *origin = json_new_object();
    json_add_string(origin, "name", DISCOVERY_ORIGIN);
    json_add_string(origin, "sw", HB_VERSION);
    return origin;
}

static void add_source_of_availability(struct json *list, const char *topic,
                                       const char *value_template)
{
    struct json *source = json_new_object();
    json_add_string(source, "t", topic);
    if (value_template != NULL) {
        json_add_string(source, "val_tpl", value_template);
    }
    json_add(list, NULL, source);
}

/* The bridge's status and, unless `always`, the device's own. A circuit has none of its own. */
static struct json *availability_json(const struct entity_context *context, bool always)
{
    struct json *list = json_new_array();
    char topic[TOPIC_MAX];
    topics_status(&context->config->mqtt, topic);
    add_source_of_availability(list, topic, NULL);
    if (always || context->circuit != NULL) {
        return list;
    }
    if (context->room != NULL) {
        discovery_state_topic(context, topic);
        add_source_of_availability(list, topic,
                                   "{{ 'online' if value_json.available else 'offline' }}");
    } else {
        topics_heater(&context->config->mqtt, context->heater->id, HEATER_TOPIC_AVAILABILITY,
                      topic);
        add_source_of_availability(list, topic, NULL);
    }
    return list;
}

/* Keys that a device document may hold at its root, and a single document beside its own. */
static void add_shared(const struct entity_context *context, const char *object, bool always,
                       const char *topic, struct json *document)
{
    json_add(document, "dev", device_json(context, object));
    json_add(document, "o", origin_json());
    json_add(document, "avty", availability_json(context, always));
    json_add_string(document, "avty_mode", "all");
    json_add_string(document, "stat_t", topic);
    json_add_number(document, "qos", 1.0, 0);
}

/* --- one component ------------------------------------------------------------------------------
 */

static void add_text(struct json *component, const char *key, const char *text)
{
    if (text != NULL) {
        json_add_string(component, key, text);
    }
}

static void add_ids(const struct entity_context *context, const struct entity_row *row,
                    const char *object, struct json *component)
{
    char text[OBJECT_ID_MAX + ID_MAX];
    (void)snprintf(text, sizeof text, "%s_%s", object, row->key);
    json_add_string(component, "uniq_id", text);
    const bool main = row->name != NULL && row->name[0] == '\0';
    (void)snprintf(text, sizeof text, "%s.%s%s%s", row->platform, id_of(context), main ? "" : "_",
                   main ? "" : row->key);
    json_add_string(component, "def_ent_id", text);
    if (row->name != NULL) {
        json_add_string(component, "name", main ? NULL : row->name); /* null: the device's name */
    }
}

static void add_value(const struct entity_context *context, const struct entity_row *row,
                      struct json *component)
{
    char text[64];
    if (row->value_template != NULL) {
        json_add_string(component, "val_tpl", row->value_template);
    } else if (row->field != NULL) {
        (void)snprintf(text, sizeof text, "{{ value_json.%s }}", row->field);
        json_add_string(component, "val_tpl", text);
    }
    if ((row->flags & ENTITY_EXPIRES) != 0) {
        json_add_number(component, "exp_aft", EXPIRE_AFTER_S, 0);
    }
    const int decimals = row->decimals != NULL ? row->decimals(context) : row->precision;
    if (decimals != ENTITY_NO_PRECISION) {
        json_add_number(component, "sug_dsp_prc", decimals, 0);
    }
}

static void fill_component(const struct entity_context *context, const struct entity_row *row,
                           const char *object, struct json *component)
{
    add_ids(context, row, object, component);
    add_text(component, "dev_cla", row->device_class);
    add_text(component, "unit_of_meas", row->unit);
    add_text(component, "stat_cla", row->state_class);
    add_text(component, "ent_cat", row->category);
    add_text(component, "ic", row->icon);
    add_value(context, row, component);
    if (row->command != COMMAND_PROPERTIES) {
        char topic[TOPIC_MAX];
        topics_command(&context->config->mqtt, context->room->id, row->command, topic);
        json_add_string(component, "cmd_t", topic);
    }
    if (row->more != NULL) {
        row->more(context, component);
    }
}

/* --- documents ----------------------------------------------------------------------------------
 */

static char *print_and_free(struct json *document)
{
    char *text = json_print(document);
    json_free(document);
    return text;
}

static bool component_wanted(const struct entity_context *context,
                             const struct discovery_component *component)
{
    for (const struct entity_row *row = discovery_rows(context); row->key != NULL; row++) {
        if (strcmp(row->key, component->key) == 0 &&
            strcmp(row->platform, component->platform) == 0) {
            return discovery_row_wanted(context, row);
        }
    }
    return false;
}

bool discovery_loses_component(const struct entity_context *context,
                               const struct discovery_topic *previous)
{
    for (size_t i = 0; i < previous->component_count; i++) {
        if (!component_wanted(context, &previous->component[i])) {
            return true;
        }
    }
    return false;
}

static void add_farewells(const struct entity_context *context,
                          const struct discovery_topic *previous, struct json *components)
{
    for (size_t i = 0; previous != NULL && i < previous->component_count; i++) {
        const struct discovery_component *gone = &previous->component[i];
        if (!component_wanted(context, gone) && json_get(components, gone->key) == NULL) {
            struct json *farewell = json_new_object();
            json_add_string(farewell, "p", gone->platform);
            json_add(components, gone->key, farewell);
        }
    }
}

char *discovery_device_document(const struct entity_context *context,
                                const struct discovery_topic *previous)
{
    char object[OBJECT_ID_MAX];
    char topic[TOPIC_MAX];
    discovery_object(context, object);
    struct json *components = json_new_object();
    for (const struct entity_row *row = discovery_rows(context); row->key != NULL; row++) {
        if (!discovery_row_wanted(context, row)) {
            continue;
        }
        struct json *component = json_new_object();
        json_add_string(component, "p", row->platform);
        fill_component(context, row, object, component);
        if ((row->flags & ENTITY_EVENT) != 0) {
            discovery_row_topic(context, row, topic);
            json_add_string(component, "stat_t", topic);
        }
        if ((row->flags & ENTITY_ALWAYS) != 0) {
            json_add(component, "avty", availability_json(context, true));
        }
        json_add(components, row->key, component);
    }
    add_farewells(context, previous, components);
    struct json *document = json_new_object();
    discovery_state_topic(context, topic);
    add_shared(context, object, false, topic, document);
    json_add(document, "cmps", components);
    return print_and_free(document);
}

char *discovery_single_document(const struct entity_context *context, const struct entity_row *row)
{
    char object[OBJECT_ID_MAX];
    discovery_object(context, object);
    struct json *document = json_new_object();
    fill_component(context, row, object, document);
    /* What def_ent_id is called before 2025.10; later versions ignore it. */
    const bool main = row->name != NULL && row->name[0] == '\0';
    char text[2 * ID_MAX];
    char topic[TOPIC_MAX];
    (void)snprintf(text, sizeof text, "%s%s%s", id_of(context), main ? "" : "_",
                   main ? "" : row->key);
    json_add_string(document, "obj_id", text);
    discovery_row_topic(context, row, topic);
    add_shared(context, object, (row->flags & ENTITY_ALWAYS) != 0, topic, document);
    return print_and_free(document);
}
