/* Random events and random houses from a seed, the same on every machine. */
#ifndef HB_TESTS_CORE_RANDOM_H
#define HB_TESTS_CORE_RANDOM_H

#include <stdint.h>

#include "bridge/event.h"
#include "tests/core/world.h"

struct random {
    uint64_t state;
};

struct random random_seeded(uint64_t seed);
uint64_t random_next(struct random *random);
/* 0 up to but not including `bound`. */
uint32_t random_below(struct random *random, uint32_t bound);
/* Uniform from `low` to `high`. */
double random_between(struct random *random, double low, double high);

/* Any event but EVENT_STOP for this many rooms and heaters, sensible ones mostly; the times of its
 * readings are relative to `at` = 0 and must be moved by random_move. */
struct event random_event(struct random *random, uint16_t rooms, uint16_t heaters);
/* Puts the event at a time. */
void random_move(struct event *event, hb_mono now, hb_wall wall, int32_t utc_offset_s);

/* A house of three rooms, six heaters of all kinds and two circuits; call world_start afterwards.
 */
void random_world(struct world *world, uint64_t seed);

#endif
