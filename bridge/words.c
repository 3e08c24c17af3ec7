#include "bridge/event.h"
#include "bridge/view.h"

const char *room_mode_word(enum room_mode mode)
{
    static const char *const words[] = {"off", "heat", "auto"};
    return (unsigned)mode < ROOM_MODE_COUNT ? words[mode] : "unknown";
}

const char *room_action_word(enum room_action action)
{
    static const char *const words[] = {"off", "idle", "preheating", "heating"};
    return (unsigned)action <= ACTION_HEATING ? words[action] : "unknown";
}
