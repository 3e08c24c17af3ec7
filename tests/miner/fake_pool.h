/* A small Stratum pool on the test's own loop, with a choice of bad manners; and the same over TLS
 * on a thread. It checks each share itself. */
#ifndef HB_TESTS_MINER_FAKE_POOL_H
#define HB_TESTS_MINER_FAKE_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum fake_manner {
    FAKE_GOOD,
    FAKE_GARBAGE,
    FAKE_ENDLESS,
    FAKE_DEEP,
    FAKE_NEGATIVE, /* a negative difficulty after the first job */
    FAKE_REDIRECT, /* to redirect_host:redirect_port, after the first job */
    FAKE_HANGS_UP_ON_CONFIGURE,
    FAKE_ANSWERS_CONFIGURE_AND_HANGS_UP,
    FAKE_NO_JOBS,
    FAKE_SILENT,
    FAKE_GREETS, /* with plain text, before it was asked anything */
    FAKE_CUTS,   /* hangs up after one byte, the next time after two, and so on */
    FAKE_DRIPS,  /* one byte every other millisecond */
    FAKE_SAYS,   /* `line`, after the first job */
};

struct fake_pool {
    enum fake_manner manner;
    const char *redirect_host;
    int redirect_port;
    const char *line;
    int port;
    unsigned connections, jobs, good_shares, bad_shares;
    uv_timer_t *drip;
    uv_tcp_t *server; /* these outlive the pool until libuv has let go of them */
};

/* Listens on loopback at `port`, or at a free one for 0. */
void fake_pool_start(struct fake_pool *pool, uv_loop_t *loop, int port);
/* Stops listening and hangs up on everybody; the loop must run once more. */
void fake_pool_stop(struct fake_pool *pool);

/* Sends the job to all who are connected. */
void fake_pool_send_job(const struct fake_pool *pool);

/* A port of loopback where nobody listens. */
int fake_free_port(void);

struct fake_tls;

struct fake_tls_options {
    const char *name;    /* that the certificate, self-signed, is for */
    const char *ca_path; /* where it is written to                    */
    int lasts_s;         /* from now on; negative: it has expired     */
};

/* A pool behind TLS. */
struct fake_tls *fake_tls_start(const struct fake_tls_options *options, int *port);
/* The certificate's SHA-256 in hex with colons. */
const char *fake_tls_pin(const struct fake_tls *tls);
void fake_tls_stop(struct fake_tls *tls);

#endif
