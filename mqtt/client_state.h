/* What the two files of the MQTT client share: client.c is the side of the callers, adapter.c the
 * thread. For nobody else.
 */
#ifndef HB_MQTT_CLIENT_STATE_H
#define HB_MQTT_CLIENT_STATE_H

#include <pthread.h>

#include "ground/time.h"
#include "mqtt/backoff.h"
#include "mqtt/client.h"
#include "mqtt/outbox.h"
#include "plumbing/ring.h"

enum {
    ADAPTER_CAUSES = 4, /* different causes of one outage that are told, each once */
    ADAPTER_DENIALS = 16,
};

enum adapter_phase { ADAPTER_WAITING, ADAPTER_CONNECTING, ADAPTER_UP };

/* Owned by the adapter thread alone. */
struct adapter {
    enum adapter_phase phase;
    hb_mono retry_at;   /* WAITING */
    hb_mono give_up_at; /* CONNECTING */
    enum mqtt_version version;
    struct mqtt_backoff backoff;
    size_t subscribed;    /* filters renewed on this connection */
    bool announced;       /* MQTT_IN_CONNECTED was delivered for it */
    bool denied_at_once;  /* by the library, while taking the message */
    bool came_up, ended;  /* reported by the link during the last call of it */
    struct hb_err ending; /* why, if `ended` */
    char causes[ADAPTER_CAUSES][sizeof((struct hb_err *)0)->msg]; /* told in this outage */
    size_t cause_count;
    char denials[ADAPTER_DENIALS][TOPIC_MAX]; /* told since the start */
    size_t denial_count;
    struct mqtt_incoming scratch;
};

struct mqtt_client {
    /* set once, before the thread starts */
    struct mqtt_link_options options; /* texts point into `texts` */
    char *texts;
    const struct mqtt_link_backend *backend;
    struct mqtt_link *link;
    enum mqtt_version_choice version;
    int wake_fd; /* eventfd: something for the adapter to do */
    struct ring *messages, *changes;
    pthread_t thread;

    struct adapter adapter;

    /* what is borrowed from the caller; used under its lock, so that it can be taken back. Where
     * both locks are held, this one was taken first. */
    pthread_mutex_t face_lock;
    const struct hb_log *log;
    void (*wake)(void *ctx);
    void *wake_ctx;

    pthread_mutex_t lock; /* guards the rest, for a few instructions at a time */
    pthread_cond_t finished_cond;
    struct outbox *outbox;
    char **filters; /* each stays where it is until the client is freed */
    size_t filter_count, filter_room;
    struct mqtt_counters counters;
    hb_mono stop_by; /* set: stop, and be through with goodbyes by then */
    bool finished, abandoned;
};

/* The thread's function; `arg` is the client. Frees the client if it was abandoned meanwhile. */
void *adapter_run(void *arg);
/* The callbacks that the link gets; their ctx is the client. */
struct mqtt_link_callbacks adapter_callbacks(struct mqtt_client *client);
/* Frees everything; the thread must have ended or be the caller. */
void mqtt_client_free(struct mqtt_client *client);

#endif
