/* The verdict on one submitted share, by the rules of Stratum V1 and BIP310. */
#ifndef HB_TESTS_POOL_JUDGE_H
#define HB_TESTS_POOL_JUDGE_H

#include "tests/pool/pool.h"

/* The usual error codes of mining.submit. */
enum verdict_code {
    VERDICT_ACCEPTED = 0,
    VERDICT_OTHER = 20,
    VERDICT_STALE = 21,
    VERDICT_DUPLICATE = 22,
    VERDICT_LOW_DIFFICULTY = 23,
    VERDICT_UNAUTHORIZED = 24,
    VERDICT_NOT_SUBSCRIBED = 25,
};

struct verdict {
    enum verdict_code code;
    const char *text;
    char hash[65];     /* "" if it did not come to hashing */
    double difficulty; /* that the hash reaches            */
    double required;
    bool block; /* the hash meets the job's own nbits */
};

/* Judges the parameters of a mining.submit; an accepted share is remembered and counted. */
struct verdict judge_share(struct pool *pool, const struct client *client,
                           const struct json *params);

#endif
