/* The contract of a heater driver: one const vtable per family, registered in devices/registry.c.
 *
 * A driver owns its transport to one device and nothing else. It decides nothing: it carries
 * absolute commands out and reports what it read. It runs on the core thread and never blocks: slow
 * work is started with libuv on `env.loop` and its answer delivered later through `env.report`.
 */
#ifndef HB_DEVICES_DRIVER_H
#define HB_DEVICES_DRIVER_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config_item.h"
#include "bridge/heater.h"
#include "ground/err.h"
#include "plumbing/log.h"

struct uv_loop_s;
struct http;
struct miner_engine;
struct proxy;

/* What a write costs the device. */
enum write_kind {
    WRITE_VOLATILE, /* nothing that wears out                                */
    WRITE_FLASH,    /* an erase of its flash memory, of which it has so many */
};

/* What a driver gets from its host; all borrowed, valid from init to the end of fini. */
struct heater_env {
    struct uv_loop_s *loop; /* NULL in simulations: then only drivers without I/O may run       */
    struct miner_engine *engine; /* the mining engine, NULL if none is configured */
    struct proxy *proxy;         /* the Stratum proxy, NULL if no heater needs it */
    struct http *http;           /* the HTTP client of the house; NULL in simulations */
    const struct hb_log *log;
    const char *id;          /* the heater's id, for messages                                    */
    const void *options;     /* the driver's options struct, filled from `options` rows          */
    double configured_max_w; /* max_power of the configuration, 0 if not given                   */
    double configured_min_w; /* min_power, 0 if not given                                        */
    /* Delivers a state; may be called from within poll and commit, never from another thread. */
    void (*report)(void *ctx, const struct heater_state *state);
    /* The heater cannot be read until a person does something: one sentence that says what, and
     * where ("expected the password of its web page; set heaters.x.password"). Shown until the next
     * report. Not for mere silence, of which the host knows by itself. */
    void (*trouble)(void *ctx, const char *sentence);
    /* The device refused the command `seq`, and why; it is not tried again unless it is renewed. */
    void (*refused)(void *ctx, uint64_t seq, const char *sentence);
    /* What the device can do is known only now that it was asked, or has changed. Narrowed by the
     * configuration and kept over a restart by the host. */
    void (*abilities)(void *ctx, const struct heater_caps *caps);
    /* A write is on its way to the device; to be called once for each. */
    void (*wrote)(void *ctx, enum write_kind kind);
    /* For heaters that are reached over MQTT. The topic's messages come through `message` of the
     * driver; false if that is not possible here (a simulation). */
    bool (*subscribe)(void *ctx, const char *topic);
    /* With QoS 1; false, with nothing done, while there is no broker: an order that waited for it
     * would come when nobody wants it any more. */
    bool (*publish)(void *ctx, const char *topic, const char *payload, bool retain);
    /* A short text of the driver's own that survives a restart of the program. `recall` is false if
     * there is none; both may be NULL. */
    bool (*recall)(void *ctx, char text[HEATER_MEMORY_MAX]);
    void (*remember)(void *ctx, const char *text);
    void *report_ctx; /* of all of these */
};

struct heater_driver {
    const char *name;     /* config value of `driver:`                  */
    const char *summary;  /* one line for the reference               */
    size_t instance_size; /* the host allocates and zeroes `self`              */
    size_t options_size;  /* of the struct that `options` fills; 0: none               */
    const struct config_item *options; /* rows, ended by a row whose name is NULL; NULL: none */
    bool single;     /* at most one heater of this family may be configured                     */
    int32_t poll_ms; /* how often the host polls                                                */

    /* Pure: do the options, each of them sane, go together? False with the name of the key that is
     * wrong and, in `err`, "expected ..., got ...". NULL: there is nothing to check. */
    bool (*check)(const void *options, const char **key, struct hb_err *err);
    /* Checks `env` and fills `caps`: what is known of the device before it was ever asked. Works
     * without a loop too, for simulations. Must leave `self` in a state on which fini is legal even
     * when it fails. No traffic to the device yet. May allocate; does not block. */
    bool (*init)(void *self, const struct heater_env *env, struct heater_caps *caps,
                 struct hb_err *err);
    /* Stops all I/O and frees what init took. Legal after a failed init. Does not block. */
    void (*fini)(void *self);
    /* Starts one read; returns at once; the answer is a report. A read still under way is left
     * alone. */
    void (*poll)(void *self, hb_mono now);
    /* Pure: could the device do this, which its abilities allow? False with the reason. A true here
     * means that commit can only fail at run time. NULL: what they allow, it can do. */
    bool (*test)(const void *self, const struct heater_command *command, struct hb_err *err);
    /* Starts carrying the command out; returns at once. Writes nothing if nothing changes. */
    void (*commit)(void *self, const struct heater_command *command, hb_mono now);
    /* A meter of the user's measured this heater: for drivers that learn from it; NULL if not. The
     * host puts the reading into the states by itself. */
    void (*metered)(void *self, double power_w, hb_mono now);
    /* A bounded attempt of the host's to bring an ill heater back: the family's restart, or
     * whatever clears its overheat state. Returns at once; counts its writes; the host commits the
     * standing order again when the device is back. NULL: the host switches it off and on. */
    void (*recover)(void *self, hb_mono now);
    /* A message on a topic that was subscribed to; NULL for drivers that subscribe to none. One
     * that the broker had kept (`retained`) may be of any age: it is no sign of life. */
    void (*message)(void *self, const char *topic, const char *payload, size_t len, bool retained,
                    hb_mono now);
};

#endif
