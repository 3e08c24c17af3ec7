/* Multicast DNS questions and answers (RFC 6762), as far as finding services (RFC 6763) needs them.
 *
 * Pure, bounded, and for packets of anybody on the network: compression pointers only lead
 * backwards, lengths are checked before bytes are touched, and what is malformed ends the packet.
 */
#ifndef HB_DEVICES_MDNS_CODEC_H
#define HB_DEVICES_MDNS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/limits.h"

enum { MDNS_PORT = 5353, MDNS_PACKET_MAX = 9000, MDNS_NAME_MAX = 1024, MDNS_TXT_MAX = 8 };

enum mdns_type { MDNS_A = 1, MDNS_PTR = 12, MDNS_TXT = 16, MDNS_SRV = 33 };

/* The questions for the PTR records of `count` names ("_http._tcp.local"), answers to be sent to
 * the one who asks. Returns the length, 0 if `size` is too small or a name is none. */
size_t mdns_write_query(uint8_t *packet, size_t size, const char *const *names, size_t count);

/* One service of a packet, with what the same packet says of it. Texts are printable. */
struct mdns_service {
    char type[NAME_MAX_B];     /* the name that was asked for */
    char instance[NAME_MAX_B]; /* without the type: "Bitaxe Gamma 602 (A1B2)" */
    uint16_t port;             /* 0: not told */
    bool has_address;
    uint8_t address[4];
    char txt[MDNS_TXT_MAX][NAME_MAX_B]; /* "board=602"; "" ends them */
};

/* The services of the types `names` that an answer tells; a packet that is no answer tells none.
 * Returns how many of `max` were filled. */
size_t mdns_read_services(const uint8_t *packet, size_t len, const char *const *names, size_t count,
                          struct mdns_service *services, size_t max);

/* The value of a TXT key, "" if there is none. */
const char *mdns_txt(const struct mdns_service *service, const char *key);

#endif
