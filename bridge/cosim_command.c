/* heatbridge cosim: the core as a slave of somebody else's simulation, JSON lines in and out. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/command.h"
#include "bridge/virtual_house.h"
#include "plumbing/json.h"

/* Between two lines the core goes on in steps of at most this. */
static const int64_t step_ms = 10000;
static const double latest_s = 32503680000.0; /* the year 3000 */

struct cosim {
    struct virtual_house house;
    double *power_w; /* of each heater as last told; NaN: it does what it is told */
    bool *told;      /* in the last line */
};

static void print_help(FILE *out)
{
    (void)fputs(
        "usage: heatbridge cosim --config FILE\n\n"
        "Reads one JSON object per line and answers each with one, in virtual time:\n"
        "  {\"t\": unix seconds, \"outdoor_c\": -3.1,\n"
        "   \"rooms\": {\"hallway\": {\"temperature_c\": 20.3, \"window_open\": false,\n"
        "                          \"mode\": \"heat\", \"preset\": \"home\", \"target_c\": 21}},\n"
        "   \"heaters\": {\"ofen\": {\"power_w\": 910}}}\n"
        "Only t is needed and must not go back; what is left out keeps its value and ages. A\n"
        "heater whose power was never told does at once what it is told.\n",
        out);
}

static bool find_room(const struct config *config, const char *id, uint16_t *index)
{
    for (size_t i = 0; i < config->room_count; i++) {
        if (strcmp(config->rooms[i].id, id) == 0) {
            *index = (uint16_t)i;
            return true;
        }
    }
    return false;
}

static bool find_heater(const struct config *config, const char *id, uint16_t *index)
{
    for (size_t i = 0; i < config->heater_count; i++) {
        if (strcmp(config->heaters[i].id, id) == 0) {
            *index = (uint16_t)i;
            return true;
        }
    }
    return false;
}

/* --- input ---------------------------------------------------------------------------------- */

static uint16_t find_preset(const struct config_room *room, const char *name)
{
    for (size_t i = 0; i < room->preset_count; i++) {
        if (strcmp(room->presets[i].name, name) == 0) {
            return (uint16_t)i;
        }
    }
    return strcmp(name, "none") == 0 ? INDEX_NONE : ROOM_PRESETS; /* the latter is refused */
}

static enum room_mode find_mode(const char *word)
{
    int mode = 0;
    while (mode < ROOM_MODE_COUNT && strcmp(room_mode_word((enum room_mode)mode), word) != 0) {
        mode++;
    }
    return (enum room_mode)mode;
}

static void take_request(struct cosim *cosim, uint16_t room, const struct json *values)
{
    struct event event = {.kind = EVENT_ROOM_REQUEST, .index = room};
    struct room_request *request = &event.u.request;
    const char *mode = json_string(json_get(values, "mode"));
    const char *preset = json_string(json_get(values, "preset"));
    if (mode != NULL) {
        request->fields |= REQUEST_MODE;
        request->mode = find_mode(mode);
    }
    if (preset != NULL) {
        request->fields |= REQUEST_PRESET;
        request->preset = find_preset(&cosim->house.config->rooms[room], preset);
    }
    if (json_number(json_get(values, "target_c"), &request->target_c)) {
        request->fields |= REQUEST_TARGET;
    }
    if (request->fields != 0) {
        virtual_house_send(&cosim->house, &event);
    }
}

static void take_room(struct cosim *cosim, uint16_t room, const struct json *values)
{
    struct event sample = {.kind = EVENT_ROOM_TEMPERATURE, .index = room};
    struct event window = {.kind = EVENT_ROOM_WINDOW, .index = room};
    if (json_number(json_get(values, "temperature_c"), &sample.number)) {
        virtual_house_send(&cosim->house, &sample);
    }
    if (json_bool(json_get(values, "window_open"), &window.flag)) {
        virtual_house_send(&cosim->house, &window);
    }
    take_request(cosim, room, values);
}

static bool check_names(const struct cosim *cosim, const struct json *line, struct hb_err *err)
{
    uint16_t index;
    const struct config *config = cosim->house.config;
    const struct json *rooms = json_get(line, "rooms");
    const struct json *heaters = json_get(line, "heaters");
    for (const struct json *room = json_first(rooms); room != NULL; room = json_next(room)) {
        if (!find_room(config, json_name(room), &index)) {
            return hb_fail(err, HB_ERR_INPUT,
                           "rooms: expected a room of the configuration, got "
                           "'%s'",
                           json_name(room));
        }
    }
    for (const struct json *item = json_first(heaters); item != NULL; item = json_next(item)) {
        if (!find_heater(config, json_name(item), &index)) {
            return hb_fail(err, HB_ERR_INPUT,
                           "heaters: expected a heater of the configuration, "
                           "got '%s'",
                           json_name(item));
        }
    }
    return true;
}

static void take_values(struct cosim *cosim, const struct json *line)
{
    uint16_t index;
    struct event outdoor = {.kind = EVENT_OUTDOOR};
    const struct json *rooms = json_get(line, "rooms");
    if (json_number(json_get(line, "outdoor_c"), &outdoor.number)) {
        virtual_house_send(&cosim->house, &outdoor);
    }
    for (const struct json *room = json_first(rooms); room != NULL; room = json_next(room)) {
        if (find_room(cosim->house.config, json_name(room), &index)) {
            take_room(cosim, index, room);
        }
    }
}

static void take_heaters(struct cosim *cosim, const struct json *line)
{
    uint16_t index;
    const struct json *heaters = json_get(line, "heaters");
    memset(cosim->told, 0, cosim->house.config->heater_count * sizeof(*cosim->told));
    for (const struct json *item = json_first(heaters); item != NULL; item = json_next(item)) {
        if (find_heater(cosim->house.config, json_name(item), &index)) {
            cosim->told[index] = json_number(json_get(item, "power_w"), &cosim->power_w[index]);
        }
    }
}

static void heaters_answer(struct cosim *cosim)
{
    for (size_t i = 0; i < cosim->house.config->heater_count; i++) {
        if (isnan(cosim->power_w[i])) {
            virtual_house_heater(&cosim->house, (uint16_t)i, cosim->house.command[i].power_w,
                                 PROVENANCE_MODELLED);
        } else if (cosim->told[i]) {
            virtual_house_heater(&cosim->house, (uint16_t)i, cosim->power_w[i],
                                 PROVENANCE_REPORTED);
        }
    }
}

static void pass_until(struct cosim *cosim, hb_wall wall)
{
    while (cosim->house.wall.ms != 0 && wall.ms - cosim->house.wall.ms > step_ms) {
        virtual_house_set_time(&cosim->house, (hb_wall){cosim->house.wall.ms + step_ms});
        heaters_answer(cosim);
        virtual_house_tick(&cosim->house);
    }
    virtual_house_set_time(&cosim->house, wall);
}

/* --- output --------------------------------------------------------------------------------- */

static struct json *describe_room(const struct cosim *cosim, uint16_t index)
{
    struct room_view view;
    struct json *room = json_new_object();
    core_room_view(cosim->house.core, index, &view);
    json_add_number(room, "target_c", view.target_c, 2);
    json_add_number(room, "low_c", view.target_low_c, 2);
    json_add_number(room, "high_c", view.target_high_c, 2);
    json_add_string(room, "mode", room_mode_word(view.mode));
    json_add_string(room, "action", room_action_word(view.action));
    json_add_string(room, "reason", reason_word(view.reason));
    return room;
}

static void print_line(struct json *line)
{
    char *text = json_print(line);
    (void)puts(text);
    (void)fflush(stdout);
    free(text);
    json_free(line);
}

static void answer(const struct cosim *cosim, double t_s)
{
    struct json *line = json_new_object();
    struct json *heaters = json_new_object();
    struct json *rooms = json_new_object();
    const struct config *config = cosim->house.config;
    json_add_number(line, "t", t_s, 3);
    for (size_t i = 0; i < config->heater_count; i++) {
        struct json *heater = json_new_object();
        json_add_number(heater, "command_w", cosim->house.command[i].power_w, 1);
        json_add(heaters, config->heaters[i].id, heater);
    }
    for (size_t i = 0; i < config->room_count; i++) {
        json_add(rooms, config->rooms[i].id, describe_room(cosim, (uint16_t)i));
    }
    json_add(line, "heaters", heaters);
    json_add(line, "rooms", rooms);
    print_line(line);
}

static void answer_error(const char *message)
{
    struct json *line = json_new_object();
    json_add_string(line, "error", message);
    print_line(line);
}

/* --- the loop ------------------------------------------------------------------------------- */

static bool take_line(struct cosim *cosim, const struct json *line, double *t_s, struct hb_err *err)
{
    if (!json_number(json_get(line, "t"), t_s) || *t_s <= 0 || *t_s > latest_s) {
        return hb_fail(err, HB_ERR_INPUT, "t: expected seconds since 1970");
    }
    const hb_wall wall = {(int64_t)llround(*t_s * 1000)};
    if (wall.ms < cosim->house.wall.ms) {
        return hb_fail(err, HB_ERR_INPUT, "t: expected at least %.3f, got %.3f",
                       (double)cosim->house.wall.ms / 1000, *t_s);
    }
    if (!check_names(cosim, line, err)) {
        return false;
    }
    pass_until(cosim, wall);
    take_heaters(cosim, line);
    heaters_answer(cosim);
    take_values(cosim, line);
    virtual_house_tick(&cosim->house);
    return true;
}

static int run(struct cosim *cosim)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&text, &size, stdin)) > 0) {
        double t_s = 0;
        struct hb_err err = {0};
        struct json *line = json_parse(text, (size_t)len, 4 << 20, &err);
        if (line != NULL && take_line(cosim, line, &t_s, &err)) {
            answer(cosim, t_s);
        } else {
            answer_error(err.msg);
        }
        json_free(line);
    }
    free(text);
    return EXIT_GOOD;
}

static int start(const char *config_path)
{
    struct cosim cosim = {0};
    int status = virtual_house_init(&cosim.house, config_path);
    if (status == EXIT_GOOD) {
        const size_t heaters = cosim.house.config->heater_count;
        cosim.power_w = calloc(heaters + 1, sizeof(*cosim.power_w));
        cosim.told = calloc(heaters + 1, sizeof(*cosim.told));
        status = cosim.power_w != NULL && cosim.told != NULL ? EXIT_GOOD : EXIT_FAILED;
        for (size_t i = 0; status == EXIT_GOOD && i < heaters; i++) {
            cosim.power_w[i] = NAN;
        }
    }
    if (status == EXIT_GOOD) {
        status = run(&cosim);
    }
    free(cosim.power_w);
    free(cosim.told);
    virtual_house_fini(&cosim.house);
    return status;
}

int cosim_command(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *config_path = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h') {
            print_help(stdout);
            return EXIT_GOOD;
        }
        config_path = option == 'c' ? optarg : NULL;
    }
    if (config_path == NULL || optind < argc) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    return start(config_path);
}
