#include <stdio.h>
#include <string.h>

#include "miner/hex.h"
#include "miner/net/line_buffer.h"
#include "miner/stratum/pool_url.h"
#include "miner/stratum/share_book.h"
#include "miner/stratum/stratum_codec.h"
#include "tests/support/test.h"

static struct stratum_message message;

static bool parse(const char *line, struct hb_err *err)
{
    memset(err, 0, sizeof *err);
    return stratum_parse(line, strlen(line), &message, err);
}

static void read_line(const char *line)
{
    struct hb_err err;
    if (!parse(line, &err)) {
        fail_msg("%s: %s", line, err.msg);
    }
}

/* --- what a pool tells --------------------------------------------------------------------------
 */

#define HASH "0ed57ee92e48b81b86c0a257c40c7a372c02bbcb8a656edc5c7182520f4d9af8"
#define NOTIFY(tail)                                                                               \
    "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"j1\",\"" HASH "\",\"0102\",\"0304\"," \
    "[\"" HASH "\"],\"20000000\",\"207fffff\",\"6b032d8b\"," tail "]}"

static void notify_is_read_whole(void **state)
{
    (void)state;
    read_line(NOTIFY("true"));
    assert_int_equal(message.kind, STRATUM_NOTIFY);
    assert_string_equal(message.notify.id, "j1");
    assert_int_equal(message.notify.prevhash[0], 0x0e);
    assert_memory_equal(message.notify.coinbase, "\x01\x02\x03\x04", 4);
    assert_int_equal(message.notify.branch_count, 1);
    assert_int_equal(message.notify.version, 0x20000000);
    assert_int_equal(message.notify.nbits, 0x207fffff);
    assert_int_equal(message.notify.ntime, 0x6b032d8b);
    assert_true(message.notify.clean);
}

static void clean_is_the_last_element(void **state)
{
    (void)state;
    read_line(NOTIFY("true,false"));
    assert_false(message.notify.clean);
    read_line(NOTIFY("0,true"));
    assert_true(message.notify.clean);
}

static void other_messages_are_read(void **state)
{
    (void)state;
    read_line(
        "{\"params\":[0.00050000000000000001],\"id\":null,\"method\":\"mining.set_difficulty\"}");
    assert_near(message.difficulty, 0.0005, 1e-18);
    read_line("{\"id\":null,\"method\":\"mining.set_extranonce\",\"params\":[\"08000002\",4]}");
    assert_int_equal(message.extranonce.size1, 4);
    assert_int_equal(message.extranonce.size2, 4);
    read_line("{\"id\":null,\"method\":\"mining.set_version_mask\",\"params\":[\"ffffffff\"]}");
    assert_int_equal(message.version_mask, STRATUM_VERSION_MASK);
    read_line("{\"id\":7,\"method\":\"client.get_version\",\"params\":[]}");
    assert_int_equal(message.kind, STRATUM_GET_VERSION);
    assert_string_equal(message.id, "7");
    read_line("{\"id\":\"a\\\"b\",\"method\":\"mining.ping\"}");
    assert_int_equal(message.kind, STRATUM_PING);
    assert_string_equal(message.id, "\"a\\\"b\"");
    read_line(
        "{\"id\":null,\"method\":\"client.show_message\",\"params\":[\"hi\\u0007\\nthere\"]}");
    assert_string_equal(message.text, "hi??there");
    read_line("{\"id\":1,\"method\":\"mining.unheard_of\",\"params\":{}}");
    assert_int_equal(message.kind, STRATUM_OTHER);
}

static void reconnect_takes_ports_of_both_types(void **state)
{
    (void)state;
    read_line("{\"id\":null,\"method\":\"client.reconnect\",\"params\":[\"a.example\",3334,5]}");
    assert_string_equal(message.reconnect.host, "a.example");
    assert_int_equal(message.reconnect.port, 3334);
    assert_near(message.reconnect.wait_s, 5, 0);
    read_line("{\"id\":null,\"method\":\"client.reconnect\",\"params\":[\"a.example\",\"3335\"]}");
    assert_int_equal(message.reconnect.port, 3335);
    read_line("{\"id\":null,\"method\":\"client.reconnect\",\"params\":[]}");
    assert_string_equal(message.reconnect.host, "");
    assert_int_equal(message.reconnect.port, 0);
    read_line("{\"id\":null,\"method\":\"client.reconnect\"}");
    assert_int_equal(message.reconnect.port, 0);
}

/* --- replies ------------------------------------------------------------------------------------
 */

static void every_shape_of_a_refusal_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum share_reject kind;
    } shapes[] = {
        {"{\"id\":4,\"result\":null,\"error\":[21,\"Job not found\",\"\"]}", REJECT_STALE},
        {"{\"id\":4,\"result\":false,\"error\":[23,\"Above target\",null]}", REJECT_LOW_DIFFICULTY},
        {"{\"id\":4,\"error\":[20,\"unknown-work\",null],\"result\":null}", REJECT_STALE},
        {"{\"id\":4,\"error\":[-3,\"Method not found\",null],\"result\":null}", REJECT_OTHER},
        {"{\"id\":4,\"result\":false,\"error\":\"Stale\"}", REJECT_STALE},
        {"{\"id\":4,\"result\":null,\"error\":\"Stale\"}", REJECT_STALE},
        {"{\"id\":4,\"reject-reason\":\"Above target 2\",\"result\":false,\"error\":null}",
         REJECT_LOW_DIFFICULTY},
        {"{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":{\"code\":22,\"message\":\"duplicate share\"}}",
         REJECT_DUPLICATE},
        {"{\"id\":4,\"result\":false,\"error\":[24,\"Unauthorized worker\",null]}",
         REJECT_UNAUTHORIZED},
        {"{\"id\":4,\"result\":null,\"error\":[25,\"Not subscribed\",null]}", REJECT_UNAUTHORIZED},
        {"{\"result\":false,\"error\":[21,\"Invalid JobID\",null],\"id\":\"4\"}", REJECT_STALE},
        {"{\"id\":4,\"result\":false,\"error\":\"Worker mismatch\"}", REJECT_UNAUTHORIZED},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        read_line(shapes[i].line);
        assert_int_equal(message.kind, STRATUM_REPLY);
        assert_int_equal(message.reply.id, 4);
        assert_true(message.reply.failed);
        assert_true(message.reply.result != RESULT_TRUE);
        assert_int_equal(share_reject_kind(message.reply.error_code, message.reply.text),
                         shapes[i].kind);
    }
}

static void success_is_understood(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"result\":true,\"error\":null,\"id\":3}", "{\"result\":true,\"id\":3}",
        "{\"result\":true,\"error\":[],\"id\":3}",   "{\"result\":true,\"error\":false,\"id\":3}",
        "{\"result\":true,\"error\":\"\",\"id\":3}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        read_line(lines[i]);
        assert_int_equal(message.reply.result, RESULT_TRUE);
        assert_false(message.reply.failed);
    }
}

static void subscribe_takes_any_list_of_subscriptions(void **state)
{
    (void)state;
    static const char *const lists[] = {"[[\"mining.notify\",\"6b\"]]", "[]", "null",
                                        "[\"mining.notify\",\"x\"]", "17"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        char line[200];
        (void)snprintf(line, sizeof line, "{\"id\":2,\"result\":[%s,\"8e2d036b\",8]}", lists[i]);
        read_line(line);
        assert_int_equal(message.reply.result, RESULT_SUBSCRIBED);
        assert_int_equal(message.reply.extranonce.size1, 4);
        assert_int_equal(message.reply.extranonce.size2, 8);
    }
}

static void malformed_subscribe_results_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *result, *says;
    } cases[] = {
        {"[\"01650f001f25ea\",4]", "got 2 elements"},
        {"[[],\"0165\"]", "got 2 elements"},
        {"[[],\"016\",4]", "extranonce1"},
        {"[[],17,4]", "extranonce1"},
        {"[[],\"01\",17]", "extranonce2_size: expected a whole number from 1 to 16, got 17"},
        {"[[],\"01\",0]", "extranonce2_size: expected a whole number from 1 to 16, got 0"},
        {"[[],\"01\",1000]", "extranonce2_size"},
        {"[[],\"01\",-1]", "extranonce2_size"},
        {"[[],\"01\",2.5]", "extranonce2_size"},
        {"[[],\"01\",1e18]", "extranonce2_size"},
        {"[[],\"01\",\"4\"]", "extranonce2_size"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[200];
        (void)snprintf(line, sizeof line, "{\"id\":2,\"result\":%s,\"error\":null}",
                       cases[i].result);
        read_line(line);
        assert_int_equal(message.reply.result, RESULT_NONSENSE);
        assert_non_null(strstr(message.reply.text, cases[i].says));
    }
}

static void configure_answers_are_read(void **state)
{
    (void)state;
    read_line(
        "{\"id\":1,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"ffffffff\","
        "\"minimum-difficulty\":false,\"subscribe-extranonce\":true}}");
    assert_int_equal(message.reply.result, RESULT_CONFIGURED);
    assert_true(message.reply.version_rolling);
    assert_int_equal(message.reply.version_mask, STRATUM_VERSION_MASK);
    assert_false(message.reply.minimum_difficulty);
    assert_true(message.reply.subscribe_extranonce);
    read_line("{\"id\":1,\"result\":{\"version-rolling\":\"no\"}}");
    assert_false(message.reply.version_rolling);
    read_line("{\"id\":1,\"result\":\"unknown method\"}");
    assert_int_equal(message.reply.result, RESULT_NONE);
}

/* --- nonsense -----------------------------------------------------------------------------------
 */

#define SET_DIFFICULTY(number)                                                                     \
    "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[" number "]}"

static void wrong_fields_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        {SET_DIFFICULTY("-1"), "mining.set_difficulty: difficulty: expected a number from"},
        {SET_DIFFICULTY("0"), "got 0"},
        {SET_DIFFICULTY("1e999"), "difficulty"},
        {SET_DIFFICULTY("1e-30"), "difficulty"},
        {SET_DIFFICULTY("\"8\""), "got \"8\""},
        {SET_DIFFICULTY("null"), "got null"},
        {SET_DIFFICULTY(""), "got nothing"},
        {"{\"method\":\"mining.set_difficulty\"}", "got nothing"},
        {NOTIFY("1"), "mining.notify: clean jobs: expected true or false, got 1"},
        {"{\"method\":\"mining.notify\",\"params\":[1,2]}", "at least 9, got 2"},
        {"{\"method\":\"mining.notify\",\"params\":[\"a\",\"zz\",\"\",\"\",[],\"1\",\"1\",\"1\","
         "true]}",
         "previous hash"},
        {"{\"method\":\"mining.notify\",\"params\":[\"a\",\"" HASH
         "\",\"0\",\"\",[],\"1\",\"1\",\"1\",true]}",
         "coinb1"},
        {"{\"method\":\"mining.notify\",\"params\":[\"a\",\"" HASH
         "\",\"\",\"\",[\"00\"],\"1\",\"1\",\"1\",true]}",
         "merkle branch"},
        {"{\"method\":\"mining.notify\",\"params\":[\"a\",\"" HASH
         "\",\"\",\"\",[],\"123456789\",\"1\",\"1\",true]}",
         "version"},
        {"{\"method\":\"mining.set_extranonce\",\"params\":[\"00\",999999999]}",
         "extranonce2_size"},
        {"{\"method\":\"client.reconnect\",\"params\":[\"a\",70000]}", "port"},
        {"{\"method\":\"client.reconnect\",\"params\":[\"a\",\"x\"]}", "port"},
        {"{\"method\":\"client.reconnect\",\"params\":[5,5]}", "host"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hb_err err;
        if (parse(cases[i].line, &err) || strstr(err.msg, cases[i].says) == NULL) {
            fail_msg("%s: expected '%s', got '%s'", cases[i].line, cases[i].says, err.msg);
        }
        assert_int_equal(err.code, HB_ERR_INPUT);
    }
}

static void what_is_no_json_object_is_told_apart(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "HTTP/1.1 400 Bad Request",
        "",
        "{\"id\":1",
        "[1,2]",
        "17",
        "null",
        "{\"a\":\"\xff\xfe\"}",
        "{\"id\":NaN}",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct hb_err err;
        assert_false(parse(lines[i], &err));
        assert_int_equal(err.code, HB_ERR_STATE);
        assert_true(err.msg[0] != '\0');
    }
}

/* --- what we say --------------------------------------------------------------------------------
 */

static void expect_written(const struct stratum_request *request, const char *expected)
{
    char line[STRATUM_REQUEST_MAX];
    assert_int_equal(stratum_write(request, line, sizeof line), strlen(expected));
    assert_string_equal(line, expected);
}

static void requests_are_written(void **state)
{
    (void)state;
    struct stratum_request submit = {.call = CALL_SUBMIT, .id = 7, .user = "me.w1"};
    submit.share = (struct stratum_share){.job_id = "ab\"c",
                                          .extranonce2 = {0, 0, 0, 1},
                                          .extranonce2_size = 4,
                                          .ntime = 0x64b3f3ec,
                                          .nonce = 0xd460d91};
    expect_written(&submit, "{\"id\":7,\"method\":\"mining.submit\",\"params\":[\"me.w1\","
                            "\"ab\\\"c\",\"00000001\",\"64b3f3ec\",\"0d460d91\"]}\n");
    submit.share.with_version_bits = true;
    expect_written(&submit, "{\"id\":7,\"method\":\"mining.submit\",\"params\":[\"me.w1\","
                            "\"ab\\\"c\",\"00000001\",\"64b3f3ec\",\"0d460d91\",\"00000000\"]}\n");
    expect_written(
        &(struct stratum_request){.call = CALL_SUGGEST_DIFFICULTY, .id = 5, .difficulty = 0.0005},
        "{\"id\":5,\"method\":\"mining.suggest_difficulty\",\"params\":[0.0005]}\n");
    expect_written(&(struct stratum_request){.call = ANSWER_PING, .answer_to = "\"x\""},
                   "{\"id\":\"x\",\"result\":\"pong\",\"error\":null}\n");
    expect_written(
        &(struct stratum_request){.call = ANSWER_VERSION, .answer_to = "9", .agent = "hb/1"},
        "{\"id\":9,\"result\":\"hb/1\",\"error\":null}\n");
    char small[10];
    assert_int_equal(stratum_write(&submit, small, sizeof small), 0);
}

static struct line_buffer lines;

static void lines_are_cut_from_any_pieces(void **state)
{
    (void)state;
    static const char stream[] = "one\r\ntwo\n\nthree\n";
    static const char *const expected[] = {"one", "two", "", "three"};
    for (size_t piece = 1; piece < sizeof stream; piece++) {
        size_t seen = 0;
        lines.used = 0;
        for (size_t at = 0; at < sizeof stream - 1; at += piece) {
            const size_t left = sizeof stream - 1 - at;
            const char *data = stream + at;
            size_t len = piece < left ? piece : left;
            size_t line_len = 0;
            bool too_long = false;
            while (line_buffer_take(&lines, &data, &len, &line_len, &too_long)) {
                assert_int_equal(line_len, strlen(expected[seen]));
                assert_memory_equal(lines.text, expected[seen], line_len);
                seen++;
            }
            assert_false(too_long);
        }
        assert_int_equal(seen, 4);
    }
}

static void an_endless_line_is_noticed(void **state)
{
    (void)state;
    char block[1024];
    bool too_long = false;
    size_t fed = 0;
    memset(block, 'x', sizeof block);
    lines.used = 0;
    while (!too_long) {
        const char *data = block;
        size_t len = sizeof block;
        size_t line_len = 0;
        assert_false(line_buffer_take(&lines, &data, &len, &line_len, &too_long));
        fed += sizeof block;
        assert_true(fed <= STRATUM_LINE_MAX + sizeof block);
    }
    assert_true(fed > STRATUM_LINE_MAX);
}

static void pool_urls_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
        bool tls;
    } good[] = {
        {"stratum+tcp://pool.example:3333", "pool.example", 3333, false},
        {"stratum+ssl://pool.example:443/", "pool.example", 443, true},
        {"STRATUM+TLS://[::1]:7", "::1", 7, true},
        {"10.0.0.1:3333", "10.0.0.1", 3333, false},
    };
    static const char *const bad[] = {"",
                                      "pool.example",
                                      "pool.example:",
                                      "pool.example:0",
                                      "pool.example:65536",
                                      "pool.example:33x",
                                      "http://pool.example:80",
                                      "stratum2+tcp://pool.example:80",
                                      "stratum+tcp://:80",
                                      "stratum+tcp://u:secret@pool.example:80",
                                      "a b:80"};
    struct pool_url url;
    struct hb_err err;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(pool_url_parse(good[i].text, &url, &err));
        assert_string_equal(url.host, good[i].host);
        assert_int_equal(url.port, good[i].port);
        assert_int_equal(url.tls, good[i].tls);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(pool_url_parse(bad[i], &url, &err));
        assert_int_equal(err.code, HB_ERR_USAGE);
        assert_null(strstr(err.msg, "secret"));
    }
}

static void redirects_need_the_list(void **state)
{
    (void)state;
    const struct pool_url pool = {.host = "Pool.example", .port = 3333};
    static const char *const list[] = {"other.example", "third.example:9", "[::1]:5"};
    assert_true(pool_url_redirect_allowed(&pool, NULL, 0, "pool.EXAMPLE", 3333));
    assert_false(pool_url_redirect_allowed(&pool, NULL, 0, "pool.example", 3334));
    assert_true(pool_url_redirect_allowed(&pool, list, 3, "OTHER.example", 1));
    assert_true(pool_url_redirect_allowed(&pool, list, 3, "third.example", 9));
    assert_false(pool_url_redirect_allowed(&pool, list, 3, "third.example", 10));
    assert_true(pool_url_redirect_allowed(&pool, list, 3, "::1", 5));
    assert_false(pool_url_redirect_allowed(&pool, list, 3, "evil.other.example", 1));
    assert_false(pool_url_redirect_allowed(&pool, list, 3, "other.example.evil", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notify_is_read_whole),
        cmocka_unit_test(clean_is_the_last_element),
        cmocka_unit_test(other_messages_are_read),
        cmocka_unit_test(reconnect_takes_ports_of_both_types),
        cmocka_unit_test(every_shape_of_a_refusal_is_understood),
        cmocka_unit_test(success_is_understood),
        cmocka_unit_test(subscribe_takes_any_list_of_subscriptions),
        cmocka_unit_test(malformed_subscribe_results_say_why),
        cmocka_unit_test(configure_answers_are_read),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(what_is_no_json_object_is_told_apart),
        cmocka_unit_test(requests_are_written),
        cmocka_unit_test(lines_are_cut_from_any_pieces),
        cmocka_unit_test(an_endless_line_is_noticed),
        cmocka_unit_test(pool_urls_are_read),
        cmocka_unit_test(redirects_need_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
