/* Where the page listens: checks the options and the address before libwebsockets, which does not
 * tell what was wrong.
 */
#ifndef HB_BRIDGE_WEB_LISTEN_H
#define HB_BRIDGE_WEB_LISTEN_H

#include <stdbool.h>

#include "bridge/web/guard.h"
#include "bridge/web/web.h"
#include "ground/attr.h"
#include "ground/err.h"

/* Fills `guard` from the options and `*ip6` with the kind of the address. False with `err` if the
 * address is none, needs a password that is missing, or cannot be bound now. */
HB_MUST_USE bool listen_check(const struct web_options *options, struct guard *guard, bool *ip6,
                              struct hb_err *err);

#endif
