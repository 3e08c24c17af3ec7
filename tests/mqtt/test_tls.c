/* Both backends must trust exactly the broker that the configuration names. Built once for each.
 *
 * Each case runs with MQTT 3.1.1 too: there the Paho backend connects without probing first, so
 * that it is the library's own verification that refuses.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mqtt/broker.h"
#include "tests/mqtt/certificates.h"
#include "tests/mqtt/harness.h"
#include "tests/support/test.h"

enum { SOON_MS = 15000, NOT_MS = 300 };

/* One broker's directory holds the certificates of all tests. */
static struct broker *keeper;
static struct certificates files;

static int make_files(void **state)
{
    (void)state;
    keeper = broker_start(NULL);
    certificates_make(&files, broker_directory(keeper));
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    broker_stop(keeper);
    return 0;
}

static struct broker *start_tls(const char *cert_file, const char *key_file)
{
    return broker_start(&(struct broker_options){.cert_file = cert_file, .key_file = key_file});
}

static const enum mqtt_version_choice versions[] = {MQTT_ONLY_5, MQTT_ONLY_311};

static struct mqtt_client_options options_for(const struct broker *broker, const char *host,
                                              enum mqtt_version_choice version)
{
    struct mqtt_client_options options = harness_options("mqtts", host, broker_port(broker));
    options.link.ca_file = files.ca;
    options.version = version;
    return options;
}

static void assert_lets_in(const struct mqtt_client_options *options)
{
    struct harness *harness = harness_start(options);
    harness_subscribe(harness, "hb/echo");
    assert_true(harness_gets(harness, MQTT_IN_CONNECTED, SOON_MS));
    assert_true(harness_publish(harness, "hb/echo", "sealed"));
    assert_true(harness_hears(harness, "hb/echo", "sealed", SOON_MS));
    harness_stop(harness, true);
}

static void assert_refuses(const struct mqtt_client_options *options, const char *cause)
{
    struct harness *harness = harness_start(options);
    assert_true(harness_gets(harness, MQTT_IN_LOST, SOON_MS));
    if (strstr(harness_found(harness)->payload, cause) == NULL) {
        fail_msg("expected '%s', got '%s'", cause, harness_found(harness)->payload);
    }
    assert_false(harness_gets(harness, MQTT_IN_CONNECTED, NOT_MS));
    struct mqtt_counters counters;
    mqtt_client_counters(harness_client(harness), &counters);
    assert_int_equal(counters.connects, 0);
    harness_stop(harness, true);
}

static void good_certificate_is_trusted(void **state)
{
    (void)state;
    struct broker *broker = start_tls(files.good, files.good_key);
    for (size_t i = 0; i < 2; i++) {
        struct mqtt_client_options options = options_for(broker, "localhost", versions[i]);
        assert_lets_in(&options);
        options = options_for(broker, "127.0.0.1", versions[i]);
        assert_lets_in(&options);
    }
    broker_stop(broker);
}

static void check_refused(const char *cert_file, const char *key_file, const char *ca_file,
                          const char *cause)
{
    struct broker *broker = start_tls(cert_file, key_file);
    for (size_t i = 0; i < 2; i++) {
        struct mqtt_client_options options = options_for(broker, "localhost", versions[i]);
        options.link.ca_file = ca_file;
        assert_refuses(&options, cause);
    }
    broker_stop(broker);
}

static void other_name_is_refused(void **state)
{
    (void)state;
    check_refused(files.other, files.other_key, files.ca,
                  "the broker's certificate is for another name, expected 'localhost'");
}

static void expired_is_refused(void **state)
{
    (void)state;
    check_refused(files.expired, files.expired_key, files.ca,
                  "the broker's certificate has expired");
}

static void self_signed_is_refused(void **state)
{
    (void)state;
    check_refused(files.self_signed, files.self_key, files.ca,
                  "the broker's certificate is self-signed; put it into ca_file to trust it");
}

static void unknown_authority_is_refused(void **state)
{
    (void)state;
    check_refused(files.good, files.good_key, files.client,
                  "the broker's certificate is from an authority that ca_file does not hold");
    check_refused(files.good, files.good_key, NULL,
                  "the broker's certificate is from an authority that this system does not hold");
}

static void self_signed_in_ca_file_is_trusted(void **state)
{
    (void)state;
    struct broker *broker = start_tls(files.self_signed, files.self_key);
    struct mqtt_client_options options = options_for(broker, "localhost", MQTT_ONLY_5);
    options.link.ca_file = files.self_signed;
    assert_lets_in(&options);
    broker_stop(broker);
}

static void anything_goes_without_verification(void **state)
{
    (void)state;
    struct broker *broker = start_tls(files.self_signed, files.self_key);
    for (size_t i = 0; i < 2; i++) {
        struct mqtt_client_options options = options_for(broker, "127.0.0.1", versions[i]);
        options.link.tls_verify = false;
        assert_lets_in(&options);
    }
    broker_stop(broker);
}

static void client_certificate_is_shown(void **state)
{
    (void)state;
    struct broker *broker = broker_start(&(struct broker_options){
        .cert_file = files.good, .key_file = files.good_key, .client_ca_file = files.ca});
    for (size_t i = 0; i < 2; i++) {
        struct mqtt_client_options options = options_for(broker, "localhost", versions[i]);
        assert_refuses(&options, "certificate required");
        options.link.cert_file = files.client;
        options.link.key_file = files.client_key;
        assert_lets_in(&options);
    }
    broker_stop(broker);
}

static void wrong_ports_are_explained(void **state)
{
    (void)state;
    struct broker *plain = broker_start(NULL);
    struct broker *sealed = start_tls(files.good, files.good_key);
    for (size_t i = 0; i < 2; i++) {
        struct mqtt_client_options options = options_for(plain, "localhost", versions[i]);
        assert_refuses(&options, "closed the connection");
        options = harness_options("mqtt", "localhost", broker_port(sealed));
        options.version = versions[i];
        assert_refuses(&options, "closed the connection");
    }
    broker_stop(plain);
    broker_stop(sealed);
}

static void unusable_files_are_refused_at_start(void **state)
{
    (void)state;
    struct mqtt_client_options options = options_for(keeper, "localhost", MQTT_ONLY_5);
    struct hb_err err = {.code = HB_OK};
    options.link.ca_file = "/nowhere/ca.pem";
    assert_null(mqtt_client_start(&options, NULL, NULL, NULL, &err));
    assert_int_equal(err.code, HB_ERR_USAGE);
    assert_non_null(strstr(err.msg, "mqtt: ca_file: expected a readable PEM file"));
    assert_non_null(strstr(err.msg, "/nowhere/ca.pem"));
    options.link.ca_file = files.good_key; /* readable, but no certificate */
    assert_null(mqtt_client_start(&options, NULL, NULL, NULL, &err));
    options.link.ca_file = files.ca;
    options.link.cert_file = files.client;
    assert_null(mqtt_client_start(&options, NULL, NULL, NULL, &err));
    assert_string_equal(err.msg, "mqtt: expected both cert_file and key_file, got only one");
    options.link.key_file = files.good_key;
    assert_null(mqtt_client_start(&options, NULL, NULL, NULL, &err));
    assert_non_null(strstr(err.msg, "mqtt: key_file: expected the certificate's key"));
}

static void secure_websockets_with_paho(void **state)
{
    (void)state;
    if (harness_backend != &mqtt_link_paho) {
        return;
    }
    struct broker *broker = broker_start(&(struct broker_options){
        .websockets = true, .cert_file = files.good, .key_file = files.good_key});
    struct mqtt_client_options options = harness_options("wss", "localhost", broker_port(broker));
    options.link.ca_file = files.ca;
    assert_lets_in(&options);
    options.link.ca_file = files.self_signed;
    assert_refuses(&options, "authority that ca_file does not hold");
    broker_stop(broker);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_certificate_is_trusted),
        cmocka_unit_test(other_name_is_refused),
        cmocka_unit_test(expired_is_refused),
        cmocka_unit_test(self_signed_is_refused),
        cmocka_unit_test(unknown_authority_is_refused),
        cmocka_unit_test(self_signed_in_ca_file_is_trusted),
        cmocka_unit_test(anything_goes_without_verification),
        cmocka_unit_test(client_certificate_is_shown),
        cmocka_unit_test(wrong_ports_are_explained),
        cmocka_unit_test(unusable_files_are_refused_at_start),
        cmocka_unit_test(secure_websockets_with_paho),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
