/* The address of a mining pool as devices tell it: host and port out of an URL, pure. */
#ifndef HB_DEVICES_POOL_URL_H
#define HB_DEVICES_POOL_URL_H

#include <stddef.h>

/* "stratum+tcp://pool.example:3333/path" as "pool.example:3333", cut at `size`; a text without a
 * scheme is taken as it is. Control characters are replaced. */
void pool_url_address(const char *url, char *address, size_t size);

#endif
