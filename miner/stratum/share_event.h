/* A share on its way: what was asked of it, what it reached, and what became of it. Plain data. */
#ifndef HB_MINER_SHARE_EVENT_H
#define HB_MINER_SHARE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

enum share_fate {
    SHARE_SENT,
    SHARE_ACCEPTED,
    SHARE_REFUSED,
    SHARE_PROVEN, /* good, but nobody was asked: mining solo, it only shows that we hash */
    SHARE_FATES
};

struct share_event {
    enum share_fate fate;
    double asked, reached; /* difficulties; `reached` is that of its hash        */
    double latency_ms;     /* from being sent to the answer; negative before it  */
    bool block;            /* the hash meets the network's own target            */
    uint8_t hash[32];      /* least significant byte first                       */
};

#endif
