#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "mqtt/probe.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mqtt/tls.h"
#include "mqtt/words.h"
#include "plumbing/clock.h"

struct probe {
    const struct mqtt_url *url;
    const struct mqtt_link_options *options;
    int timeout_ms;
    hb_mono deadline; /* set when the name is looked up */
    int fd;
    struct mqtt_tls *tls; /* NULL: plain */
};

/* Waits for `events` on the socket; false at the deadline. */
static bool wait_for(const struct probe *probe, short events, struct hb_err *err)
{
    struct pollfd ready = {.fd = probe->fd, .events = events};
    for (;;) {
        const int64_t left_ms = mono_age_ms(probe->deadline, clock_mono());
        if (left_ms <= 0) {
            return hb_fail(err, HB_ERR_NETWORK, "%s port %u does not answer", probe->url->host,
                           probe->url->port);
        }
        if (poll(&ready, 1, (int)left_ms) > 0) {
            return true;
        }
    }
}

static bool connect_to(struct probe *probe, const struct addrinfo *address, struct hb_err *err)
{
    probe->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe->fd < 0) {
        return mqtt_words_errno(probe->url, errno, err);
    }
    int problem = 0;
    if (connect(probe->fd, address->ai_addr, address->ai_addrlen) != 0) {
        problem = errno;
    }
    if (problem == EINPROGRESS) {
        socklen_t len = sizeof problem;
        if (!wait_for(probe, POLLOUT, err)) {
            return false;
        }
        (void)getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &problem, &len);
    }
    return problem == 0 || mqtt_words_errno(probe->url, problem, err);
}

static void close_socket(struct probe *probe)
{
    if (probe->fd >= 0) {
        (void)close(probe->fd);
        probe->fd = -1;
    }
}

static bool connect_by_name(struct probe *probe, struct hb_err *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char port[8];
    (void)snprintf(port, sizeof port, "%u", probe->url->port);
    struct addrinfo *all = NULL;
    const int problem = getaddrinfo(probe->url->host, port, &hints, &all);
    if (problem != 0) {
        return mqtt_words_lookup(probe->url, problem, err);
    }
    probe->deadline = mono_add_ms(clock_mono(), probe->timeout_ms);
    bool connected = false;
    for (const struct addrinfo *a = all; a != NULL && !connected; a = a->ai_next) {
        connected = connect_to(probe, a, err);
        if (!connected) {
            close_socket(probe);
        }
    }
    freeaddrinfo(all);
    return connected;
}

static bool closed(struct hb_err *err)
{
    return hb_fail(err, HB_ERR_INPUT, "the broker closed the connection instead of answering");
}

static bool shake_hands(struct probe *probe, struct hb_err *err)
{
    probe->tls = mqtt_tls_open(probe->fd, probe->url, probe->options, err);
    if (probe->tls == NULL) {
        return false;
    }
    for (;;) {
        const enum mqtt_tls_result result = mqtt_tls_handshake(probe->tls, err);
        if (result == TLS_DONE || result == TLS_FAILED) {
            return result == TLS_DONE;
        }
        if (result == TLS_CLOSED) {
            return closed(err);
        }
        if (!wait_for(probe, result == TLS_WANTS_WRITE ? POLLOUT : POLLIN, err)) {
            return false;
        }
    }
}

static bool open_way(struct probe *probe, struct hb_err *err)
{
    return connect_by_name(probe, err) && (!probe->url->tls || shake_hands(probe, err));
}

static void close_way(struct probe *probe)
{
    mqtt_tls_close(probe->tls);
    close_socket(probe);
}

static enum mqtt_tls_result move_plain(const struct probe *probe, void *in, const void *out,
                                       size_t len, size_t *moved)
{
    const ssize_t n =
        out != NULL ? send(probe->fd, out, len, MSG_NOSIGNAL) : recv(probe->fd, in, len, 0);
    if (n > 0) {
        *moved = (size_t)n;
        return TLS_DONE;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        return TLS_CLOSED;
    }
    return out != NULL ? TLS_WANTS_WRITE : TLS_WANTS_READ;
}

/* A TLS server that misses our certificate says so and closes, which we may notice when writing.
 * True, with `err`, if there is such a message to be read. */
static bool last_words(struct probe *probe, struct hb_err *err)
{
    char byte;
    size_t moved = 0;
    return probe->tls != NULL && mqtt_tls_read(probe->tls, &byte, 1, &moved, err) == TLS_FAILED;
}

/* Writes from `out`, or reads into `in` if that is NULL, at least a byte; false when the way is
 * closed or the deadline reached. */
static bool move(struct probe *probe, void *in, const void *out, size_t len, size_t *moved,
                 struct hb_err *err)
{
    for (;;) {
        const enum mqtt_tls_result result =
            probe->tls == NULL ? move_plain(probe, in, out, len, moved)
            : out != NULL      ? mqtt_tls_write(probe->tls, out, len, moved, err)
                               : mqtt_tls_read(probe->tls, in, len, moved, err);
        if (result == TLS_DONE || result == TLS_FAILED) {
            return result == TLS_DONE;
        }
        if (result == TLS_CLOSED) {
            return (out == NULL || !last_words(probe, err)) && closed(err);
        }
        if (!wait_for(probe, result == TLS_WANTS_WRITE ? POLLOUT : POLLIN, err)) {
            return false;
        }
    }
}

static bool write_all(struct probe *probe, const void *bytes, size_t len, struct hb_err *err)
{
    const char *at = bytes;
    while (len > 0) {
        size_t moved = 0;
        if (!move(probe, NULL, at, len, &moved, err)) {
            return false;
        }
        at += moved;
        len -= moved;
    }
    return true;
}

static bool read_exactly(struct probe *probe, unsigned char *bytes, size_t len, struct hb_err *err)
{
    while (len > 0) {
        size_t moved = 0;
        if (!move(probe, bytes, NULL, len, &moved, err)) {
            return false;
        }
        bytes += moved;
        len -= moved;
    }
    return true;
}

/* Asks for a WebSocket (RFC 6455, 4.1) and reads up to the end of the answer's header. */
static bool upgrade(struct probe *probe, struct hb_err *err)
{
    char text[1024];
    const int len = snprintf(text, sizeof text,
                             "GET %s HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Protocol: mqtt\r\n"
                             "Sec-WebSocket-Key: aGVhdGJyaWRnZS1wcm9iZQ==\r\n\r\n",
                             probe->url->path, probe->url->host, probe->url->port);
    if (!write_all(probe, text, (size_t)len, err)) {
        return false;
    }
    size_t got = 0;
    do {
        if (got == sizeof text - 1 || !read_exactly(probe, (unsigned char *)text + got, 1, err)) {
            return got < sizeof text - 1 ? false : closed(err);
        }
        text[++got] = '\0';
    } while (got < 4 || strcmp(text + got - 4, "\r\n\r\n") != 0);
    return strncmp(text, "HTTP/1.1 101", 12) == 0 ||
           hb_fail(err, HB_ERR_INPUT, "%s port %u offers no WebSocket at '%s'", probe->url->host,
                   probe->url->port, probe->url->path);
}

/* Sends one packet, wrapped into a masked binary frame (RFC 6455, 5.2) for a WebSocket. A mask of
 * zeros leaves the bytes as they are. */
static bool send_packet(struct probe *probe, const void *packet, size_t len, struct hb_err *err)
{
    const unsigned char frame[6] = {0x82, (unsigned char)(0x80 | len), 0, 0, 0, 0};
    return (!probe->url->websocket || write_all(probe, frame, sizeof frame, err)) &&
           write_all(probe, packet, len, err);
}

/* CONNACK: 0x20, remaining length, flags, code; in MQTT 5 at least a property length follows, so
 * that a remaining length of 2 is an answer in MQTT 3 (MQTT 5, 3.2; MQTT 3.1.1, 3.2). */
static bool read_answer(struct probe *probe, struct hb_err *err)
{
    unsigned char frame[2];
    unsigned char connack[4];
    if ((probe->url->websocket && !read_exactly(probe, frame, sizeof frame, err)) ||
        !read_exactly(probe, connack, sizeof connack, err)) {
        return false;
    }
    if (connack[0] != 0x20) {
        return hb_fail(err, HB_ERR_INPUT, "%s port %u answers, but not in MQTT", probe->url->host,
                       probe->url->port);
    }
    if (connack[1] == 2 || connack[3] == 0x84) {
        mqtt_words_refused(MQTT_VERSION_5, 0x84, err);
        return false;
    }
    return true;
}

static bool converse(struct probe *probe, struct hb_err *err)
{
    /* CONNECT: "MQTT", version 5, clean start, keep alive 10 s, no properties, no client id */
    static const unsigned char hello[] = {0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 10, 0, 0, 0};
    static const unsigned char goodbye[] = {0xE0, 0};
    if ((probe->url->websocket && !upgrade(probe, err)) ||
        !send_packet(probe, hello, sizeof hello, err) || !read_answer(probe, err)) {
        return false;
    }
    (void)send_packet(probe, goodbye, sizeof goodbye, NULL);
    return true;
}

bool mqtt_probe_speaks_5(const struct mqtt_url *url, const struct mqtt_link_options *options,
                         int timeout_ms, struct hb_err *err)
{
    struct probe probe = {.url = url, .options = options, .timeout_ms = timeout_ms, .fd = -1};
    const bool good = open_way(&probe, err) && converse(&probe, err);
    close_way(&probe);
    return good;
}

void mqtt_probe_explain(const struct mqtt_url *url, const struct mqtt_link_options *options,
                        int timeout_ms, struct hb_err *err)
{
    if (mqtt_probe_speaks_5(url, options, timeout_ms, err) || err->code == HB_ERR_STATE) {
        (void)closed(err);
    }
}
