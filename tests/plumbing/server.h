/* A server on loopback for tests, that answers as each test likes: a thread per connection plays a
 * function over the bare socket. */
#ifndef HB_TESTS_PLUMBING_SERVER_H
#define HB_TESTS_PLUMBING_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;

/* One connection, while `play` runs; closed when it returns. */
struct visit {
    struct server *server;
    int socket;
    unsigned number; /* of the connection, from 0 */
    void *ctx;
};

typedef void (*server_play)(struct visit *visit);

struct server *server_start(server_play play, void *ctx);
/* Ends all connections and waits for their threads. */
void server_stop(struct server *server);
uint16_t server_port(const struct server *server);
/* Connections so far, and those that are open. */
unsigned server_visits(struct server *server);
unsigned server_open(struct server *server);
/* What came in on all connections, in the order in which it was read; the caller frees it. */
char *server_heard(struct server *server);

/* Reads up to `size` bytes; 0 once the client or the test ended the connection. */
size_t visit_read(struct visit *visit, char *bytes, size_t size);
/* Reads an HTTP request with its body; false if the client ended instead. Terminated. */
bool visit_request(struct visit *visit, char *text, size_t size);
/* Reads until `what` was read; false if the client ended before. */
bool visit_until(struct visit *visit, char what);
/* False once the client has ended. */
bool visit_send(struct visit *visit, const void *bytes, size_t len);
bool visit_say(struct visit *visit, const char *text);
/* A 200 answer with this body. */
bool visit_answer(struct visit *visit, const char *body);
/* Byte by byte, with a pause of a millisecond after each. */
bool visit_dribble(struct visit *visit, const char *text);
/* `count` times the same kilobyte. */
bool visit_flood(struct visit *visit, size_t count);
/* Waits until the client ends. */
void visit_hold(struct visit *visit);
/* Ends the connection with a reset. */
void visit_reset(struct visit *visit);

/* A port on which nobody listens. */
uint16_t server_refused_port(void);

#endif
