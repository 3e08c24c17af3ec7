#include "mqtt/discovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt/discovery_document.h"

/* Tells Home Assistant that the entities of a topic will come on another: people's names, areas and
 * history stay with them. */
#define MIGRATE_PAYLOAD "{\"migrate_discovery\":true}"

/* What one plan is made from. */
struct planning {
    struct discovery_plan *plan;
    const struct config *config;
    const struct heater_caps *caps;
    const struct heater_about *about;
    const struct discovery_seen *seen;
};

static void *must(void *pointer)
{
    if (pointer == NULL) {
        (void)fputs("out of memory\n", stderr);
        abort();
    }
    return pointer;
}

/* Takes ownership of `payload`. */
static void add_step(const struct planning *p, enum discovery_phase phase, const char *topic,
                     char *payload)
{
    struct discovery_plan *plan = p->plan;
    if (plan->count == plan->capacity) {
        plan->capacity = plan->capacity == 0 ? 64 : 2 * plan->capacity;
        plan->step = must(realloc(plan->step, plan->capacity * sizeof *plan->step));
    }
    const struct discovery_topic *held = discovery_seen_find(p->seen, topic);
    plan->step[plan->count++] = (struct discovery_step){
        .phase = phase,
        .unchanged = held != NULL && held->hash == discovery_hash(payload, strlen(payload)),
        .topic = must(strdup(topic)),
        .payload = payload,
    };
}

static void add_text_step(const struct planning *p, enum discovery_phase phase, const char *topic,
                          const char *payload)
{
    add_step(p, phase, topic, must(strdup(payload)));
}

/* --- what is still there ------------------------------------------------------------------------
 */

static struct entity_context room_context(const struct planning *p, size_t i)
{
    return (struct entity_context){
        .config = p->config, .caps = p->caps, .room = &p->config->rooms[i]};
}

static struct entity_context heater_context(const struct planning *p, size_t i)
{
    return (struct entity_context){
        .config = p->config, .caps = p->caps, .about = p->about, .heater = &p->config->heaters[i]};
}

static struct entity_context circuit_context(const struct planning *p, size_t i)
{
    return (struct entity_context){
        .config = p->config, .caps = p->caps, .circuit = &p->config->circuits[i]};
}

static size_t count_of(const struct config *config, enum discovery_kind kind)
{
    return kind == DISCOVERY_ROOM     ? config->room_count
           : kind == DISCOVERY_HEATER ? config->heater_count
                                      : config->circuit_count;
}

static const char *id_of(const struct config *config, enum discovery_kind kind, size_t i)
{
    return kind == DISCOVERY_ROOM     ? config->rooms[i].id
           : kind == DISCOVERY_HEATER ? config->heaters[i].id
                                      : config->circuits[i].id;
}

/* What a topic that was seen is of; false if the configuration no longer has it. */
static bool context_of(const struct planning *p, const struct discovery_topic *held,
                       struct entity_context *context)
{
    for (size_t i = 0; i < count_of(p->config, held->kind); i++) {
        if (strcmp(id_of(p->config, held->kind, i), held->id) == 0) {
            *context = held->kind == DISCOVERY_ROOM     ? room_context(p, i)
                       : held->kind == DISCOVERY_HEATER ? heater_context(p, i)
                                                        : circuit_context(p, i);
            return true;
        }
    }
    return false;
}

/* True if the topic belongs to the form that the configuration does not ask for. */
static bool is_old_form(const struct planning *p, const struct discovery_topic *held)
{
    const enum discovery_form form = p->config->homeassistant.discovery;
    return form != DISCOVERY_OFF && held->device != (form == DISCOVERY_DEVICE);
}

/* --- the phases ---------------------------------------------------------------------------------
 */

static void prepare(const struct planning *p, const struct discovery_topic *held)
{
    struct entity_context context;
    if (held->marker || !context_of(p, held, &context)) {
        return;
    }
    if (is_old_form(p, held)) {
        add_text_step(p, DISCOVERY_PREPARE, held->topic, MIGRATE_PAYLOAD);
    } else if (held->device && p->config->homeassistant.discovery == DISCOVERY_DEVICE &&
               discovery_loses_component(&context, held)) {
        add_step(p, DISCOVERY_PREPARE, held->topic, discovery_device_document(&context, held));
    }
}

static void retire(const struct planning *p, const struct discovery_topic *held)
{
    struct entity_context context;
    if (is_old_form(p, held) && context_of(p, held, &context)) {
        add_text_step(p, DISCOVERY_RETIRE, held->topic, "");
    }
}

static void announce(const struct planning *p, const struct entity_context *context)
{
    const struct config_homeassistant *ha = &p->config->homeassistant;
    char object[OBJECT_ID_MAX];
    char topic[TOPIC_MAX];
    discovery_object(context, object);
    if (ha->discovery == DISCOVERY_DEVICE) {
        topics_discovery(ha, NULL, object, NULL, topic);
        add_step(p, DISCOVERY_CONFIG, topic, discovery_device_document(context, NULL));
        return;
    }
    for (const struct entity_row *row = discovery_rows(context); row->key != NULL; row++) {
        if (discovery_row_wanted(context, row)) {
            topics_discovery(ha, row->platform, object, row->key, topic);
            add_step(p, DISCOVERY_CONFIG, topic, discovery_single_document(context, row));
        }
    }
}

static void announce_all(const struct planning *p)
{
    if (p->config->homeassistant.discovery == DISCOVERY_OFF) {
        return;
    }
    for (size_t i = 0; i < p->config->room_count; i++) {
        const struct entity_context context = room_context(p, i);
        announce(p, &context);
    }
    for (size_t i = 0; i < p->config->heater_count; i++) {
        const struct entity_context context = heater_context(p, i);
        announce(p, &context);
    }
    for (size_t i = 0; i < p->config->circuit_count; i++) {
        const struct entity_context context = circuit_context(p, i);
        announce(p, &context);
    }
}

/* The retained states of something that is gone; in single form several topics name the same. */
static void forget_states_if_gone(const struct planning *p, const struct discovery_topic *held)
{
    struct entity_context context;
    if (context_of(p, held, &context)) {
        return;
    }
    char topic[TOPIC_MAX];
    if (held->kind == DISCOVERY_ROOM) {
        topics_room(&p->config->mqtt, held->id, ROOM_TOPIC_STATE, topic);
    } else if (held->kind == DISCOVERY_CIRCUIT) {
        topics_circuit(&p->config->mqtt, held->id, topic);
    } else {
        topics_heater(&p->config->mqtt, held->id, HEATER_TOPIC_STATE, topic);
    }
    for (size_t i = p->plan->count; i > 0 && p->plan->step[i - 1].phase == DISCOVERY_FORGET; i--) {
        if (strcmp(p->plan->step[i - 1].topic, topic) == 0) {
            return;
        }
    }
    add_text_step(p, DISCOVERY_FORGET, topic, "");
    if (held->kind == DISCOVERY_HEATER) {
        topics_heater(&p->config->mqtt, held->id, HEATER_TOPIC_AVAILABILITY, topic);
        add_text_step(p, DISCOVERY_FORGET, topic, "");
    }
}

/* A topic of the right form stays while its room or heater, and in single form its entity, exists.
 */
static bool is_gone(const struct planning *p, const struct discovery_topic *held,
                    const struct entity_context *context)
{
    const enum discovery_form form = p->config->homeassistant.discovery;
    return form == DISCOVERY_OFF || (!held->device && discovery_loses_component(context, held));
}

static void remove_if_gone(const struct planning *p, const struct discovery_topic *held)
{
    struct entity_context context;
    if (!context_of(p, held, &context) || (!is_old_form(p, held) && is_gone(p, held, &context))) {
        add_text_step(p, DISCOVERY_REMOVE, held->topic, "");
    }
}

void discovery_plan_make(struct discovery_plan *plan, const struct config *config,
                         const struct heater_caps *caps, const struct heater_about *about,
                         const struct discovery_seen *seen)
{
    static const struct discovery_seen nothing = {.topic = NULL};
    *plan = (struct discovery_plan){.step = NULL};
    const struct planning p = {plan, config, caps, about, seen != NULL ? seen : &nothing};
    for (size_t i = 0; i < p.seen->count; i++) {
        prepare(&p, p.seen->topic[i]);
    }
    for (size_t i = 0; i < p.seen->count; i++) {
        retire(&p, p.seen->topic[i]);
    }
    announce_all(&p);
    for (size_t i = 0; i < p.seen->count; i++) {
        remove_if_gone(&p, p.seen->topic[i]);
    }
    for (size_t i = 0; i < p.seen->count; i++) {
        forget_states_if_gone(&p, p.seen->topic[i]);
    }
}

void discovery_plan_free(struct discovery_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        free(plan->step[i].topic);
        free(plan->step[i].payload);
    }
    free(plan->step);
    *plan = (struct discovery_plan){.step = NULL};
}
