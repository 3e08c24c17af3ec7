/* The text of one value and its typed field, both ways, by its row of the table. Pure. */
#ifndef HB_BRIDGE_CONFIG_VALUE_H
#define HB_BRIDGE_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config_item.h"
#include "ground/attr.h"

/* Bytes that any sentence or printed value here fits in. */
enum { VALUE_TEXT_MAX = 1200, EXPECTED_MAX = 240 };

/* Reads `text` into `field`, which has the type and size that `item` tells. False, with the field
 * untouched, if the text is malformed, in the wrong unit or out of range. */
HB_MUST_USE bool value_read(const struct config_item *item, const char *text, void *field);
/* Sets the field to the fallback, or to "no value" for the fallback "". False if the item is
 * required or the fallback does not fit the row. */
HB_MUST_USE bool value_set_default(const struct config_item *item, void *field);

/* Writes the value as it would stand in YAML. False if the field holds no value. Secrets become
 * "***". */
HB_MUST_USE bool value_write(const struct config_item *item, const void *field, char *buf,
                             size_t size);
/* A text in double quotes, escaped for YAML and JSON alike. */
void value_quote(const char *text, char *buf, size_t size);

/* What the row expects, for "expected ...": "a power from 0 W to 100 kW, such as 900 W". */
void value_expected(const struct config_item *item, char *buf, size_t size);
/* What was meant by a text that was refused: the nearest choice, or the number with the right unit.
 * "" if nothing comes to mind. */
void value_hint(const struct config_item *item, const char *text, char *buf, size_t size);

/* "21 °C" or "70 °F" or "21", in °C. False if it is not a temperature. */
HB_MUST_USE bool value_read_temperature(const char *text, double *celsius);
/* Shortest decimal text that reads back as the same number. */
void value_write_number(double number, char *buf, size_t size);

/* Checks the form of an MQTT topic to publish on or subscribe to literally. */
HB_MUST_USE bool value_is_topic(const char *text);
/* Checks scheme (one of `schemes`), host and port; user and password inside are refused. */
HB_MUST_USE bool value_is_url(const char *text, const char *const *schemes);
/* "host" or "host:port"; `need_port` refuses the former. */
HB_MUST_USE bool value_is_host(const char *text, size_t len, bool need_port);

#endif
