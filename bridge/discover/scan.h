/* The whole search: multicast DNS beside a scan of the given ranges, a few addresses at a time. */
#ifndef HB_BRIDGE_DISCOVER_SCAN_H
#define HB_BRIDGE_DISCOVER_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/discover/range.h"
#include "bridge/discover/visit.h"
#include "ground/err.h"

/* Borrowed while it runs. */
struct scan_options {
    const struct range *ranges;
    size_t range_count;
    const uint32_t *left_out; /* addresses that are not to be disturbed */
    size_t left_out_count;
    /* A heater, or what looks like one (`suspect` without `found`). */
    void (*found)(void *ctx, const struct finding *finding);
    /* So many of all addresses were visited. */
    void (*progress)(void *ctx, size_t visited, size_t total);
    void *ctx;
};

/* Returns when it is done, or after SIGINT, when visits under way are done. False if it could not
 * be started. */
HB_MUST_USE bool scan_run(const struct scan_options *options, struct hb_err *err);

#endif
