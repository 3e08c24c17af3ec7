/* Slow, silent and oversized visitors: an honest one is still answered at once, and the others are
 * thrown out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plumbing/clock.h"
#include "tests/support/test.h"
#include "tests/web/client.h"

enum { CROWD = 200 };

static struct site site;
static int crowd[CROWD];

static int open_site(void **state)
{
    (void)state;
    site_open(&site, "");
    return 0;
}

static int close_site(void **state)
{
    (void)state;
    site_close(&site);
    return 0;
}

static void gather(int count, const char *first_words)
{
    for (int i = 0; i < count; i++) {
        crowd[i] = client_connect(site.port);
        client_send(crowd[i], first_words, strlen(first_words));
    }
}

static void send_home(int count)
{
    for (int i = 0; i < count; i++) {
        (void)close(crowd[i]);
    }
}

static void assert_answered_at_once(void)
{
    const hb_mono start = clock_mono();
    assert_int_equal(client_status(site.port, "GET /health", "", ""), 200);
    assert_int_equal(client_status(site.port, "GET /", "", ""), 200);
    assert_true(mono_age_ms(clock_mono(), start) < 1000);
}

static void test_silent_crowd(void **state)
{
    (void)state;
    gather(CROWD, "");
    assert_answered_at_once();
    send_home(CROWD);
}

static void test_crowd_with_half_a_request(void **state)
{
    (void)state;
    gather(CROWD, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    assert_answered_at_once();
    send_home(CROWD);
}

static void test_crowd_that_owes_its_body(void **state)
{
    (void)state;
    gather(CROWD, "POST /api/room/hallway HTTP/1.1\r\nHost: localhost\r\nX-Heatbridge: 1\r\n"
                  "Content-Length: 1000\r\n\r\n{");
    assert_answered_at_once();
    send_home(CROWD);
}

static void test_crowd_that_does_not_read(void **state)
{
    (void)state;
    enum { LEN = 6000000 };
    char *snapshot = malloc(LEN);
    memset(snapshot, ' ', LEN);
    web_show(site.web, snapshot, LEN);
    gather(60, "GET /api/state HTTP/1.1\r\nHost: localhost\r\n\r\n");
    /* all slots may be taken by readers that stall, but only until they are cut off */
    const hb_mono start = clock_mono();
    struct response *response = malloc(sizeof *response);
    do {
        client_ask(site.port, "GET /health", "", "", response);
        assert_true(mono_age_ms(clock_mono(), start) < 15000);
    } while (response->status != 200);
    send_home(60);
    free(response);
    free(snapshot);
}

/* One byte of header per 200 ms never ends by itself. */
static void test_slow_ones_are_thrown_out(void **state)
{
    (void)state;
    enum { SLOW = 8 };
    const hb_mono start = clock_mono();
    gather(SLOW, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    for (int i = 0; i < SLOW; i++) {
        while (!client_is_closed(crowd[i], 200)) {
            client_send(crowd[i], "x", 1);
            assert_true(mono_age_ms(clock_mono(), start) < 15000);
        }
    }
    send_home(SLOW);
}

static void test_silent_ones_are_thrown_out(void **state)
{
    (void)state;
    gather(4, "");
    for (int i = 0; i < 4; i++) {
        assert_true(client_is_closed(crowd[i], 15000));
    }
    send_home(4);
}

static void test_idle_after_a_request_is_thrown_out(void **state)
{
    (void)state;
    gather(2, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        assert_true(client_is_closed(crowd[i], 15000));
    }
    send_home(2);
}

static void test_oversized_headers(void **state)
{
    (void)state;
    enum { LEN = 20 * 1000 };
    char *request = malloc(LEN + 128);
    const int head = snprintf(request, 128, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ");
    memset(request + head, 'x', LEN);
    memcpy(request + head + LEN, "\r\n\r\n", 5);
    struct response *response = malloc(sizeof *response);
    client_exchange(site.port, request, response);
    assert_int_not_equal(response->status, 200);
    memcpy(request, "GET /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 48);
    client_exchange(site.port, request, response);
    assert_int_not_equal(response->status, 200);
    free(response);
    free(request);
    assert_answered_at_once();
}

static void test_garbage(void **state)
{
    (void)state;
    static const char *const garbage[] = {"\r\n\r\n\r\n\r\n",
                                          "GET\r\n\r\n",
                                          "HELO there\r\n\r\n",
                                          "\x16\x03\x01\x02\x00\x01",
                                          "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
                                          "POST / HTTP/1.1\r\n\r\n",
                                          "GET /%00%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                          "GET /?a=%zz&b HTTP/1.1\r\nHost: \r\n\r\n"};
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        const int sock = client_connect(site.port);
        client_send(sock, garbage[i], strlen(garbage[i]));
        assert_answered_at_once();
        (void)close(sock);
    }
}

int main(void)
{
#define WITH_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)
    const struct CMUnitTest tests[] = {
        WITH_SITE(test_silent_crowd),
        WITH_SITE(test_crowd_with_half_a_request),
        WITH_SITE(test_crowd_that_owes_its_body),
        WITH_SITE(test_crowd_that_does_not_read),
        WITH_SITE(test_slow_ones_are_thrown_out),
        WITH_SITE(test_silent_ones_are_thrown_out),
        WITH_SITE(test_idle_after_a_request_is_thrown_out),
        WITH_SITE(test_oversized_headers),
        WITH_SITE(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
