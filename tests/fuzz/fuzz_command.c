/* Commands: the first byte chooses the property, the rest is the payload. An accepted request must
 * hold nothing but finite numbers and presets that exist. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mqtt/command_codec.h"

static const struct config_room room = {
    .id = "hallway",
    .presets = {{"eco", 19.0}, {"comfort", 21.0}, {"boost", 23.0}},
    .preset_count = 3,
    .min_target_c = 5.0,
    .max_target_c = 30.0,
    .step_c = 0.5,
};

static void check(const struct room_request *request)
{
    const bool good = request->fields != 0 && (unsigned)request->mode < ROOM_MODE_COUNT &&
                      isfinite(request->target_c) && isfinite(request->power_limit_w) &&
                      request->power_limit_w >= 0.0 &&
                      (request->preset < room.preset_count || request->preset == INDEX_NONE);
    if (!good) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const struct topic_target target = {TOPIC_ROOM_COMMAND, 0,
                                        (enum command_key)(data[0] % (COMMAND_UNKNOWN + 1)), "x"};
    struct room_request request;
    struct hb_err err = {.code = HB_OK};
    const enum command_verdict verdict =
        command_decode(&room, &target, data + 1, size - 1, false, &request, &err);
    if (verdict == COMMAND_ACCEPTED) {
        check(&request);
    } else if (err.msg[0] == '\0') {
        abort();
    }
    return 0;
}
