/* Sensors' messages: the first byte chooses the path, the rest is the payload. A number must be
 * finite, and what is refused must say why. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mqtt/source_codec.h"

static const struct config_source sources[] = {
    {.topic = "t", .value = ""},
    {.topic = "t", .value = "temperature", .unit = UNIT_FAHRENHEIT},
    {.topic = "t", .value = "a.b[1].c", .unit = UNIT_KELVIN},
    {.topic = "t", .value = "!contact"},
    {.topic = "t", .value = "!"},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const struct config_source *source = &sources[data[0] % (sizeof sources / sizeof sources[0])];
    struct hb_err err = {.code = HB_OK};
    double number = 0.0;
    bool open = false;
    const enum source_verdict verdict =
        source_decode_number(source, data + 1, size - 1, &number, &err);
    if ((verdict == SOURCE_VALUE && !isfinite(number)) ||
        (verdict == SOURCE_BAD && err.msg[0] == '\0')) {
        abort();
    }
    err.msg[0] = '\0';
    if (source_decode_open(source, data + 1, size - 1, &open, &err) == SOURCE_BAD &&
        err.msg[0] == '\0') {
        abort();
    }
    return 0;
}
