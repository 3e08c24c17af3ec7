/* Serves the page with an invented house, so that the page can be looked at and photographed
 * without the rest of heatbridge: page_demo PORT [SECONDS [calm|trouble]] Two hours have passed
 * when it prints "ready"; then the house lives on at 30 times the speed.
 */
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/web/snapshot.h"
#include "bridge/web/web.h"
#include "ground/text.h"
#include "plumbing/clock.h"
#include "plumbing/json.h"

enum { SCALE = 30, PAST_S = 2 * 3600, PAST_STEP_S = 20 };

struct house {
    struct config config;
    struct config_room room;
    struct config_heater heater[2];
    struct heater_caps caps[2];
    struct room_view room_view;
    struct heater_view heater_view[2];
    double time_s; /* in the house, Unix */
    double target_c, room_c;
    bool trouble;
    char notice[TEXT_MAX];
    uint64_t notice_seq;
};

static void pause_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

static void add_preset(struct config_room *room, const char *name, double target_c)
{
    struct config_preset *preset = &room->presets[room->preset_count++];
    (void)text_copy(preset->name, sizeof preset->name, name);
    preset->target_c = target_c;
}

static void set_up_room(struct config_room *room)
{
    *room = (struct config_room){
        .id = "hallway",
        .name = "Hallway",
        .min_target_c = 7,
        .max_target_c = 28,
        .step_c = 0.5,
        .heaters = {0, 1},
        .heater_count = 2,
    };
    add_preset(room, "home", 21);
    add_preset(room, "eco", 19);
    add_preset(room, "away", 16);
    add_preset(room, "sleep", 18);
}

static void set_up(struct house *house)
{
    set_up_room(&house->room);
    house->heater[0] = (struct config_heater){.id = "ofen", .name = "Ofen", .max_w = 1400};
    house->heater[1] = (struct config_heater){.id = "cpu", .name = "Computer in the hall"};
    house->caps[0] = (struct heater_caps){.min_w = 300, .max_w = 1400};
    house->caps[1] = (struct heater_caps){.min_w = 15, .max_w = 180};
    house->config = (struct config){
        .rooms = &house->room, .room_count = 1, .heaters = house->heater, .heater_count = 2};
    house->room_view = (struct room_view){
        .mode = ROOM_AUTO, .preset = 3, .available = true, .window_known = true, .humidity = 41};
    house->room_view.power_limit_w = 1500;
    house->room_view.energy_wh = 18423;
    house->target_c = 18;
    house->room_c = 18.1;
    for (size_t i = 0; i < 2; i++) {
        struct heater_view *view = &house->heater_view[i];
        view->available = true;
        view->outcome = COMMAND_CONFIRMED;
        view->best_difficulty = i == 0 ? 48213904.5 : 17.25;
        view->shares_accepted = i == 0 ? 1284 : 37;
        view->shares_rejected = i == 0 ? 2 : 0;
        view->energy_wh = i == 0 ? 17204 : 1219;
        view->state.pool_link = POOL_OK;
        (void)text_copy(view->state.pool, sizeof view->state.pool, "pool.example:3333");
    }
}

static void set_heater(struct house *house, size_t index, double power_w, hb_mono now)
{
    static const double hashes_per_joule[] = {1.0 / 21e-12, 62e3};
    struct heater_view *view = &house->heater_view[index];
    const enum provenance from = index == 0 ? PROVENANCE_METERED : PROVENANCE_MODELLED;
    view->commanded_w = power_w;
    view->reason = house->room_view.reason;
    view->state.link = HEATER_LINK_OK;
    view->state.power_w = reading_make(power_w, now, from);
    view->state.hashrate_hs = reading_make(power_w * hashes_per_joule[index], now, from);
    view->state.chip_c = reading_make(34 + power_w / (index == 0 ? 40 : 6), now, from);
    view->state.fan_ratio = index == 0 ? reading_make(power_w / 2200, now, from) : reading_none();
    view->energy_wh += power_w / 3600;
}

/* The house in its half minute steps: a schedule, a window in the morning, a proportional heater.
 */
static void live(struct house *house, double step_s, hb_mono now)
{
    const double minute = fmod(house->time_s / 60, 120);
    struct room_view *view = &house->room_view;
    view->window_open = minute > 34 && minute < 40;
    const double outdoor_c = -3.4 + 1.2 * sin(house->time_s / 5000);
    double power_w = fmin(1580, fmax(0, 520 + 1100 * (house->target_c - house->room_c)));
    if (view->window_open || view->mode == ROOM_OFF || power_w < 40) {
        power_w = 0;
    }
    const double loss_w = (house->room_c - outdoor_c) * (view->window_open ? 62 : 24);
    house->room_c += (power_w - loss_w) * step_s / 1.1e6;
    house->time_s += step_s;
    view->target_c = view->mode == ROOM_OFF ? NAN : house->target_c;
    view->target_low_c = house->target_c - 0.5;
    view->target_high_c = house->target_c + 0.5;
    view->room_c = house->room_c + 0.03 * sin(house->time_s / 47);
    view->outdoor_c = outdoor_c;
    view->power_w = power_w;
    view->power_from = PROVENANCE_MODELLED;
    view->requested_w = power_w;
    view->hashrate_hs = power_w / 21e-12;
    view->energy_wh += power_w * step_s / 3600;
    view->action = view->mode == ROOM_OFF ? ACTION_OFF : power_w > 0 ? ACTION_HEATING : ACTION_IDLE;
    view->reason = view->mode == ROOM_OFF                   ? REASON_OFF
                   : view->window_open                      ? REASON_WINDOW_OPEN
                   : house->room_c < house->target_c - 0.25 ? REASON_HEATING
                                                            : REASON_HOLDING;
    set_heater(house, 0, power_w > 180 ? power_w - 180 : 0, now);
    set_heater(house, 1, fmin(power_w, 180), now);
}

static void make_trouble(struct house *house)
{
    struct heater_view *view = &house->heater_view[0];
    view->available = false;
    view->outcome = COMMAND_FAILED;
    view->state.problem = true;
    view->state.pool_link = POOL_LOST;
    view->state.pool[0] = '\0';
    view->state.power_w = reading_none();
    view->state.hashrate_hs = reading_none();
    (void)text_copy(view->state.problem_text, sizeof view->state.problem_text,
                    "the heater has not answered for 40 s");
    house->room_view.reason = REASON_HEATER_UNREACHABLE;
    house->room_view.power_w = NAN;
    house->room_view.hashrate_hs = NAN;
    house->room_view.power_limit_w = 900;
}

static void show(const struct house *house, struct web *web, hb_mono now)
{
    const struct snapshot_input input = {
        .now = now,
        .wall = {(int64_t)(house->time_s * 1000)},
        .utc_offset_s = 3600,
        .time_scale = SCALE,
        .note = "demo: 1 minute here is half an hour in the house",
        .mqtt_problem = house->trouble ? "the broker at 127.0.0.1:1883 refuses the connection" : "",
        .notice = house->notice_seq > 0 ? house->notice : NULL,
        .notice_seq = house->notice_seq,
        .config = &house->config,
        .rooms = &house->room_view,
        .heaters = house->heater_view,
        .caps = house->caps,
    };
    size_t len;
    char *text = snapshot_print(&input, &len);
    web_show(web, text, len);
    free(text);
}

static void obey(struct house *house, const struct web_request *request)
{
    struct json *json = json_parse(request->json, request->len, WEB_REQUEST_MAX, NULL);
    const char *mode = json_string(json_get(json, "mode"));
    const char *preset = json_string(json_get(json, "preset"));
    if (json_number(json_get(json, "target"), &house->target_c)) {
        house->room_view.preset = INDEX_NONE;
    }
    for (int i = 0; mode != NULL && i < ROOM_MODE_COUNT; i++) {
        if (strcmp(mode, room_mode_word((enum room_mode)i)) == 0) {
            house->room_view.mode = (enum room_mode)i;
        }
    }
    for (size_t i = 0; preset != NULL && i < house->room.preset_count; i++) {
        if (strcmp(preset, house->room.presets[i].name) == 0) {
            house->room_view.preset = (uint16_t)i;
            house->target_c = house->room.presets[i].target_c;
        }
    }
    json_free(json);
}

int main(int argc, char **argv)
{
    double port;
    double seconds = 3600;
    if (argc < 2 || !text_to_number(argv[1], strlen(argv[1]), &port) ||
        (argc > 2 && !text_to_number(argv[2], strlen(argv[2]), &seconds))) {
        (void)fputs("usage: page_demo PORT [SECONDS [calm|trouble]]\n", stderr);
        return 2;
    }
    static struct house house = {.time_s = 1764918000}; /* 2025-12-05 07:00 UTC */
    const struct web_options options = {"127.0.0.1", (uint16_t)port, ""};
    const struct hb_log log = log_to_stderr(LOG_LEVEL_INFO, false);
    struct hb_err err;
    struct web *web = web_start(&options, &log, NULL, NULL, &err);
    if (web == NULL) {
        (void)fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    set_up(&house);
    house.trouble = argc > 3 && strcmp(argv[3], "trouble") == 0;
    for (int t = 0; t < PAST_S; t += PAST_STEP_S) {
        if (t == PAST_S / 4) {
            house.target_c = 21;
            house.room_view.preset = 0;
        }
        live(&house, PAST_STEP_S, clock_mono());
        show(&house, web, clock_mono());
        pause_ms(3); /* the page's thread would skip snapshots that come faster */
    }
    (void)puts("ready");
    (void)fflush(stdout);
    for (double left = seconds; left > 0; left -= 1) {
        struct web_request request;
        while (web_receive(web, &request)) {
            obey(&house, &request);
        }
        live(&house, SCALE, clock_mono());
        if (house.trouble) {
            make_trouble(&house);
        }
        show(&house, web, clock_mono());
        pause_ms(1000);
    }
    web_stop(web);
    return 0;
}
