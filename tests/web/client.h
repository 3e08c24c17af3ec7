/* A bare HTTP and WebSocket client over TCP for the tests of the page: it can be as rude as needed.
 */
#ifndef HB_TESTS_WEB_CLIENT_H
#define HB_TESTS_WEB_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/web/web.h"

enum { DEADLINE_MS = 5000 };

/* A page on a free port of 127.0.0.1, and what came from it. */
struct site {
    struct web *web;
    uint16_t port;
    int woken[2]; /* pipe: one byte per wake-up */
};

void site_open(struct site *site, const char *password);
void site_close(struct site *site);
/* A port of 127.0.0.1 that nobody listens on. */
uint16_t free_port(void);

int client_connect(uint16_t port);
void client_send(int sock, const void *data, size_t len);
/* Reads until `len` bytes are there, the peer closes or the deadline passes; the number read. */
size_t client_read(int sock, void *data, size_t len, int deadline_ms);
/* True if the peer closes within the deadline; what it still says is dropped. */
bool client_is_closed(int sock, int deadline_ms);

struct response {
    int status; /* 0: closed without a reply */
    char head[4096];
    char *body; /* in `text` */
    size_t body_len;
    char text[256 * 1024];
};

/* Sends `request` as it is and reads one response. */
void client_exchange(uint16_t port, const char *request, struct response *response);
/* "METHOD path" with Host 127.0.0.1 and further header lines, each ending in \r\n. */
void client_ask(uint16_t port, const char *method_and_path, const char *headers, const char *body,
                struct response *response);
/* Only the status of that. */
int client_status(uint16_t port, const char *method_and_path, const char *headers,
                  const char *body);

/* Opens a WebSocket with the page's own Origin; `headers` may add more. */
int ws_open(uint16_t port, const char *headers);
/* Handshake with exactly these headers besides those of the WebSocket; the status. */
int ws_handshake_status(uint16_t port, const char *path, const char *headers);
/* Reads one unfragmented frame; its opcode, -1 when closed or too late. Terminates the text. */
int ws_read(int sock, char *text, size_t size, int deadline_ms);
/* Sends one masked frame. */
void ws_send(int sock, unsigned opcode, bool final, const void *data, size_t len);

#endif
