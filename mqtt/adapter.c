/* The adapter thread: connects, hands messages over, and tells the core and the log what happens.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ground/text.h"
#include "mqtt/client_state.h"
#include "plumbing/clock.h"

enum {
    CONNECT_MS = 20000, /* for an answer to CONNECT */
    SERVICE_MS = 1000,
    IN_FLIGHT_MAX = 20, /* Mosquitto's own limit; more would queue inside the libraries */
};

static void wake_caller(struct mqtt_client *client)
{
    (void)pthread_mutex_lock(&client->face_lock);
    if (client->wake != NULL) {
        client->wake(client->wake_ctx);
    }
    (void)pthread_mutex_unlock(&client->face_lock);
}

static void tell(struct mqtt_client *client, enum log_level level, const char *text)
{
    (void)pthread_mutex_lock(&client->face_lock);
    hb_log(client->log, level, "mqtt", "%s", text);
    (void)pthread_mutex_unlock(&client->face_lock);
}

static void count(struct mqtt_client *client, uint64_t *counter)
{
    (void)pthread_mutex_lock(&client->lock);
    (*counter)++;
    (void)pthread_mutex_unlock(&client->lock);
}

static void push_change(struct mqtt_client *client, enum mqtt_incoming_kind kind, const char *text)
{
    struct mqtt_incoming *in = &client->adapter.scratch;
    *in = (struct mqtt_incoming){.kind = kind};
    (void)text_copy(in->payload, sizeof in->payload, text);
    in->len = strlen(in->payload);
    (void)ring_push(client->changes, in);
    wake_caller(client);
}

/* --- what the link reports, from within calls of it ---------------------------------------------
 */

static void on_connected(void *ctx, const struct hb_err *refused)
{
    struct adapter *adapter = &((struct mqtt_client *)ctx)->adapter;
    if (refused == NULL) {
        adapter->came_up = true;
    } else {
        adapter->ended = true;
        adapter->ending = *refused;
    }
}

static void on_lost(void *ctx, const char *cause)
{
    struct adapter *adapter = &((struct mqtt_client *)ctx)->adapter;
    adapter->ended = true;
    (void)hb_fail(&adapter->ending, HB_ERR_NETWORK, "%s", cause);
}

static void on_message(void *ctx, const char *topic, const void *payload, size_t len, bool retained)
{
    struct mqtt_client *client = ctx;
    struct mqtt_incoming *in = &client->adapter.scratch;
    if (len > PAYLOAD_MAX || strlen(topic) >= TOPIC_MAX) {
        count(client, &client->counters.oversized);
        return;
    }
    if (payload == NULL && len > 0) {
        count(client, &client->counters.dropped_in);
        return;
    }
    in->kind = MQTT_IN_MESSAGE;
    in->retained = retained;
    in->len = len;
    (void)text_copy(in->topic, sizeof in->topic, topic);
    if (len > 0) {
        memcpy(in->payload, payload, len);
    }
    in->payload[len] = '\0';
    /* Counted first: whoever has the message finds it counted. */
    count(client, &client->counters.received);
    (void)ring_push(client->messages, in);
    wake_caller(client);
}

/* True the first time that `text` is added to a list of `size`-byte texts; false if it is there, or
 * the list is full. */
static bool add_once(char *list, size_t size, size_t room, size_t *used, const char *text)
{
    for (size_t i = 0; i < *used; i++) {
        if (strncmp(list + i * size, text, size - 1) == 0) {
            return false;
        }
    }
    if (*used == room) {
        return false;
    }
    (void)text_copy(list + (*used)++ * size, size, text);
    return true;
}

/* Once per topic: on the next connection the broker will deny it again. */
static void on_denied(void *ctx, const char *topic, const char *cause)
{
    struct mqtt_client *client = ctx;
    struct adapter *adapter = &client->adapter;
    adapter->denied_at_once = true;
    if (add_once(adapter->denials[0], TOPIC_MAX, ADAPTER_DENIALS, &adapter->denial_count, topic)) {
        char text[TOPIC_MAX + 160];
        (void)snprintf(text, sizeof text, "the broker denies '%s' to this user: %s", topic, cause);
        tell(client, LOG_LEVEL_ERROR, text);
    }
}

struct mqtt_link_callbacks adapter_callbacks(struct mqtt_client *client)
{
    return (struct mqtt_link_callbacks){.ctx = client,
                                        .connected = on_connected,
                                        .lost = on_lost,
                                        .message = on_message,
                                        .denied = on_denied};
}

/* --- going up and down ---------------------------------------------------------------------------
 */

static void go_up(struct mqtt_client *client)
{
    struct adapter *adapter = &client->adapter;
    char text[TEXT_MAX];
    adapter->phase = ADAPTER_UP;
    adapter->subscribed = 0;
    adapter->announced = false;
    adapter->cause_count = 0;
    mqtt_backoff_connected(&adapter->backoff, clock_mono());
    count(client, &client->counters.connects);
    (void)snprintf(text, sizeof text, "connected to %.200s with MQTT %s", client->options.url,
                   adapter->version == MQTT_VERSION_5 ? "5" : "3.1.1");
    tell(client, LOG_LEVEL_INFO, text);
}

/* Each cause is told once in an outage, and not again for each attempt that meets it. */
static void tell_cause(struct mqtt_client *client, const char *cause)
{
    struct adapter *adapter = &client->adapter;
    if (add_once(adapter->causes[0], sizeof adapter->causes[0], ADAPTER_CAUSES,
                 &adapter->cause_count, cause)) {
        char text[sizeof adapter->causes[0] + 256];
        (void)snprintf(text, sizeof text, "not connected to %.200s: %s", client->options.url,
                       cause);
        tell(client, LOG_LEVEL_WARN, text);
        push_change(client, MQTT_IN_LOST, cause);
    }
}

/* Which version to try next after a failure. A refusal for the version settles it; a broker that
 * merely closes or babbles may be an old one, so that both are tried in turn. */
static void choose_version(struct mqtt_client *client, enum hb_code code)
{
    struct adapter *adapter = &client->adapter;
    if (client->version != MQTT_TRY_5_THEN_311 || (code != HB_ERR_STATE && code != HB_ERR_INPUT)) {
        return;
    }
    adapter->version = adapter->version == MQTT_VERSION_5 ? MQTT_VERSION_311 : MQTT_VERSION_5;
}

static void go_down(struct mqtt_client *client)
{
    struct adapter *adapter = &client->adapter;
    const hb_mono now = clock_mono();
    const bool was_up = adapter->phase == ADAPTER_UP;
    const bool try_other_now = adapter->ending.code == HB_ERR_STATE && !was_up &&
                               client->version == MQTT_TRY_5_THEN_311 &&
                               adapter->version == MQTT_VERSION_5;
    int64_t delay_ms = 0;
    bool fight = false;
    if (was_up) {
        delay_ms = mqtt_backoff_lost(&adapter->backoff, now, &fight);
        const int in_flight = client->backend->in_flight(client->link);
        (void)pthread_mutex_lock(&client->lock);
        client->counters.losses++;
        outbox_acknowledged(client->outbox, (size_t)in_flight);
        outbox_lost(client->outbox);
        (void)pthread_mutex_unlock(&client->lock);
    } else {
        choose_version(client, adapter->ending.code);
        delay_ms = try_other_now ? 0 : mqtt_backoff_failed(&adapter->backoff);
    }
    client->backend->disconnect(client->link);
    adapter->phase = ADAPTER_WAITING;
    adapter->retry_at = mono_add_ms(now, delay_ms);
    if (fight) {
        tell_cause(client, "the broker drops each session at once; is the client id in use by "
                           "another program? trying again in a minute");
    } else if (!try_other_now) {
        tell_cause(client, adapter->ending.msg);
    }
}

/* Acts on what the link reported during the last call of it. */
static void settle(struct mqtt_client *client)
{
    struct adapter *adapter = &client->adapter;
    if (adapter->came_up) {
        adapter->came_up = false;
        go_up(client);
    }
    if (adapter->ended) {
        adapter->ended = false;
        go_down(client);
    }
}

/* --- traffic -------------------------------------------------------------------------------------
 */

/* The next filter that this connection does not have; NULL if there is none. */
static const char *next_filter(struct mqtt_client *client)
{
    (void)pthread_mutex_lock(&client->lock);
    const size_t next = client->adapter.subscribed;
    const char *filter = next < client->filter_count ? client->filters[next] : NULL;
    (void)pthread_mutex_unlock(&client->lock);
    return filter;
}

/* True when all filters are on their way to the broker. */
static bool renew_subscriptions(struct mqtt_client *client)
{
    const char *filter = NULL;
    while ((filter = next_filter(client)) != NULL) {
        if (!client->backend->subscribe(client->link, filter, 1)) {
            return false;
        }
        client->adapter.subscribed++;
    }
    return true;
}

/* Hands over the oldest waiting message; false if there is none, or the library cannot take it. */
static bool send_one(struct mqtt_client *client)
{
    struct adapter *adapter = &client->adapter;
    (void)pthread_mutex_lock(&client->lock);
    const struct outbox_message *message = outbox_take(client->outbox);
    (void)pthread_mutex_unlock(&client->lock);
    if (message == NULL) {
        return false;
    }
    adapter->denied_at_once = false;
    const bool taken = client->backend->publish(client->link, message->topic, message->payload,
                                                message->len, message->qos, message->retain);
    (void)pthread_mutex_lock(&client->lock);
    if (!taken) {
        outbox_untake(client->outbox);
    } else {
        client->counters.published++;
        if (message->qos == 0 || adapter->denied_at_once) {
            outbox_forget(client->outbox);
        }
    }
    (void)pthread_mutex_unlock(&client->lock);
    return taken;
}

/* Forgets what was acknowledged and hands over more. Returns how much is still on its way or
 * waiting.
 */
static size_t exchange(struct mqtt_client *client)
{
    int in_flight = 0;
    do {
        in_flight = client->backend->in_flight(client->link);
        (void)pthread_mutex_lock(&client->lock);
        outbox_acknowledged(client->outbox, (size_t)in_flight);
        (void)pthread_mutex_unlock(&client->lock);
    } while (in_flight < IN_FLIGHT_MAX && send_one(client));
    (void)pthread_mutex_lock(&client->lock);
    const size_t left = outbox_waiting(client->outbox) + outbox_in_flight(client->outbox);
    (void)pthread_mutex_unlock(&client->lock);
    return left;
}

static void service(struct mqtt_client *client, int64_t timeout_ms)
{
    const int64_t capped_ms = timeout_ms < SERVICE_MS ? timeout_ms : SERVICE_MS;
    client->backend->service(client->link, client->wake_fd, capped_ms > 0 ? (int)capped_ms : 0);
    uint64_t wakes = 0;
    (void)!read(client->wake_fd, &wakes, sizeof wakes); /* none is fine */
    settle(client);
}

static void begin_to_connect(struct mqtt_client *client)
{
    struct adapter *adapter = &client->adapter;
    adapter->phase = ADAPTER_CONNECTING;
    adapter->ending = (struct hb_err){.code = HB_OK};
    if (!client->backend->connect(client->link, adapter->version, &adapter->ending)) {
        adapter->ended = true;
    }
    adapter->give_up_at = mono_add_ms(clock_mono(), CONNECT_MS);
    settle(client);
}

static void wait_to_retry(struct mqtt_client *client)
{
    const int64_t left_ms = mono_age_ms(client->adapter.retry_at, clock_mono());
    if (left_ms <= 0) {
        begin_to_connect(client);
        return;
    }
    struct pollfd wake = {.fd = client->wake_fd, .events = POLLIN};
    (void)poll(&wake, 1, (int)left_ms);
    uint64_t wakes = 0;
    (void)!read(client->wake_fd, &wakes, sizeof wakes);
}

static void wait_for_answer(struct mqtt_client *client)
{
    struct adapter *adapter = &client->adapter;
    const int64_t left_ms = mono_age_ms(adapter->give_up_at, clock_mono());
    if (left_ms <= 0) {
        (void)hb_fail(&adapter->ending, HB_ERR_NETWORK,
                      "the broker takes the connection but does not answer");
        adapter->ended = true;
        settle(client);
        return;
    }
    service(client, left_ms);
}

static void keep_up(struct mqtt_client *client)
{
    struct adapter *adapter = &client->adapter;
    if (renew_subscriptions(client)) {
        if (!adapter->announced) {
            adapter->announced = true;
            push_change(client, MQTT_IN_CONNECTED, "");
        }
        (void)exchange(client);
    }
    service(client, SERVICE_MS);
}

/* --- the thread ----------------------------------------------------------------------------------
 */

static hb_mono stop_by(struct mqtt_client *client)
{
    (void)pthread_mutex_lock(&client->lock);
    const hb_mono at = client->stop_by;
    (void)pthread_mutex_unlock(&client->lock);
    return at;
}

/* Sends what is queued, as long as the deadline allows and the connection lasts. */
static void say_goodbye(struct mqtt_client *client, hb_mono deadline)
{
    int64_t left_ms = mono_age_ms(deadline, clock_mono());
    while (client->adapter.phase == ADAPTER_UP && left_ms > 0 && exchange(client) > 0) {
        service(client, left_ms);
        left_ms = mono_age_ms(deadline, clock_mono());
    }
    client->backend->disconnect(client->link);
}

static void finish(struct mqtt_client *client)
{
    (void)pthread_mutex_lock(&client->lock);
    client->finished = true;
    const bool abandoned = client->abandoned;
    (void)pthread_cond_signal(&client->finished_cond);
    (void)pthread_mutex_unlock(&client->lock);
    if (abandoned) {
        mqtt_client_free(client);
    }
}

void *adapter_run(void *arg)
{
    struct mqtt_client *client = arg;
    struct adapter *adapter = &client->adapter;
    adapter->version = client->version == MQTT_ONLY_311 ? MQTT_VERSION_311 : MQTT_VERSION_5;
    while (!mono_is_set(stop_by(client))) {
        switch (adapter->phase) {
        case ADAPTER_WAITING:
            wait_to_retry(client);
            break;
        case ADAPTER_CONNECTING:
            wait_for_answer(client);
            break;
        case ADAPTER_UP:
            keep_up(client);
            break;
        }
    }
    say_goodbye(client, stop_by(client));
    finish(client);
    return NULL;
}
