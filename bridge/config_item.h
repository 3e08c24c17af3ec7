/* One row of a configuration table: name, type, unit, range, default and help of a key.
 *
 * The rows are the single source for reading, for the reference documentation, for the JSON schema
 * and for the example file. Pure data.
 */
#ifndef HB_BRIDGE_CONFIG_ITEM_H
#define HB_BRIDGE_CONFIG_ITEM_H

#include <stdbool.h>
#include <stddef.h>

enum config_type {
    CONFIG_TEXT,   /* char[size]                                                                  */
    CONFIG_SECRET, /* char[size]; `!secret name`, never printed                                   */
    CONFIG_BOOL,   /* bool                                                                        */
    CONFIG_INT,    /* int32_t                                                                     */
    CONFIG_PORT,   /* uint16_t                                                                    */
    CONFIG_NUMBER, /* double, plain or with exactly the unit `unit`                               */
    CONFIG_POWER,  /* double watts; "900 W", "1.2 kW" or a plain number of watts                  */
    CONFIG_DURATION, /* int64_t milliseconds; "15 min", "30 s", "500 ms", "2 h"; a unit is required
                      */
    CONFIG_ENUM,   /* int; `choices` is a NULL-terminated list, the value its index               */
    CONFIG_ID,     /* char[size]; text_is_id                                                      */
    CONFIG_TOPIC,  /* char[size]; an MQTT topic without wildcards                                 */
    CONFIG_URL,    /* char[size]; `choices` lists the schemes allowed                             */
    CONFIG_POWERS, /* struct config_powers: a list of powers, ascending                           */
    CONFIG_NUMBER_OR_OFF, /* double; a number as above, or `off`, which is NaN */
    CONFIG_SECONDS,       /* int32_t seconds; written as a duration, range in ms like one */
};

/* A short list of powers inside an options struct. */
struct config_powers {
    double w[12];
    size_t count;
};

struct config_item {
    const char *name;
    enum config_type type;
    size_t offset, size; /* of the field in the struct that the table fills                    */
    double min, max;  /* for numbers, powers (W), durations (ms), ints; both 0: any value >= 0   */
    const char *unit; /* for CONFIG_NUMBER: "°C" (then "70 °F" is understood too), "K", "W/K"; or
                         NULL */
    const char *const *choices;
    /* Default, written as in YAML. NULL: the key is required. "": it may be left out and then has
     * no value: an empty text, NaN for a number, -1 for a duration, 0 for anything else. */
    const char *fallback;
    const char *help; /* one sentence for the reference                                     */
};

#endif
