/* The demo's half hour of house life: what happens when, as a table. Pure data. */
#ifndef HB_BRIDGE_HOUSE_SCRIPT_H
#define HB_BRIDGE_HOUSE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

enum { SCRIPT_LENGTH_S = 1800 }; /* of the whole story, in the house's own time */

enum script_act {
    SCRIPT_PRESET,  /* somebody chooses `preset` */
    SCRIPT_OUTDOOR, /* the weather has become `outdoor_c`; in between it changes evenly */
    SCRIPT_WINDOW,  /* the window is opened or closed */
};

struct script_event {
    double at_s;
    enum script_act act;
    const char *preset;
    double outdoor_c;
    bool window_open;
    const char *story; /* what to tell the spectator; NULL: nothing */
};

/* Events with from_s <= at_s < to_s: the first, with their number in `*count`. */
const struct script_event *script_between(double from_s, double to_s, size_t *count);

/* Outdoor temperature at a time of the story, interpolated. */
double script_outdoor_c(double at_s);

/* Temperature of the room at the beginning. */
double script_start_c(void);

#endif
