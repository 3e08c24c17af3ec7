/* Fixed sizes shared by all rooms of the house, so that messages between threads are plain structs.
 */
#ifndef HB_BRIDGE_LIMITS_H
#define HB_BRIDGE_LIMITS_H

enum {
    ID_MAX = 33,           /* bytes of a room's, heater's or preset's id, terminator included    */
    NAME_MAX_B = 65,       /* bytes of a name that people read                                    */
    TOPIC_MAX = 257,       /* bytes of an MQTT topic                                              */
    URL_MAX = 513,         /* bytes of a URL                                                      */
    TEXT_MAX = 257,        /* bytes of a message to people                                        */
    ROOM_PRESETS = 8,      /* presets in a room                                                   */
    ROOM_HEATERS = 16,     /* heaters in a room                                                   */
    HEATER_INTERLOCKS = 4, /* interlocks of a heater */
    CIRCUIT_HEATERS = 16,  /* heaters on a circuit   */
    HEATER_TIERS = 12,     /* fixed power levels of a heater                                      */
    SCHEDULE_SLOTS = 64,   /* switching times of one room in a week                             */
    PAYLOAD_MAX = 16384,   /* bytes of one incoming MQTT payload                                */
    HEATER_MEMORY_MAX = 320, /* bytes that a heater's driver can have remembered             */
    INDEX_NONE = 0xFFFF,     /* "no room", "no heater", "no preset", "no circuit"                 */
};

#endif
