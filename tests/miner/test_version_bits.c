/* The three ways in which servers apply the version bits of a share: each must arrive at the header
 * that was hashed, also when the job's version has bits of its own within the mask. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "miner/hex.h"
#include "plumbing/json.h"
#include "tests/miner/dialogue.h"
#include "tests/support/test.h"

enum rule { RULE_REPLACE, RULE_OR, RULE_XOR }; /* BIP 310; ckpool and DATUM; public-pool */

static uint32_t apply(enum rule rule, uint32_t base, uint32_t bits, uint32_t mask)
{
    switch (rule) {
    case RULE_REPLACE:
        return (base & ~mask) | (bits & mask);
    case RULE_OR:
        return base | bits;
    case RULE_XOR:
        break;
    }
    return base ^ bits;
}

static uint32_t bits_sent(void)
{
    struct hb_err err = {0};
    uint32_t bits = 0;
    struct json *request = json_parse(fx.out, fx.out_len, STRATUM_LINE_MAX, &err);
    const struct json *params = json_get(request, "params");
    assert_int_equal(json_count(params), 6);
    assert_true(hex_to_u32(json_string(json_item(params, 5)), &bits));
    json_free(request);
    return bits;
}

/* Shares of as many versions as the job has, answered as a server with that rule does; returns how
 * many were refused. */
static unsigned play(enum rule rule, uint32_t base, uint32_t mask)
{
    char text[300];
    unsigned refused = 0;
    start();
    open_session();
    (void)snprintf(text, sizeof text,
                   "{\"id\":1,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":"
                   "\"%08" PRIx32 "\"},\"error\":null}",
                   mask);
    line(text);
    line(SUBSCRIBED);
    line(AUTHORIZED);
    (void)snprintf(text, sizeof text,
                   "{\"method\":\"mining.notify\",\"params\":[\"a\",\"" HASH_A
                   "\",\"01\",\"02\",[],\"%08" PRIx32 "\",\"207fffff\",\"6b032d8d\",true]}",
                   base);
    line(text);
    const uint32_t usable = job_usable_mask(base, session.job.version_mask);
    assert_int_equal(usable & base, 0);
    uint32_t bits = usable; /* walks over the subsets, from all to none, in steps that spread */
    for (uint8_t i = 1; i <= 100; i++) {
        struct session_share share = share_of(session.job.serial, i);
        uint8_t header[80];
        bits = (bits - (usable & 0x01234567) - 1) & usable;
        share.version_bits = i == 1 ? 0 : bits;
        job_make_header(&session.job, 1, NTIME, share.version_bits, 3, header);
        const uint32_t hashed = (uint32_t)header[3] << 24 | (uint32_t)header[2] << 16 |
                                (uint32_t)header[1] << 8 | header[0];
        now_ms += 1000;
        session_submit(&session, &share, at(now_ms), &fx);
        assert_int_equal(bits_sent() & ~mask, 0);
        const bool good = apply(rule, base, bits_sent(), mask) == hashed;
        refused += good ? 0 : 1;
        (void)snprintf(text, sizeof text, "{\"id\":%d,%s}", (int)session.next_id - 1,
                       good ? "\"result\":true,\"error\":null"
                            : "\"result\":false,\"error\":[23,\"Above target\",null]");
        line(text);
    }
    return refused;
}

/* What servers send that know their own rule. */
static const uint32_t plain[] = {0x20000000, 0x20000004, 0x00000001};
/* Rolled by somebody else before; regression test networks; all bits. */
static const uint32_t mixed[] = {0x20006000, 0x30000000, 0x3fffe000};

static void expect_refusals(enum rule rule, const uint32_t bases[3], unsigned most)
{
    for (size_t i = 0; i < 3; i++) {
        assert_in_range(play(rule, bases[i], 0x1fffe000), 0, most);
        assert_in_range(play(rule, bases[i], 0x00c00000), 0, most);
        assert_in_range(play(rule, bases[i], 0), 0, most);
    }
}

static void bits_that_replace_are_understood(void **state)
{
    (void)state;
    expect_refusals(RULE_REPLACE, plain, 0);
    expect_refusals(RULE_REPLACE, mixed, 1); /* the first tells the rule */
}

static void bits_that_are_ored_are_understood(void **state)
{
    (void)state;
    expect_refusals(RULE_OR, plain, 0);
    expect_refusals(RULE_OR, mixed, 0);
}

static void bits_that_are_xored_are_understood(void **state)
{
    (void)state;
    expect_refusals(RULE_XOR, plain, 0);
    expect_refusals(RULE_XOR, mixed, 0);
}

/* Ten shares are on their way when the first answer comes. */
static void answers_that_come_late_teach_only_once(void **state)
{
    (void)state;
    assert_int_equal(play(RULE_REPLACE, 0x30000000, 0x1fffe000), 1);
    assert_true(session.whole_bits && session.bits_known);
    session.bits_known = session.whole_bits = false;
    const int first_id = (int)session.next_id;
    for (uint8_t i = 0; i < 10; i++) {
        submit(session.job.serial, (uint8_t)(150 + i));
    }
    for (int id = first_id; id < first_id + 10; id++) {
        char text[100];
        (void)snprintf(text, sizeof text, "{\"id\":%d,\"result\":false,\"error\":[23,\"\",null]}",
                       id);
        line(text);
        assert_true(session.whole_bits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_that_replace_are_understood),
        cmocka_unit_test(bits_that_are_ored_are_understood),
        cmocka_unit_test(bits_that_are_xored_are_understood),
        cmocka_unit_test(answers_that_come_late_teach_only_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
