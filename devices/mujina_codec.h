/* What mujina says and is told, pure. Facts: its docs/api.md and api_client/types.rs; the API is
 * called v0 and may change. */
#ifndef HB_DEVICES_MUJINA_CODEC_H
#define HB_DEVICES_MUJINA_CODEC_H

#include "devices/reply.h"

/* Unknown: NaN, -1 or "". */
struct mujina_info {
    int paused; /* 1, 0, -1 */
    double uptime_s, hashrate_hs;
    double power_w; /* of all boards, as far as they tell */
    double chip_c;  /* of the hottest                      */
    double fan_ratio;
    size_t boards;
    char model[NAME_MAX_B];
    char pool[NAME_MAX_B];
};

/* GET /api/v0/miner, and the answer to a PATCH of it. False if it is something else. */
HB_MUST_USE bool mujina_read(const char *body, size_t len, struct mujina_info *info,
                             struct reply_faults *faults);
/* Body of PATCH /api/v0/miner. */
const char *mujina_pause_body(bool paused);

#endif
