/* Tells by the fewest read-only questions what heater answers at an address.
 *
 * Pure: the table of questions, and what each answer means. The owner finds out which ports are
 * open, asks one question at a time, and hands the answers in:
 *
 *     identify_init(&who, open);
 *     while (identify_next(&who, &ask)) { ... ask it ...; identify_take(&who, &answer); }
 *
 * Web servers are asked before port 4028, where some firmware serves one client only and may be
 * talking to somebody. Nothing is written and no password is tried.
 */
#ifndef HB_DEVICES_IDENTIFY_H
#define HB_DEVICES_IDENTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/limits.h"
#include "plumbing/exchange.h"

/* Ports that heaters serve, in the order in which they are tried. */
enum identify_port {
    IDENTIFY_HTTP,       /* 80                                     */
    IDENTIFY_CGMINER,    /* 4028: cgminer's API, or ePIC's HTTP    */
    IDENTIFY_WHATSMINER, /* 4433: WhatsMiner API 3                 */
    IDENTIFY_GRPC,       /* 50051: Braiins OS                      */
    IDENTIFY_MUJINA,     /* 7785: mujina's HTTP                    */
    IDENTIFY_APOLLO,     /* 5000: GraphQL of a FutureBit Apollo    */
    IDENTIFY_PORTS
};

enum identify_family {
    FAMILY_NONE,
    FAMILY_AXEOS,
    FAMILY_NERDAXE,
    FAMILY_AVALON,
    FAMILY_BRAIINS,
    FAMILY_BRAIINS_OLD, /* without the HTTP API                   */
    FAMILY_BOSMINER,    /* and without gRPC: set by a file only   */
    FAMILY_WHATSMINER,
    FAMILY_WHATSMINER_V3,
    FAMILY_LUXOS,
    FAMILY_VNISH,
    FAMILY_ANTMINER,
    FAMILY_EPIC,
    FAMILY_OFEN,
    FAMILY_21PORT,
    FAMILY_MUJINA,
    FAMILY_APOLLO,
    FAMILY_COUNT
};

/* How a family is driven. */
struct identify_row {
    const char *name;   /* as people call it */
    const char *driver; /* NULL: none drives it, and `advice` says what to do */
    const char *scheme; /* of its URL */
    const char *advice; /* one sentence on what the owner must do first; NULL: nothing */
};

extern const struct identify_row identify_rows[FAMILY_COUNT];
extern const uint16_t identify_port_numbers[IDENTIFY_PORTS];

/* Of an HTTP POST or GET, or of TCP. */
struct identify_ask {
    uint16_t port;
    const char *path; /* HTTP if not NULL */
    const char *body; /* of HTTP: POST if not NULL; of TCP: what is sent */
    enum exchange_end end;
};

/* Borrowed. */
struct identify_answer {
    int status;       /* of HTTP; 0: none. Of TCP: 0 */
    const char *body; /* ended by a NUL that does not count; NULL: no answer came */
    size_t len;
    const char *realm, *location; /* WWW-Authenticate and Location of HTTP; NULL: none */
};

struct identify {
    unsigned open;                      /* bits of enum identify_port */
    uint8_t unanswered[IDENTIFY_PORTS]; /* in a row: then the port is left alone */
    size_t row;                         /* of the question under way, or next */
    enum identify_family suspect, found;
    bool named;                  /* port 4028 said which program it is */
    bool grpc;                   /* its port was open                  */
    enum identify_port found_at; /* where the answer came from that told */
    /* What it says of itself, printable; "" if it does not. */
    char model[NAME_MAX_B], firmware[NAME_MAX_B], hostname[NAME_MAX_B];
    char mac[18];
};

void identify_init(struct identify *who, unsigned open);
/* The next question; false when there is none left, and `found` is final. */
bool identify_next(struct identify *who, struct identify_ask *ask);
void identify_take(struct identify *who, const struct identify_answer *answer);

#endif
