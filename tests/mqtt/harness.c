#define _GNU_SOURCE /* eventfd */
#include "tests/mqtt/harness.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "plumbing/clock.h"
#include "tests/support/test.h"

enum { LOG_LINES = 256, STOP_MS = 5000 };

const struct mqtt_link_backend *const harness_backend = &HARNESS_BACKEND;

struct harness {
    struct mqtt_client *client;
    struct hb_log log;
    int wake_fd;
    pthread_mutex_t lock;
    char lines[LOG_LINES][512];
    size_t line_count;
    int64_t worst_us;
    struct mqtt_incoming found;
};

static void notify(struct harness *harness)
{
    const uint64_t one = 1;
    assert_int_equal(write(harness->wake_fd, &one, sizeof one), sizeof one);
}

static void on_wake(void *ctx)
{
    notify(ctx);
}

static void on_log(void *ctx, enum log_level level, const char *part, const char *text)
{
    struct harness *harness = ctx;
    print_message("      [%s %s: %s]\n", log_level_name(level), part, text);
    (void)pthread_mutex_lock(&harness->lock);
    (void)snprintf(harness->lines[harness->line_count++ % LOG_LINES], sizeof harness->lines[0],
                   "%s %s", log_level_name(level), text);
    (void)pthread_mutex_unlock(&harness->lock);
    notify(harness);
}

struct mqtt_client_options harness_options(const char *scheme, const char *host, uint16_t port)
{
    static char url[128];
    static char id[32];
    static unsigned used;
    (void)snprintf(url, sizeof url, "%s://%s:%u", scheme, host, port);
    (void)snprintf(id, sizeof id, "hb-%d-%u", (int)getpid(), used++);
    return (struct mqtt_client_options){.backend = harness_backend,
                                        .link = {.url = url,
                                                 .client_id = id,
                                                 .tls_verify = true,
                                                 .keepalive_s = 5,
                                                 .max_packet = 2 * PAYLOAD_MAX,
                                                 .will_topic = "hb/status",
                                                 .will_payload = "offline"},
                                        .queue_topics = 64};
}

struct harness *harness_start(const struct mqtt_client_options *options)
{
    struct harness *harness = calloc(1, sizeof *harness);
    assert_non_null(harness);
    (void)pthread_mutex_init(&harness->lock, NULL);
    harness->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    harness->log = (struct hb_log){.write = on_log, .ctx = harness, .level = LOG_LEVEL_DEBUG};
    struct hb_err err = {.code = HB_OK};
    harness->client = mqtt_client_start(options, &harness->log, on_wake, harness, &err);
    if (harness->client == NULL) {
        fail_msg("the client does not start: %s", err.msg);
    }
    return harness;
}

int64_t harness_stop_within(struct harness *harness, bool goodbye, int deadline_ms)
{
    const hb_mono before = clock_mono();
    mqtt_client_stop(harness->client, goodbye ? "hb/status" : NULL, "stopped", deadline_ms);
    const int64_t took_ms = mono_age_ms(clock_mono(), before);
    (void)close(harness->wake_fd);
    (void)pthread_mutex_destroy(&harness->lock);
    free(harness);
    return took_ms;
}

void harness_stop(struct harness *harness, bool goodbye)
{
    assert_in_range(harness_stop_within(harness, goodbye, STOP_MS), 0, STOP_MS + 200);
}

struct mqtt_client *harness_client(struct harness *harness)
{
    return harness->client;
}

static int64_t now_us(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static void note_time(struct harness *harness, int64_t started_us)
{
    const int64_t took_us = now_us() - started_us;
    if (took_us > harness->worst_us) {
        harness->worst_us = took_us;
    }
}

bool harness_publish(struct harness *harness, const char *topic, const char *text)
{
    const int64_t started_us = now_us();
    const bool queued = mqtt_client_publish(harness->client, topic, text, strlen(text), 1, true);
    note_time(harness, started_us);
    return queued;
}

void harness_subscribe(struct harness *harness, const char *filter)
{
    const int64_t started_us = now_us();
    const bool known = mqtt_client_subscribe(harness->client, filter);
    note_time(harness, started_us);
    assert_true(known);
}

int64_t harness_worst_us(const struct harness *harness)
{
    return harness->worst_us;
}

static bool receive(struct harness *harness)
{
    const int64_t started_us = now_us();
    const bool any = mqtt_client_receive(harness->client, &harness->found);
    note_time(harness, started_us);
    return any;
}

/* Waits for a wake-up; false at the deadline. */
static bool sleep_until_woken(struct harness *harness, hb_mono deadline)
{
    struct pollfd ready = {.fd = harness->wake_fd, .events = POLLIN};
    const int64_t left_ms = mono_age_ms(deadline, clock_mono());
    if (left_ms <= 0 || poll(&ready, 1, (int)left_ms) <= 0) {
        return false;
    }
    uint64_t count = 0;
    return read(harness->wake_fd, &count, sizeof count) == sizeof count;
}

static bool delivers(struct harness *harness, enum mqtt_incoming_kind kind, const char *topic,
                     const char *payload, int deadline_ms)
{
    const hb_mono deadline = mono_add_ms(clock_mono(), deadline_ms);
    do {
        while (receive(harness)) {
            const struct mqtt_incoming *in = &harness->found;
            if (in->kind == kind && (topic == NULL || strcmp(in->topic, topic) == 0) &&
                (payload == NULL || strcmp(in->payload, payload) == 0)) {
                return true;
            }
        }
    } while (sleep_until_woken(harness, deadline));
    return false;
}

bool harness_gets(struct harness *harness, enum mqtt_incoming_kind kind, int deadline_ms)
{
    return delivers(harness, kind, NULL, NULL, deadline_ms);
}

bool harness_hears(struct harness *harness, const char *topic, const char *payload, int deadline_ms)
{
    return delivers(harness, MQTT_IN_MESSAGE, topic, payload, deadline_ms);
}

const struct mqtt_incoming *harness_found(const struct harness *harness)
{
    return &harness->found;
}

size_t harness_log_count(struct harness *harness, const char *text)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&harness->lock);
    for (size_t i = 0; i < harness->line_count && i < LOG_LINES; i++) {
        count += strstr(harness->lines[i], text) != NULL;
    }
    (void)pthread_mutex_unlock(&harness->lock);
    return count;
}

bool harness_logs(struct harness *harness, const char *text, int deadline_ms)
{
    const hb_mono deadline = mono_add_ms(clock_mono(), deadline_ms);
    while (harness_log_count(harness, text) == 0) {
        if (!sleep_until_woken(harness, deadline)) {
            return false;
        }
    }
    return true;
}
