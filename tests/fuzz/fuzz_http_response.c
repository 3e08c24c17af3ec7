/* Any bytes are a response or refused, with a reason, however they are cut into pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "miner/http_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4096 };

static bool feed(struct http_response *response, const char *data, size_t size, size_t step)
{
    struct hb_err err = {0};
    http_response_init(response, MOST);
    for (size_t at = 0; at < size; at += step) {
        const size_t len = size - at < step ? size - at : step;
        if (!http_response_feed(response, data + at, len, &err)) {
            if (err.msg[0] == '\0') {
                abort();
            }
            return false;
        }
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_response whole;
    struct http_response pieces;
    const size_t step = size > 0 ? 1 + data[0] % 7 : 1;
    const bool good = feed(&whole, (const char *)data, size, size + 1);
    if (feed(&pieces, (const char *)data, size, step) != good) {
        abort();
    }
    if (good &&
        (whole.part != pieces.part || whole.len != pieces.len || whole.status != pieces.status ||
         (whole.len > 0 && memcmp(whole.body, pieces.body, whole.len) != 0))) {
        abort();
    }
    if (whole.len > MOST) {
        abort();
    }
    http_response_fini(&whole);
    http_response_fini(&pieces);
    return 0;
}
