/* The page's WebSocket: who may open it, that each snapshot arrives, and what abuse it survives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "plumbing/clock.h"
#include "tests/support/test.h"
#include "tests/web/client.h"

#define OURS "Host: localhost\r\nOrigin: http://localhost\r\n"

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };

static struct site site;

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

static void show(const char *snapshot)
{
    web_show(site.web, snapshot, strlen(snapshot));
}

static void assert_still_serving(void)
{
    const hb_mono start = clock_mono();
    assert_int_equal(client_status(site.port, "GET /health", "", ""), 200);
    assert_true(mono_age_ms(clock_mono(), start) < 1000);
}

static void test_only_this_page_may_open_it(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *path, *headers;
    } rows[] = {
        {101, "/ws", OURS},
        {101, "/ws", "Host: 127.0.0.1:8377\r\nOrigin: http://127.0.0.1:8377\r\n"},
        {403, "/ws", "Host: localhost\r\nOrigin: http://evil.example\r\n"},
        {403, "/ws", "Host: localhost\r\nOrigin: null\r\n"},
        {403, "/ws", "Host: localhost\r\n"},
        {403, "/ws", "Host: localhost\r\nX-Heatbridge: 1\r\n"},
        {403, "/ws", "Host: evil.example\r\nOrigin: http://evil.example\r\n"},
        {404, "/", OURS},
        {404, "/api/state", OURS},
        {404, "/ws/and/a/path/that/is/too/long", OURS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(ws_handshake_status(site.port, rows[i].path, rows[i].headers),
                         rows[i].status);
    }
}

/* libwebsockets 4.1.6 goes on with a finished transaction after an unknown upgrade (its commit
 * 2f082ec31); we hang up before. */
static void test_other_upgrades_are_refused(void **state)
{
    (void)state;
    static const char *const upgrades[] = {"foobar", "h2c", "websocket, foobar", "", "TLS/1.0"};
    for (size_t i = 0; i < sizeof upgrades / sizeof upgrades[0]; i++) {
        char request[512];
        char answer[512];
        (void)snprintf(request, sizeof request,
                       "GET /ws HTTP/1.1\r\n" OURS "Upgrade: %s\r\nConnection: Upgrade\r\n"
                       "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
                       upgrades[i]);
        const int sock = client_connect(site.port);
        client_send(sock, request, strlen(request));
        const size_t len = client_read(sock, answer, 12, DEADLINE_MS);
        assert_true(len == 0 || strncmp(answer + 9, "403", 3) == 0 ||
                    strncmp(answer + 9, "404", 3) == 0);
        (void)close(sock);
        assert_still_serving();
    }
    static const char *const others[] = {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                         "CONNECT evil.example:25 HTTP/1.1\r\n" OURS "\r\n"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char answer[512];
        const int sock = client_connect(site.port);
        client_send(sock, others[i], strlen(others[i]));
        const size_t len = client_read(sock, answer, 12, DEADLINE_MS);
        assert_true(len == 0 || (len == 12 && (answer[9] == '4' || answer[9] == '5')));
        (void)close(sock);
        assert_still_serving();
    }
}

static void test_each_snapshot_is_pushed(void **state)
{
    (void)state;
    char text[256];
    show("{\"n\":1}");
    const int early = ws_open(site.port, "");
    assert_int_equal(ws_read(early, text, sizeof text, DEADLINE_MS), TEXT);
    assert_string_equal(text, "{\"n\":1}");
    for (int n = 2; n < 50; n++) {
        char snapshot[32];
        (void)snprintf(snapshot, sizeof snapshot, "{\"n\":%d}", n);
        show(snapshot);
        assert_int_equal(ws_read(early, text, sizeof text, DEADLINE_MS), TEXT);
        assert_string_equal(text, snapshot);
    }
    const int late = ws_open(site.port, "");
    assert_int_equal(ws_read(late, text, sizeof text, DEADLINE_MS), TEXT);
    assert_string_equal(text, "{\"n\":49}");
    (void)close(early);
    (void)close(late);
}

/* A page that does not read costs the others nothing and gets the newest when it reads again. */
static void test_a_page_that_does_not_read(void **state)
{
    (void)state;
    enum { LEN = 300 * 1000, ROUNDS = 100 };
    char *snapshot = malloc(LEN);
    char *text = malloc(LEN + 1);
    memset(snapshot, ' ', LEN);
    const int lazy = ws_open(site.port, "");
    const int eager = ws_open(site.port, "");
    for (int n = 0; n < ROUNDS; n++) {
        (void)snprintf(snapshot, 16, "%d", n);
        web_show(site.web, snapshot, LEN);
        do {
            assert_int_equal(ws_read(eager, text, LEN + 1, DEADLINE_MS), TEXT);
        } while (strtol(text, NULL, 10) != n);
    }
    int received = 0;
    do {
        assert_int_equal(ws_read(lazy, text, LEN + 1, DEADLINE_MS), TEXT);
        received++;
    } while (strtol(text, NULL, 10) != ROUNDS - 1);
    assert_true(received < ROUNDS);
    (void)close(lazy);
    (void)close(eager);
    free(snapshot);
    free(text);
}

static void test_huge_frame_is_closed(void **state)
{
    (void)state;
    /* FIN text, masked, 64-bit length 1 TiB, mask, and the first bytes of it */
    static const unsigned char header[] = {0x81, 0xFF, 0, 0, 1, 0,   0,   0,  0,
                                           0,    1,    2, 3, 4, 'x', 'x', 'x'};
    const int sock = ws_open(site.port, "");
    client_send(sock, header, sizeof header);
    assert_true(client_is_closed(sock, DEADLINE_MS));
    (void)close(sock);
    assert_still_serving();
}

static void test_long_message_is_closed(void **state)
{
    (void)state;
    char piece[4096];
    memset(piece, 'x', sizeof piece);
    const int sock = ws_open(site.port, "");
    for (unsigned i = 0; i < 5; i++) {
        ws_send(sock, i == 0 ? TEXT : 0, false, piece, sizeof piece);
    }
    assert_true(client_is_closed(sock, DEADLINE_MS));
    (void)close(sock);
}

static void test_short_message_is_ignored(void **state)
{
    (void)state;
    char text[64];
    const int sock = ws_open(site.port, "");
    ws_send(sock, TEXT, true, "{\"target\":99}", 13);
    show("{\"n\":1}");
    assert_int_equal(ws_read(sock, text, sizeof text, DEADLINE_MS), TEXT);
    struct web_request request;
    assert_false(web_receive(site.web, &request));
    (void)close(sock);
}

static void test_flood_of_fragments_is_closed(void **state)
{
    (void)state;
    const int sock = ws_open(site.port, "");
    for (unsigned i = 0; i < 10000; i++) {
        ws_send(sock, i == 0 ? TEXT : 0, false, "", 0);
        ws_send(sock, 0, false, "x", 1);
    }
    assert_true(client_is_closed(sock, DEADLINE_MS));
    (void)close(sock);
    assert_still_serving();
}

static long memory_kb(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void test_flood_of_pings_is_harmless(void **state)
{
    (void)state;
    char text[256];
    const int sock = ws_open(site.port, "");
    const int other = ws_open(site.port, "");
    const long before_kb = memory_kb();
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 400; i++) {
            ws_send(sock, PING, true, "are you there", 13);
        }
        char drained[64 * 1024];
        (void)client_read(sock, drained, sizeof drained, 1);
    }
    assert_still_serving();
    show("{\"n\":1}");
    assert_int_equal(ws_read(other, text, sizeof text, DEADLINE_MS), TEXT);
    assert_true(memory_kb() - before_kb < 8 * 1024);
    (void)close(sock);
    (void)close(other);
}

static void test_ping_is_answered(void **state)
{
    (void)state;
    char text[64];
    const int sock = ws_open(site.port, "");
    ws_send(sock, PING, true, "hello", 5);
    assert_int_equal(ws_read(sock, text, sizeof text, DEADLINE_MS), PONG);
    assert_string_equal(text, "hello");
    ws_send(sock, CLOSE, true, "\x03\xe8", 2);
    assert_int_equal(ws_read(sock, text, sizeof text, DEADLINE_MS), CLOSE);
    (void)close(sock);
}

static void test_too_many_pages(void **state)
{
    (void)state;
    enum { PAGES = 16 };
    int sock[PAGES];
    for (int i = 0; i < PAGES; i++) {
        sock[i] = ws_open(site.port, "");
    }
    assert_int_equal(ws_handshake_status(site.port, "/ws", OURS), 503);
    assert_still_serving();
    (void)close(sock[0]);
    const hb_mono start = clock_mono();
    while (ws_handshake_status(site.port, "/ws", OURS) != 101) {
        assert_true(mono_age_ms(clock_mono(), start) < DEADLINE_MS);
    }
    for (int i = 1; i < PAGES; i++) {
        (void)close(sock[i]);
    }
}

static void test_stop_with_open_pages_is_quick(void **state)
{
    (void)state;
    int sock[4];
    for (int i = 0; i < 4; i++) {
        sock[i] = ws_open(site.port, "");
    }
    const int silent = client_connect(site.port);
    const hb_mono start = clock_mono();
    web_stop(site.web);
    assert_true(mono_age_ms(clock_mono(), start) < 1000);
    site.web = NULL;
    for (int i = 0; i < 4; i++) {
        assert_true(client_is_closed(sock[i], DEADLINE_MS));
        (void)close(sock[i]);
    }
    (void)close(silent);
}

int main(void)
{
#define WITH_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)
    const struct CMUnitTest tests[] = {
        WITH_SITE(test_only_this_page_may_open_it),
        WITH_SITE(test_other_upgrades_are_refused),
        WITH_SITE(test_each_snapshot_is_pushed),
        WITH_SITE(test_a_page_that_does_not_read),
        WITH_SITE(test_huge_frame_is_closed),
        WITH_SITE(test_long_message_is_closed),
        WITH_SITE(test_short_message_is_ignored),
        WITH_SITE(test_flood_of_fragments_is_closed),
        WITH_SITE(test_flood_of_pings_is_harmless),
        WITH_SITE(test_ping_is_answered),
        WITH_SITE(test_too_many_pages),
        WITH_SITE(test_stop_with_open_pages_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
