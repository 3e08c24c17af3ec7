/* Announces rooms and heaters to Home Assistant at the right moments: after each of our
 * connections, after its birth message, after a change of the configuration. No I/O, no clock, one
 * thread.
 *
 * How the application uses it (core thread):
 *   connected to the broker   publish <base>/status online; announcer_connected
 *   connection lost           announcer_lost
 *   retained message whose topics_classify is TOPIC_DISCOVERY     announcer_retained
 *   message on TOPIC_HA_STATUS                                    announcer_ha_status
 *   configuration reloaded, or a device told more of itself       announcer_reconfigure
 *   then, and whenever announcer_wake has come:
 *     while ((a = announcer_peek(announcer, now)) != NULL) {
 *         if (a->kind == ANNOUNCE_STATES) { publish <base>/status, each heater's availability, each
 *                                           room's and heater's state, all retained, QoS 1 }
 *         else if (!mqtt_client_publish(client, a->topic, a->payload, strlen(a->payload), 1, true))
 *             break;                         // queue full: try again soon
 *         announcer_done(announcer, now);
 *     }
 *
 * Behaviour: LISTEN_MS after a connection (retained topics of earlier runs come in) the first
 * round; what is unchanged on the broker is not sent again. 5 s after it a second look for
 * left-overs. A birth message starts a full round after 1 to 5 s, several of them one round. Rounds
 * are at least 2 s apart, and so are the phases of a round: Home Assistant drops parts of a device
 * document that arrives while it still works on the previous one.
 */
#ifndef HB_MQTT_ANNOUNCER_H
#define HB_MQTT_ANNOUNCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/config.h"
#include "bridge/heater.h"
#include "ground/attr.h"
#include "ground/time.h"

struct announcer;

enum announce_kind {
    ANNOUNCE_MESSAGE, /* publish topic/payload retained with QoS 1; an empty payload removes */
    ANNOUNCE_STATES,  /* publish availability and all states now                             */
};

struct announcement {
    enum announce_kind kind;
    const char *topic, *payload; /* borrowed until announcer_done */
};

/* `config`, `caps` and `about` (both one per heater, in config order) are borrowed until
 * announcer_destroy or announcer_reconfigure. `seed` makes the jitter. Never NULL. */
HB_MUST_USE struct announcer *announcer_create(const struct config *config,
                                               const struct heater_caps *caps,
                                               const struct heater_about *about, uint64_t seed);
void announcer_destroy(struct announcer *announcer); /* NULL is allowed */

void announcer_connected(struct announcer *announcer, hb_mono now);
void announcer_lost(struct announcer *announcer);
void announcer_retained(struct announcer *announcer, const char *topic, const void *payload,
                        size_t len);
/* A retained status says nothing new and is ignored, as is anything but "online". */
void announcer_ha_status(struct announcer *announcer, const void *payload, size_t len,
                         bool retained, hb_mono now);
void announcer_reconfigure(struct announcer *announcer, const struct config *config,
                           const struct heater_caps *caps, const struct heater_about *about,
                           hb_mono now);

/* The next thing to publish, NULL if nothing is due. */
const struct announcement *announcer_peek(struct announcer *announcer, hb_mono now);
/* The last peeked one was handed over. */
void announcer_done(struct announcer *announcer, hb_mono now);
/* When to peek again, which may lie in the past: at once; unset: not before something happens. */
hb_mono announcer_wake(const struct announcer *announcer);

#endif
