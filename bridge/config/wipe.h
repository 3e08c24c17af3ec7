/* Overwrites memory that held a secret, in a way that the compiler does not optimise away. */
#ifndef HB_BRIDGE_CONFIG_WIPE_H
#define HB_BRIDGE_CONFIG_WIPE_H

#include <stddef.h>

static inline void wipe(void *memory, size_t size)
{
    volatile unsigned char *byte = memory;
    while (size-- > 0) {
        *byte++ = 0;
    }
}

#endif
