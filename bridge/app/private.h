/* What the files of bridge/app share: the struct that owns everything. */
#ifndef HB_BRIDGE_APP_PRIVATE_H
#define HB_BRIDGE_APP_PRIVATE_H

#include <stdio.h>
#include <uv.h>

#include "bridge/app/app.h"
#include "bridge/app/ticker.h"
#include "bridge/core.h"
#include "bridge/energy/store.h"
#include "bridge/trace_file.h"
#include "bridge/web/web.h"
#include "devices/host.h"
#include "miner/engine.h"
#include "mqtt/announcer.h"
#include "mqtt/client.h"
#include "plumbing/http.h"
#include "plumbing/ring.h"

/* A topic on which a heater's driver listens. */
struct app_topic {
    char topic[TOPIC_MAX];
    uint16_t heater;
};

struct app {
    uv_loop_t *loop;
    const struct config *config;
    const struct app_options *options;
    const struct hb_log *log;

    struct store *store;
    struct miner_pool *pools; /* what `mining` refers to */
    const char **redirect_hosts;
    struct miner_options mining;
    struct http *http;           /* of all heaters           */
    struct miner_engine *engine; /* NULL: no heater needs it */
    struct proxy *proxy;         /* likewise                 */
    struct host **hosts;         /* config->heater_count     */
    struct heater_caps *caps;
    struct heater_about *about;
    bool *news; /* per heater: it has told something since its host was last asked what is due */
    struct app_topic *topics;
    size_t topic_count, topic_room;
    struct core *core;
    struct effects effects;
    struct ring *events; /* posted by the files of this room, drained by app_drain */
    bool draining;
    FILE *trace; /* NULL: not recorded */

    struct mqtt_client *mqtt;
    struct announcer *announcer;
    struct mqtt_incoming incoming; /* scratch, 16 KiB */
    bool mqtt_connected;
    char mqtt_problem[TEXT_MAX];
    uint32_t *bad_sources; /* per room, outdoors, per heater, per circuit: bit per event kind, and
                              from BAD_INTERLOCK on per interlock, whose payload is bad, as told */
    bool *retained_told;   /* per room, then per heater: a retained command was ignored and
                              reported */

    struct web *web;
    struct room_view *room_views; /* scratch for the snapshot */
    struct heater_view *heater_views;
    char notice[TEXT_MAX];
    uint64_t notice_seq;
    bool snapshot_due;
    hb_mono snapshot_at; /* real time of the last one */

    struct ticker ticker;
    uv_timer_t tick;
    uv_timer_t soon; /* announcements and snapshots that are not due yet */
    uv_async_t wake; /* rung by the MQTT and web threads */
    hb_mono saved_at;
    int64_t watchdog_ms; /* between two signs of life for systemd; 0: none wanted */
    hb_mono fed_at;
    int open_handles;
};

/* Stamps and queues an event; app_drain takes it in its turn. */
void app_post(struct app *app, struct event *event);
/* Runs the core over everything queued and carries out the effects. Not reentrant: a call from
 * within an effect returns at once, the outer one goes on. */
void app_drain(struct app *app);
hb_mono app_house_now(const struct app *app);

/* Lets the loop take up what was posted; from any thread. */
void app_ring(struct app *app);

/* heaters.c: the hosts, and what is kept of their heaters. */
bool app_start_heaters(struct app *app, struct hb_err *err);
/* Abilities that earlier runs learnt become events, so that a trace holds all there is to know. */
void app_tell_abilities(struct app *app);
void app_tick_heaters(struct app *app);
/* Between two ticks: what is due because a heater has answered. */
void app_wake_heaters(struct app *app);
/* Keeps what changed, or everything. */
void app_keep_records(struct app *app, bool all);

/* inbox.c: from MQTT and the page to events. */
void app_subscribe_all(struct app *app);
/* A heater's driver listens on a topic from now on; ctx is the app. */
bool app_listen(void *ctx, uint16_t heater, const char *topic);
void app_receive_mqtt(struct app *app);
void app_receive_web(struct app *app);

/* outbox.c: from effects to the world. */
void app_carry_out(struct app *app, const struct effect *effect);
void app_announce(struct app *app);
void app_show(struct app *app);
void app_save_totals(struct app *app);
void app_publish(struct app *app, const char *topic, const char *payload, bool retain);
/* A heater's driver publishes; false while there is no broker. Its memory. ctx is the app. */
bool app_speak(void *ctx, const char *topic, const char *payload, bool retain);
bool app_recall(void *ctx, uint16_t heater, char text[HEATER_MEMORY_MAX]);
void app_remember(void *ctx, uint16_t heater, const char *text);
/* Tells people that a request for a room was refused, on its error topic and on the page. */
void app_refuse(struct app *app, uint16_t room, const char *text);
/* The same for a heater, on its error topic. */
void app_refuse_heater(struct app *app, uint16_t heater, const char *text);

#endif
