/* Asks the local networks for services by multicast DNS: one-shot questions (RFC 6762, section 5.1)
 * from each private IPv4 address of this machine, answered to it alone. */
#ifndef HB_BRIDGE_DISCOVER_MDNS_H
#define HB_BRIDGE_DISCOVER_MDNS_H

#include <stdbool.h>
#include <stdint.h>

#include "ground/attr.h"

struct uv_loop_s;
struct mdns;

/* A heater's web server that was announced. */
typedef void (*mdns_found)(void *ctx, uint32_t address, uint16_t port);
/* The time for answers is over; called once. */
typedef void (*mdns_done)(void *ctx);

/* Asks at once and, as packets get lost, again. Frees itself before `done`. NULL if memory is
 * short. */
HB_MUST_USE struct mdns *mdns_start(struct uv_loop_s *loop, mdns_found found, mdns_done done,
                                    void *ctx);
/* Ends it early; `done` still comes. */
void mdns_stop(struct mdns *mdns);

#endif
