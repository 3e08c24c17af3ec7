#include "bridge/virtual_house.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bridge/command.h"
#include "bridge/config/load.h"
#include "devices/registry.h"
#include "plumbing/clock.h"

static const double default_max_w = 1000;

/* Abilities as the driver declares them; those of a driver that needs its device are made up from
 * the configuration. */
static void find_caps(const struct config_heater *heater, struct heater_caps *caps)
{
    const struct heater_driver *driver = heater_driver_find(heater->driver);
    const struct heater_env env = {
        .id = heater->id, .options = heater->options, .configured_max_w = heater->max_w};
    void *self = driver != NULL ? calloc(1, driver->instance_size + 1) : NULL;
    bool known = false;
    if (self != NULL) {
        known = driver->init(self, &env, caps, NULL);
        driver->fini(self);
        free(self);
    }
    if (!known) {
        const double max_w = heater->max_w > 0 ? heater->max_w : default_max_w;
        *caps = (struct heater_caps){.min_w = heater->min_w > 0 ? heater->min_w : max_w / 100,
                                     .max_w = max_w};
    }
}

static int load(struct virtual_house *house, const char *config_path)
{
    struct config_problems *problems = calloc(1, sizeof(*problems));
    if (problems == NULL) {
        return EXIT_FAILED;
    }
    house->config = config_load(config_path, heater_drivers, problems);
    config_problems_print(problems, stderr);
    free(problems);
    /* No pump and no boiler is simulated whose silence could be told from a fault. */
    for (size_t i = 0; house->config != NULL && i < house->config->heater_count; i++) {
        house->config->heaters[i].interlock_count = 0;
    }
    return house->config != NULL ? EXIT_GOOD : EXIT_USAGE;
}

/* A simulation is about heating: rooms follow their schedule, or keep their target. */
static void switch_on(struct virtual_house *house)
{
    for (size_t i = 0; i < house->config->room_count; i++) {
        struct room_settings settings;
        core_room_settings(house->core, (uint16_t)i, &settings);
        settings.mode = settings.last_on_mode;
        core_restore_room(house->core, (uint16_t)i, &settings);
    }
}

int virtual_house_init(struct virtual_house *house, const char *config_path)
{
    *house = (struct virtual_house){.now = {1000}};
    const int status = load(house, config_path);
    if (status != EXIT_GOOD) {
        return status;
    }
    const size_t heaters = house->config->heater_count;
    house->caps = calloc(heaters + 1, sizeof(*house->caps));
    house->command = calloc(heaters + 1, sizeof(*house->command));
    house->starts = calloc(heaters + 1, sizeof(*house->starts));
    if (house->caps == NULL || house->command == NULL || house->starts == NULL) {
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < heaters; i++) {
        find_caps(&house->config->heaters[i], &house->caps[i]);
    }
    house->core = core_create(house->config, house->caps);
    if (house->core == NULL) {
        return EXIT_FAILED;
    }
    switch_on(house);
    house->effects.capacity = core_effects_max(house->core);
    house->effects.item = calloc(house->effects.capacity, sizeof(*house->effects.item));
    return house->effects.item != NULL ? EXIT_GOOD : EXIT_FAILED;
}

void virtual_house_fini(struct virtual_house *house)
{
    core_destroy(house->core);
    free(house->effects.item);
    free(house->caps);
    free(house->command);
    free(house->starts);
    config_free(house->config);
}

void virtual_house_set_time(struct virtual_house *house, hb_wall wall)
{
    if (house->wall.ms != 0) {
        house->now.ms += wall.ms - house->wall.ms;
    }
    /* The offset changes at full quarters of an hour at most; asking each time is slow. */
    if (house->wall.ms == 0 || house->wall.ms / 900000 != wall.ms / 900000) {
        house->utc_offset_s = clock_utc_offset_s(wall);
    }
    house->wall = wall;
}

void virtual_house_send(struct virtual_house *house, struct event *event)
{
    event->at = house->now;
    event->wall = house->wall;
    event->utc_offset_s = house->utc_offset_s;
    house->effects.count = 0;
    core_step(house->core, event, &house->effects);
    for (size_t i = 0; i < house->effects.count; i++) {
        const struct effect *effect = &house->effects.item[i];
        if (effect->kind == EFFECT_HEATER_COMMAND) {
            struct heater_command *command = &house->command[effect->index];
            house->starts[effect->index] += command->power_w <= 0 && effect->command.power_w > 0;
            *command = effect->command;
        } else if (effect->kind == EFFECT_REFUSE) {
            (void)fprintf(stderr, "room %s: %s\n", house->config->rooms[effect->index].id,
                          effect->text);
        }
    }
}

void virtual_house_tick(struct virtual_house *house)
{
    struct event event = {.kind = EVENT_TICK};
    virtual_house_send(house, &event);
}

void virtual_house_heater(struct virtual_house *house, uint16_t heater, double power_w,
                          enum provenance from)
{
    struct event event = {.kind = EVENT_HEATER_STATE, .index = heater};
    event.u.heater = (struct heater_state){
        .link = HEATER_LINK_OK,
        .at = house->now,
        .power_w = reading_make(power_w, house->now, from),
        .hashrate_hs = reading_none(),
        .chip_c = reading_none(),
        .board_c = reading_none(),
        .inlet_c = reading_none(),
        .fan_ratio = reading_none(),
        .applied_w = house->command[heater].power_w,
    };
    virtual_house_send(house, &event);
}
