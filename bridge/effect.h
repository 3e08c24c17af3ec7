/* Everything the core can ask of the world. Plain data; carried out by bridge/app in order. */
#ifndef HB_BRIDGE_EFFECT_H
#define HB_BRIDGE_EFFECT_H

#include <stddef.h>

#include "bridge/heater.h"
#include "bridge/limits.h"
#include "ground/attr.h"

enum effect_kind {
    EFFECT_HEATER_COMMAND, /* index: heater, command. The only way to a driver; past the gate. */
    EFFECT_PUBLISH_ROOM, /* index: room; read core_room_view                                      */
    EFFECT_PUBLISH_HEATER, /* index: heater; read core_heater_view */
    EFFECT_REFUSE,      /* index: room, text: what was refused and why                           */
    EFFECT_SAVE_ROOM,   /* index: room; its settings changed: read core_room_settings            */
    EFFECT_SAVE_HEATER, /* index: heater; a total that must not be lost: read core_heater_totals  */
    EFFECT_BLOCK_FOUND, /* index: heater, which found a block: read core_heater_view              */
    EFFECT_REFUSE_HEATER, /* index: heater, text: what was refused and why                       */
    EFFECT_SAVE_LATCH,    /* index: heater; an interlock tripped or was acknowledged: read
                             core_heater_latch                                                     */
    EFFECT_PUBLISH_CIRCUIT, /* index: circuit; read core_circuit_view */
    EFFECT_LOG, /* text, level                                                           */
};

struct effect {
    enum effect_kind kind;
    uint16_t index;
    int level; /* of enum log_level */
    struct heater_command command;
    char text[TEXT_MAX];
};

/* A fixed list that one core step fills. `lost` counts effects that found it full (a bug). */
struct effects {
    struct effect *item;
    size_t count, capacity, lost;
    struct effect scratch; /* where an effect goes that found the list full */
};

/* Appends an effect of the kind, zeroed, and returns it; a scratch item when the list is full. */
struct effect *effects_add(struct effects *effects, enum effect_kind kind, uint16_t index);
/* Appends EFFECT_REFUSE, EFFECT_REFUSE_HEATER or EFFECT_LOG with a formatted text. */
void effects_add_text(struct effects *effects, enum effect_kind kind, uint16_t index, int level,
                      const char *format, ...) HB_PRINTF(5, 6);

/* One line of text that tells two effects apart to the last bit, for traces and tests. */
void effect_format(const struct effect *effect, char *buf, size_t size);

#endif
