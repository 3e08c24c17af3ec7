/* The libmosquitto backend: our own poll over the library's socket, never its threads.
 *
 * Each connection uses a fresh `struct mosquitto`: nothing of an old session can linger, and its
 * unbounded queue (eclipse/mosquitto issue 2153) is never fed while offline. Losses are read from
 * return codes, as the library does not call back for each of them.
 */
#include "mqtt/link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include "ground/text.h"
#include "mqtt/probe.h"
#include "mqtt/tls.h"
#include "mqtt/words.h"
#include "plumbing/clock.h"

enum {
    MIN_KEEPALIVE_S = 5, /* the library refuses less */
    MAX_IN_FLIGHT = 32,  /* publications whose topics are remembered; the client sends fewer */
    PROBE_MS = 5000,
    MISC_EVERY_MS = 500, /* the library's keep-alive counts whole seconds */
    TOPIC_SIZE = 257,
};

struct publication {
    int mid; /* 0: free */
    char topic[TOPIC_SIZE];
};

struct subscription {
    int mid;
    const char *filter;
};

struct mqtt_link {
    struct mqtt_link_options options;
    struct mqtt_link_callbacks callbacks;
    struct mqtt_url url;
    struct mosquitto *mosq; /* NULL: not connecting, not connected */
    enum mqtt_version version;
    bool answered;     /* CONNACK came in */
    int refusal;       /* its code if not 0 */
    int broker_reason; /* code of a DISCONNECT from the broker */
    int in_flight;
    struct publication publications[MAX_IN_FLIGHT];
    struct subscription *subscriptions; /* that wait for SUBACK */
    size_t subscription_count, subscription_room;
};

static void init_library(void)
{
    (void)mosquitto_lib_init();
}

/* The settings of the library are global and never taken down: another link may still use them. */
static void init_library_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, init_library);
}

static const char *or_null(const char *text)
{
    return text != NULL && *text != '\0' ? text : NULL;
}

static void on_connect(struct mosquitto *mosq, void *ctx, int code, int flags,
                       const mosquitto_property *properties)
{
    (void)mosq;
    (void)flags;
    (void)properties;
    struct mqtt_link *link = ctx;
    link->answered = code == 0;
    link->refusal = code;
}

static void on_disconnect(struct mosquitto *mosq, void *ctx, int code,
                          const mosquitto_property *properties)
{
    (void)mosq;
    (void)properties;
    struct mqtt_link *link = ctx;
    if (code >= 0x80 && link->broker_reason == 0) {
        link->broker_reason = code;
    }
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
    (void)mosq;
    (void)properties;
    struct mqtt_link *link = ctx;
    link->callbacks.message(link->callbacks.ctx, message->topic, message->payload,
                            (size_t)message->payloadlen, message->retain);
}

static void on_publish(struct mosquitto *mosq, void *ctx, int mid, int code,
                       const mosquitto_property *properties)
{
    (void)mosq;
    (void)properties;
    struct mqtt_link *link = ctx;
    for (size_t i = 0; i < MAX_IN_FLIGHT; i++) {
        struct publication *publication = &link->publications[i];
        if (publication->mid == mid) {
            publication->mid = 0;
            link->in_flight--;
            if (code >= 0x80) {
                link->callbacks.denied(link->callbacks.ctx, publication->topic,
                                       mqtt_words_reason(code));
            }
            return;
        }
    }
}

static void on_subscribe(struct mosquitto *mosq, void *ctx, int mid, int count, const int *granted,
                         const mosquitto_property *properties)
{
    (void)mosq;
    (void)properties;
    struct mqtt_link *link = ctx;
    for (size_t i = 0; i < link->subscription_count; i++) {
        if (link->subscriptions[i].mid == mid) {
            const char *filter = link->subscriptions[i].filter;
            link->subscriptions[i] = link->subscriptions[--link->subscription_count];
            if (count > 0 && granted[0] >= 0x80) {
                link->callbacks.denied(link->callbacks.ctx, filter, mqtt_words_reason(granted[0]));
            }
            return;
        }
    }
}

static void forget_session(struct mqtt_link *link)
{
    mosquitto_destroy(link->mosq);
    link->mosq = NULL;
    link->answered = false;
    link->refusal = 0;
    link->broker_reason = 0;
    link->subscription_count = 0;
}

static void link_destroy(struct mqtt_link *link)
{
    if (link != NULL) {
        forget_session(link);
        free(link->subscriptions);
        free(link);
    }
}

static struct mqtt_link *link_create(const struct mqtt_link_options *options,
                                     const struct mqtt_link_callbacks *callbacks,
                                     struct hb_err *err)
{
    init_library_once();
    struct mqtt_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    link->options = *options;
    link->callbacks = *callbacks;
    if (!mqtt_url_parse(options->url, &link->url, err)) {
        free(link);
        return NULL;
    }
    return link;
}

/* Keeps OpenSSL from asking on a terminal for the passphrase of a key. */
static int no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)ctx;
    return 0;
}

static int set_tls(const struct mqtt_link *link)
{
    const struct mqtt_link_options *options = &link->options;
    const char *ca_file = or_null(options->ca_file);
    int rc =
        mosquitto_tls_set(link->mosq, ca_file, ca_file == NULL ? mqtt_tls_system_directory() : NULL,
                          or_null(options->cert_file), or_null(options->key_file), no_passphrase);
    if (rc == MOSQ_ERR_SUCCESS && ca_file == NULL) {
        rc = mosquitto_int_option(link->mosq, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        /* "tlsv1.2" means that or newer; 1 is SSL_VERIFY_PEER */
        rc = mosquitto_tls_opts_set(link->mosq, options->tls_verify ? 1 : 0, "tlsv1.2", NULL);
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_tls_insecure_set(link->mosq, !options->tls_verify);
    }
    return rc;
}

static int configure(struct mqtt_link *link)
{
    const struct mqtt_link_options *options = &link->options;
    struct mosquitto *mosq = link->mosq;
    mosquitto_connect_v5_callback_set(mosq, on_connect);
    mosquitto_disconnect_v5_callback_set(mosq, on_disconnect);
    mosquitto_message_v5_callback_set(mosq, on_message);
    mosquitto_publish_v5_callback_set(mosq, on_publish);
    mosquitto_subscribe_v5_callback_set(mosq, on_subscribe);
    (void)mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1);
    int rc = mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION,
                                  link->version == MQTT_VERSION_5 ? MQTT_PROTOCOL_V5
                                                                  : MQTT_PROTOCOL_V311);
    if (rc == MOSQ_ERR_SUCCESS && or_null(options->username) != NULL) {
        rc = mosquitto_username_pw_set(mosq, options->username, or_null(options->password));
    }
    if (rc == MOSQ_ERR_SUCCESS && or_null(options->will_topic) != NULL) {
        rc = mosquitto_will_set(mosq, options->will_topic, (int)strlen(options->will_payload),
                                options->will_payload, 1, true);
    }
    if (rc == MOSQ_ERR_SUCCESS && link->url.tls) {
        rc = set_tls(link);
    }
    return rc;
}

static int open_connection(struct mqtt_link *link)
{
    mosquitto_property *properties = NULL;
    int rc = MOSQ_ERR_SUCCESS;
    if (link->version == MQTT_VERSION_5) {
        rc = mosquitto_property_add_int32(&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE,
                                          link->options.max_packet);
    }
    const int wanted_s = link->options.keepalive_s;
    const int keepalive_s = wanted_s < MIN_KEEPALIVE_S ? MIN_KEEPALIVE_S : wanted_s;
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_connect_bind_v5(link->mosq, link->url.host, link->url.port, keepalive_s,
                                       NULL, properties);
    }
    mosquitto_property_free_all(&properties);
    return rc;
}

/* Fills `err` with the meaning of a library's return code; `number` is the errno that came with it.
 */
static void explain(const struct mqtt_link *link, int rc, int number, struct hb_err *err)
{
    switch (rc) {
    case MOSQ_ERR_EAI:
        (void)mqtt_words_lookup(&link->url, number, err);
        break;
    case MOSQ_ERR_ERRNO:
        (void)mqtt_words_errno(&link->url, number, err);
        break;
    case MOSQ_ERR_KEEPALIVE:
        (void)hb_fail(err, HB_ERR_NETWORK, "the broker does not answer any more");
        break;
    case MOSQ_ERR_CONN_LOST:
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_SUCCESS:
        (void)hb_fail(err, HB_ERR_INPUT, "the broker closed the connection");
        break;
    case MOSQ_ERR_PROTOCOL:
    case MOSQ_ERR_MALFORMED_PACKET:
        (void)hb_fail(err, HB_ERR_INPUT, "%s port %u answers, but not in proper MQTT",
                      link->url.host, link->url.port);
        break;
    default:
        (void)hb_fail(err, HB_ERR_SYSTEM, "%s", mosquitto_strerror(rc));
    }
}

static bool link_connect(struct mqtt_link *link, enum mqtt_version version, struct hb_err *err)
{
    forget_session(link);
    memset(link->publications, 0, sizeof link->publications);
    link->in_flight = 0;
    link->version = version;
    link->mosq = mosquitto_new(or_null(link->options.client_id), true, link);
    if (link->mosq == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    errno = 0;
    int rc = configure(link);
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = open_connection(link);
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        return true;
    }
    const int number = errno;
    if (rc == MOSQ_ERR_TLS || (rc == MOSQ_ERR_ERRNO && number == EPROTO)) {
        mqtt_probe_explain(&link->url, &link->options, PROBE_MS, err);
    } else {
        explain(link, rc, number, err);
    }
    forget_session(link);
    return false;
}

static bool link_publish(struct mqtt_link *link, const char *topic, const void *payload, size_t len,
                         int qos, bool retain)
{
    struct publication *slot = NULL;
    for (size_t i = 0; i < MAX_IN_FLIGHT && qos > 0 && slot == NULL; i++) {
        slot = link->publications[i].mid == 0 ? &link->publications[i] : NULL;
    }
    if (!link->answered || (qos > 0 && slot == NULL)) {
        return false;
    }
    int mid = 0;
    /* On any other failure the library keeps the message, or the loss shows at the next reading. */
    const int rc = mosquitto_publish(link->mosq, &mid, topic, (int)len, payload, qos, retain);
    if (rc == MOSQ_ERR_OVERSIZE_PACKET || rc == MOSQ_ERR_INVAL || rc == MOSQ_ERR_MALFORMED_UTF8 ||
        rc == MOSQ_ERR_QOS_NOT_SUPPORTED) {
        link->callbacks.denied(link->callbacks.ctx, topic, mosquitto_strerror(rc));
        return true;
    }
    if (rc == MOSQ_ERR_NOMEM || rc == MOSQ_ERR_NO_CONN) {
        return false;
    }
    if (qos > 0) {
        slot->mid = mid;
        (void)text_copy(slot->topic, sizeof slot->topic, topic);
        link->in_flight++;
    }
    return true;
}

static bool link_subscribe(struct mqtt_link *link, const char *filter, int qos)
{
    if (!link->answered) {
        return false;
    }
    if (link->subscription_count == link->subscription_room) {
        const size_t room = link->subscription_room == 0 ? 32 : link->subscription_room * 2;
        struct subscription *grown = realloc(link->subscriptions, room * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        link->subscriptions = grown;
        link->subscription_room = room;
    }
    int mid = 0;
    const int rc = link->version == MQTT_VERSION_5
                       ? mosquitto_subscribe_v5(link->mosq, &mid, filter, qos,
                                                MQTT_SUB_OPT_RETAIN_AS_PUBLISHED |
                                                    MQTT_SUB_OPT_SEND_RETAIN_ALWAYS,
                                                NULL)
                       : mosquitto_subscribe(link->mosq, &mid, filter, qos);
    if (rc == MOSQ_ERR_INVAL || rc == MOSQ_ERR_MALFORMED_UTF8) {
        link->callbacks.denied(link->callbacks.ctx, filter, mosquitto_strerror(rc));
        return true;
    }
    if (rc != MOSQ_ERR_SUCCESS) {
        return false;
    }
    link->subscriptions[link->subscription_count++] = (struct subscription){mid, filter};
    return true;
}

static int link_in_flight(const struct mqtt_link *link)
{
    return link->in_flight;
}

/* The session ended after it had begun. */
static void end_session(struct mqtt_link *link, int rc, int number)
{
    struct hb_err err = {.code = HB_OK};
    if (link->broker_reason != 0) {
        (void)hb_fail(&err, HB_ERR_NETWORK, "%s", mqtt_words_reason(link->broker_reason));
    } else {
        explain(link, rc, number, &err);
    }
    forget_session(link);
    link->callbacks.lost(link->callbacks.ctx, err.msg);
}

/* The session ended before it began. Neither TLS nor silence tells much by itself. */
static void end_attempt(struct mqtt_link *link, int rc, int number)
{
    struct hb_err err = {.code = HB_OK};
    const int refusal = link->refusal;
    forget_session(link);
    if (refusal != 0) {
        mqtt_words_refused(link->version, refusal, &err);
    } else if (link->url.tls || rc == MOSQ_ERR_KEEPALIVE) {
        mqtt_probe_explain(&link->url, &link->options, PROBE_MS, &err);
    } else {
        explain(link, rc, number, &err);
    }
    link->callbacks.connected(link->callbacks.ctx, &err);
}

/* During the handshake the library takes a closed socket for "try again" and would spin on it. */
static bool closed_in_handshake(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Lets the library work on what poll found. Returns its code; errno belongs to it. */
static int work(struct mqtt_link *link, int fd, short ready, bool handshake)
{
    int rc = MOSQ_ERR_SUCCESS;
    errno = 0;
    if (ready != 0 && handshake && closed_in_handshake(fd)) {
        return MOSQ_ERR_CONN_LOST;
    }
    if ((ready & (POLLIN | POLLERR | POLLHUP)) != 0 || (handshake && ready != 0)) {
        rc = mosquitto_loop_read(link->mosq, 1);
    }
    if (rc == MOSQ_ERR_SUCCESS && !handshake && mosquitto_want_write(link->mosq)) {
        rc = mosquitto_loop_write(link->mosq, 1);
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_loop_misc(link->mosq);
    }
    return rc;
}

static void link_service(struct mqtt_link *link, int wake_fd, int timeout_ms)
{
    const int fd = link->mosq != NULL ? mosquitto_socket(link->mosq) : -1;
    bool wants_write = false;
    const bool handshake =
        fd >= 0 && mqtt_tls_in_handshake(mosquitto_ssl_get(link->mosq), &wants_write);
    if (fd >= 0 && !handshake) {
        wants_write = mosquitto_want_write(link->mosq);
    }
    struct pollfd ready[] = {
        {.fd = wake_fd, .events = POLLIN},
        {.fd = fd, .events = (short)(POLLIN | (wants_write ? POLLOUT : 0))},
    };
    (void)poll(ready, 2, timeout_ms < MISC_EVERY_MS ? timeout_ms : MISC_EVERY_MS);
    if (link->mosq == NULL) {
        return;
    }
    const bool was_up = link->answered;
    const int rc = fd < 0 ? MOSQ_ERR_NO_CONN : work(link, fd, ready[1].revents, handshake);
    const int number = errno;
    if (rc != MOSQ_ERR_SUCCESS || link->refusal != 0 || mosquitto_socket(link->mosq) < 0) {
        (was_up ? end_session : end_attempt)(link, rc, number);
    } else if (!was_up && link->answered) {
        link->callbacks.connected(link->callbacks.ctx, NULL);
    }
}

static void link_disconnect(struct mqtt_link *link)
{
    if (link->mosq != NULL && link->answered) {
        (void)mosquitto_disconnect(link->mosq);
    }
    forget_session(link);
}

static const char *const schemes[] = {"mqtt", "mqtts", NULL};

const struct mqtt_link_backend mqtt_link_mosquitto = {
    .name = "mosquitto",
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
