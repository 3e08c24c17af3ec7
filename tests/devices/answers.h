/* Answers of devices out of tests/data/devices, and what was wrong with them. */
#ifndef HB_TESTS_DEVICES_ANSWERS_H
#define HB_TESTS_DEVICES_ANSWERS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/reply.h"
#include "tests/support/test.h"

static inline uint64_t answers_faults(const struct reply_faults *faults)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < REPLY_FAULT_COUNT; i++) {
        sum += faults->count[i];
    }
    return sum;
}

static inline char *answers_read(const char *name, size_t *len)
{
    char path[256];
    (void)snprintf(path, sizeof path, "tests/data/devices/%s.json", name);
    return test_read_file(path, len);
}

/* Owned by the caller. */
static inline struct json *answers_load(const char *name, struct reply_faults *faults)
{
    size_t len = 0;
    char *text = answers_read(name, &len);
    struct json *json = reply_parse(text, len, faults);
    free(text);
    assert_non_null(json);
    return json;
}

static inline struct json *answers_text(const char *text, struct reply_faults *faults)
{
    struct json *json = reply_parse(text, strlen(text), faults);
    assert_non_null(json);
    return json;
}

#endif
