/* Fields of a device's answer: a bad one becomes unknown and is counted, the rest is used.
 *
 * Devices of one family differ by firmware; nothing that they send may be believed to have the
 * documented type or a possible value. Unknown is NaN, "" or -1, never zero.
 */
#ifndef HB_DEVICES_REPLY_H
#define HB_DEVICES_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/heater.h"
#include "ground/attr.h"
#include "plumbing/json.h"

/* What was wrong since the driver started; zeroed by its owner. */
struct reply_faults {
    uint64_t count[REPLY_FAULT_COUNT];
    char last[TEXT_MAX]; /* the last one: "power: expected 0 to 10000, got \"12 W\"" */
};

void reply_fault(struct reply_faults *faults, enum reply_fault fault, const char *format, ...)
    HB_PRINTF(3, 4);

/* Parses a JSON answer. Invalid UTF-8 and NaN, Infinity and the like are made null; of a name given
 * twice the first is kept if both say the same, else none; commas too many or too few are put
 * right, and what follows the answer is ignored; each is counted. NULL, counted as unreadable, if
 * it is no object or array, is truncated, or is nested deeper than JSON_MAX_DEPTH. Owned; free with
 * json_free. */
HB_MUST_USE struct json *reply_parse(const char *bytes, size_t len, struct reply_faults *faults);

/* All follow a path as json_path does. An absent or null member counts as missing with the plain
 * form, and as nothing at all with `_if_any`, for fields that only some firmware has. */
double reply_number(const struct json *json, const char *path, double min, double max,
                    struct reply_faults *faults);
double reply_number_if_any(const struct json *json, const char *path, double min, double max,
                           struct reply_faults *faults);
/* Takes a number written as a text too ("3250", "65.5 C"), as some firmware does for some fields.
 */
double reply_number_or_text(const struct json *json, const char *path, double min, double max,
                            struct reply_faults *faults);
/* 1, 0, or -1 for unknown; takes true, false, 1 and 0. */
int reply_bool(const struct json *json, const char *path, struct reply_faults *faults);
int reply_bool_if_any(const struct json *json, const char *path, struct reply_faults *faults);
/* A count, at most 2^53; false, with `*count` untouched, if unknown. */
bool reply_count(const struct json *json, const char *path, uint64_t *count,
                 struct reply_faults *faults);
/* Copied, cut at `size`, with control characters replaced; "" if unknown. */
void reply_text(const struct json *json, const char *path, char *text, size_t size,
                struct reply_faults *faults);
void reply_text_if_any(const struct json *json, const char *path, char *text, size_t size,
                       struct reply_faults *faults);

/* A number inside a text that is no JSON ("65", "18%"); NaN, counted, if it is not one in range. */
double reply_scan(const char *text, double min, double max, const char *what,
                  struct reply_faults *faults);

/* "AABBCCDDEEFF", "aa-bb-..." or "AA:BB:..." as "aa:bb:cc:dd:ee:ff"; false, with `mac` "", for
 * anything else, and for all zeros. */
HB_MUST_USE bool reply_mac(const char *text, char mac[18]);

/* A state in which nothing is known yet but the time. */
struct heater_state reply_unknown_state(hb_mono now);

#endif
