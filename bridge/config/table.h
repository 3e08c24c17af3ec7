/* Every key of the configuration, one row each: the single source for reading, printing, the
 * reference, the JSON schema and the example. Pure data. */
#ifndef HB_BRIDGE_CONFIG_TABLE_H
#define HB_BRIDGE_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config_item.h"

/* Keys whose value is no single value; each has a reading function of its own. */
enum special_kind {
    SPECIAL_ROOMS,        /* mapping id -> room                     */
    SPECIAL_HEATERS,      /* mapping id -> heater                   */
    SPECIAL_CIRCUITS,     /* mapping id -> circuit                  */
    SPECIAL_POOLS,        /* list of pools                          */
    SPECIAL_HOSTS,        /* list of host[:port]                    */
    SPECIAL_PRESETS,      /* mapping preset id -> temperature       */
    SPECIAL_SCHEDULE,     /* mapping days -> mapping time -> preset */
    SPECIAL_ROOM_HEATERS, /* list of heater ids                     */
    SPECIAL_INTERLOCKS,   /* mapping id -> interlock                */
    SPECIAL_DRIVER,       /* name of a driver                       */
};

struct config_special {
    const char *name;
    enum special_kind kind;
    const char *fallback; /* as in struct config_item */
    const char *help;
};

/* A mapping with fixed keys. Lists end with a row whose name is NULL and are never NULL. */
struct config_shape {
    const char *name; /* key in the enclosing mapping */
    const char *help;
    size_t offset; /* of the struct that its rows fill, in the struct of the enclosing mapping */
    bool optional; /* left out as a whole, nothing in it is required */
    const struct config_item *items;
    const struct config_special *specials;
    const struct config_shape *groups;
};

extern const struct config_shape config_shape_root;      /* struct config        */
extern const struct config_shape config_shape_pool;      /* struct config_pool   */
extern const struct config_shape config_shape_room;      /* struct config_room   */
extern const struct config_shape config_shape_heater;    /* struct config_heater */
extern const struct config_shape config_shape_interlock; /* struct config_interlock */
extern const struct config_shape config_shape_circuit;   /* struct config_circuit   */

/* Presets of a room that names none. */
struct config_default_preset {
    const char *name;
    double target_c;
};
extern const struct config_default_preset config_default_presets[]; /* ended by name NULL */

/* The days that a key of a schedule stands for. */
struct config_days {
    const char *name;
    unsigned char mask; /* bit 0: Monday */
    unsigned char rank; /* a higher rank replaces the whole day of a lower one */
};
extern const struct config_days config_days[]; /* ended by name NULL */

/* Words that a room cannot have as its id, because topics of the program stand there. */
extern const char *const config_reserved_rooms[]; /* ended by NULL */

#endif
