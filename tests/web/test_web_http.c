/* The routes of the page as a browser and curl see them, and who is turned away. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plumbing/json.h"
#include "tests/support/test.h"
#include "tests/web/client.h"

#define SNAPSHOT                                                                                   \
    "{\"time_ms\":1764918000000,\"rooms\":[{\"id\":\"hallway\",\"room_c\":20.5,"                   \
    "\"target_c\":21,\"power_w\":900}]}"
#define MARK "X-Heatbridge: 1\r\n"

static struct site site;
static struct response response;

static int open_plain(void **state)
{
    (void)state;
    site_open(&site, "");
    return 0;
}

static int open_with_password(void **state)
{
    (void)state;
    site_open(&site, "open sesame");
    return 0;
}

static int close_site(void **state)
{
    (void)state;
    site_close(&site);
    return 0;
}

static void get(const char *path)
{
    char line[256];
    (void)snprintf(line, sizeof line, "GET %s", path);
    client_ask(site.port, line, "", "", &response);
}

static void assert_refused(int status, const char *words)
{
    assert_int_equal(response.status, status);
    struct json *json = json_parse(response.body, response.body_len, 4096, NULL);
    const char *error = json_string(json_get(json, "error"));
    assert_non_null(error);
    assert_non_null(strstr(error, words));
    json_free(json);
}

/* Waits for the wake-up and takes the request. */
static void receive(struct web_request *request)
{
    struct pollfd wait = {.fd = site.woken[0], .events = POLLIN};
    assert_int_equal(poll(&wait, 1, DEADLINE_MS), 1);
    assert_true(web_receive(site.web, request));
}

static void test_page_and_its_files(void **state)
{
    (void)state;
    static const struct {
        const char *path, *type, *has;
    } files[] = {
        {"/", "text/html; charset=utf-8", "<title>heatbridge</title>"},
        {"/app.js", "text/javascript; charset=utf-8", "new WebSocket("},
        {"/chart.js", "text/javascript; charset=utf-8", "class RoomChart"},
        {"/style.css", "text/css; charset=utf-8", "prefers-color-scheme: dark"},
        {"/icon.svg", "image/svg+xml", "<svg"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        get(files[i].path);
        assert_int_equal(response.status, 200);
        assert_non_null(strstr(response.head, files[i].type));
        assert_non_null(strstr(response.body, files[i].has));
        assert_non_null(strstr(response.head, "content-security-policy: default-src 'self';"));
        assert_non_null(strstr(response.head, "frame-ancestors 'none'"));
        assert_non_null(strstr(response.head, "x-content-type-options: nosniff"));
        assert_non_null(strstr(response.head, "cache-control: no-store"));
    }
}

/* The policy forbids inline code, so the page must not contain any; nor anything from elsewhere. */
static void test_page_obeys_its_own_policy(void **state)
{
    (void)state;
    static const char *const forbidden[] = {
        "<style", " style=", " onclick=", "javascript:", "http://", "https://"};
    get("/");
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        assert_null(strstr(response.body, forbidden[i]));
    }
    assert_null(strstr(response.body, "<script>"));
}

static void test_head_has_no_body(void **state)
{
    (void)state;
    client_ask(site.port, "HEAD /", "", "", &response);
    assert_int_equal(response.status, 200);
    assert_null(strstr(response.head, "content-length: 0\r\n"));
    client_exchange(site.port,
                    "HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    &response);
    assert_int_equal(response.status, 200);
}

static void test_health(void **state)
{
    (void)state;
    get("/health");
    assert_int_equal(response.status, 200);
    struct json *json = json_parse(response.body, response.body_len, 1024, NULL);
    assert_string_equal(json_string(json_get(json, "status")), "ok");
    assert_true(json_is_null(json_get(json, "snapshot_age_s")));
    json_free(json);
}

/* A page that is open is told of the snapshot, so that its arrival is what the test waits for. */
static void show_and_wait(const char *snapshot)
{
    char text[4096];
    const int sock = ws_open(site.port, "");
    web_show(site.web, snapshot, strlen(snapshot));
    do {
        assert_int_equal(ws_read(sock, text, sizeof text, DEADLINE_MS), 1);
    } while (strcmp(text, snapshot) != 0);
    (void)close(sock);
}

static void test_state_and_history(void **state)
{
    (void)state;
    get("/api/state");
    assert_refused(503, "still starting");
    show_and_wait(SNAPSHOT);
    get("/api/state");
    assert_int_equal(response.status, 200);
    assert_non_null(strstr(response.head, "application/json"));
    assert_string_equal(response.body, SNAPSHOT);
    get("/api/history");
    assert_string_equal(response.body, "{\"rooms\":{\"hallway\":{\"time_s\":[1764918000],"
                                       "\"room_c\":[20.5],\"target_c\":[21],\"power_w\":[900]}}}");
    get("/health");
    assert_null(strstr(response.body, "\"snapshot_age_s\":null"));
}

static void test_large_state_comes_whole(void **state)
{
    (void)state;
    enum { LEN = 200 * 1000 };
    char *snapshot = malloc(LEN + 1);
    memset(snapshot, 'x', LEN);
    snapshot[0] = snapshot[LEN - 1] = '"';
    snapshot[LEN] = '\0';
    web_show(site.web, snapshot, LEN);
    const int sock = ws_open(site.port, "");
    char *text = malloc(LEN + 1);
    assert_int_equal(ws_read(sock, text, LEN + 1, DEADLINE_MS), 1);
    assert_string_equal(text, snapshot);
    (void)close(sock);
    get("/api/state");
    assert_int_equal(response.body_len, LEN);
    assert_memory_equal(response.body, snapshot, LEN);
    free(text);
    free(snapshot);
}

static void test_unknown_path_and_method(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nope", "/../etc/passwd", "/%2e%2e/etc/passwd",
                                        "/api/", "/app.js/",       "/ws"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        get(paths[i]);
        assert_refused(404, "path");
    }
    client_ask(site.port, "DELETE /", MARK, "", &response);
    assert_refused(405, "GET or POST");
}

static void test_foreign_host_is_refused(void **state)
{
    (void)state;
    static const char *const good[] = {"localhost", "LOCALHOST:1", "127.0.0.1:8377", "[::1]:8377"};
    static const char *const bad[] = {"evil.example",
                                      "localhost.evil.example",
                                      "127.0.0.2",
                                      "evil.example:80",
                                      "localhost@evil.example",
                                      "[::1",
                                      "localhost:80:80x",
                                      "192.168.1.2"};
    char request[256];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        (void)snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        client_exchange(site.port, request, &response);
        assert_int_equal(response.status, 200);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        client_exchange(site.port, request, &response);
        assert_refused(403, "Host");
    }
    client_exchange(site.port, "GET / HTTP/1.1\r\n\r\n", &response);
    assert_refused(403, "Host");
    client_exchange(site.port, "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
                    &response);
    assert_refused(403, "Host");
}

static void test_foreign_origin_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"http://evil.example", "null", "http://localhost",
                                      "https://127.0.0.1:1", "ftp://127.0.0.1"};
    char header[128];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(header, sizeof header, "Origin: %s\r\n" MARK, bad[i]);
        client_ask(site.port, "GET /api/state", header, "", &response);
        assert_refused(403, "Origin");
        client_ask(site.port, "POST /api/room/hallway", header, "{\"target\":30}", &response);
        assert_refused(403, "Origin");
    }
    struct web_request request;
    assert_false(web_receive(site.web, &request));
}

static void test_post_reaches_the_core(void **state)
{
    (void)state;
    struct web_request request;
    char origin[64];
    (void)snprintf(origin, sizeof origin, "Origin: http://127.0.0.1:%u\r\n", (unsigned)site.port);
    assert_int_equal(client_status(site.port, "POST /api/room/hallway", origin,
                                   "{\"mode\":\"heat\",\"target\":21.5}"),
                     202);
    receive(&request);
    assert_string_equal(request.room, "hallway");
    assert_string_equal(request.json, "{\"mode\":\"heat\",\"target\":21.5}");
    assert_int_equal(request.len, strlen(request.json));
    assert_false(web_receive(site.web, &request));
}

static void test_post_without_origin_needs_the_mark(void **state)
{
    (void)state;
    struct web_request request;
    client_ask(site.port, "POST /api/room/hallway", "", "{\"target\":21}", &response);
    assert_refused(403, "X-Heatbridge");
    client_ask(site.port, "POST /api/room/hallway", "X-Heatbridge: 0\r\n", "{\"target\":21}",
               &response);
    assert_refused(403, "X-Heatbridge");
    assert_int_equal(client_status(site.port, "POST /api/room/hallway", MARK, "{\"target\":21}"),
                     202);
    receive(&request);
    assert_string_equal(request.json, "{\"target\":21}");
}

/* The page checks the form only; whether the keys make sense is the core's to say. */
static void test_body_must_be_an_object(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[1]", "21", "\"heat\"", "{}", "{\"target\":21", "null", "{\"a\":1} x", "{\"a\":\"\xff\"}"};
    struct web_request request;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        client_ask(site.port, "POST /api/room/hallway", MARK, bad[i], &response);
        assert_int_equal(response.status, 400);
        assert_non_null(strstr(response.body, "{\"error\":\""));
    }
    assert_false(web_receive(site.web, &request));
    assert_int_equal(client_status(site.port, "POST /api/room/cellar", MARK, "{\"colour\":1}"),
                     202);
    receive(&request);
    assert_string_equal(request.room, "cellar");
}

static void test_room_must_be_an_id(void **state)
{
    (void)state;
    static const char *const bad[] = {"POST /api/room/",
                                      "POST /api/room/Hall-way",
                                      "POST /api/room/a/b",
                                      "POST /api/state",
                                      "POST /api/room/an_id_that_is_longer_than_32_bytes",
                                      "POST /"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        client_ask(site.port, bad[i], MARK, "{\"target\":21}", &response);
        assert_refused(404, "/api/room/");
    }
}

static void test_body_size(void **state)
{
    (void)state;
    char body[WEB_REQUEST_MAX + 2];
    struct web_request request;
    memset(body, ' ', sizeof body);
    memcpy(body, "{\"a\":1}", 7);
    body[WEB_REQUEST_MAX] = '\0';
    assert_int_equal(client_status(site.port, "POST /api/room/hallway", MARK, body), 202);
    receive(&request);
    assert_int_equal(request.len, WEB_REQUEST_MAX);
    body[WEB_REQUEST_MAX] = ' ';
    body[WEB_REQUEST_MAX + 1] = '\0';
    client_ask(site.port, "POST /api/room/hallway", MARK, body, &response);
    assert_refused(413, "1024 bytes");
    client_ask(site.port, "POST /api/room/hallway", MARK "Content-Length: 99999999999\r\n", "",
               &response);
    assert_refused(413, "1024 bytes");
    client_ask(site.port, "POST /api/room/hallway", MARK "Transfer-Encoding: chunked\r\n", "",
               &response);
    assert_refused(411, "Content-Length");
    client_ask(site.port, "POST /api/room/hallway", MARK "Content-Length: 0\r\n", "", &response);
    assert_refused(400, "JSON object");
}

static void test_full_queue_refuses(void **state)
{
    (void)state;
    struct web_request request;
    int accepted = 0;
    while (client_status(site.port, "POST /api/room/hallway", MARK, "{\"target\":21}") == 202) {
        accepted++;
        assert_true(accepted < 1000);
    }
    client_ask(site.port, "POST /api/room/hallway", MARK, "{\"target\":21}", &response);
    assert_refused(503, "busy");
    for (int i = 0; i < accepted; i++) {
        assert_true(web_receive(site.web, &request));
    }
    assert_false(web_receive(site.web, &request));
    assert_int_equal(client_status(site.port, "POST /api/room/hallway", MARK, "{\"target\":21}"),
                     202);
}

static void test_several_requests_on_one_connection(void **state)
{
    (void)state;
    static const char request[] = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const int sock = client_connect(site.port);
    for (int i = 0; i < 20; i++) {
        char text[512] = "";
        size_t used = 0;
        client_send(sock, request, sizeof request - 1);
        while (strstr(text, "}") == NULL) {
            assert_int_equal(client_read(sock, text + used, 1, DEADLINE_MS), 1);
            used++;
            assert_true(used < sizeof text - 1);
        }
        assert_int_equal(strncmp(text, "HTTP/1.1 200", 12), 0);
    }
    (void)close(sock);
}

/* base64 of "me:open sesame", "me:open sesamE" and "me" */
static void test_password(void **state)
{
    (void)state;
    static const char good[] = "Authorization: Basic bWU6b3BlbiBzZXNhbWU=\r\n";
    static const char wrong[] = "Authorization: Basic bWU6b3BlbiBzZXNhbUU=\r\n";
    static const char *const paths[] = {"GET /", "GET /app.js", "GET /api/state",
                                        "GET /api/history"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        client_ask(site.port, paths[i], "", "", &response);
        assert_refused(401, "password");
        assert_non_null(strstr(response.head, "www-authenticate: Basic realm=\"heatbridge\""));
        client_ask(site.port, paths[i], wrong, "", &response);
        assert_refused(401, "password");
    }
    assert_int_equal(client_status(site.port, "GET /", good, ""), 200);
    assert_int_equal(client_status(site.port, "GET /", "Authorization: Basic bWU=\r\n", ""), 401);
    assert_int_equal(client_status(site.port, "GET /", "Authorization: Basic ***\r\n", ""), 401);
    assert_int_equal(client_status(site.port, "GET /", "Authorization: Bearer x\r\n", ""), 401);
    assert_int_equal(client_status(site.port, "GET /health", "", ""), 200);
    assert_int_equal(client_status(site.port, "POST /api/room/a", MARK, "{\"target\":21}"), 401);
    char headers[256];
    (void)snprintf(headers, sizeof headers, "Host: localhost\r\nOrigin: http://localhost\r\n");
    assert_int_equal(ws_handshake_status(site.port, "/ws", headers), 401);
    (void)close(ws_open(site.port, good));
}

static void test_start_tells_what_is_wrong(void **state)
{
    (void)state;
    struct hb_err err;
    struct web_options options = {"127.0.0.1", site.port, ""};
    assert_null(web_start(&options, NULL, NULL, NULL, &err));
    assert_int_equal(err.code, HB_ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "cannot listen on 127.0.0.1 port"));
    assert_non_null(strstr(err.msg, "in use"));
    options = (struct web_options){"0.0.0.0", free_port(), ""};
    assert_null(web_start(&options, NULL, NULL, NULL, &err));
    assert_string_equal(err.msg, "web.password: expected a password because web.listen is "
                                 "'0.0.0.0', got none");
    options = (struct web_options){"eth0", free_port(), "x"};
    assert_null(web_start(&options, NULL, NULL, NULL, &err));
    assert_string_equal(err.msg, "web.listen: expected an IP address, got 'eth0'");
    options = (struct web_options){"192.0.2.1", free_port(), "x"};
    assert_null(web_start(&options, NULL, NULL, NULL, &err));
    assert_int_equal(err.code, HB_ERR_SYSTEM);
}

static void test_all_addresses_with_password(void **state)
{
    (void)state;
    struct hb_err err;
    const struct web_options options = {"0.0.0.0", free_port(), "open sesame"};
    struct web *web = web_start(&options, NULL, NULL, NULL, &err);
    assert_non_null(web);
    client_exchange(options.port,
                    "GET / HTTP/1.1\r\nHost: 192.168.1.20:8377\r\n"
                    "Authorization: Basic bWU6b3BlbiBzZXNhbWU=\r\n\r\n",
                    &response);
    assert_int_equal(response.status, 200);
    client_exchange(options.port, "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n", &response);
    assert_refused(403, "Host");
    web_stop(web);
}

int main(void)
{
#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_site)
    const struct CMUnitTest tests[] = {
        WITH(test_page_and_its_files, open_plain),
        WITH(test_page_obeys_its_own_policy, open_plain),
        WITH(test_head_has_no_body, open_plain),
        WITH(test_health, open_plain),
        WITH(test_state_and_history, open_plain),
        WITH(test_large_state_comes_whole, open_plain),
        WITH(test_unknown_path_and_method, open_plain),
        WITH(test_foreign_host_is_refused, open_plain),
        WITH(test_foreign_origin_is_refused, open_plain),
        WITH(test_post_reaches_the_core, open_plain),
        WITH(test_post_without_origin_needs_the_mark, open_plain),
        WITH(test_body_must_be_an_object, open_plain),
        WITH(test_room_must_be_an_id, open_plain),
        WITH(test_body_size, open_plain),
        WITH(test_full_queue_refuses, open_plain),
        WITH(test_several_requests_on_one_connection, open_plain),
        WITH(test_password, open_with_password),
        WITH(test_start_tells_what_is_wrong, open_plain),
        WITH(test_all_addresses_with_password, open_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
