#include "tests/web/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plumbing/clock.h"
#include "tests/support/test.h"

static void wake(void *ctx)
{
    const struct site *site = ctx;
    (void)!write(site->woken[1], "w", 1);
}

uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    const int sock = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(sock, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(sock, (struct sockaddr *)&address, &len), 0);
    (void)close(sock);
    return ntohs(address.sin_port);
}

void site_open(struct site *site, const char *password)
{
    struct hb_err err = {.msg = ""};
    site->port = free_port();
    assert_int_equal(pipe(site->woken), 0);
    const struct web_options options = {"127.0.0.1", site->port, password};
    site->web = web_start(&options, NULL, wake, site, &err);
    if (site->web == NULL) {
        fail_msg("%s", err.msg);
    }
}

void site_close(struct site *site)
{
    web_stop(site->web);
    (void)close(site->woken[0]);
    (void)close(site->woken[1]);
}

int client_connect(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int sock = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(sock >= 0);
    assert_int_equal(connect(sock, (const struct sockaddr *)&address, sizeof address), 0);
    return sock;
}

void client_send(int sock, const void *data, size_t len)
{
    /* A refusal may come, and the connection end, before everything is sent. */
    (void)send(sock, data, len, MSG_NOSIGNAL);
}

size_t client_read(int sock, void *data, size_t len, int deadline_ms)
{
    const hb_mono end = mono_add_ms(clock_mono(), deadline_ms);
    size_t used = 0;
    while (used < len) {
        struct pollfd wait = {.fd = sock, .events = POLLIN};
        const int64_t left_ms = mono_age_ms(end, clock_mono());
        if (left_ms <= 0 || poll(&wait, 1, (int)left_ms) <= 0) {
            break;
        }
        const ssize_t got = recv(sock, (char *)data + used, len - used, 0);
        if (got <= 0) {
            break;
        }
        used += (size_t)got;
    }
    return used;
}

bool client_is_closed(int sock, int deadline_ms)
{
    const hb_mono end = mono_add_ms(clock_mono(), deadline_ms);
    for (;;) {
        char dropped[4096];
        struct pollfd wait = {.fd = sock, .events = POLLIN};
        const int64_t left_ms = mono_age_ms(end, clock_mono());
        if (left_ms <= 0 || poll(&wait, 1, (int)left_ms) <= 0) {
            return false;
        }
        if (recv(sock, dropped, sizeof dropped, 0) <= 0) {
            return true;
        }
    }
}

/* Reads up to and with the empty line; false if it never comes. */
static bool read_head(int sock, char *head, size_t size, int deadline_ms)
{
    size_t used = 0;
    while (used < size - 1 && client_read(sock, head + used, 1, deadline_ms) == 1) {
        used++;
        head[used] = '\0';
        if (used >= 4 && strcmp(head + used - 4, "\r\n\r\n") == 0) {
            return true;
        }
    }
    head[used] = '\0';
    return false;
}

static int status_of(const char *head)
{
    static const char version[] = "HTTP/1."; /* libwebsockets refuses an upgrade in 1.0 */
    const size_t len = sizeof version - 1;
    return strncmp(head, version, len) == 0 ? (int)strtol(head + len + 2, NULL, 10) : 0;
}

static void read_response(int sock, struct response *response, bool has_body)
{
    memset(response, 0, sizeof *response);
    response->body = response->text;
    if (!read_head(sock, response->head, sizeof response->head, DEADLINE_MS)) {
        return;
    }
    response->status = status_of(response->head);
    const char *length = strstr(response->head, "content-length: ");
    size_t len = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    if (len >= sizeof response->text) {
        len = sizeof response->text - 1;
    }
    response->body_len = has_body ? client_read(sock, response->text, len, DEADLINE_MS) : 0;
}

void client_exchange(uint16_t port, const char *request, struct response *response)
{
    const int sock = client_connect(port);
    client_send(sock, request, strlen(request));
    read_response(sock, response, strncmp(request, "HEAD", 4) != 0);
    (void)close(sock);
}

void client_ask(uint16_t port, const char *method_and_path, const char *headers, const char *body,
                struct response *response)
{
    char request[32 * 1024];
    char length[64] = "";
    if (body[0] != '\0') {
        (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    }
    (void)snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s%s\r\n%s",
                   method_and_path, (unsigned)port, length, headers, body);
    client_exchange(port, request, response);
}

int client_status(uint16_t port, const char *method_and_path, const char *headers, const char *body)
{
    struct response *response = malloc(sizeof *response);
    client_ask(port, method_and_path, headers, body, response);
    const int status = response->status;
    free(response);
    return status;
}

/* The key and its answer are the example of RFC 6455 section 1.3. */
static int ws_shake(uint16_t port, const char *path, const char *headers, char *head, size_t size)
{
    char request[2048];
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\n%sUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                   "\r\n",
                   path, headers);
    const int sock = client_connect(port);
    client_send(sock, request, strlen(request));
    (void)read_head(sock, head, size, DEADLINE_MS);
    return sock;
}

int ws_handshake_status(uint16_t port, const char *path, const char *headers)
{
    char head[4096];
    const int sock = ws_shake(port, path, headers, head, sizeof head);
    (void)close(sock);
    return status_of(head);
}

int ws_open(uint16_t port, const char *headers)
{
    char head[4096];
    char all[1024];
    (void)snprintf(all, sizeof all, "Host: localhost:%u\r\nOrigin: http://localhost:%u\r\n%s",
                   (unsigned)port, (unsigned)port, headers);
    const int sock = ws_shake(port, "/ws", all, head, sizeof head);
    assert_int_equal(status_of(head), 101);
    assert_non_null(strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    return sock;
}

/* RFC 6455 section 5.2: FIN and opcode, mask bit and length, extended length, mask, payload. */
int ws_read(int sock, char *text, size_t size, int deadline_ms)
{
    unsigned char head[2];
    unsigned char extended[8];
    if (client_read(sock, head, 2, deadline_ms) != 2) {
        return -1;
    }
    uint64_t len = head[1] & 0x7F;
    const size_t more = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (client_read(sock, extended, more, deadline_ms) != more) {
        return -1;
    }
    for (size_t i = 0; i < more; i++) {
        len = (i == 0 ? 0 : len << 8) | extended[i];
    }
    assert_true(len < size);
    if (client_read(sock, text, (size_t)len, deadline_ms) != len) {
        return -1;
    }
    text[len] = '\0';
    return head[0] & 0x0F;
}

void ws_send(int sock, unsigned opcode, bool final, const void *data, size_t len)
{
    static const unsigned char mask[4] = {1, 2, 3, 4};
    unsigned char *frame = malloc(len + 8);
    size_t used = 0;
    assert_true(len <= 0xFFFF);
    frame[used++] = (unsigned char)((final ? 0x80U : 0U) | opcode);
    frame[used++] = (unsigned char)(0x80U | (len < 126 ? len : 126));
    if (len >= 126) {
        frame[used++] = (unsigned char)(len >> 8);
        frame[used++] = (unsigned char)(len & 0xFF);
    }
    memcpy(frame + used, mask, sizeof mask);
    used += sizeof mask;
    for (size_t i = 0; i < len; i++) {
        frame[used++] = ((const unsigned char *)data)[i] ^ mask[i % 4];
    }
    client_send(sock, frame, used);
    free(frame);
}
