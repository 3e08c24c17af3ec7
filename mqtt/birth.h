/* When to announce: jitter, coalescing and spacing as a pure state machine (mqtt/announcer.h uses
 * it).
 *
 * A round goes PREPARE -> pause -> RETIRE -> pause -> CONFIG -> STATES -> pause -> REMOVE; a phase
 * without messages takes no time. Times are those of `now` arguments; a wake-up time that is unset
 * means "not by itself".
 */
#ifndef HB_MQTT_BIRTH_H
#define HB_MQTT_BIRTH_H

#include <stdbool.h>
#include <stdint.h>

#include "ground/time.h"

#define BIRTH_LISTEN_MS     100 /* after our connection, for retained topics to come in            */
#define BIRTH_TIDY_MS       5000 /* after our connection: second look for left-overs              */
#define BIRTH_JITTER_MIN_MS 1000 /* after Home Assistant's birth message */
#define BIRTH_JITTER_MAX_MS 5000
#define BIRTH_SPACING_MS    2000 /* least time between two phases or rounds                        */

enum birth_round {
    BIRTH_ROUND_NONE,
    BIRTH_ROUND_CHANGES, /* send what the broker does not already hold                        */
    BIRTH_ROUND_FULL,    /* send everything                                                   */
};

struct birth {
    bool connected;
    hb_mono due;      /* of the next round                                                  */
    bool full;        /* the next round sends everything                                    */
    hb_mono tidy_due; /* of the second look                                                 */
    hb_mono not_before;
    uint64_t random;
};

void birth_init(struct birth *birth, uint64_t seed);
void birth_connected(struct birth *birth, hb_mono now);
void birth_lost(struct birth *birth);
void birth_ha_online(struct birth *birth, hb_mono now);
void birth_reconfigured(struct birth *birth, hb_mono now);

/* Takes the round that is due at `now`, if any. */
enum birth_round birth_take(struct birth *birth, hb_mono now);
/* Device documents were sent at `now`: nothing more before BIRTH_SPACING_MS later. */
void birth_sent(struct birth *birth, hb_mono now);
/* When birth_take will next give a round; unset: not by itself. */
hb_mono birth_wake(const struct birth *birth);

#endif
