#define _GNU_SOURCE /* memmem */
#include "tests/plumbing/server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/test.h"

enum { VISITS_MAX = 256, KILOBYTE = 1024 };

struct room {
    struct visit visit;
    pthread_t thread;
    bool open;
};

struct server {
    int listener;
    uint16_t port;
    server_play play;
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock;
    struct room rooms[VISITS_MAX];
    unsigned count, open;
    bool ended;
    char *heard;
    size_t heard_len;
};

static int listen_on_loopback(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return listener;
}

uint16_t server_refused_port(void)
{
    uint16_t port = 0;
    (void)close(listen_on_loopback(&port));
    return port;
}

static void *receive_one(void *ctx)
{
    struct room *room = ctx;
    struct server *server = room->visit.server;
    server->play(&room->visit);
    (void)pthread_mutex_lock(&server->lock);
    room->open = false;
    server->open--;
    (void)close(room->visit.socket);
    (void)pthread_mutex_unlock(&server->lock);
    return NULL;
}

static void *receive_all(void *ctx)
{
    struct server *server = ctx;
    int client = -1;
    while ((client = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        (void)pthread_mutex_lock(&server->lock);
        if (server->ended || server->count == VISITS_MAX) {
            (void)close(client);
        } else {
            struct room *room = &server->rooms[server->count];
            room->visit = (struct visit){server, client, server->count, server->ctx};
            room->open = true;
            server->count++;
            server->open++;
            if (pthread_create(&room->thread, NULL, receive_one, room) != 0) {
                abort();
            }
        }
        (void)pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

struct server *server_start(server_play play, void *ctx)
{
    struct server *server = calloc(1, sizeof *server);
    assert_non_null(server);
    server->play = play;
    server->ctx = ctx;
    (void)pthread_mutex_init(&server->lock, NULL);
    server->listener = listen_on_loopback(&server->port);
    assert_int_equal(listen(server->listener, VISITS_MAX), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, receive_all, server), 0);
    return server;
}

void server_stop(struct server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->ended = true;
    for (unsigned i = 0; i < server->count; i++) {
        if (server->rooms[i].open) {
            (void)shutdown(server->rooms[i].visit.socket, SHUT_RDWR);
        }
    }
    (void)pthread_mutex_unlock(&server->lock);
    (void)shutdown(server->listener, SHUT_RDWR);
    (void)pthread_join(server->thread, NULL);
    for (unsigned i = 0; i < server->count; i++) {
        (void)pthread_join(server->rooms[i].thread, NULL);
    }
    (void)close(server->listener);
    (void)pthread_mutex_destroy(&server->lock);
    free(server->heard);
    free(server);
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

unsigned server_visits(struct server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    const unsigned count = server->count;
    (void)pthread_mutex_unlock(&server->lock);
    return count;
}

unsigned server_open(struct server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    const unsigned open = server->open;
    (void)pthread_mutex_unlock(&server->lock);
    return open;
}

char *server_heard(struct server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    char *copy = calloc(1, server->heard_len + 1);
    if (copy != NULL && server->heard_len > 0) {
        memcpy(copy, server->heard, server->heard_len);
    }
    (void)pthread_mutex_unlock(&server->lock);
    assert_non_null(copy);
    return copy;
}

static void note(struct server *server, const char *bytes, size_t len)
{
    (void)pthread_mutex_lock(&server->lock);
    char *heard = realloc(server->heard, server->heard_len + len);
    if (heard == NULL) {
        abort();
    }
    memcpy(heard + server->heard_len, bytes, len);
    server->heard = heard;
    server->heard_len += len;
    (void)pthread_mutex_unlock(&server->lock);
}

size_t visit_read(struct visit *visit, char *bytes, size_t size)
{
    const ssize_t len = recv(visit->socket, bytes, size, 0);
    if (len <= 0) {
        return 0;
    }
    note(visit->server, bytes, (size_t)len);
    return (size_t)len;
}

/* Bytes of the body that a request's head announces. */
static size_t body_length(const char *head)
{
    const char *line = strcasestr(head, "\r\nContent-Length:");
    return line == NULL ? 0 : (size_t)strtoul(line + 17, NULL, 10);
}

bool visit_request(struct visit *visit, char *text, size_t size)
{
    size_t len = 0;
    while (len + 1 < size) {
        const size_t more = visit_read(visit, text + len, size - 1 - len);
        if (more == 0) {
            return false;
        }
        len += more;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end != NULL && len >= (size_t)(end + 4 - text) + body_length(text)) {
            return true;
        }
    }
    return false;
}

bool visit_until(struct visit *visit, char what)
{
    char c = '\0';
    while (visit_read(visit, &c, 1) == 1) {
        if (c == what) {
            return true;
        }
    }
    return false;
}

bool visit_send(struct visit *visit, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        const ssize_t sent = send(visit->socket, at, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool visit_say(struct visit *visit, const char *text)
{
    return visit_send(visit, text, strlen(text));
}

bool visit_answer(struct visit *visit, const char *body)
{
    char head[128];
    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                   strlen(body));
    return visit_say(visit, head) && visit_say(visit, body);
}

bool visit_dribble(struct visit *visit, const char *text)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (; *text != '\0'; text++) {
        if (!visit_send(visit, text, 1)) {
            return false;
        }
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

bool visit_flood(struct visit *visit, size_t count)
{
    char kilobyte[KILOBYTE];
    memset(kilobyte, 'x', sizeof kilobyte);
    for (; count > 0; count--) {
        if (!visit_send(visit, kilobyte, sizeof kilobyte)) {
            return false;
        }
    }
    return true;
}

void visit_hold(struct visit *visit)
{
    char bytes[256];
    while (visit_read(visit, bytes, sizeof bytes) > 0) {
    }
}

void visit_reset(struct visit *visit)
{
    const struct linger linger = {.l_onoff = 1};
    (void)setsockopt(visit->socket, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}
