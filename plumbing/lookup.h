/* Looks a name up without blocking the loop, each on a thread of its own: libuv's threads are few,
 * and two names of devices that are switched off would hold up those of all others.
 */
#ifndef HB_PLUMBING_LOOKUP_H
#define HB_PLUMBING_LOOKUP_H

#include <stdint.h>

#include "ground/attr.h"

struct addrinfo;
struct lookup;
struct uv_loop_s;

/* `found` is the receiver's, to be freed with freeaddrinfo; without any, `why` says why. Called
 * once unless it is cancelled, never from within lookup_start. */
typedef void (*lookup_done)(void *ctx, struct addrinfo *found, const char *why);

/* Owns itself until it is done or cancelled. `host` is copied. NULL if memory is short. */
HB_MUST_USE struct lookup *lookup_start(struct uv_loop_s *loop, const char *host, uint16_t port,
                                        lookup_done done, void *ctx);
/* Ends it without a word; its thread goes on unseen until the system answers it. Not legal after
 * `done` was called. NULL is allowed. */
void lookup_cancel(struct lookup *lookup);

#endif
