/* The whole core in virtual time, for commands that run a configuration without its devices. */
#ifndef HB_BRIDGE_VIRTUAL_HOUSE_H
#define HB_BRIDGE_VIRTUAL_HOUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/config.h"
#include "bridge/core.h"
#include "ground/attr.h"

struct virtual_house {
    struct config *config;
    struct heater_caps *caps;
    struct core *core;
    struct effects effects;         /* of the last step */
    struct heater_command *command; /* of each heater; all 0 before the first */
    uint64_t *starts;               /* of each heater: times switched on */
    hb_mono now;
    hb_wall wall;
    int32_t utc_offset_s;
};

/* Loads a configuration and builds its core. Tells every problem on standard error; the exit
 * status, 0 if the house stands. virtual_house_fini is legal either way. */
HB_MUST_USE int virtual_house_init(struct virtual_house *house, const char *config_path);
void virtual_house_fini(struct virtual_house *house);

/* Moves time forward; the first call sets it. */
void virtual_house_set_time(struct virtual_house *house, hb_wall wall);
/* Steps an event at the present time and keeps the commands that follow from it. */
void virtual_house_send(struct virtual_house *house, struct event *event);
void virtual_house_tick(struct virtual_house *house);
/* The heater answers that it draws this much. */
void virtual_house_heater(struct virtual_house *house, uint16_t heater, double power_w,
                          enum provenance from);

#endif
