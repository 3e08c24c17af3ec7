#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    struct mqtt_url url;
    struct hb_err err = {.code = HB_OK};
    if (mqtt_url_parse(text, &url, &err)) {
        assert(url.port > 0 && url.host[0] != '\0');
        assert(memchr(url.host, '\0', sizeof url.host) != NULL);
        assert(url.websocket == (url.path[0] == '/'));
    } else {
        assert(err.code == HB_ERR_USAGE && err.msg[0] != '\0');
    }
    free(text);
    return 0;
}
