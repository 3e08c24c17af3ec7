/* The rules of admission, one by one. */
#include <string.h>

#include "bridge/web/guard.h"
#include "tests/support/test.h"

static const struct guard loopback = {.listen = "127.0.0.1", .host_name = "attic"};
static const struct guard everywhere = {
    .listen = "0.0.0.0", .host_name = "attic", .password = "secret", .everywhere = true};

static void test_host(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool on_loopback, on_all;
    } rows[] = {
        {"localhost", true, true},
        {"LocalHost:8377", true, true},
        {"127.0.0.1", true, true},
        {"127.0.0.1:65535", true, true},
        {"[::1]", true, true},
        {"[::1]:8377", true, true},
        {"192.168.1.20:8377", false, true},
        {"[fe80::1]:8377", false, true},
        {"attic", false, true},
        {"ATTIC.local:8377", false, true},
        {"", false, false},
        {":8377", false, false},
        {"evil.example", false, false},
        {"localhost.evil.example", false, false},
        {"127.0.0.1.evil.example", false, false},
        {"attic.evil.local", false, false},
        {"xattic.local", false, false},
        {".local", false, false},
        {"localhost.", false, false},
        {"localhost:80a", false, false},
        {"localhost:-1", false, false},
        {"localhost, evil.example", false, false},
        {"user@localhost", false, false},
        {"[::1", false, false},
        {"[::1]x", false, false},
        {"[]", false, false},
        {"[evil.example]", false, false},
        {"1.2.3.x", false, false},
        {"1.2.3.", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (guard_host_is_ours(&loopback, rows[i].host) != rows[i].on_loopback ||
            guard_host_is_ours(&everywhere, rows[i].host) != rows[i].on_all) {
            fail_msg("Host '%s' is judged wrongly", rows[i].host);
        }
    }
}

static void test_origin(void **state)
{
    (void)state;
    assert_true(guard_origin_is_host("http://localhost:8377", "localhost:8377"));
    assert_true(guard_origin_is_host("https://LOCALHOST:8377", "localhost:8377"));
    assert_true(guard_origin_is_host("http://[::1]:8377", "[::1]:8377"));
    assert_false(guard_origin_is_host("http://localhost", "localhost:8377"));
    assert_false(guard_origin_is_host("http://localhost:8377/", "localhost:8377"));
    assert_false(guard_origin_is_host("http://localhost:83770", "localhost:8377"));
    assert_false(guard_origin_is_host("localhost:8377", "localhost:8377"));
    assert_false(guard_origin_is_host("file://localhost:8377", "localhost:8377"));
    assert_false(guard_origin_is_host("null", "null"));
    assert_false(guard_origin_is_host("http://", "x"));
}

/* "Aladdin:open sesame" is the example of RFC 7617 section 2, "test:123£" that of section 2.1. */
static void test_password(void **state)
{
    (void)state;
    const struct guard sesame = {.password = "open sesame"};
    const struct guard pound = {.password = "123\xC2\xA3"};
    assert_true(guard_password_is_right(&sesame, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    assert_true(guard_password_is_right(&sesame, "basic QWxhZGRpbjpvcGVuIHNlc2FtZQ"));
    assert_true(guard_password_is_right(&pound, "Basic dGVzdDoxMjPCow=="));
    assert_false(guard_password_is_right(&pound, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    assert_false(guard_password_is_right(&sesame, ""));
    assert_false(guard_password_is_right(&sesame, "Basic"));
    assert_false(guard_password_is_right(&sesame, "Basic "));
    assert_false(guard_password_is_right(&sesame, "Basic QWxhZGRpbg=="));     /* no colon     */
    assert_false(guard_password_is_right(&sesame, "Basic QWxhZGRpbjo="));     /* empty        */
    assert_false(guard_password_is_right(&sesame, "Basic QWxhZGRpbjpvcGVu")); /* a beginning */
    assert_false(guard_password_is_right(&sesame, "Basic =QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    assert_false(guard_password_is_right(&sesame, "Digest QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
}

static void test_password_repeated_is_wrong(void **state)
{
    (void)state;
    const struct guard short_one = {.password = "ab"};
    assert_true(guard_password_is_right(&short_one, "Basic OmFi"));      /* ":ab"   */
    assert_false(guard_password_is_right(&short_one, "Basic OmFiYWI=")); /* ":abab" */
}

static void test_endless_authorization(void **state)
{
    (void)state;
    char header[4096] = "Basic ";
    memset(header + 6, 'A', sizeof header - 7);
    header[sizeof header - 1] = '\0';
    assert_false(guard_password_is_right(&everywhere, header));
}

static void test_rules(void **state)
{
    (void)state;
    const char *why;
    const struct guard_ask plain = {.host = "localhost", .origin = "", .authorization = ""};
    struct guard_ask marked = plain;
    struct guard_ask foreign = plain;
    marked.has_mark = true;
    foreign.origin = "http://evil.example";
    foreign.has_mark = true;
    assert_int_equal(guard_refuses(&loopback, &plain, GUARD_READ, true, &why), 0);
    assert_int_equal(guard_refuses(&loopback, &plain, GUARD_CHANGE, true, &why), 403);
    assert_int_equal(guard_refuses(&loopback, &marked, GUARD_CHANGE, true, &why), 0);
    assert_int_equal(guard_refuses(&loopback, &marked, GUARD_SOCKET, true, &why), 403);
    assert_int_equal(guard_refuses(&loopback, &foreign, GUARD_READ, true, &why), 403);
    assert_int_equal(guard_refuses(&loopback, &foreign, GUARD_CHANGE, true, &why), 403);
    assert_int_equal(guard_refuses(&everywhere, &plain, GUARD_READ, true, &why), 401);
    assert_int_equal(guard_refuses(&everywhere, &plain, GUARD_READ, false, &why), 0);
}

static void test_room_in_path(void **state)
{
    (void)state;
    char room[ID_MAX];
    assert_true(guard_path_room("/api/room/living_room", room));
    assert_string_equal(room, "living_room");
    assert_false(guard_path_room("/api/room/", room));
    assert_false(guard_path_room("/api/room", room));
    assert_false(guard_path_room("/api/rooms/x", room));
    assert_false(guard_path_room("/api/room/x/y", room));
    assert_false(guard_path_room("/api/room/1x", room));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_password_repeated_is_wrong),
        cmocka_unit_test(test_endless_authorization),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_room_in_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
