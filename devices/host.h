/* Supervises one heater: polls it, carries commands to its driver, reads them back, and switches it
 * off by itself when commands stop coming.
 *
 * Everything runs on the caller's thread; time is an argument, so a day of supervision runs in a
 * test in milliseconds. The rules themselves are in devices/watch.h; this is their shell.
 */
#ifndef HB_DEVICES_HOST_H
#define HB_DEVICES_HOST_H

#include "bridge/config.h"
#include "bridge/event.h"
#include "devices/driver.h"

struct host;

/* All borrowed until host_destroy. */
struct host_options {
    const struct heater_driver *driver;
    const struct config_heater *config;
    uint16_t index;              /* of the heater, for its events */
    struct uv_loop_s *loop;      /* NULL in simulations           */
    struct miner_engine *engine; /* NULL: none                    */
    struct proxy *proxy;         /* NULL: none                    */
    struct http *http;           /* NULL: none                    */
    const struct hb_log *log;    /* NULL: silent                  */
    /* Takes EVENT_HEATER_STATE, EVENT_HEATER_OUTCOME and EVENT_HEATER_ABILITIES; `at` is set,
     * `wall` and `utc_offset_s` are the owner's to stamp. May be called from within every function
     * below except host_stop and host_destroy; must not call back into this host. */
    void (*event)(void *ctx, const struct event *event);
    /* The id of the other heater of this house that the device with this identity is; NULL: none,
     * and a callback that is NULL knows of none. */
    const char *(*whose)(void *ctx, uint16_t index, const char *identity);
    /* For drivers over MQTT and for their memory, as in devices/driver.h; NULL: there is none. */
    bool (*subscribe)(void *ctx, uint16_t index, const char *topic);
    bool (*publish)(void *ctx, const char *topic, const char *payload, bool retain);
    bool (*recall)(void *ctx, uint16_t index, char text[HEATER_MEMORY_MAX]);
    void (*remember)(void *ctx, uint16_t index, const char *text);
    void *ctx; /* of all of these */
};

/* Counters since host_create. */
struct host_stats {
    uint64_t polls, reports;
    uint64_t writes;  /* commits handed to the driver                          */
    uint64_t retries; /* of those, because the heater did not do what was asked */
    uint64_t refused; /* commands that the caps or the driver's test refused    */
    uint64_t expired; /* commands that came too late, and leases that ran out   */
    uint64_t lost;    /* times that the heater stopped answering                */
    uint64_t device_writes,
        flash_writes; /* as the driver counts them, and those that wear it out */
};

/* Allocates and initialises the driver's instance. NULL with `err` if the driver refuses, or if
 * the configuration's limits leave it no power to run at. No traffic yet: the first host_tick
 * polls. */
HB_MUST_USE struct host *host_create(const struct host_options *options, struct hb_err *err);

/* Abilities of the heater, narrowed by the configuration. Borrowed until host_destroy. */
const struct heater_caps *host_caps(const struct host *host);

/* What an earlier run of the program kept of this heater: identity, abilities, counts. Before the
 * first tick. A record of another driver's is ignored. */
void host_restore(struct host *host, const struct heater_record *record, hb_mono now);
/* The record, to be kept; true if it changed since the last call in more than a reading. */
bool host_take_record(struct host *host, struct heater_record *record);

/* The local day, as any number that rises by one each midnight, and how much of it is gone, 0 to 1:
 * writes are counted by day. Without it a day is counted from the start of the clock. */
void host_set_day(struct host *host, int64_t local_day, double gone);

/* The identity that the device must have; "" while none is known. Borrowed until the next call. */
const char *host_identity(const struct host *host);
/* That of another device that answers at its address; "" : none does. */
const char *host_stranger(const struct host *host);
/* Whether the right device answers. */
bool host_is_right(const struct host *host);

/* Does whatever is due: polls, deadlines, delayed and repeated writes, end of a lease. Call it at
 * least once a second, or when host_due says so. */
void host_tick(struct host *host, hb_mono now);
/* When something is next due; a tick before is harmless. */
hb_mono host_due(const struct host *host);

/* Takes an order. Its outcome follows as an event: COMMAND_EXPIRED or COMMAND_FAILED from within
 * this call if it is not acted on, else COMMAND_CONFIRMED once the heater was read back,
 * COMMAND_FAILED with the reason when it did not obey after repeated writes (a late obedience is
 * still confirmed), COMMAND_EXPIRED when `expires` passed without a newer command. The same power
 * again only renews the lease. */
void host_command(struct host *host, const struct heater_command *command, hb_mono now);

/* Takes a reading of the meter that the configuration names for this heater: until it is stale, it
 * stands in the states in place of the heater's own figure. */
void host_metered(struct host *host, double power_w, hb_mono now);

/* Takes a message on a topic that the driver subscribed to; `retained`: the broker had kept it. */
void host_message(struct host *host, const char *topic, const char *payload, size_t len,
                  bool retained, hb_mono now);

void host_get_stats(const struct host *host, struct host_stats *stats);

/* Stops the driver (its fini). No event follows. NULL is allowed. */
void host_stop(struct host *host);
/* Frees the host and the driver's instance, after host_stop if that was not called. Where the
 * driver has a loop, let it run once between the two, so that closing handles are done with the
 * instance. NULL is allowed. */
void host_destroy(struct host *host);

#endif
