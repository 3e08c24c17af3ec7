/* The driver of a heater that has no interface but its plug: a metering one that speaks MQTT. */
#ifndef HB_DEVICES_PLUG_H
#define HB_DEVICES_PLUG_H

#include <stdint.h>

#include "bridge/limits.h"
#include "devices/driver.h"

enum { PLUG_WORD_MAX = 129 };

struct plug_options {
    int kind; /* of plug_kinds */
    char topic[TOPIC_MAX];
    int32_t channel;
    double power; /* of the heater, while on */
    double standby_power;
    double safe_power;
    char soft_stop_topic[TOPIC_MAX], soft_stop[PLUG_WORD_MAX], soft_start[PLUG_WORD_MAX];
    int64_t soft_wait, soft_least;
    int64_t rest;
    int32_t max_cycles_per_day;
    int64_t settle;
    int64_t ask_every, stale_after;
    /* Of the kind `custom`; with another kind they stand in place of what that knows. */
    char command_topic[TOPIC_MAX], on[PLUG_WORD_MAX], off[PLUG_WORD_MAX];
    char state_topic[TOPIC_MAX], state_value[NAME_MAX_B], state_on[NAME_MAX_B],
        state_off[NAME_MAX_B];
    char power_topic[TOPIC_MAX], power_value[NAME_MAX_B];
    char availability_topic[TOPIC_MAX], availability_value[NAME_MAX_B], available[NAME_MAX_B],
        unavailable[NAME_MAX_B];
    char ask_topic[TOPIC_MAX], ask[PLUG_WORD_MAX];
};

extern const struct heater_driver plug_heater;

#endif
