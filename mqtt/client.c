#define _GNU_SOURCE /* eventfd, pthread_condattr_setclock */
#include "mqtt/client.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "mqtt/client_state.h"
#include "mqtt/tls.h"
#include "mqtt/url.h"
#include "plumbing/clock.h"

enum {
    IN_SLOTS = 256,
    CHANGE_SLOTS = 8,
    MAX_FILTERS = 8192,
    FILTER_MAX = 1024, /* bytes of a topic filter */
};

static void notify(const struct mqtt_client *client)
{
    const uint64_t one = 1;
    (void)!write(client->wake_fd, &one, sizeof one); /* full means readable, which is the aim */
}

/* Copies `*text` to `*at`, points `*text` there and moves `*at` on; NULL becomes "". */
static void keep_text(const char **text, char **at)
{
    const size_t size = *text != NULL ? strlen(*text) + 1 : 1;
    memcpy(*at, *text != NULL ? *text : "", size);
    *text = *at;
    *at += size;
}

static bool keep_texts(struct mqtt_client *client)
{
    struct mqtt_link_options *o = &client->options;
    const char **texts[] = {&o->url,       &o->username,   &o->password,
                            &o->client_id, &o->ca_file,    &o->cert_file,
                            &o->key_file,  &o->will_topic, &o->will_payload};
    size_t size = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size += *texts[i] != NULL ? strlen(*texts[i]) + 1 : 1;
    }
    client->texts = malloc(size);
    if (client->texts == NULL) {
        return false;
    }
    char *at = client->texts;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        keep_text(texts[i], &at);
    }
    return true;
}

static bool check_url(const struct mqtt_link_options *options,
                      const struct mqtt_link_backend *backend, struct hb_err *err)
{
    struct mqtt_url url;
    if (!mqtt_url_parse(options->url, &url, err)) {
        return false;
    }
    for (const char *const *scheme = backend->schemes; *scheme != NULL; scheme++) {
        if (strcmp(*scheme, url.scheme) == 0) {
            return !url.tls || mqtt_tls_check_files(options, err);
        }
    }
    return hb_fail(err, HB_ERR_USAGE, "%s:// needs client: paho, got client: %s", url.scheme,
                   backend->name);
}

/* Creates what needs no undoing beyond mqtt_client_free. */
static bool create_parts(struct mqtt_client *client, size_t queue_topics)
{
    client->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    client->messages =
        ring_create(IN_SLOTS, sizeof(struct mqtt_incoming), RING_DROP_OLDEST, NULL, NULL);
    client->changes =
        ring_create(CHANGE_SLOTS, sizeof(struct mqtt_incoming), RING_DROP_OLDEST, NULL, NULL);
    client->outbox = outbox_create(queue_topics > 0 ? queue_topics : 1);
    return client->wake_fd >= 0 && client->messages != NULL && client->changes != NULL &&
           client->outbox != NULL && keep_texts(client);
}

static void init_locks(struct mqtt_client *client)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&client->finished_cond, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&client->face_lock, NULL);
    (void)pthread_mutex_init(&client->lock, NULL);
}

void mqtt_client_free(struct mqtt_client *client)
{
    client->backend->destroy(client->link);
    ring_destroy(client->messages);
    ring_destroy(client->changes);
    outbox_destroy(client->outbox);
    for (size_t i = 0; i < client->filter_count; i++) {
        free(client->filters[i]);
    }
    free(client->filters);
    free(client->texts);
    if (client->wake_fd >= 0) {
        (void)close(client->wake_fd);
    }
    (void)pthread_cond_destroy(&client->finished_cond);
    (void)pthread_mutex_destroy(&client->face_lock);
    (void)pthread_mutex_destroy(&client->lock);
    free(client);
}

/* The thread, and the library's threads that it starts, take no signals: those are the main
 * thread's, and a SIGPIPE from a closed socket stays pending. */
static bool start_thread(struct mqtt_client *client)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int problem = pthread_create(&client->thread, NULL, adapter_run, client);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return problem == 0;
}

static uint32_t seed(const struct mqtt_client *client)
{
    return (uint32_t)clock_wall().ms ^ (uint32_t)getpid() << 16 ^ (uint32_t)(uintptr_t)client;
}

struct mqtt_client *mqtt_client_start(const struct mqtt_client_options *options,
                                      const struct hb_log *log, void (*wake)(void *ctx),
                                      void *wake_ctx, struct hb_err *err)
{
    if (!check_url(&options->link, options->backend, err)) {
        hb_err_prefix(err, "mqtt");
        return NULL;
    }
    struct mqtt_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "mqtt: out of memory");
        return NULL;
    }
    init_locks(client);
    client->options = options->link;
    client->backend = options->backend;
    client->version = options->version;
    client->log = log;
    client->wake = wake;
    client->wake_ctx = wake_ctx;
    mqtt_backoff_init(&client->adapter.backoff, seed(client));
    if (!create_parts(client, options->queue_topics)) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        goto fail;
    }
    const struct mqtt_link_callbacks callbacks = adapter_callbacks(client);
    client->link = client->backend->create(&client->options, &callbacks, err);
    if (client->link == NULL) {
        goto fail;
    }
    if (!start_thread(client)) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "cannot start a thread");
        goto fail;
    }
    return client;
fail:
    hb_err_prefix(err, "mqtt");
    mqtt_client_free(client);
    return NULL;
}

static struct timespec monotonic_in(int delay_ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += delay_ms / 1000;
    at.tv_nsec += (long)(delay_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static bool wait_finished(struct mqtt_client *client, int deadline_ms)
{
    const struct timespec deadline = monotonic_in(deadline_ms);
    int problem = 0;
    (void)pthread_mutex_lock(&client->lock);
    while (!client->finished && problem == 0) {
        problem = pthread_cond_timedwait(&client->finished_cond, &client->lock, &deadline);
    }
    const bool finished = client->finished;
    (void)pthread_mutex_unlock(&client->lock);
    return finished;
}

/* The deadline has passed: leaves the client to its thread, which frees it when it can. Holding
 * face_lock means that the thread is not calling the caller, and sees `abandoned` before it would.
 * `lock` goes last, as the thread may free the client once it gets that. */
static bool abandon(struct mqtt_client *client)
{
    (void)pthread_mutex_lock(&client->face_lock);
    (void)pthread_mutex_lock(&client->lock);
    const bool finished = client->finished;
    if (!finished) {
        client->abandoned = true;
        client->log = NULL;
        client->wake = NULL;
        (void)pthread_detach(client->thread);
    }
    (void)pthread_mutex_unlock(&client->face_lock);
    (void)pthread_mutex_unlock(&client->lock);
    return !finished;
}

void mqtt_client_stop(struct mqtt_client *client, const char *last_topic, const char *last_payload,
                      int deadline_ms)
{
    if (client == NULL) {
        return;
    }
    if (last_topic != NULL) {
        (void)mqtt_client_publish(client, last_topic, last_payload, strlen(last_payload), 1, true);
    }
    (void)pthread_mutex_lock(&client->lock);
    client->stop_by = mono_add_ms(clock_mono(), deadline_ms * 4 / 5);
    (void)pthread_mutex_unlock(&client->lock);
    notify(client);
    if (wait_finished(client, deadline_ms) || !abandon(client)) {
        (void)pthread_join(client->thread, NULL);
        mqtt_client_free(client);
    }
}

bool mqtt_client_publish(struct mqtt_client *client, const char *topic, const void *payload,
                         size_t len, int qos, bool retain)
{
    const struct outbox_message message = {topic, payload, len, qos, retain};
    enum outbox_put put = OUTBOX_REFUSED;
    (void)pthread_mutex_lock(&client->lock);
    if (strlen(topic) < TOPIC_MAX) {
        put = outbox_put(client->outbox, &message);
    }
    client->counters.replaced_out += put == OUTBOX_REPLACED;
    client->counters.dropped_out += put == OUTBOX_REFUSED;
    (void)pthread_mutex_unlock(&client->lock);
    notify(client);
    return put != OUTBOX_REFUSED;
}

static bool has_filter(const struct mqtt_client *client, const char *filter)
{
    for (size_t i = 0; i < client->filter_count; i++) {
        if (strcmp(client->filters[i], filter) == 0) {
            return true;
        }
    }
    return false;
}

static bool add_filter(struct mqtt_client *client, const char *filter)
{
    if (client->filter_count == client->filter_room) {
        const size_t room = client->filter_room == 0 ? 32 : client->filter_room * 2;
        char **grown = room <= MAX_FILTERS ? realloc(client->filters, room * sizeof *grown) : NULL;
        if (grown == NULL) {
            return false;
        }
        client->filters = grown;
        client->filter_room = room;
    }
    char *copy = strdup(filter);
    if (copy != NULL) {
        client->filters[client->filter_count++] = copy;
    }
    return copy != NULL;
}

bool mqtt_client_subscribe(struct mqtt_client *client, const char *filter)
{
    if (strlen(filter) >= FILTER_MAX) {
        return false;
    }
    (void)pthread_mutex_lock(&client->lock);
    const bool known = has_filter(client, filter) || add_filter(client, filter);
    (void)pthread_mutex_unlock(&client->lock);
    notify(client);
    return known;
}

bool mqtt_client_receive(struct mqtt_client *client, struct mqtt_incoming *in)
{
    return ring_pop(client->changes, in) || ring_pop(client->messages, in);
}

void mqtt_client_counters(struct mqtt_client *client, struct mqtt_counters *counters)
{
    const uint64_t lost = ring_lost(client->messages);
    (void)pthread_mutex_lock(&client->lock);
    *counters = client->counters;
    (void)pthread_mutex_unlock(&client->lock);
    counters->dropped_in += lost;
}
