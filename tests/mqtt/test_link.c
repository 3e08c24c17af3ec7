/* What both backends must do the same with a broker that is well. Built once for each. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/mqtt/broker.h"
#include "tests/mqtt/fake_broker.h"
#include "tests/mqtt/harness.h"
#include "tests/mqtt/peer.h"
#include "tests/support/test.h"

enum { SOON_MS = 10000, NOT_MS = 300 };

static bool is_paho(void)
{
    return harness_backend == &mqtt_link_paho;
}

static void messages_go_both_ways(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "localhost", broker_port(broker));
    struct harness *harness = harness_start(&options);
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_subscribe(peer, "hb/#");
    harness_subscribe(harness, "in/+/set");
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    assert_true(broker_logs(broker, "in/+/set (QoS 1)", SOON_MS));
    assert_true(harness_publish(harness, "hb/hall/state", "{\"on\":true}"));
    assert_true(peer_hears(peer, "hb/hall/state", "{\"on\":true}", SOON_MS));
    peer_say(peer, "in/hall/set", "21.5", false);
    assert_true(harness_hears(harness, "in/hall/set", "21.5", SOON_MS));
    assert_false(harness_found(harness)->retained);
    harness_subscribe(harness, "later"); /* also while connected */
    assert_true(broker_logs(broker, "later (QoS 1)", SOON_MS));
    peer_publish(peer, "later", "a\0b", 3, false);
    assert_true(harness_hears(harness, "later", NULL, SOON_MS));
    assert_int_equal(harness_found(harness)->len, 3);
    assert_memory_equal(harness_found(harness)->payload, "a\0b", 4);
    peer_publish(peer, "later", "", 0, false);
    assert_true(harness_hears(harness, "later", "", SOON_MS));
    peer_close(peer);
    harness_stop(harness, false);
    broker_stop(broker);
}

static void session_is_mqtt_5_and_clean(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    options.link.keepalive_s = 37;
    struct harness *harness = harness_start(&options);
    char expected[128];
    (void)snprintf(expected, sizeof expected, "as %s (p5, c1, k37)", options.link.client_id);
    assert_true(broker_logs(broker, expected, SOON_MS));
    assert_true(broker_logs(broker, "Will message specified (7 bytes) (r1, q1)", SOON_MS));
    assert_true(harness_logs(harness, "with MQTT 5", SOON_MS));
    harness_stop(harness, false);
    broker_stop(broker);
}

static void mqtt_311_if_configured(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    options.version = MQTT_ONLY_311;
    struct harness *harness = harness_start(&options);
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_subscribe(peer, "hb/#");
    harness_subscribe(harness, "in");
    assert_true(broker_logs(broker, "(p2, c1, k5)", SOON_MS));
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    assert_true(broker_logs(broker, "in (QoS 1)", SOON_MS));
    assert_true(harness_publish(harness, "hb/x", "1"));
    assert_true(peer_hears(peer, "hb/x", "1", SOON_MS));
    peer_say(peer, "in", "2", false);
    assert_true(harness_hears(harness, "in", "2", SOON_MS));
    peer_close(peer);
    harness_stop(harness, true);
    broker_stop(broker);
}

static void check_fallback(enum fake_manner manner)
{
    struct broker *broker = broker_start(NULL);
    struct fake_broker *fake = fake_broker_start(manner, broker_port(broker));
    struct mqtt_client_options options =
        harness_options("mqtt", "127.0.0.1", fake_broker_port(fake));
    struct harness *harness = harness_start(&options);
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    harness_subscribe(harness, "in");
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    assert_true(harness_logs(harness, "with MQTT 3.1.1", SOON_MS));
    assert_true(broker_logs(broker, "in (QoS 1)", SOON_MS));
    peer_say(peer, "in", "21", false);
    assert_true(harness_hears(harness, "in", "21", SOON_MS));
    peer_close(peer);
    harness_stop(harness, false);
    fake_broker_stop(fake);
    broker_stop(broker);
}

static void falls_back_when_told_the_version(void **state)
{
    (void)state;
    check_fallback(FAKE_KNOWS_ONLY_311);
}

static void falls_back_when_closed_on(void **state)
{
    (void)state;
    check_fallback(FAKE_CLOSES_ON_5);
}

static void no_fallback_if_only_5_is_configured(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct fake_broker *fake = fake_broker_start(FAKE_KNOWS_ONLY_311, broker_port(broker));
    struct mqtt_client_options options =
        harness_options("mqtt", "127.0.0.1", fake_broker_port(fake));
    options.version = MQTT_ONLY_5;
    struct harness *harness = harness_start(&options);
    assert_true(harness_gets(harness, MQTT_IN_LOST, SOON_MS));
    assert_string_equal(harness_found(harness)->payload,
                        "the broker does not speak this version of MQTT");
    harness_stop(harness, false);
    fake_broker_stop(fake);
    broker_stop(broker);
}

static void right_password_is_let_in(void **state)
{
    (void)state;
    struct broker *broker =
        broker_start(&(struct broker_options){.username = "heat", .password = "pass word"});
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    options.link.username = "heat";
    options.link.password = "pass word";
    struct harness *harness = harness_start(&options);
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    harness_stop(harness, false);
    broker_stop(broker);
}

static void check_wrong_password(enum mqtt_version_choice version)
{
    struct broker *broker =
        broker_start(&(struct broker_options){.username = "heat", .password = "right"});
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    options.version = version;
    options.link.username = "heat";
    options.link.password = "wr0ng-secret";
    struct harness *harness = harness_start(&options);
    assert_true(harness_gets(harness, MQTT_IN_LOST, SOON_MS));
    assert_string_equal(harness_found(harness)->payload, "user name or password refused");
    for (int attempt = 0; attempt < 4; attempt++) { /* a probe counts as well */
        assert_true(broker_logs(broker, "not authorised", SOON_MS));
    }
    assert_false(harness_gets(harness, MQTT_IN_LOST, NOT_MS));
    assert_int_equal(harness_log_count(harness, "user name or password refused"), 1);
    assert_int_equal(harness_log_count(harness, "secret"), 0);
    harness_stop(harness, false);
    broker_stop(broker);
}

static void wrong_password_is_told_once(void **state)
{
    (void)state;
    check_wrong_password(MQTT_TRY_5_THEN_311);
}

static void wrong_password_is_told_in_311_too(void **state)
{
    (void)state;
    check_wrong_password(MQTT_ONLY_311);
}

static void last_message_is_retained_on_stop(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    struct harness *harness = harness_start(&options);
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    assert_true(harness_publish(harness, "hb/status", "online"));
    for (int i = 0; i < 50; i++) { /* more than fit in flight at once */
        char topic[32];
        (void)snprintf(topic, sizeof topic, "hb/%d", i);
        assert_true(harness_publish(harness, topic, "last"));
    }
    harness_stop(harness, true);
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_subscribe(peer, "hb/49");
    assert_true(peer_hears(peer, "hb/49", "last", SOON_MS));
    peer_subscribe(peer, "hb/status");
    assert_true(peer_hears(peer, "hb/status", "stopped", SOON_MS)); /* and not the will */
    assert_true(peer_heard_retained(peer));
    peer_close(peer);
    broker_stop(broker);
}

/* What this program does when it is started with a port: connects, and is killed. */
static int live_until_killed(const char *port)
{
    struct mqtt_client_options options =
        harness_options("mqtt", "127.0.0.1", (uint16_t)strtoul(port, NULL, 10));
    struct harness *harness = harness_start(&options);
    (void)harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS);
    (void)harness_publish(harness, "hb/status", "online");
    (void)harness_gets(harness, MQTT_IN_LOST, 60000);
    return 1;
}

static pid_t start_another(uint16_t port)
{
    char text[8];
    (void)snprintf(text, sizeof text, "%u", port);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)execl("/proc/self/exe", "another", text, (char *)NULL);
        _exit(127);
    }
    return child;
}

static void will_is_published_when_the_process_dies(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_subscribe(peer, "hb/status");
    const pid_t child = start_another(broker_port(broker));
    assert_true(peer_hears(peer, "hb/status", "online", SOON_MS));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(peer_hears(peer, "hb/status", "offline", SOON_MS));
    peer_close(peer);
    peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_subscribe(peer, "hb/status");
    assert_true(peer_hears(peer, "hb/status", "offline", SOON_MS));
    assert_true(peer_heard_retained(peer));
    peer_close(peer);
    broker_stop(broker);
}

static void retained_messages_are_flagged(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_say(peer, "zigbee/hall", "{\"temperature\":20}", true);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    struct harness *harness = harness_start(&options);
    harness_subscribe(harness, "zigbee/hall");
    assert_true(harness_hears(harness, "zigbee/hall", "{\"temperature\":20}", SOON_MS));
    assert_true(harness_found(harness)->retained);
    peer_say(peer, "zigbee/hall", "live", false);
    assert_true(harness_hears(harness, "zigbee/hall", "live", SOON_MS));
    assert_false(harness_found(harness)->retained);
    peer_say(peer, "zigbee/hall", "live and kept", true); /* flagged as published */
    assert_true(harness_hears(harness, "zigbee/hall", "live and kept", SOON_MS));
    assert_true(harness_found(harness)->retained);
    peer_close(peer);
    harness_stop(harness, false);
    broker_stop(broker);
}

/* In MQTT 5 the broker keeps it back; in 3.1.1 it arrives and is thrown away. */
static void check_huge_message(enum mqtt_version_choice version, uint64_t expected_oversized)
{
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    options.version = version;
    struct harness *harness = harness_start(&options);
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    enum { HUGE = 10 << 20 };
    char *huge = calloc(1, HUGE);
    harness_subscribe(harness, "in");
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    assert_true(broker_logs(broker, "in (QoS 1)", SOON_MS));
    peer_publish(peer, "in", huge, HUGE, false);
    peer_publish(peer, "in", huge, PAYLOAD_MAX + 1, false);
    peer_publish(peer, "in", huge, PAYLOAD_MAX, false);
    peer_say(peer, "in", "small", false);
    assert_true(harness_hears(harness, "in", NULL, SOON_MS));
    assert_int_equal(harness_found(harness)->len, PAYLOAD_MAX);
    assert_true(harness_hears(harness, "in", "small", SOON_MS));
    struct mqtt_counters counters;
    mqtt_client_counters(harness_client(harness), &counters);
    assert_int_equal(counters.oversized, expected_oversized);
    assert_int_equal(counters.losses, 0);
    assert_int_equal(counters.received, 2);
    free(huge);
    peer_close(peer);
    harness_stop(harness, false);
    broker_stop(broker);
}

static void huge_message_is_kept_off(void **state)
{
    (void)state;
    check_huge_message(MQTT_TRY_5_THEN_311, 1);
}

static void huge_message_is_discarded_in_311(void **state)
{
    (void)state;
    check_huge_message(MQTT_ONLY_311, 2);
}

static void denied_publication_is_told_once(void **state)
{
    (void)state;
    struct broker *broker = broker_start(&(struct broker_options){.acl = "topic readwrite hb/#\n"});
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    struct harness *harness = harness_start(&options);
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_subscribe(peer, "hb/#");
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    for (int i = 0; i < 3; i++) {
        assert_true(harness_publish(harness, "homeassistant/device/x/config", "{}"));
        assert_true(harness_publish(harness, "hb/x", "1"));
        assert_true(peer_hears(peer, "hb/x", "1", SOON_MS));
    }
    assert_true(harness_logs(harness,
                             "error the broker denies 'homeassistant/device/x/config' to this "
                             "user: not authorized",
                             SOON_MS));
    assert_int_equal(harness_log_count(harness, "denies"), 1);
    peer_close(peer);
    harness_stop(harness, false);
    broker_stop(broker);
}

static void denied_subscription_is_told(void **state)
{
    (void)state;
    struct fake_broker *fake = fake_broker_start(FAKE_DENIES, 0);
    struct mqtt_client_options options =
        harness_options("mqtt", "127.0.0.1", fake_broker_port(fake));
    struct harness *harness = harness_start(&options);
    harness_subscribe(harness, "secret/#");
    harness_subscribe(harness, "other");
    assert_true(harness_logs(
        harness, "error the broker denies 'secret/#' to this user: not authorized", SOON_MS));
    assert_true(harness_logs(harness, "denies 'other'", SOON_MS));
    harness_stop(harness, false);
    fake_broker_stop(fake);
}

static void websockets_with_paho_only(void **state)
{
    (void)state;
    struct broker *broker = broker_start(&(struct broker_options){.websockets = true});
    struct mqtt_client_options options = harness_options("ws", "127.0.0.1", broker_port(broker));
    if (!is_paho()) {
        struct hb_err err = {.code = HB_OK};
        assert_null(mqtt_client_start(&options, NULL, NULL, NULL, &err));
        assert_int_equal(err.code, HB_ERR_USAGE);
        assert_string_equal(err.msg, "mqtt: ws:// needs client: paho, got client: mosquitto");
        broker_stop(broker);
        return;
    }
    struct harness *harness = harness_start(&options);
    harness_subscribe(harness, "hb/echo");
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    assert_true(harness_publish(harness, "hb/echo", "over websocket"));
    assert_true(harness_hears(harness, "hb/echo", "over websocket", SOON_MS));
    harness_stop(harness, true);
    broker_stop(broker);
}

/* Paho would take the proxy for MQTT, and cannot be told not to. */
static void proxy_in_the_environment_does_not_mislead(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:9", 1), 0);
    if (is_paho()) {
        struct hb_err err = {.code = HB_OK};
        assert_null(mqtt_client_start(&options, NULL, NULL, NULL, &err));
        assert_non_null(strstr(err.msg, "mqtt: expected no http_proxy in the environment"));
    } else {
        struct harness *harness = harness_start(&options);
        assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
        harness_stop(harness, false);
    }
    assert_int_equal(unsetenv("http_proxy"), 0);
    broker_stop(broker);
}

static void many_messages_all_arrive(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    options.queue_topics = COUNT;
    struct harness *harness = harness_start(&options);
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_subscribe(peer, "hb/#");
    for (int i = 0; i < COUNT; i++) {
        char topic[32];
        (void)snprintf(topic, sizeof topic, "hb/%d", i);
        assert_true(harness_publish(harness, topic, "x"));
    }
    char last[32];
    (void)snprintf(last, sizeof last, "hb/%d", COUNT - 1);
    assert_true(peer_hears(peer, last, "x", SOON_MS));
    assert_int_equal(peer_heard(peer), COUNT);
    peer_close(peer);
    harness_stop(harness, false);
    broker_stop(broker);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 1) {
        return live_until_killed(argv[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_both_ways),
        cmocka_unit_test(session_is_mqtt_5_and_clean),
        cmocka_unit_test(mqtt_311_if_configured),
        cmocka_unit_test(falls_back_when_told_the_version),
        cmocka_unit_test(falls_back_when_closed_on),
        cmocka_unit_test(no_fallback_if_only_5_is_configured),
        cmocka_unit_test(right_password_is_let_in),
        cmocka_unit_test(wrong_password_is_told_once),
        cmocka_unit_test(wrong_password_is_told_in_311_too),
        cmocka_unit_test(last_message_is_retained_on_stop),
        cmocka_unit_test(will_is_published_when_the_process_dies),
        cmocka_unit_test(retained_messages_are_flagged),
        cmocka_unit_test(huge_message_is_kept_off),
        cmocka_unit_test(huge_message_is_discarded_in_311),
        cmocka_unit_test(denied_publication_is_told_once),
        cmocka_unit_test(denied_subscription_is_told),
        cmocka_unit_test(websockets_with_paho_only),
        cmocka_unit_test(proxy_in_the_environment_does_not_mislead),
        cmocka_unit_test(many_messages_all_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
