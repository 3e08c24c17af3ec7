/* The Paho MQTT C backend: the library's two threads call back, everything is queued, and the
 * adapter thread does the rest.
 *
 * The library holds one process-wide lock across name look-ups, so every call of it may block for
 * seconds; all are made on the adapter thread. Its callbacks here take only this link's own lock,
 * which is never held across a call of the library. Each connection uses a fresh handle, and one
 * handle that never connects keeps the library from being torn down and set up in between (which
 * takes seconds and, in 1.3.12, races with its own threads).
 */
#define _GNU_SOURCE /* eventfd */
#include "mqtt/link.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <MQTTAsync.h>

#include "bridge/limits.h"
#include "ground/text.h"
#include "mqtt/probe.h"
#include "mqtt/tls.h"
#include "mqtt/words.h"

enum {
    MAX_BUFFERED = 64, /* commands in the library; the client keeps fewer in flight */
    MAX_EVENTS = 2048, /* undelivered events; further messages are dropped and counted */
    PROBE_MS = 5000,
    CONNECT_TIMEOUT_S = 30, /* the client gives up earlier */
};

enum event_kind { EVENT_UP, EVENT_REFUSED, EVENT_LOST, EVENT_MESSAGE, EVENT_DENIED };

struct event {
    struct event *next;
    enum event_kind kind;
    int code; /* of CONNACK, DISCONNECT, SUBACK or PUBACK; 0: none */
    bool retained, dropped;
    size_t len;
    char *payload; /* behind the topic */
    char topic[];
};

/* A publication or subscription that the library has not answered yet. */
struct operation {
    struct mqtt_link *link;
    struct operation *next, *prev;
    bool publication;
    char topic[];
};

struct mqtt_link {
    struct mqtt_link_options options;
    struct mqtt_link_callbacks callbacks;
    struct mqtt_url url;
    char uri[URL_MAX + 16];
    MQTTAsync handle; /* NULL: not connecting, not connected */
    enum mqtt_version version;
    bool up;      /* as delivered to the client */
    int event_fd; /* readable while there are events */
    atomic_int in_flight;

    pthread_mutex_t lock; /* guards what follows; held for a few instructions only */
    struct event *first, **last;
    size_t event_count;
    struct operation *operations;
    int broker_reason; /* of a DISCONNECT from the broker; told with the loss that follows */
};

static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static MQTTAsync keeper;

static void init_library(void)
{
    MQTTAsync_init_options options = MQTTAsync_init_options_initializer;
    options.do_openssl_init = 1;
    MQTTAsync_global_init(&options);
    (void)MQTTAsync_create(&keeper, "tcp://127.0.0.1:1", "keeper", MQTTCLIENT_PERSISTENCE_NONE,
                           NULL);
}

static const char *or_null(const char *text)
{
    return text != NULL && *text != '\0' ? text : NULL;
}

static void notify(struct mqtt_link *link)
{
    const uint64_t one = 1;
    (void)!write(link->event_fd, &one, sizeof one); /* full means readable, which is the aim */
}

/* Queues an event; any thread. A message whose payload cannot be kept becomes one to be counted. */
static void push(struct mqtt_link *link, enum event_kind kind, int code, const char *topic,
                 const void *payload, size_t len, bool retained)
{
    (void)pthread_mutex_lock(&link->lock);
    const bool full = kind == EVENT_MESSAGE && link->event_count >= MAX_EVENTS;
    const bool keep = !full && len <= PAYLOAD_MAX;
    const size_t topic_size = full ? 1 : strlen(topic) + 1;
    struct event *event = malloc(sizeof *event + topic_size + (keep ? len : 0));
    if (event != NULL) {
        *event = (struct event){.kind = kind,
                                .code = code,
                                .retained = retained,
                                .dropped = !keep,
                                .len = full ? 1 : len,
                                .payload = event->topic + topic_size};
        memcpy(event->topic, full ? "" : topic, topic_size);
        if (keep && len > 0) {
            memcpy(event->payload, payload, len);
        }
        *link->last = event;
        link->last = &event->next;
        link->event_count++;
    }
    (void)pthread_mutex_unlock(&link->lock);
    notify(link);
}

static void on_up(struct mqtt_link *link)
{
    push(link, EVENT_UP, 0, "", NULL, 0, false);
}

static void on_up5(void *ctx, MQTTAsync_successData5 *data)
{
    (void)data;
    on_up(ctx);
}

static void on_up311(void *ctx, MQTTAsync_successData *data)
{
    (void)data;
    on_up(ctx);
}

/* Positive codes are those of the CONNACK; the library's own are negative. */
static void on_refused(struct mqtt_link *link, int code)
{
    push(link, EVENT_REFUSED, code > 0 ? code : 0, "", NULL, 0, false);
}

static void on_refused5(void *ctx, MQTTAsync_failureData5 *data)
{
    on_refused(ctx, data->code);
}

static void on_refused311(void *ctx, MQTTAsync_failureData *data)
{
    on_refused(ctx, data->code);
}

static void on_disconnected(void *ctx, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
    (void)properties;
    struct mqtt_link *link = ctx;
    (void)pthread_mutex_lock(&link->lock);
    link->broker_reason = (int)reason;
    (void)pthread_mutex_unlock(&link->lock);
}

static void on_lost(void *ctx, char *cause)
{
    (void)cause; /* always NULL in this version */
    struct mqtt_link *link = ctx;
    (void)pthread_mutex_lock(&link->lock);
    const int reason = link->broker_reason;
    (void)pthread_mutex_unlock(&link->lock);
    push(link, EVENT_LOST, reason, "", NULL, 0, false);
}

static int on_message(void *ctx, char *topic, int topic_len, MQTTAsync_message *message)
{
    (void)topic_len; /* topics hold no NUL: MQTT 5, 1.5.4 */
    push(ctx, EVENT_MESSAGE, 0, topic, message->payload, (size_t)message->payloadlen,
         message->retained != 0);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

/* Forgets an operation. `settled` unless it may or may not have reached the broker. */
static void forget(struct operation *operation, bool settled)
{
    struct mqtt_link *link = operation->link;
    (void)pthread_mutex_lock(&link->lock);
    *(operation->prev != NULL ? &operation->prev->next : &link->operations) = operation->next;
    if (operation->next != NULL) {
        operation->next->prev = operation->prev;
    }
    (void)pthread_mutex_unlock(&link->lock);
    if (operation->publication && settled) {
        atomic_fetch_sub(&link->in_flight, 1);
    }
    free(operation);
}

/* The broker has answered, with a code if MQTT 5, or SUBACK in 3.1.1. */
static void finish(struct operation *operation, int code)
{
    struct mqtt_link *link = operation->link;
    if (code >= 0x80) {
        push(link, EVENT_DENIED, code, operation->topic, NULL, 0, false);
    }
    forget(operation, true);
    notify(link);
}

static void on_done5(void *ctx, MQTTAsync_successData5 *data)
{
    (void)data;
    finish(ctx, 0);
}

static void on_done311(void *ctx, MQTTAsync_successData *data)
{
    (void)data;
    finish(ctx, 0);
}

/* A code of the library's own means that the connection broke first; it then leaves the reason code
 * uninitialised. */
static void on_failed5(void *ctx, MQTTAsync_failureData5 *data)
{
    if (data->code == 0) {
        finish(ctx, (int)data->reasonCode);
    } else {
        forget(ctx, false);
    }
}

static void on_failed311(void *ctx, MQTTAsync_failureData *data)
{
    if (data->code > 0) {
        finish(ctx, data->code);
    } else {
        forget(ctx, false);
    }
}

static struct event *take_events(struct mqtt_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    struct event *events = link->first;
    link->first = NULL;
    link->last = &link->first;
    link->event_count = 0;
    (void)pthread_mutex_unlock(&link->lock);
    return events;
}

static void free_events(struct event *event)
{
    while (event != NULL) {
        struct event *next = event->next;
        free(event);
        event = next;
    }
}

/* Destroying a connected handle sends DISCONNECT first, and ends all its callbacks. */
static void forget_session(struct mqtt_link *link)
{
    if (link->handle != NULL) {
        MQTTAsync_destroy(&link->handle);
        link->handle = NULL;
    }
    free_events(take_events(link));
    struct operation *forgotten = link->operations; /* that the library never answered */
    while (forgotten != NULL) {
        struct operation *next = forgotten->next;
        forget(forgotten, false);
        forgotten = next;
    }
    link->broker_reason = 0;
    link->up = false;
}

static void link_destroy(struct mqtt_link *link)
{
    if (link != NULL) {
        forget_session(link);
        (void)close(link->event_fd);
        (void)pthread_mutex_destroy(&link->lock);
        free(link);
    }
}

static bool check_environment(const struct mqtt_url *url, struct hb_err *err)
{
    const char *name = url->tls ? "https_proxy" : "http_proxy";
    return or_null(getenv(name)) == NULL ||
           hb_fail(err, HB_ERR_USAGE,
                   "expected no %s in the environment, as Paho would send MQTT there; unset it or "
                   "use client: mosquitto",
                   name);
}

static struct mqtt_link *link_create(const struct mqtt_link_options *options,
                                     const struct mqtt_link_callbacks *callbacks,
                                     struct hb_err *err)
{
    (void)pthread_once(&init_once, init_library);
    struct mqtt_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    link->options = *options;
    link->callbacks = *callbacks;
    link->last = &link->first;
    if (!mqtt_url_parse(options->url, &link->url, err) || !check_environment(&link->url, err)) {
        free(link);
        return NULL;
    }
    const bool ipv6 = strchr(link->url.host, ':') != NULL;
    (void)snprintf(link->uri, sizeof link->uri, "%s://%s%s%s:%u%s", link->url.scheme,
                   ipv6 ? "[" : "", link->url.host, ipv6 ? "]" : "", link->url.port,
                   link->url.path);
    link->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (link->event_fd < 0) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "cannot create an event descriptor");
        free(link);
        return NULL;
    }
    (void)pthread_mutex_init(&link->lock, NULL);
    return link;
}

static bool create_handle(struct mqtt_link *link, struct hb_err *err)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    options.MQTTVersion = link->version == MQTT_VERSION_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    options.maxBufferedMessages = MAX_BUFFERED;
    const char *id = or_null(link->options.client_id);
    int rc = MQTTAsync_createWithOptions(&link->handle, link->uri, id != NULL ? id : "",
                                         MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    if (rc == MQTTASYNC_SUCCESS) {
        rc = MQTTAsync_setCallbacks(link->handle, link, on_lost, on_message, NULL);
    }
    if (rc == MQTTASYNC_SUCCESS) {
        rc = MQTTAsync_setDisconnected(link->handle, link, on_disconnected);
    }
    return rc == MQTTASYNC_SUCCESS ||
           hb_fail(err, HB_ERR_SYSTEM, "cannot set up the Paho client: code %d", rc);
}

/* Without `verify` the library checks the chain, but lets any host name pass. Security level and
 * OpenSSL 3 keep TLS below 1.2 out; `sslVersion` says so to older ones. */
static MQTTAsync_SSLOptions tls_options(const struct mqtt_link_options *options)
{
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    tls.trustStore = or_null(options->ca_file);
    tls.keyStore = or_null(options->cert_file);
    tls.privateKey = or_null(options->key_file);
    tls.privateKeyPassword = ""; /* keeps OpenSSL from asking on a terminal */
    tls.enableServerCertAuth = options->tls_verify;
    tls.verify = options->tls_verify;
    tls.sslVersion = MQTT_SSL_VERSION_TLS_1_2;
    return tls;
}

static MQTTAsync_connectOptions base_options(const struct mqtt_link *link)
{
    if (link->version == MQTT_VERSION_5) {
        MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
        options.onSuccess5 = on_up5;
        options.onFailure5 = on_refused5;
        return options; /* clean start, and no session expiry: the session ends with the link */
    }
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    options.MQTTVersion = MQTTVERSION_3_1_1;
    options.onSuccess = on_up311;
    options.onFailure = on_refused311;
    return options;
}

static bool begin(struct mqtt_link *link, struct hb_err *err)
{
    MQTTAsync_SSLOptions tls = tls_options(&link->options);
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    will.topicName = link->options.will_topic;
    will.message = link->options.will_payload;
    will.retained = 1;
    will.qos = 1;
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTProperty max_packet = {.identifier = MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE};
    max_packet.value.integer4 = link->options.max_packet;
    MQTTAsync_connectOptions options = base_options(link);
    if (link->version == MQTT_VERSION_5) {
        (void)MQTTProperties_add(&properties, &max_packet);
        options.connectProperties = &properties;
    }
    options.context = link;
    options.keepAliveInterval = link->options.keepalive_s;
    options.connectTimeout = CONNECT_TIMEOUT_S;
    options.automaticReconnect = 0;
    options.maxInflight = MAX_BUFFERED;
    options.username = or_null(link->options.username);
    options.password = options.username != NULL ? or_null(link->options.password) : NULL;
    options.will = or_null(link->options.will_topic) != NULL ? &will : NULL;
    options.ssl = link->url.tls ? &tls : NULL;
    const int rc = MQTTAsync_connect(link->handle, &options);
    MQTTProperties_free(&properties);
    return rc == MQTTASYNC_SUCCESS ||
           hb_fail(err, HB_ERR_SYSTEM, "cannot begin to connect: Paho code %d", rc);
}

static bool link_connect(struct mqtt_link *link, enum mqtt_version version, struct hb_err *err)
{
    forget_session(link);
    atomic_store(&link->in_flight, 0);
    link->version = version;
    if (version == MQTT_VERSION_5 &&
        !mqtt_probe_speaks_5(&link->url, &link->options, PROBE_MS, err)) {
        return false;
    }
    if (create_handle(link, err) && begin(link, err)) {
        return true;
    }
    forget_session(link);
    return false;
}

static struct operation *start_operation(struct mqtt_link *link, const char *topic,
                                         bool publication)
{
    const size_t size = strlen(topic) + 1;
    struct operation *operation = malloc(sizeof *operation + size);
    if (operation == NULL) {
        return NULL;
    }
    *operation = (struct operation){.link = link, .publication = publication};
    memcpy(operation->topic, topic, size);
    (void)pthread_mutex_lock(&link->lock);
    operation->next = link->operations;
    if (operation->next != NULL) {
        operation->next->prev = operation;
    }
    link->operations = operation;
    (void)pthread_mutex_unlock(&link->lock);
    if (publication) {
        atomic_fetch_add(&link->in_flight, 1);
    }
    return operation;
}

static MQTTAsync_responseOptions response_options(const struct mqtt_link *link,
                                                  struct operation *operation)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = operation;
    if (link->version == MQTT_VERSION_5) {
        options.onSuccess5 = on_done5;
        options.onFailure5 = on_failed5;
        options.subscribeOptions.retainAsPublished = 1;
    } else {
        options.onSuccess = on_done311;
        options.onFailure = on_failed311;
    }
    return options;
}

/* What to do with a code of MQTTAsync_send or _subscribe: true if it was taken, or never will be.
 */
static bool taken(struct mqtt_link *link, const char *topic, struct operation *operation, int rc)
{
    if (rc == MQTTASYNC_SUCCESS) {
        return true;
    }
    if (operation != NULL) {
        forget(operation, true);
    }
    if (rc != MQTTASYNC_BAD_UTF8_STRING) {
        return false;
    }
    link->callbacks.denied(link->callbacks.ctx, topic, "the topic is not valid UTF-8");
    return true;
}

static bool link_publish(struct mqtt_link *link, const char *topic, const void *payload, size_t len,
                         int qos, bool retain)
{
    struct operation *operation = qos > 0 ? start_operation(link, topic, true) : NULL;
    if (!link->up || (qos > 0 && operation == NULL)) {
        return taken(link, topic, operation, MQTTASYNC_DISCONNECTED);
    }
    MQTTAsync_responseOptions response = response_options(link, operation);
    const int rc = MQTTAsync_send(link->handle, topic, (int)len, len > 0 ? payload : "", qos,
                                  retain, operation != NULL ? &response : NULL);
    return taken(link, topic, operation, rc);
}

static bool link_subscribe(struct mqtt_link *link, const char *filter, int qos)
{
    struct operation *operation = link->up ? start_operation(link, filter, false) : NULL;
    if (operation == NULL) {
        return false;
    }
    MQTTAsync_responseOptions response = response_options(link, operation);
    return taken(link, filter, operation,
                 MQTTAsync_subscribe(link->handle, filter, qos, &response));
}

static int link_in_flight(const struct mqtt_link *link)
{
    return atomic_load(&link->in_flight);
}

static void deliver_refused(struct mqtt_link *link, int code)
{
    struct hb_err err = {.code = HB_OK};
    forget_session(link);
    if (code != 0) {
        mqtt_words_refused(link->version, code, &err);
    } else {
        mqtt_probe_explain(&link->url, &link->options, PROBE_MS, &err);
    }
    link->callbacks.connected(link->callbacks.ctx, &err);
}

static void deliver(struct mqtt_link *link, const struct event *event)
{
    const struct mqtt_link_callbacks *callbacks = &link->callbacks;
    switch (event->kind) {
    case EVENT_UP:
        link->up = true;
        callbacks->connected(callbacks->ctx, NULL);
        break;
    case EVENT_REFUSED:
        deliver_refused(link, event->code);
        break;
    case EVENT_LOST:
        link->up = false;
        callbacks->lost(callbacks->ctx, event->code >= 0x80
                                            ? mqtt_words_reason(event->code)
                                            : "the broker closed the connection or does not "
                                              "answer any more");
        break;
    case EVENT_MESSAGE:
        callbacks->message(callbacks->ctx, event->topic, event->dropped ? NULL : event->payload,
                           event->len, event->retained);
        break;
    case EVENT_DENIED:
        callbacks->denied(callbacks->ctx, event->topic, mqtt_words_reason(event->code));
        break;
    }
}

static void link_service(struct mqtt_link *link, int wake_fd, int timeout_ms)
{
    struct pollfd ready[] = {{.fd = wake_fd, .events = POLLIN},
                             {.fd = link->event_fd, .events = POLLIN}};
    (void)poll(ready, 2, timeout_ms);
    uint64_t count = 0;
    (void)!read(link->event_fd, &count, sizeof count);
    struct event *events = take_events(link);
    for (const struct event *event = events; event != NULL; event = event->next) {
        deliver(link, event);
    }
    free_events(events);
}

static void link_disconnect(struct mqtt_link *link)
{
    forget_session(link);
}

static const char *const schemes[] = {"mqtt", "mqtts", "ws", "wss", NULL};

const struct mqtt_link_backend mqtt_link_paho = {
    .name = "paho",
    .schemes = schemes,
    .create = link_create,
    .destroy = link_destroy,
    .connect = link_connect,
    .publish = link_publish,
    .subscribe = link_subscribe,
    .in_flight = link_in_flight,
    .service = link_service,
    .disconnect = link_disconnect,
};
