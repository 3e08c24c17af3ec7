/* What both backends must survive the same way. Built once for each. */
#define _GNU_SOURCE /* eventfd */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "plumbing/clock.h"
#include "tests/mqtt/broker.h"
#include "tests/mqtt/fake_broker.h"
#include "tests/mqtt/harness.h"
#include "tests/mqtt/peer.h"
#include "tests/mqtt/slow_dns.h"
#include "tests/support/test.h"

enum {
    SOON_MS = 10000,
    KEEPALIVE_S = 5,
    HANG_MS = 8000,
    CALL_MAX_US = 50000, /* no call of the client may take longer */
};

static void broker_away_at_start(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    broker_halt(broker);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    options.queue_topics = 2;
    struct harness *harness = harness_start(&options);
    harness_subscribe(harness, "in");
    assert_true(harness_gets(harness, MQTT_IN_LOST, SOON_MS));
    assert_non_null(strstr(harness_found(harness)->payload, "nothing listens at 127.0.0.1 port"));
    for (int i = 0; i <= 100; i++) { /* a topic's stale values are not kept */
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        assert_true(harness_publish(harness, "hb/a", text));
    }
    assert_true(harness_publish(harness, "hb/b", "b"));
    assert_false(harness_publish(harness, "hb/c", "no room"));
    assert_false(harness_gets(harness, MQTT_IN_LOST, 4000)); /* a few attempts, one message */
    assert_int_equal(harness_log_count(harness, "nothing listens"), 1);
    broker_resume(broker);
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_subscribe(peer, "hb/#");
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    assert_true(peer_hears(peer, "hb/a", "100", SOON_MS));
    assert_true(peer_hears(peer, "hb/b", "b", SOON_MS));
    assert_int_equal(peer_heard(peer), 2);
    peer_say(peer, "in", "x", false);
    assert_true(harness_hears(harness, "in", "x", SOON_MS));
    struct mqtt_counters counters;
    mqtt_client_counters(harness_client(harness), &counters);
    assert_int_equal(counters.replaced_out, 100);
    assert_int_equal(counters.dropped_out, 1);
    assert_int_equal(counters.published, 2);
    assert_int_equal(counters.connects, 1);
    assert_int_equal(counters.losses, 0);
    peer_close(peer);
    harness_stop(harness, false);
    broker_stop(broker);
}

static void broker_restarts(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    struct harness *harness = harness_start(&options);
    harness_subscribe(harness, "in");
    for (int round = 0; round < 3; round++) {
        assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
        broker_halt(broker);
        assert_true(harness_gets(harness, MQTT_IN_LOST, SOON_MS));
        assert_non_null(strstr(harness_found(harness)->payload, "closed the connection"));
        broker_resume(broker);
    }
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    /* Subscribed to again at once, but the broker may see another client's message sooner. */
    assert_true(broker_logs(broker, "in (QoS 1)", SOON_MS));
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_say(peer, "in", "again", false);
    assert_true(harness_hears(harness, "in", "again", SOON_MS));
    peer_close(peer);
    harness_stop(harness, false);
    broker_stop(broker);
}

/* Messages that were handed to the library, but not acknowledged, are sent again. */
static void nothing_unacknowledged_is_lost(void **state)
{
    (void)state;
    enum { COUNT = 30 }; /* more than may be in flight */
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    struct harness *harness = harness_start(&options);
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    broker_freeze(broker);
    for (int i = 0; i < COUNT; i++) {
        char topic[32];
        (void)snprintf(topic, sizeof topic, "hb/%d", i);
        assert_true(harness_publish(harness, topic, "kept"));
    }
    struct mqtt_counters counters = {.published = 0};
    const hb_mono deadline = mono_add_ms(clock_mono(), SOON_MS);
    while (counters.published < 20 && mono_age_ms(deadline, clock_mono()) > 0) {
        (void)harness_gets(harness, MQTT_IN_LOST, 10);
        mqtt_client_counters(harness_client(harness), &counters);
    }
    assert_int_equal(counters.published, 20); /* and no more, as none was acknowledged */
    broker_halt(broker);
    broker_resume(broker);
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_subscribe(peer, "hb/#");
    const hb_mono until = mono_add_ms(clock_mono(), SOON_MS);
    while (peer_heard(peer) < COUNT && mono_age_ms(until, clock_mono()) > 0) {
        (void)peer_hears(peer, "never", NULL, 50);
    }
    assert_int_equal(peer_heard(peer), COUNT);
    peer_close(peer);
    harness_stop(harness, false);
    broker_stop(broker);
}

static void frozen_broker_is_noticed(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    options.link.keepalive_s = KEEPALIVE_S;
    struct harness *harness = harness_start(&options);
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    broker_freeze(broker);
    const hb_mono before = clock_mono();
    assert_true(harness_gets(harness, MQTT_IN_LOST, 3 * KEEPALIVE_S * 1000));
    print_message("      frozen broker noticed after %.1f s of keep-alive %d s\n",
                  (double)mono_age_ms(clock_mono(), before) / 1000, KEEPALIVE_S);
    assert_non_null(strstr(harness_found(harness)->payload, "answer any more"));
    assert_int_equal(harness_log_count(harness, "answer any more"), 1);
    broker_thaw(broker);
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, 2 * SOON_MS));
    harness_stop(harness, true);
    broker_stop(broker);
}

static void silent_broker_is_told(void **state)
{
    (void)state;
    struct fake_broker *fake = fake_broker_start(FAKE_SILENT, 0);
    struct mqtt_client_options options =
        harness_options("mqtt", "127.0.0.1", fake_broker_port(fake));
    struct harness *harness = harness_start(&options);
    assert_true(harness_gets(harness, MQTT_IN_LOST, 25000));
    assert_non_null(strstr(harness_found(harness)->payload, "not answer"));
    harness_stop(harness, false);
    fake_broker_stop(fake);
}

static void babbling_broker_is_told(void **state)
{
    (void)state;
    struct fake_broker *fake = fake_broker_start(FAKE_BABBLES, 0);
    struct mqtt_client_options options =
        harness_options("mqtt", "127.0.0.1", fake_broker_port(fake));
    struct harness *harness = harness_start(&options);
    assert_true(harness_gets(harness, MQTT_IN_LOST, 25000));
    assert_non_null(strstr(harness_found(harness)->payload, "MQTT"));
    harness_stop(harness, false);
    fake_broker_stop(fake);
}

/* Calls the client as the core would, every few milliseconds, until the look-up has ended. */
static void work_while_hanging(struct harness *harness)
{
    for (unsigned i = 0; !slow_dns_idle(5); i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%u", i);
        (void)harness_publish(harness, "hb/busy", text);
        harness_subscribe(harness, i % 2 == 0 ? "in" : "in2");
        (void)harness_gets(harness, MQTT_IN_CONNECTED, 0);
    }
}

static void hanging_names_block_nobody(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    slow_dns_set(HANG_MS);
    struct mqtt_client_options options = harness_options("mqtt", "slow.test", broker_port(broker));
    struct harness *harness = harness_start(&options);
    assert_true(slow_dns_hanging(SOON_MS));
    const hb_mono before = clock_mono();
    work_while_hanging(harness);
    assert_in_range(mono_age_ms(clock_mono(), before), HANG_MS - 1000, 4 * HANG_MS);
    assert_true(harness_logs(harness, "the name server does not answer for 'slow.test'", SOON_MS));
    slow_dns_release();
    struct peer *peer = peer_connect(broker_port(broker), NULL, NULL);
    peer_subscribe(peer, "hb/#");
    assert_true(harness_publish(harness, "hb/busy", "last"));
    assert_true(peer_hears(peer, "hb/busy", "last", 2 * SOON_MS));
    assert_int_equal(peer_heard(peer), 1);
    slow_dns_set(HANG_MS); /* and once more for a connection that was up */
    broker_halt(broker);
    assert_true(slow_dns_hanging(SOON_MS));
    work_while_hanging(harness);
    print_message("      worst call of the client while a name look-up hung: %lld us\n",
                  (long long)harness_worst_us(harness));
    assert_in_range(harness_worst_us(harness), 0, CALL_MAX_US);
    slow_dns_release();
    peer_close(peer);
    harness_stop(harness, false);
    broker_stop(broker);
}

/* A backend that tells when a link of it was destroyed. */
static int destroyed_fd;

static void destroy_and_tell(struct mqtt_link *link)
{
    const uint64_t one = 1;
    harness_backend->destroy(link);
    assert_int_equal(write(destroyed_fd, &one, sizeof one), sizeof one);
}

static void stop_does_not_wait_for_a_hanging_name(void **state)
{
    (void)state;
    static struct mqtt_link_backend telling; /* outlives this test, like the client may */
    telling = *harness_backend;
    telling.destroy = destroy_and_tell;
    destroyed_fd = eventfd(0, EFD_CLOEXEC);
    slow_dns_set(HANG_MS);
    struct mqtt_client_options options = harness_options("mqtt", "slow.test", broker_free_port());
    options.backend = &telling;
    struct harness *harness = harness_start(&options);
    assert_true(slow_dns_hanging(SOON_MS));
    assert_in_range(harness_stop_within(harness, true, 300), 300, 500);
    slow_dns_release();
    struct pollfd destroyed = {.fd = destroyed_fd, .events = POLLIN};
    assert_int_equal(poll(&destroyed, 1, 2 * SOON_MS), 1); /* and frees itself in the end */
    uint64_t count = 0;
    assert_int_equal(read(destroyed_fd, &count, sizeof count), sizeof count);
    (void)close(destroyed_fd);
}

static void stop_does_not_wait_for_a_frozen_broker(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    struct harness *harness = harness_start(&options);
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    broker_freeze(broker);
    assert_in_range(harness_stop_within(harness, true, 1000), 0, 1100);
    broker_stop(broker);
}

static void stop_is_quick_while_there_is_no_broker(void **state)
{
    (void)state;
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_free_port());
    struct harness *harness = harness_start(&options);
    assert_true(harness_gets(harness, MQTT_IN_LOST, SOON_MS));
    assert_in_range(harness_stop_within(harness, true, 5000), 0, 500);
}

static void unknown_name_is_told(void **state)
{
    (void)state;
    struct mqtt_client_options options = harness_options("mqtt", "no-such-host.invalid", 1883);
    struct harness *harness = harness_start(&options);
    assert_true(harness_gets(harness, MQTT_IN_LOST, 30000));
    assert_non_null(strstr(harness_found(harness)->payload, "'no-such-host.invalid'"));
    harness_stop(harness, false);
}

static void two_with_one_client_id_do_not_fight_on(void **state)
{
    (void)state;
    struct broker *broker = broker_start(NULL);
    struct mqtt_client_options options = harness_options("mqtt", "127.0.0.1", broker_port(broker));
    struct harness *one = harness_start(&options);
    assert_true(harness_gets(one, MQTT_IN_CONNECTED, SOON_MS));
    struct harness *other = harness_start(&options);
    assert_true(harness_gets(other, MQTT_IN_CONNECTED, SOON_MS));
    static const char told[] = "is the client id in use by another program";
    const hb_mono deadline = mono_add_ms(clock_mono(), 60000);
    while (!harness_logs(one, told, 100) && !harness_logs(other, told, 100)) {
        assert_true(mono_age_ms(deadline, clock_mono()) > 0); /* the first to notice gives way */
    }
    harness_stop(one, false);
    harness_stop(other, false);
    broker_stop(broker);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broker_away_at_start),
        cmocka_unit_test(broker_restarts),
        cmocka_unit_test(nothing_unacknowledged_is_lost),
        cmocka_unit_test(frozen_broker_is_noticed),
        cmocka_unit_test(silent_broker_is_told),
        cmocka_unit_test(babbling_broker_is_told),
        cmocka_unit_test(hanging_names_block_nobody),
        cmocka_unit_test(stop_does_not_wait_for_a_hanging_name),
        cmocka_unit_test(stop_does_not_wait_for_a_frozen_broker),
        cmocka_unit_test(stop_is_quick_while_there_is_no_broker),
        cmocka_unit_test(unknown_name_is_told),
        cmocka_unit_test(two_with_one_client_id_do_not_fight_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
