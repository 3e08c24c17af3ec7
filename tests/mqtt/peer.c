#include "tests/mqtt/peer.h"

#include <stdlib.h>
#include <string.h>

#include <mosquitto.h>

#include "plumbing/clock.h"
#include "tests/support/test.h"

enum { ANSWER_MS = 20000, KEPT = 256 };

struct heard {
    char topic[128];
    char payload[256];
    bool retained;
};

struct peer {
    struct mosquitto *mosq;
    bool connected;
    int acknowledged; /* id of the latest packet that was */
    struct heard kept[KEPT];
    size_t heard, looked_at;
    bool retained;
};

static void on_connect(struct mosquitto *mosq, void *ctx, int code)
{
    (void)mosq;
    ((struct peer *)ctx)->connected = code == 0;
}

static void on_publish(struct mosquitto *mosq, void *ctx, int mid)
{
    (void)mosq;
    ((struct peer *)ctx)->acknowledged = mid;
}

static void on_subscribe(struct mosquitto *mosq, void *ctx, int mid, int count, const int *granted)
{
    (void)mosq;
    (void)count;
    (void)granted;
    ((struct peer *)ctx)->acknowledged = mid;
}

static void copy_text(char *buf, size_t size, const void *text, size_t len)
{
    const size_t kept = len < size - 1 ? len : size - 1;
    memcpy(buf, text, kept);
    buf[kept] = '\0';
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *message)
{
    (void)mosq;
    struct peer *peer = ctx;
    struct heard *heard = &peer->kept[peer->heard++ % KEPT];
    copy_text(heard->topic, sizeof heard->topic, message->topic, strlen(message->topic));
    copy_text(heard->payload, sizeof heard->payload,
              message->payload != NULL ? message->payload : "", (size_t)message->payloadlen);
    heard->retained = message->retain;
}

/* Lets the library work for a moment; false at the deadline. */
static bool turn(struct peer *peer, hb_mono deadline)
{
    const int64_t left_ms = mono_age_ms(deadline, clock_mono());
    return left_ms > 0 &&
           mosquitto_loop(peer->mosq, left_ms < 100 ? (int)left_ms : 100, 1) == MOSQ_ERR_SUCCESS;
}

struct peer *peer_connect(uint16_t port, const char *username, const char *password)
{
    (void)mosquitto_lib_init();
    struct peer *peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    peer->mosq = mosquitto_new(NULL, true, peer);
    assert_non_null(peer->mosq);
    (void)mosquitto_int_option(peer->mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    (void)mosquitto_username_pw_set(peer->mosq, username, password);
    mosquitto_connect_callback_set(peer->mosq, on_connect);
    mosquitto_publish_callback_set(peer->mosq, on_publish);
    mosquitto_subscribe_callback_set(peer->mosq, on_subscribe);
    mosquitto_message_callback_set(peer->mosq, on_message);
    assert_int_equal(mosquitto_connect(peer->mosq, "127.0.0.1", port, 60), MOSQ_ERR_SUCCESS);
    const hb_mono deadline = mono_add_ms(clock_mono(), ANSWER_MS);
    while (!peer->connected) {
        assert_true(turn(peer, deadline));
    }
    return peer;
}

void peer_close(struct peer *peer)
{
    if (peer != NULL) {
        (void)mosquitto_disconnect(peer->mosq);
        mosquitto_destroy(peer->mosq);
        free(peer);
    }
}

static void await(struct peer *peer, int mid)
{
    const hb_mono deadline = mono_add_ms(clock_mono(), ANSWER_MS);
    while (peer->acknowledged != mid) {
        assert_true(turn(peer, deadline));
    }
}

void peer_publish(struct peer *peer, const char *topic, const void *payload, size_t len,
                  bool retain)
{
    int mid = 0;
    assert_int_equal(mosquitto_publish(peer->mosq, &mid, topic, (int)len, payload, 1, retain),
                     MOSQ_ERR_SUCCESS);
    await(peer, mid);
}

void peer_say(struct peer *peer, const char *topic, const char *text, bool retain)
{
    peer_publish(peer, topic, text, strlen(text), retain);
}

void peer_subscribe(struct peer *peer, const char *filter)
{
    int mid = 0;
    assert_int_equal(mosquitto_subscribe(peer->mosq, &mid, filter, 1), MOSQ_ERR_SUCCESS);
    await(peer, mid);
}

bool peer_hears(struct peer *peer, const char *topic, const char *payload, int deadline_ms)
{
    const hb_mono deadline = mono_add_ms(clock_mono(), deadline_ms);
    for (;;) {
        while (peer->looked_at < peer->heard) {
            const struct heard *heard = &peer->kept[peer->looked_at++ % KEPT];
            if (strcmp(heard->topic, topic) == 0 &&
                (payload == NULL || strcmp(heard->payload, payload) == 0)) {
                peer->retained = heard->retained;
                return true;
            }
        }
        if (!turn(peer, deadline)) {
            return false;
        }
    }
}

size_t peer_heard(const struct peer *peer)
{
    return peer->heard;
}

bool peer_heard_retained(const struct peer *peer)
{
    return peer->retained;
}
