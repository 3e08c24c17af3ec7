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

const char *heater_health_word(enum heater_health health)
{
    static const char *const words[HEATER_HEALTH_COUNT] = {
        [HEATER_HEALTHY] = "healthy",          [HEATER_STALLED] = "stalled",
        [HEATER_OVERHEATED] = "overheated",    [HEATER_NOT_OBEYING] = "not_obeying",
        [HEATER_POOL_LOST] = "pool_lost",      [HEATER_CONFIG_DRIFT] = "config_drift",
        [HEATER_WRONG_DEVICE] = "wrong_device"};
    return (unsigned)health < HEATER_HEALTH_COUNT ? words[health] : "unknown";
}

const char *heater_wait_sentence(enum heater_wait wait)
{
    static const char *const sentences[] = {
        [HEATER_WAIT_NOTHING] = "",
        [HEATER_WAIT_WRITES] = "it waits: the writes of today are nearly spent",
        [HEATER_WAIT_DWELL] = "it waits: the last write is too fresh",
        [HEATER_WAIT_IDENTITY] = "it waits until the device says which one it is",
    };
    return (unsigned)wait <= HEATER_WAIT_IDENTITY ? sentences[wait] : "";
}
