/* Emulated heaters for measurements: each with an address of its own on loopback, all in one child
 * process, so that what they cost is nobody else's. */
#ifndef HB_BRIDGE_BENCH_FLEET_H
#define HB_BRIDGE_BENCH_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ground/attr.h"
#include "ground/err.h"

enum { FLEET_MAX = 4000, FLEET_ADDRESS_MAX = 16 };

/* The first `axeos` of the devices are Bitaxes that answer HTTP with a recorded document, the
 * others Avalons that answer cgminer's text. */
struct fleet {
    size_t axeos, avalon;
    uint16_t port; /* of all of them */
    pid_t child;
};

/* Before any thread is started. */
HB_MUST_USE bool fleet_start(struct fleet *fleet, size_t axeos, size_t avalon, struct hb_err *err);
void fleet_address(size_t device, char address[FLEET_ADDRESS_MAX]);
void fleet_stop(const struct fleet *fleet);

#endif
