/* Any line from a pool is read or refused, with a reason; and a pool's URL likewise. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "miner/stratum/pool_url.h"
#include "miner/stratum/stratum_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(const uint8_t *data, size_t size)
{
    struct pool_url url;
    struct hb_err err = {0};
    char *text = malloc(size + 1);
    if (text == NULL) {
        return;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (!pool_url_parse(text, &url, &err) && err.msg[0] == '\0') {
        abort();
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stratum_message message;
    struct hb_err err = {0};
    if (!stratum_parse((const char *)data, size, &message, &err)) {
        if (err.msg[0] == '\0') {
            abort();
        }
    } else if (message.kind == STRATUM_NOTIFY &&
               (message.notify.coinb1_len + message.notify.coinb2_len > JOB_COINBASE_MAX ||
                message.notify.branch_count > JOB_BRANCH_MAX)) {
        abort();
    }
    check_url(data, size);
    return 0;
}
