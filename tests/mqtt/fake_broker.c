#define _GNU_SOURCE /* eventfd, accept4 */
#include "tests/mqtt/fake_broker.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/test.h"

enum { MAX_CONNECTIONS = 32 };

struct connection {
    int fd, upstream_fd; /* -1: none */
};

struct fake_broker {
    enum fake_manner manner;
    uint16_t port, upstream_port;
    int listen_fd, stop_fd;
    pthread_t thread;
    struct connection connections[MAX_CONNECTIONS];
};

static void close_connection(struct connection *connection)
{
    if (connection->fd >= 0) {
        (void)close(connection->fd);
    }
    if (connection->upstream_fd >= 0) {
        (void)close(connection->upstream_fd);
    }
    *connection = (struct connection){-1, -1};
}

static int connect_upstream(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* False if the connection broke. */
static bool send_all(int fd, const void *bytes, size_t len)
{
    return send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* The packet at `bytes`: where its body begins, and its whole length; 0 if it is incomplete. */
static size_t measure(const unsigned char *bytes, size_t len, size_t *body)
{
    size_t remaining = 0;
    for (size_t i = 1, shift = 0; i < len && i <= 4; i++, shift += 7) {
        remaining |= (size_t)(bytes[i] & 0x7F) << shift;
        if ((bytes[i] & 0x80) == 0) {
            *body = i + 1;
            return *body + remaining <= len ? *body + remaining : 0;
        }
    }
    return 0;
}

/* CONNECT: length and "MQTT", then the protocol level. False to close the connection. */
static bool answer_connect(const struct fake_broker *fake, struct connection *connection,
                           const unsigned char *packet, size_t len, size_t body)
{
    static const unsigned char welcome_5[] = {0x20, 3, 0, 0, 0};
    static const unsigned char refused_311[] = {0x20, 2, 0, 1};
    const bool is_5 = packet[body + 6] == 5;
    if (fake->manner == FAKE_DENIES) {
        return is_5 && send_all(connection->fd, welcome_5, sizeof welcome_5);
    }
    if (is_5) {
        return fake->manner == FAKE_KNOWS_ONLY_311 &&
               send_all(connection->fd, refused_311, sizeof refused_311) && false;
    }
    connection->upstream_fd = connect_upstream(fake->upstream_port);
    return connection->upstream_fd >= 0 && send_all(connection->upstream_fd, packet, len);
}

static bool answer(const struct fake_broker *fake, struct connection *connection,
                   const unsigned char *packet, size_t len, size_t body)
{
    static const unsigned char pong[] = {0xD0, 0};
    const unsigned char denied[] = {0x90, 4, packet[body], len > 2 ? packet[body + 1] : 0, 0, 0x87};
    switch (packet[0] & 0xF0) {
    case 0x10:
        return answer_connect(fake, connection, packet, len, body);
    case 0x80:
        return fake->manner == FAKE_DENIES && send_all(connection->fd, denied, sizeof denied);
    case 0xC0:
        return send_all(connection->fd, pong, sizeof pong);
    default:
        return fake->manner == FAKE_DENIES && packet[0] != 0xE0;
    }
}

/* Handles what a client sent; false to close. Packets of these tests arrive in one piece. */
static bool from_client(const struct fake_broker *fake, struct connection *connection)
{
    unsigned char bytes[65536];
    const ssize_t got = recv(connection->fd, bytes, sizeof bytes, 0);
    if (got <= 0) {
        return false;
    }
    if (connection->upstream_fd >= 0) {
        return send_all(connection->upstream_fd, bytes, (size_t)got);
    }
    if (fake->manner == FAKE_SILENT) {
        return true;
    }
    if (fake->manner == FAKE_BABBLES) {
        return send_all(connection->fd, "SSH-2.0-OpenSSH_9.2\r\n", 21);
    }
    size_t body = 0;
    size_t len = 0;
    for (size_t at = 0; at < (size_t)got; at += len) {
        len = measure(bytes + at, (size_t)got - at, &body);
        if (len == 0 || !answer(fake, connection, bytes + at, len, body)) {
            return false;
        }
    }
    return true;
}

static bool from_upstream(const struct connection *connection)
{
    char bytes[65536];
    const ssize_t got = recv(connection->upstream_fd, bytes, sizeof bytes, 0);
    return got > 0 && send_all(connection->fd, bytes, (size_t)got);
}

static void accept_one(struct fake_broker *fake)
{
    const int fd = accept4(fake->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; i < MAX_CONNECTIONS && fd >= 0; i++) {
        if (fake->connections[i].fd < 0) {
            fake->connections[i].fd = fd;
            return;
        }
    }
    (void)close(fd);
}

static void serve(struct fake_broker *fake, const struct pollfd *ready)
{
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *connection = &fake->connections[i];
        const bool client_ready = ready[2 * i].fd >= 0 && ready[2 * i].revents != 0;
        const bool upstream_ready = ready[2 * i + 1].fd >= 0 && ready[2 * i + 1].revents != 0;
        if ((client_ready && !from_client(fake, connection)) ||
            (upstream_ready && !from_upstream(connection))) {
            close_connection(connection);
        }
    }
}

static void *run(void *arg)
{
    struct fake_broker *fake = arg;
    struct pollfd ready[2 + 2 * MAX_CONNECTIONS];
    for (;;) {
        ready[0] = (struct pollfd){.fd = fake->stop_fd, .events = POLLIN};
        ready[1] = (struct pollfd){.fd = fake->listen_fd, .events = POLLIN};
        for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
            ready[2 + 2 * i] = (struct pollfd){.fd = fake->connections[i].fd, .events = POLLIN};
            ready[3 + 2 * i] =
                (struct pollfd){.fd = fake->connections[i].upstream_fd, .events = POLLIN};
        }
        (void)poll(ready, sizeof ready / sizeof ready[0], -1);
        if (ready[0].revents != 0) {
            return NULL;
        }
        serve(fake, ready + 2);
        if (ready[1].revents != 0) {
            accept_one(fake);
        }
    }
}

struct fake_broker *fake_broker_start(enum fake_manner manner, uint16_t upstream_port)
{
    struct fake_broker *fake = calloc(1, sizeof *fake);
    assert_non_null(fake);
    fake->manner = manner;
    fake->upstream_port = upstream_port;
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        fake->connections[i] = (struct connection){-1, -1};
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    fake->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake->listen_fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fake->listen_fd, 16), 0);
    assert_int_equal(getsockname(fake->listen_fd, (struct sockaddr *)&address, &len), 0);
    fake->port = ntohs(address.sin_port);
    fake->stop_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(pthread_create(&fake->thread, NULL, run, fake), 0);
    return fake;
}

void fake_broker_stop(struct fake_broker *fake)
{
    const uint64_t one = 1;
    assert_int_equal(write(fake->stop_fd, &one, sizeof one), sizeof one);
    (void)pthread_join(fake->thread, NULL);
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        close_connection(&fake->connections[i]);
    }
    (void)close(fake->listen_fd);
    (void)close(fake->stop_fd);
    free(fake);
}

uint16_t fake_broker_port(const struct fake_broker *fake)
{
    return fake->port;
}
