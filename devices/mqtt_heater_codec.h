/* What a heater that is described by its options is told, and what its words mean. Pure. */
#ifndef HB_DEVICES_MQTT_HEATER_CODEC_H
#define HB_DEVICES_MQTT_HEATER_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/config_item.h"
#include "bridge/heater.h"
#include "devices/mqtt_talk.h"

enum { MQTT_HEATER_TEXT = 257 };

enum mqtt_heater_unit { MQTT_UNIT_W, MQTT_UNIT_KW, MQTT_UNIT_PERCENT, MQTT_UNIT_LEVEL };

/* Filled by the rows of devices/mqtt_heater.c. Texts that were left out are "", powers 0. */
struct mqtt_heater_options {
    char command_topic[TOPIC_MAX], command[MQTT_HEATER_TEXT], off[MQTT_HEATER_TEXT];
    char switch_topic[TOPIC_MAX], switch_on[NAME_MAX_B], switch_off[NAME_MAX_B];
    double rated_power, lowest_power, step, standby_power;
    struct config_powers tiers;
    char levels[MQTT_HEATER_TEXT]; /* "eco, normal, turbo": one for each tier */
    int64_t settle, min_write;
    char state_topic[TOPIC_MAX];
    char power_topic[TOPIC_MAX], power_value[NAME_MAX_B];
    int power_unit; /* of the first two units */
    char applied_topic[TOPIC_MAX], applied_value[NAME_MAX_B];
    int applied_unit; /* of enum mqtt_heater_unit */
    char switched_topic[TOPIC_MAX], switched_value[NAME_MAX_B];
    char temperature_topic[TOPIC_MAX], temperature_value[NAME_MAX_B];
    char hashrate_topic[TOPIC_MAX], hashrate_value[NAME_MAX_B];
    int hashrate_unit; /* a power of 1000, TH/s first */
    char availability_topic[TOPIC_MAX], availability_value[NAME_MAX_B], available[NAME_MAX_B],
        unavailable[NAME_MAX_B];
    char ask_topic[TOPIC_MAX], ask[MQTT_HEATER_TEXT];
    int64_t ask_every, stale_after;
};

/* Whether the options go together; else the key that is wrong, and why. */
bool mqtt_heater_check(const struct mqtt_heater_options *options, const char **key,
                       struct hb_err *err);
/* What the options say of the heater's abilities. */
void mqtt_heater_caps(const struct mqtt_heater_options *options, struct heater_caps *caps);
/* The payload that sets this power, 0 for off. False if it does not fit. */
HB_MUST_USE bool mqtt_heater_payload(const struct mqtt_heater_options *options, double power_w,
                                     char payload[MQTT_HEATER_TEXT]);
/* The power that a value of the heater means, in the unit of the options; NaN if none. */
double mqtt_heater_applied_w(const struct mqtt_heater_options *options,
                             const struct mqtt_talk_found *found, struct reply_faults *faults);
/* 1 on, 0 off, -1 unknown, of the heater's switch. */
int mqtt_heater_switched(const struct mqtt_heater_options *options,
                         const struct mqtt_talk_found *found, struct reply_faults *faults);

#endif
