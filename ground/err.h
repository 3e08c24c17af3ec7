/* The one error idiom: functions return bool (or NULL) and fill a struct hb_err that a person
 * reads.
 *
 * Messages are lower case, without a full stop, say what was expected and then what was found, and
 * name the place: "rooms.hallway.heaters[0]: expected the name of a heater, got 'ofn'".
 */
#ifndef HB_GROUND_ERR_H
#define HB_GROUND_ERR_H

#include <stdbool.h>

#include "ground/attr.h"

enum hb_code {
    HB_OK = 0,
    HB_ERR_USAGE,   /* the command line or the configuration is wrong: exit status 2   */
    HB_ERR_INPUT,   /* data from outside (payload, pool line, device reply) is refused  */
    HB_ERR_SYSTEM,  /* the operating system or a library refused                        */
    HB_ERR_NETWORK, /* a peer cannot be reached, or broke the connection                */
    HB_ERR_STATE,   /* the request is not possible now                                  */
};

struct hb_err {
    enum hb_code code;
    char msg[400];
};

/* Fills `err` (which may be NULL) and returns false, so that a failing function can end with
 * `return hb_fail(err, HB_ERR_INPUT, "...")`. Truncates silently at the size of msg. */
bool hb_fail(struct hb_err *err, enum hb_code code, const char *format, ...) HB_PRINTF(3, 4);

/* Puts "<prefix>: " before the message of an error that is already filled. NULL is allowed. */
void hb_err_prefix(struct hb_err *err, const char *format, ...) HB_PRINTF(2, 3);

#endif
