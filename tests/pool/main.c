/* demo-pool: a small Stratum pool on the loopback that judges the mining engine from outside. */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plumbing/clock.h"
#include "tests/pool/options.h"

enum { CLIENTS_MAX = 256, LOOP_MS = 100 };

struct connection {
    int fd;
    char in[POOL_LINE_MAX];
    size_t in_len;
    struct client client;
};

struct server {
    struct pool_options options;
    struct pool pool;
    int listen_fd;
    struct connection *connection[CLIENTS_MAX];
    size_t count;
    hb_mono started, job_at;
};

static volatile sig_atomic_t stop_wanted, summary_wanted;

static void on_signal(int number)
{
    if (number == SIGUSR1) {
        summary_wanted = 1;
    } else {
        stop_wanted = 1;
    }
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

static void print_event(struct json *event)
{
    char *text = json_print(event);
    json_free(event);
    (void)puts(text);
    if (fflush(stdout) != 0) {
        stop_wanted = 1; /* whoever started this pool is gone */
    }
    free(text);
}

static void print_client_event(const char *name, const struct client *client)
{
    struct json *event = json_new_object();
    json_add_string(event, "event", name);
    json_add_number(event, "client", client->number, 0);
    print_event(event);
}

static bool start_listening(struct server *server, struct hb_err *err)
{
    int yes = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(server->options.port)};
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    if (server->listen_fd < 0 ||
        setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(server->listen_fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(server->listen_fd, 64) != 0 || fcntl(server->listen_fd, F_SETFL, O_NONBLOCK) != 0 ||
        getsockname(server->listen_fd, (struct sockaddr *)&at, &len) != 0) {
        return hb_fail(err, HB_ERR_SYSTEM, "cannot listen on 127.0.0.1:%d: %s",
                       server->options.port, strerror(errno));
    }
    struct json *event = json_new_object();
    json_add_string(event, "event", "listening");
    json_add_number(event, "port", ntohs(at.sin_port), 0);
    print_event(event);
    return true;
}

static void accept_one(struct server *server)
{
    int yes = 1;
    int fd = accept(server->listen_fd, NULL, NULL);
    if (fd < 0) {
        return;
    }
    struct connection *c = server->count < CLIENTS_MAX ? calloc(1, sizeof *c) : NULL;
    if (c == NULL || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        free(c);
        (void)close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    c->fd = fd;
    pool_client_init(&server->pool, &c->client);
    server->connection[server->count++] = c;
    print_client_event("connect", &c->client);
}

static void drop(struct server *server, size_t index)
{
    struct connection *c = server->connection[index];
    print_client_event("disconnect", &c->client);
    (void)close(c->fd);
    free(c);
    server->connection[index] = server->connection[--server->count];
}

/* Hands on the complete lines; false if one is longer than the buffer. */
static bool take_lines(struct server *server, struct connection *c, hb_mono now)
{
    char *begin = c->in;
    char *end;
    while ((end = memchr(begin, '\n', c->in_len)) != NULL && !c->client.closing) {
        size_t len = (size_t)(end - begin);
        if (len > 0) {
            pool_line(&server->pool, &c->client, begin, len, now);
        }
        c->in_len -= len + 1;
        begin = end + 1;
    }
    memmove(c->in, begin, c->in_len);
    return c->in_len < sizeof c->in;
}

static bool read_some(struct server *server, struct connection *c, hb_mono now)
{
    ssize_t got = read(c->fd, c->in + c->in_len, sizeof c->in - c->in_len);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    c->in_len += (size_t)got;
    return take_lines(server, c, now);
}

static bool write_some(const struct server *server, struct connection *c)
{
    struct client *client = &c->client;
    ssize_t put = write(c->fd, client->out, client->out_len);
    if (put < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    client->out_len -= (size_t)put;
    memmove(client->out, client->out + put, client->out_len);
    if (client->out_len == 0) {
        misbehave_drained(&server->options, client);
    }
    return true;
}

static void serve(struct server *server, const struct pollfd *fds, size_t count, hb_mono now)
{
    for (size_t i = count; i-- > 0;) {
        struct connection *c = server->connection[i];
        bool good = true;
        if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            good = read_some(server, c, now);
        }
        if (good && c->client.out_len > 0) {
            good = write_some(server, c);
        }
        if (!good || (c->client.closing && c->client.out_len == 0)) {
            drop(server, i);
        }
    }
}

static void new_job(struct server *server, hb_mono now)
{
    if ((double)mono_age_ms(now, server->job_at) < server->options.job_interval_s * 1000) {
        return;
    }
    server->job_at = now;
    pool_next_job(&server->pool, clock_wall());
    bool renew = server->options.misbehave == MISBEHAVE_NEW_EXTRANONCE &&
                 server->pool.valid_serial == server->pool.serial;
    for (size_t i = 0; i < server->count; i++) {
        pool_vardiff(&server->pool, &server->connection[i]->client, now);
        pool_send_job(&server->pool, &server->connection[i]->client, renew);
    }
}

static bool go_on(const struct server *server, hb_mono now)
{
    double seconds = server->options.seconds;
    return !stop_wanted &&
           (seconds <= 0 || (double)mono_age_ms(now, server->started) < seconds * 1000);
}

/* As long as jobs are due less often than that. */
static int wait_ms(const struct server *server)
{
    double interval_ms = server->options.job_interval_s * 1000;
    return interval_ms < LOOP_MS ? (int)interval_ms : LOOP_MS;
}

static void run(struct server *server)
{
    struct pollfd fds[CLIENTS_MAX + 1];
    hb_mono now = clock_mono();
    server->started = now;
    server->job_at = now;
    while (go_on(server, now)) {
        size_t count = server->count;
        for (size_t i = 0; i < count; i++) {
            short wanted = server->connection[i]->client.out_len > 0 ? POLLIN | POLLOUT : POLLIN;
            fds[i] = (struct pollfd){.fd = server->connection[i]->fd, .events = wanted};
        }
        fds[count] = (struct pollfd){.fd = server->listen_fd, .events = POLLIN};
        int ready = poll(fds, count + 1, wait_ms(server));
        now = clock_mono();
        if (summary_wanted) {
            summary_wanted = 0;
            print_event(pool_summary(&server->pool));
        }
        if (ready >= 0) {
            serve(server, fds, count, now);
            if (fds[count].revents != 0) {
                accept_one(server);
            }
        }
        new_job(server, now);
    }
}

int main(int argc, char **argv)
{
    static struct server server;
    struct hb_err err = {0};
    bool help = false;
    if (!options_parse(&server.options, argc, argv, &help, &err)) {
        (void)fprintf(stderr, "demo-pool: %s\n", err.msg);
        return 2;
    }
    if (help) {
        options_print_help();
        return 0;
    }
    catch_signals();
    if (!pool_init(&server.pool, &server.options, clock_wall(), print_event, &err) ||
        !start_listening(&server, &err)) {
        (void)fprintf(stderr, "demo-pool: %s\n", err.msg);
        return 1;
    }
    run(&server);
    while (server.count > 0) {
        drop(&server, server.count - 1);
    }
    (void)close(server.listen_fd);
    print_event(pool_summary(&server.pool));
    return 0;
}
