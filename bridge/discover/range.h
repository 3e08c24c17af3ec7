/* Addresses that may be scanned: private networks only, and few of them. Pure. */
#ifndef HB_BRIDGE_DISCOVER_RANGE_H
#define HB_BRIDGE_DISCOVER_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

/* As many addresses as a /20 has, in all ranges together. */
enum { RANGE_TOTAL_MAX = 4096, RANGES_MAX = 64, ADDRESS_TEXT_MAX = 16 };

/* IPv4 addresses in the order of the machine. */
struct range {
    uint32_t first, last;
};

/* RFC 1918, link-local and loopback. */
bool address_is_private(uint32_t address);
bool address_is_loopback(uint32_t address);
void address_print(uint32_t address, char text[ADDRESS_TEXT_MAX]);

/* "192.168.1.0/24", "192.168.1.20/24" meaning the same, or one address. The first and last address
 * of a network with more than two are left out: nobody has them. */
HB_MUST_USE bool range_parse(const char *text, struct range *range, struct hb_err *err);
size_t range_count(const struct range *range);

#endif
