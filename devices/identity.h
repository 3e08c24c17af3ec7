/* Which device it is: its MAC address or serial number, however it is written. Pure. */
#ifndef HB_DEVICES_IDENTITY_H
#define HB_DEVICES_IDENTITY_H

#include <stdbool.h>

/* Whether two texts name the same device: case and the separators of MAC addresses do not count.
 * An empty one is no device. */
bool identity_same(const char *a, const char *b);

#endif
