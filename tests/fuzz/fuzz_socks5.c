/* A proxy may answer anything in any pieces: the handshake ends or goes on, and takes no byte
 * twice. */
#include <stdint.h>
#include <stdlib.h>

#include "miner/net/socks5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct socks5 socks;
    struct hb_err err = {0};
    if (!socks5_init(&socks, "pool.example", 3333, "me", "x", &err)) {
        abort();
    }
    const size_t piece = size == 0 ? 1 : 1 + data[0] % 7U;
    for (size_t at = 1; at < size && socks.state != SOCKS5_DONE;) {
        size_t used = 0;
        const size_t left = size - at;
        if (!socks5_feed(&socks, data + at, left < piece ? left : piece, &used, &err)) {
            if (err.msg[0] == '\0') {
                abort();
            }
            return 0;
        }
        if (used == 0 || used > piece || socks.out_len > sizeof socks.out) {
            abort();
        }
        at += used;
    }
    return 0;
}
