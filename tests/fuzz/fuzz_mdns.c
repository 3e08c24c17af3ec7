/* Anybody on the network may send any packet: services are read within their bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/mdns_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MAX = 4 };
    static const char *const types[] = {"_axeos._sub._http._tcp.local", "_http._tcp.local"};
    struct mdns_service services[MAX];
    const size_t count = mdns_read_services(data, size, types, 2, services, MAX);
    if (count > MAX) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        if (memchr(services[i].instance, '\0', sizeof services[i].instance) == NULL ||
            (services[i].has_address && services[i].type[0] == '\0')) {
            abort();
        }
        for (const char *c = mdns_txt(&services[i], "asic"); *c != '\0'; c++) {
            if ((unsigned char)*c < ' ') {
                abort();
            }
        }
    }
    return 0;
}
