#include "mqtt/url.h"

#include <string.h>

#include "tests/support/test.h"

static void reads_what_people_write(void **state)
{
    (void)state;
    static const struct {
        const char *text, *scheme, *host, *path;
        uint16_t port;
        bool tls, websocket;
    } good[] = {
        {"mqtt://homeassistant.local", "mqtt", "homeassistant.local", "", 1883, false, false},
        {"mqtt://192.168.1.2:1884/", "mqtt", "192.168.1.2", "", 1884, false, false},
        {"mqtts://broker.example", "mqtts", "broker.example", "", 8883, true, false},
        {"ws://broker", "ws", "broker", "/mqtt", 80, false, true},
        {"wss://broker:8084/a/b?c=d", "wss", "broker", "/a/b?c=d", 8084, true, true},
        {"mqtt://[fe80::1]:65535", "mqtt", "fe80::1", "", 65535, false, false},
        {"mqtt://[::1]", "mqtt", "::1", "", 1883, false, false},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct mqtt_url url;
        struct hb_err err = {.code = HB_OK};
        if (!mqtt_url_parse(good[i].text, &url, &err)) {
            fail_msg("%s: %s", good[i].text, err.msg);
        }
        assert_string_equal(url.scheme, good[i].scheme);
        assert_string_equal(url.host, good[i].host);
        assert_string_equal(url.path, good[i].path);
        assert_int_equal(url.port, good[i].port);
        assert_int_equal(url.tls, good[i].tls);
        assert_int_equal(url.websocket, good[i].websocket);
    }
}

static void refuses_the_rest_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {"", "mqtt://"},
        {"homeassistant.local:1883", "mqtt://"},
        {"http://broker", "mqtt://"},
        {"MQTT://broker", "mqtt://"},
        {"mqtt:/broker", "mqtt://"},
        {"mqtt://", "host"},
        {"mqtt://:1883", "host"},
        {"mqtt://[::1", "host"},
        {"mqtt://[]", "host"},
        {"mqtt://broker:0", "port"},
        {"mqtt://broker:65536", "port"},
        {"mqtt://broker:99999999999999999999", "port"},
        {"mqtt://broker:", "port"},
        {"mqtt://broker:18x", "nothing after"},
        {"mqtt://broker/path", "nothing after"},
        {"mqtt://user:secret@broker", "user name"},
        {"mqtt://bro ker", "spaces"},
        {"mqtt://broker\n", "spaces"},
        {"mqtt://\xc3\xa9", "spaces"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct mqtt_url url;
        struct hb_err err = {.code = HB_OK};
        assert_false(mqtt_url_parse(bad[i].text, &url, &err));
        assert_int_equal(err.code, HB_ERR_USAGE);
        if (strstr(err.msg, bad[i].reason) == NULL) {
            fail_msg("'%s' is refused with '%s'", bad[i].text, err.msg);
        }
        assert_null(strstr(err.msg, "secret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_people_write),
        cmocka_unit_test(refuses_the_rest_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
