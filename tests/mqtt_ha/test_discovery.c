/* The discovery documents: golden files, and the rules that Home Assistant enforces. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "ground/text.h"
#include "house.h"
#include "mqtt/discovery.h"
#include "mqtt/discovery_document.h"
#include "tests/support/test.h"

static const struct discovery_step *find_step(const struct discovery_plan *plan,
                                              enum discovery_phase phase, const char *topic)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->step[i].phase == phase && strcmp(plan->step[i].topic, topic) == 0) {
            return &plan->step[i];
        }
    }
    return NULL;
}

static const char *payload_of(const struct discovery_plan *plan, enum discovery_phase phase,
                              const char *topic)
{
    const struct discovery_step *step = find_step(plan, phase, topic);
    if (step == NULL) {
        fail_msg("no message on %s", topic);
        return ""; /* fail_msg does not return, which gcc cannot know */
    }
    return step->payload;
}

static struct json *parse(const char *text)
{
    struct hb_err err = {.code = HB_OK};
    struct json *json = json_parse(text, strlen(text), 1 << 20, &err);
    if (json == NULL) {
        print_error("%s\n%s\n", err.msg, text);
        fail();
    }
    return json;
}

static void plan_house(struct house *house, enum discovery_form form,
                       const struct discovery_seen *seen, struct discovery_plan *plan)
{
    house_build(house);
    house->config.homeassistant.discovery = form;
    discovery_plan_make(plan, &house->config, house->caps, house->about, seen);
}

/* --- golden -------------------------------------------------------------------------------------
 */

static void file_of(const char *topic, char name[TOPIC_MAX])
{
    (void)snprintf(name, TOPIC_MAX, "%s.json", topic);
    for (char *c = name; *c != '\0'; c++) {
        if (*c == '/') {
            *c = '-';
        }
    }
}

static void check_golden(enum discovery_form form)
{
    struct house house;
    struct discovery_plan plan;
    plan_house(&house, form, NULL, &plan);
    for (size_t i = 0; i < plan.count; i++) {
        char name[TOPIC_MAX];
        file_of(plan.step[i].topic, name);
        assert_int_equal(plan.step[i].phase, DISCOVERY_CONFIG);
        assert_golden(name, plan.step[i].payload);
    }
    discovery_plan_free(&plan);
}

static void device_documents_are_as_published_before(void **state)
{
    (void)state;
    check_golden(DISCOVERY_DEVICE);
}

static void single_documents_are_as_published_before(void **state)
{
    (void)state;
    check_golden(DISCOVERY_SINGLE);
}

/* --- Home Assistant's rules ---------------------------------------------------------------------
 */

static bool among(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void assert_keys(const struct json *object, const char *const *allowed, size_t count)
{
    assert_true(json_is_object(object));
    for (const struct json *m = json_first(object); m != NULL; m = json_next(m)) {
        if (!among(json_name(m), allowed, count)) {
            print_error("key %s is not allowed here\n", json_name(m));
            fail();
        }
    }
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One key that is not in these lists, and Home Assistant refuses the whole device. */
static void assert_strict_parts(const struct json *document, bool root)
{
    static const char *const roots[] = {
        "dev",  "cmps",   "o",         "stat_t",   "cmd_t",    "qos",         "e",
        "avty", "avty_t", "avty_mode", "avty_tpl", "pl_avail", "pl_not_avail"};
    static const char *const device[] = {"ids", "cns", "mf",         "mdl", "name", "hw",
                                         "sn",  "sw",  "via_device", "sa",  "cu"};
    static const char *const origin[] = {"name", "sw", "url"};
    if (root) {
        assert_keys(document, roots, COUNT(roots));
    }
    assert_keys(json_get(document, "dev"), device, COUNT(device));
    assert_keys(json_get(document, "o"), origin, COUNT(origin));
    assert_true(json_count(json_get(json_get(document, "dev"), "ids")) == 1);
    assert_string_equal(json_string(json_path(document, "o.name")), "heatbridge");
}

static void root_keys_are_those_that_every_version_allows(void **state)
{
    (void)state;
    struct house house;
    struct discovery_plan plan;
    plan_house(&house, DISCOVERY_DEVICE, NULL, &plan);
    assert_int_equal(plan.count, HOUSE_ROOMS + HOUSE_HEATERS + HOUSE_CIRCUITS);
    for (size_t i = 0; i < plan.count; i++) {
        struct json *document = parse(plan.step[i].payload);
        assert_strict_parts(document, true);
        json_free(document);
    }
    discovery_plan_free(&plan);
    plan_house(&house, DISCOVERY_SINGLE, NULL, &plan);
    for (size_t i = 0; i < plan.count; i++) {
        struct json *document = parse(plan.step[i].payload);
        assert_strict_parts(document, false);
        json_free(document);
    }
    discovery_plan_free(&plan);
}

static bool is_discovery_id(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-') {
            return false;
        }
    }
    return len > 0;
}

/* Levels between prefix and /config must match [a-zA-Z0-9_-]+, or the message is dropped. */
static void assert_topic_is_legal(const char *topic)
{
    const char *rest = topic + strlen("homeassistant/");
    assert_int_equal(strncmp(topic, "homeassistant/", strlen("homeassistant/")), 0);
    while (strcmp(rest, "config") != 0) {
        const size_t len = strcspn(rest, "/");
        assert_true(is_discovery_id(rest, len) && rest[len] == '/');
        rest += len + 1;
    }
}

static void topics_are_legal_whatever_the_base_topic(void **state)
{
    (void)state;
    static const enum discovery_form forms[] = {DISCOVERY_DEVICE, DISCOVERY_SINGLE};
    for (size_t f = 0; f < 2; f++) {
        struct house house;
        struct discovery_plan plan;
        house_build(&house);
        house.config.homeassistant.discovery = forms[f];
        (void)text_copy(house.config.mqtt.base_topic, NAME_MAX_B, "huis/Wärme 1");
        discovery_plan_make(&plan, &house.config, house.caps, house.about, NULL);
        for (size_t i = 0; i < plan.count; i++) {
            assert_topic_is_legal(plan.step[i].topic);
        }
        discovery_plan_free(&plan);
    }
}

static const struct json *unique_id_of(const struct json *document)
{
    return json_get(document, "uniq_id");
}

/* Both forms must give the same entities, or a change of form loses people's settings. */
static void both_forms_have_the_same_unique_ids(void **state)
{
    (void)state;
    struct house house;
    struct discovery_plan device;
    struct discovery_plan single;
    plan_house(&house, DISCOVERY_DEVICE, NULL, &device);
    plan_house(&house, DISCOVERY_SINGLE, NULL, &single);
    size_t at = 0;
    for (size_t i = 0; i < device.count; i++) {
        struct json *document = parse(device.step[i].payload);
        const struct json *list = json_get(document, "cmps");
        for (const struct json *c = json_first(list); c != NULL; c = json_next(c)) {
            struct json *alone = parse(single.step[at++].payload);
            assert_string_equal(json_string(unique_id_of(c)), json_string(unique_id_of(alone)));
            assert_string_equal(json_string(json_get(c, "def_ent_id")),
                                json_string(json_get(alone, "def_ent_id")));
            json_free(alone);
        }
        json_free(document);
    }
    assert_int_equal(at, single.count);
    discovery_plan_free(&device);
    discovery_plan_free(&single);
}

static void check_entity(const struct json *c)
{
    const char *platform = json_string(json_get(c, "p"));
    const char *category = json_string(json_get(c, "ent_cat"));
    const char *entity_id = json_string(json_get(c, "def_ent_id"));
    const bool sensor = strcmp(platform, "sensor") == 0 || strcmp(platform, "binary_sensor") == 0;
    assert_non_null(unique_id_of(c));
    /* The entity id must carry the right domain. */
    assert_int_equal(strncmp(entity_id, platform, strlen(platform)), 0);
    assert_int_equal(entity_id[strlen(platform)], '.');
    /* Home Assistant refuses sensors of category config. */
    assert_false(sensor && category != NULL && strcmp(category, "config") == 0);
    /* options need device class enum and exclude unit and state class. */
    if (json_get(c, "ops") != NULL) {
        assert_string_equal(json_string(json_get(c, "dev_cla")), "enum");
        assert_null(json_get(c, "unit_of_meas"));
        assert_null(json_get(c, "stat_cla"));
    }
    /* expire_after exists for sensors only, and is longer than two heartbeats. */
    double expire_s = 0.0;
    if (json_number(json_get(c, "exp_aft"), &expire_s)) {
        assert_true(sensor && expire_s > 2 * 60);
    }
    assert_null(json_get(c, "object_id"));
}

static void entities_keep_home_assistants_rules(void **state)
{
    (void)state;
    struct house house;
    struct discovery_plan plan;
    plan_house(&house, DISCOVERY_DEVICE, NULL, &plan);
    for (size_t i = 0; i < plan.count; i++) {
        struct json *document = parse(plan.step[i].payload);
        const struct json *list = json_get(document, "cmps");
        for (const struct json *c = json_first(list); c != NULL; c = json_next(c)) {
            check_entity(c);
        }
        json_free(document);
    }
    discovery_plan_free(&plan);
}

static void the_reason_sensor_knows_every_reason(void **state)
{
    (void)state;
    struct house house;
    struct discovery_plan plan;
    plan_house(&house, DISCOVERY_DEVICE, NULL, &plan);
    struct json *document = parse(payload_of(
        &plan, DISCOVERY_CONFIG, "homeassistant/device/heatbridge_room_living_room/config"));
    const struct json *options = json_path(document, "cmps.reason.ops");
    assert_int_equal(json_count(options), REASON_COUNT);
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        assert_string_equal(json_string(json_item(options, i)), reason_word((enum reason)i));
    }
    json_free(document);
    discovery_plan_free(&plan);
}

/* Our own documents come back from the broker and must fit through the same door. */
static void the_longest_names_still_fit_one_message(void **state)
{
    (void)state;
    struct house house;
    struct discovery_plan plan;
    house_build(&house);
    memset(house.config.mqtt.base_topic, 'b', NAME_MAX_B - 1);
    for (size_t i = 0; i < HOUSE_ROOMS; i++) {
        memset(house.rooms[i].id, 'a' + (int)i, ID_MAX - 1);
        memset(house.rooms[i].name, 'n', NAME_MAX_B - 1);
        memset(house.rooms[i].area, 'n', NAME_MAX_B - 1);
        house.rooms[i].preset_count = ROOM_PRESETS;
        for (size_t k = 0; k < ROOM_PRESETS; k++) {
            memset(house.rooms[i].presets[k].name, 'p', ID_MAX - 1);
        }
    }
    for (size_t i = 0; i < HOUSE_HEATERS; i++) {
        memset(house.heaters[i].id, 'c' + (int)i, ID_MAX - 1);
        memset(house.heaters[i].name, 'n', NAME_MAX_B - 1);
    }
    for (size_t i = 0; i < HOUSE_CIRCUITS; i++) {
        memset(house.circuits[i].id, 'f' + (int)i, ID_MAX - 1);
        memset(house.circuits[i].name, 'n', NAME_MAX_B - 1);
    }
    discovery_plan_make(&plan, &house.config, house.caps, house.about, NULL);
    for (size_t i = 0; i < plan.count; i++) {
        assert_in_range(strlen(plan.step[i].payload), 1, PAYLOAD_MAX);
    }
    discovery_plan_free(&plan);
}

static void a_page_only_on_this_machine_is_not_linked(void **state)
{
    (void)state;
    static const char *const hidden[] = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "::"};
    for (size_t i = 0; i < COUNT(hidden); i++) {
        struct house house;
        house_build(&house);
        (void)text_copy(house.config.web.listen, NAME_MAX_B, hidden[i]);
        const struct entity_context context = {
            .config = &house.config, .caps = house.caps, house.about, .room = house.rooms};
        char *text = discovery_device_document(&context, NULL);
        assert_null(strstr(text, "\"cu\""));
        free(text);
    }
}

/* Home Assistant brings "none" itself and refuses a climate entity whose list has it. */
static void none_is_never_a_listed_preset(void **state)
{
    (void)state;
    struct house house;
    house_build(&house);
    const struct entity_context context = {
        .config = &house.config, .caps = house.caps, house.about, .room = house.rooms};
    (void)text_copy(house.rooms[LIVING_ROOM].presets[1].name, ID_MAX, "none");
    char *text = discovery_device_document(&context, NULL);
    assert_non_null(strstr(text, "\"pr_modes\":[\"eco\",\"boost\",\"away\",\"sleep\"]"));
    free(text);
    /* Topic and list go together or not at all. */
    house.rooms[LIVING_ROOM].preset_count = 0;
    text = discovery_device_document(&context, NULL);
    assert_null(strstr(text, "pr_mode"));
    free(text);
}

/* --- what is left from earlier runs -------------------------------------------------------------
 */

static void note_all(struct discovery_seen *seen, const struct house *house,
                     const struct discovery_plan *plan, enum discovery_phase phase)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->step[i].phase == phase) {
            discovery_seen_note(seen, &house->config, plan->step[i].topic, plan->step[i].payload,
                                strlen(plan->step[i].payload));
        }
    }
}

static size_t count_phase(const struct discovery_plan *plan, enum discovery_phase phase)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++) {
        count += plan->step[i].phase == phase;
        assert_true(i == 0 || plan->step[i].phase >= plan->step[i - 1].phase);
    }
    return count;
}

static void the_same_again_is_unchanged(void **state)
{
    (void)state;
    struct house house;
    struct discovery_plan plan;
    struct discovery_seen seen = {.topic = NULL};
    plan_house(&house, DISCOVERY_DEVICE, NULL, &plan);
    note_all(&seen, &house, &plan, DISCOVERY_CONFIG);
    discovery_plan_free(&plan);
    plan_house(&house, DISCOVERY_DEVICE, &seen, &plan);
    assert_int_equal(plan.count, HOUSE_ROOMS + HOUSE_HEATERS + HOUSE_CIRCUITS);
    for (size_t i = 0; i < plan.count; i++) {
        assert_true(plan.step[i].unchanged);
    }
    discovery_plan_free(&plan);
    discovery_seen_clear(&seen);
}

static void check_migration(enum discovery_form from, enum discovery_form to)
{
    struct house house;
    struct discovery_plan old;
    struct discovery_plan plan;
    struct discovery_seen seen = {.topic = NULL};
    plan_house(&house, from, NULL, &old);
    note_all(&seen, &house, &old, DISCOVERY_CONFIG);
    plan_house(&house, to, &seen, &plan);
    assert_int_equal(count_phase(&plan, DISCOVERY_PREPARE), old.count);
    assert_int_equal(count_phase(&plan, DISCOVERY_RETIRE), old.count);
    assert_int_equal(count_phase(&plan, DISCOVERY_REMOVE), 0);
    for (size_t i = 0; i < old.count; i++) {
        assert_string_equal(payload_of(&plan, DISCOVERY_PREPARE, old.step[i].topic),
                            "{\"migrate_discovery\":true}");
        assert_string_equal(payload_of(&plan, DISCOVERY_RETIRE, old.step[i].topic), "");
    }
    /* Interrupted between the phases: the markers that stayed on the broker go away. */
    note_all(&seen, &house, &plan, DISCOVERY_PREPARE);
    discovery_plan_free(&plan);
    plan_house(&house, to, &seen, &plan);
    assert_int_equal(count_phase(&plan, DISCOVERY_PREPARE), 0);
    assert_int_equal(count_phase(&plan, DISCOVERY_RETIRE), old.count);
    discovery_plan_free(&plan);
    discovery_plan_free(&old);
    discovery_seen_clear(&seen);
}

static void entities_move_between_the_forms_both_ways(void **state)
{
    (void)state;
    check_migration(DISCOVERY_SINGLE, DISCOVERY_DEVICE);
    check_migration(DISCOVERY_DEVICE, DISCOVERY_SINGLE);
}

static void a_lost_component_is_taken_leave_of(void **state)
{
    (void)state;
    static const char topic[] = "homeassistant/device/heatbridge_room_living_room/config";
    struct house house;
    struct discovery_plan plan;
    struct discovery_seen seen = {.topic = NULL};
    plan_house(&house, DISCOVERY_DEVICE, NULL, &plan);
    note_all(&seen, &house, &plan, DISCOVERY_CONFIG);
    discovery_plan_free(&plan);
    house.rooms[LIVING_ROOM].window.topic[0] = '\0';
    discovery_plan_make(&plan, &house.config, house.caps, house.about, &seen);
    assert_int_equal(count_phase(&plan, DISCOVERY_PREPARE), 1);
    assert_non_null(strstr(payload_of(&plan, DISCOVERY_PREPARE, topic),
                           "\"window\":{\"p\":\"binary_sensor\"}"));
    assert_null(strstr(payload_of(&plan, DISCOVERY_CONFIG, topic), "\"window\":"));
    note_all(&seen, &house, &plan, DISCOVERY_PREPARE);
    discovery_plan_free(&plan);
    discovery_plan_make(&plan, &house.config, house.caps, house.about, &seen);
    assert_int_equal(count_phase(&plan, DISCOVERY_PREPARE), 0);
    discovery_plan_free(&plan);
    discovery_seen_clear(&seen);
}

static void what_is_gone_is_removed_with_its_states(void **state)
{
    (void)state;
    static const enum discovery_form forms[] = {DISCOVERY_DEVICE, DISCOVERY_SINGLE};
    for (size_t f = 0; f < 2; f++) {
        struct house house;
        struct discovery_plan plan;
        struct discovery_seen seen = {.topic = NULL};
        plan_house(&house, forms[f], NULL, &plan);
        note_all(&seen, &house, &plan, DISCOVERY_CONFIG);
        discovery_plan_free(&plan);
        house.config.room_count = 1;    /* without the hallway */
        house.config.heater_count = 2;  /* and without the spare heater */
        house.config.circuit_count = 1; /* and without the cellar's circuit */
        discovery_plan_make(&plan, &house.config, house.caps, house.about, &seen);
        assert_string_equal(payload_of(&plan, DISCOVERY_FORGET, "heatbridge/hallway/state"), "");
        assert_string_equal(payload_of(&plan, DISCOVERY_FORGET, "heatbridge/heater/spare/state"),
                            "");
        assert_string_equal(
            payload_of(&plan, DISCOVERY_FORGET, "heatbridge/heater/spare/availability"), "");
        assert_string_equal(payload_of(&plan, DISCOVERY_FORGET, "heatbridge/circuit/cellar/state"),
                            "");
        assert_null(find_step(&plan, DISCOVERY_FORGET, "heatbridge/living_room/state"));
        assert_null(find_step(&plan, DISCOVERY_FORGET, "heatbridge/circuit/ground_floor/state"));
        assert_int_equal(count_phase(&plan, DISCOVERY_PREPARE), 0);
        if (forms[f] == DISCOVERY_DEVICE) {
            assert_int_equal(count_phase(&plan, DISCOVERY_REMOVE), 3);
            assert_int_equal(count_phase(&plan, DISCOVERY_FORGET), 4);
        }
        discovery_plan_free(&plan);
        discovery_seen_clear(&seen);
    }
}

static void switching_discovery_off_removes_all_but_the_states(void **state)
{
    (void)state;
    struct house house;
    struct discovery_plan plan;
    struct discovery_seen seen = {.topic = NULL};
    plan_house(&house, DISCOVERY_DEVICE, NULL, &plan);
    note_all(&seen, &house, &plan, DISCOVERY_CONFIG);
    discovery_plan_free(&plan);
    plan_house(&house, DISCOVERY_OFF, &seen, &plan);
    assert_int_equal(plan.count, HOUSE_ROOMS + HOUSE_HEATERS + HOUSE_CIRCUITS);
    assert_int_equal(count_phase(&plan, DISCOVERY_REMOVE), plan.count);
    assert_null(find_step(&plan, DISCOVERY_FORGET, "heatbridge/hallway/state"));
    discovery_plan_free(&plan);
    discovery_seen_clear(&seen);
}

/* Two bridges may share a broker; one whose base topic begins like ours is the hard case. */
static void documents_of_others_are_left_alone(void **state)
{
    (void)state;
    static const struct {
        const char *topic, *payload;
    } foreign[] = {
        {"homeassistant/device/heatbridge_room_x_room_bath/config",
         "{\"o\":{\"name\":\"heatbridge\"},\"stat_t\":\"heatbridge_room_x/bath/state\"}"},
        {"homeassistant/device/heatbridge_room_bath/config",
         "{\"o\":{\"name\":\"somebody\"},\"stat_t\":\"heatbridge/bath/state\"}"},
        {"homeassistant/device/heatbridge_room_bath/config", "{}"},
        {"homeassistant/device/heatbridge_room_bath/config", "not json"},
        {"homeassistant/device/heatbridge_room_Bath!/config", "{\"migrate_discovery\":true}"},
        {"homeassistant/device/heatbridge_circuit_f16/config",
         "{\"o\":{\"name\":\"heatbridge\"},\"stat_t\":\"heatbridge/heater/f16/state\"}"},
        {"homeassistant/device/zigbee_0x00/config", "{\"o\":{\"name\":\"heatbridge\"}}"},
        {"homeassistant/sensor/heatbridge_room_bath/config", "{\"migrate_discovery\":true}"},
        {"elsewhere/device/heatbridge_room_bath/config", "{\"migrate_discovery\":true}"},
        {"homeassistant/device/heatbridge_room_bath/configs", "{\"migrate_discovery\":true}"},
    };
    struct house house;
    struct discovery_seen seen = {.topic = NULL};
    house_build(&house);
    for (size_t i = 0; i < COUNT(foreign); i++) {
        discovery_seen_note(&seen, &house.config, foreign[i].topic, foreign[i].payload,
                            strlen(foreign[i].payload));
        assert_int_equal(seen.count, 0);
    }
    discovery_seen_clear(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device_documents_are_as_published_before),
        cmocka_unit_test(single_documents_are_as_published_before),
        cmocka_unit_test(root_keys_are_those_that_every_version_allows),
        cmocka_unit_test(topics_are_legal_whatever_the_base_topic),
        cmocka_unit_test(both_forms_have_the_same_unique_ids),
        cmocka_unit_test(entities_keep_home_assistants_rules),
        cmocka_unit_test(the_reason_sensor_knows_every_reason),
        cmocka_unit_test(the_longest_names_still_fit_one_message),
        cmocka_unit_test(a_page_only_on_this_machine_is_not_linked),
        cmocka_unit_test(none_is_never_a_listed_preset),
        cmocka_unit_test(the_same_again_is_unchanged),
        cmocka_unit_test(entities_move_between_the_forms_both_ways),
        cmocka_unit_test(a_lost_component_is_taken_leave_of),
        cmocka_unit_test(what_is_gone_is_removed_with_its_states),
        cmocka_unit_test(switching_discovery_off_removes_all_but_the_states),
        cmocka_unit_test(documents_of_others_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
