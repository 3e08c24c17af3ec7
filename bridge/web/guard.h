/* Who may ask the page for what: Host and Origin checks, the password, the form of a request.
 *
 * Pure text work, so that each rule can be tested without a socket. The threats: a foreign site
 * open in the same browser (Origin, RFC 6454), a foreign name that resolves to our address (DNS
 * rebinding, seen in Host), and guessing the password by timing.
 */
#ifndef HB_BRIDGE_WEB_GUARD_H
#define HB_BRIDGE_WEB_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/web/web.h"
#include "ground/attr.h"
#include "ground/err.h"

struct guard {
    char listen[NAME_MAX_B];    /* an IP address                                               */
    char host_name[NAME_MAX_B]; /* of this machine, "" if not known                            */
    char password[TEXT_MAX];    /* "" : none                                                   */
    bool everywhere;            /* listens on all addresses: any address of ours may be in Host */
};

/* True if `host`, a Host header ("name", "name:port", "[::1]:port"), names this machine: localhost,
 * a loopback address or the address listened on; with `everywhere` also any IP address (a rebinding
 * attack needs a name) and this machine's own name, plain or under .local. */
HB_MUST_USE bool guard_host_is_ours(const struct guard *guard, const char *host);

/* True if `origin`, an Origin header, is http or https of exactly `host`. */
HB_MUST_USE bool guard_origin_is_host(const char *origin, const char *host);

/* The headers of a request that decide on its admission; "" where there is none. */
struct guard_ask {
    const char *host, *origin, *authorization;
    bool has_mark; /* the header "X-Heatbridge: 1", which a foreign page cannot send unasked */
};

enum guard_rule {
    GUARD_READ,   /* Origin, if there is one, must be ours                                     */
    GUARD_CHANGE, /* Origin must be ours, or absent with the mark                              */
    GUARD_SOCKET, /* Origin must be ours: WebSockets are not covered by the same-origin policy */
};

/* HTTP status to refuse the request with (401 or 403) and the sentence for it; 0 if it may go on.
 */
HB_MUST_USE unsigned guard_refuses(const struct guard *guard, const struct guard_ask *ask,
                                   enum guard_rule rule, bool needs_password, const char **why);

/* True if `authorization` is "Basic " with any user name and the password (RFC 7617). Its time does
 * not depend on how much of the password is right. */
HB_MUST_USE bool guard_password_is_right(const struct guard *guard, const char *authorization);

/* True, with the id in `room`, if `path` is "/api/room/<id>". */
HB_MUST_USE bool guard_path_room(const char *path, char room[ID_MAX]);

/* True if `len` bytes are one JSON object with at least one member. */
HB_MUST_USE bool guard_body_is_object(const char *json, size_t len, struct hb_err *err);

#endif
