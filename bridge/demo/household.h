/* The demo's people and their room, as heatbridge meets them in life: over MQTT, and only there.
 *
 * A simulated room takes the power that the heater's state topic tells, a sensor publishes its
 * temperature, and a scripted half hour opens windows and chooses presets.
 */
#ifndef HB_BRIDGE_DEMO_HOUSEHOLD_H
#define HB_BRIDGE_DEMO_HOUSEHOLD_H

#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "plumbing/log.h"

struct household;
struct uv_loop_s;

/* How well the room was kept during the last third of the story. */
struct household_report {
    double worst_k;  /* largest distance between room and target; NaN before there was any */
    double room_c;   /* now, the air itself, not the sensor's rounding                     */
    double target_c; /* as heatbridge says; NaN before it said                             */
    double story_s;  /* house time since the beginning                                     */
};

/* Connects to the broker on loopback. `tell` is called with each line of the story. `time_scale` is
 * house seconds per real second. NULL with `err` when the client cannot start. */
HB_MUST_USE struct household *household_start(struct uv_loop_s *loop, uint16_t mqtt_port,
                                              double time_scale, const struct hb_log *log,
                                              void (*tell)(void *ctx, const char *line), void *ctx,
                                              struct hb_err *err);
/* Its handles close during the next run of the loop, after which household_free may be called. */
void household_stop(struct household *household);
void household_free(struct household *household); /* NULL is allowed */

void household_get_report(const struct household *household, struct household_report *report);

#endif
