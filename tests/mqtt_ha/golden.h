/* Published text against files in tests/golden/mqtt_ha/; HB_UPDATE_GOLDEN=1 rewrites them. */
#ifndef HB_TESTS_MQTT_HA_GOLDEN_H
#define HB_TESTS_MQTT_HA_GOLDEN_H

/* Compares one line of JSON with the file, broken into lines there and with our version written as
 * @VERSION@. Fails the test on the first difference. */
void assert_golden(const char *name, const char *json);

#endif
