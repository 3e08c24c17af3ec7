/* What mujina says of itself: readings are possible ones or unknown. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "devices/mujina_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reply_faults faults = {0};
    struct mujina_info info;
    if (mujina_read((const char *)data, size, &info, &faults) &&
        (info.power_w < 0 || info.hashrate_hs < 0 || info.fan_ratio > 1 || info.paused < -1 ||
         info.paused > 1)) {
        abort();
    }
    return 0;
}
