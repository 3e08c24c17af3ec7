/* HTTP responses in every form that a server may choose, cut at every byte, and those that are
 * none. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/http_response.h"

enum { MOST = 100 };

/* Feeds `text` in pieces of `step` bytes; true if no piece is refused. */
static bool feed(struct http_response *response, const char *text, size_t step, struct hb_err *err)
{
    const size_t len = strlen(text);
    http_response_init(response, MOST);
    for (size_t at = 0; at < len; at += step) {
        if (!http_response_feed(response, text + at, len - at < step ? len - at : step, err)) {
            return false;
        }
    }
    return true;
}

struct good {
    const char *text;
    int status;
    const char *body;
    bool to_end; /* complete only when the connection ends */
};

static const struct good responses[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 500 more", 200, "hello", false},
    {"HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello", true},
    {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", 401, "", false},
    {"HTTP/1.1 200\r\ncontent-length:3\r\nX: y: z\r\n\r\nabc", 200, "abc", false},
    {"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", 200, "abc", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n "
     "world\r\n0\r\n\r\n",
     200, "hello world", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 4\r\n\r\n00b\r\nhello "
     "world\r\n0\r\nTrailer: x\r\n\r\n",
     200, "hello world", false},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}", 500, "{}",
     false},
};

static void every_form_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++) {
        const struct good *good = &responses[i];
        for (size_t step = 1; step <= strlen(good->text); step++) {
            struct http_response response;
            struct hb_err err = {0};
            if (!feed(&response, good->text, step, &err)) {
                fail_msg("%s: %s", good->text, err.msg);
            }
            assert_int_equal(response.part == HTTP_DONE, !good->to_end);
            assert_true(http_response_end(&response));
            assert_int_equal(response.status, good->status);
            assert_int_equal(response.len, strlen(good->body));
            assert_string_equal(response.body == NULL ? "" : response.body, good->body);
            http_response_fini(&response);
        }
    }
}

static void a_response_cut_off_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++) {
        if (responses[i].to_end) {
            continue;
        }
        char *text = strdup(responses[i].text);
        assert_non_null(text);
        struct http_response response;
        bool whole = true;
        for (size_t len = strlen(text); len > 0; len--) {
            text[len] = '\0';
            assert_true(feed(&response, text, len, NULL));
            const bool complete = response.part == HTTP_DONE;
            assert_int_equal(http_response_end(&response), complete);
            assert_true(whole || !complete); /* once incomplete, shorter ones are too */
            whole = complete;
            http_response_fini(&response);
        }
        assert_false(whole);
        free(text);
    }
}

static void expect_refusal(const char *text, const char *reason)
{
    for (size_t step = 1; step <= 64; step += 63) {
        struct http_response response;
        struct hb_err err = {0};
        if (feed(&response, text, step, &err) || strstr(err.msg, reason) == NULL) {
            fail_msg("%.60s: expected '%s', got '%s'", text, reason, err.msg);
        }
        http_response_fini(&response);
    }
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    expect_refusal("SSH-2.0-OpenSSH_9.2\r\n", "expected a status line");
    expect_refusal("\r\n\r\n", "expected a status line");
    expect_refusal("HTTP/2 200 OK\r\n", "expected a status line");
    expect_refusal("HTTP/1.1 2x0 OK\r\n", "expected a status of three digits");
    expect_refusal("HTTP/1.1 000 OK\r\n", "expected a status of 100 or more");
    expect_refusal("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", "expected a number as Content");
    expect_refusal("HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n", "expected a number as Content");
    expect_refusal("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
                   "expected a number as Content");
    expect_refusal("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", "expected chunks");
    static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    char text[300];
    (void)snprintf(text, sizeof text, "%s%s", chunked, "xyz\r\n");
    expect_refusal(text, "expected the size of a chunk");
    (void)snprintf(text, sizeof text, "%s%s", chunked, "3\r\nabcdef\r\n");
    expect_refusal(text, "expected the end of a chunk");
}

static void too_much_is_refused(void **state)
{
    (void)state;
    expect_refusal("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", "the answer is too long");
    expect_refusal("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"
                   "0123456789012345678901234567890123456789012345678901234567890123456789"
                   "0123456789012345678901234567890123456789",
                   "the answer is too long");
    char *text = malloc(5000);
    assert_non_null(text);
    memset(text, 'a', 4999);
    text[4999] = '\0';
    memcpy(text, "HTTP/1.1 200 OK\r\n", 17);
    expect_refusal(text, "expected less of a head"); /* one line without end */
    for (size_t at = 17; at + 3 < 5000; at += 3) {
        memcpy(text + at, "a\r\n", 4);
    }
    expect_refusal(text, "expected less of a head"); /* lines without end */
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read),
        cmocka_unit_test(a_response_cut_off_is_none),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
