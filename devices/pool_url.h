/* The pool that a miner names by a URL, as states show it. Pure. */
#ifndef HB_DEVICES_POOL_URL_H
#define HB_DEVICES_POOL_URL_H

#include "bridge/heater.h"

/* "stratum+tcp://user@host:port/path" as "host:port"; "" for an empty text. */
void pool_url_place(const char *url, char place[NAME_MAX_B]);

#endif
