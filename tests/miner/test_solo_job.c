/* Templates and blocks: what real nodes and real blocks say must come out, and what cannot be mined
 * is refused with a reason. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/hex.h"
#include "miner/kernel/sha256.h"
#include "miner/solo/solo_job.h"
#include "tests/miner/templates.h"
#include "tests/miner/vectors.h"

enum { TESTNET, MAINNET, REGTEST };

static struct job job; /* too large for a stack */

/* A row of blocks.json; `*file` is to be freed. */
static const struct json *open_row(int index, struct json **file)
{
    *file = vectors_open("blocks.json");
    const struct json *row = json_item(*file, (size_t)index);
    assert_non_null(row);
    return row;
}

/* Bytes behind the start of the coinbase's script: version, count, null outpoint, length. */
static size_t script_at(const struct job *made)
{
    assert_true(made->notify.coinb1_len > 42);
    return 42;
}

/* --- the recorded template ----------------------------------------------------------------------
 */

static void the_accepted_block_comes_out_byte_for_byte(void **state)
{
    (void)state;
    struct json *file = NULL;
    const struct json *row = open_row(REGTEST, &file);
    struct block_template *block = template_read(json_copy(json_get(row, "template")));
    const char *accepted = json_string(json_get(row, "block"));
    struct solo_payee payee;
    struct hb_err err = {0};
    uint8_t coinbase[600];
    uint8_t header[80];
    char head[161];
    assert_true(address_parse(json_string(json_get(row, "address")), &payee.address, &err));
    memcpy(head, accepted, 160);
    head[160] = '\0';
    assert_true(hex_decode(head, header, sizeof header));

    /* Where our numbers stand in it: behind header, count, version, marker and flag, and all that
     * comes before the script's height (2 bytes) and the push of 12. */
    const size_t at = 80 + 1 + 4 + 2 + 1 + 36 + 1 + 2 + 1;
    memcpy(head, accepted + 2 * at, 24);
    head[24] = '\0';
    assert_true(hex_decode(head, coinbase, 12));
    memcpy(payee.extranonce1, coinbase, 4);
    uint64_t extranonce2 = 0;
    for (size_t i = 4; i < 12; i++) {
        extranonce2 = extranonce2 << 8 | coinbase[i];
    }
    char *printed = solo_block_print(block, &payee, header, extranonce2, &err);
    if (printed == NULL) {
        fail_msg("%s", err.msg);
    }
    assert_string_equal(printed, accepted);
    free(printed);

    /* The workers' way to the header is another one and must lead to the same. */
    uint8_t made[80];
    const uint32_t ntime = (uint32_t)header[68] | (uint32_t)header[69] << 8 |
                           (uint32_t)header[70] << 16 | (uint32_t)header[71] << 24;
    const uint32_t version = (uint32_t)header[0] | (uint32_t)header[1] << 8 |
                             (uint32_t)header[2] << 16 | (uint32_t)header[3] << 24;
    const uint32_t nonce = (uint32_t)header[76] | (uint32_t)header[77] << 8 |
                           (uint32_t)header[78] << 16 | (uint32_t)header[79] << 24;
    assert_true(solo_job_make(block, &payee, ntime, &job, &err));
    job_make_header(&job, extranonce2, ntime, version ^ block->version, nonce, made);
    assert_memory_equal(made, header, 80);
    uint8_t hash[32];
    sha256d_digest(made, sizeof made, hash);
    assert_true(difficulty_meets(hash, block->target));

    /* Another number, another block: refused, not sent. */
    assert_null(solo_block_print(block, &payee, header, extranonce2 + 1, &err));
    assert_non_null(strstr(err.msg, "another block"));
    block_template_free(block);
    json_free(file);
}

static void the_template_is_understood(void **state)
{
    (void)state;
    struct json *file = NULL;
    const struct json *row = open_row(REGTEST, &file);
    struct block_template *block = template_read(json_copy(json_get(row, "template")));
    assert_int_equal(block->height, 110);
    assert_int_equal(block->reward, 5000016120);
    assert_int_equal(block->version, 0x20000000);
    assert_int_equal(block->nbits, 0x207fffff);
    assert_int_equal(block->rolling_mask, 0x1fffe000);
    assert_int_equal(block->tx_count, 6);
    assert_int_equal(block->branch_count, 3);
    assert_true(block->segwit);
    assert_true(block->takes_proposals);
    assert_int_equal(block->weight, 1163 + 936 + 810 + 936 + 1076 + 1524);
    assert_true(block->longpoll_id[0] != '\0');
    assert_int_equal(block_template_time(block, 0), block->curtime);
    assert_int_equal(block_template_time(block, 10), block->curtime + 10);
    assert_int_equal(block_template_time(block, -10), block->curtime);
    block->mintime = block->curtime + 60; /* a node whose clock lags behind the chain's */
    assert_int_equal(block_template_time(block, 10), block->mintime);
    block->maxtime = block->curtime + 70;
    assert_int_equal(block_template_time(block, 1000), block->maxtime);
    block_template_free(block);
    json_free(file);
}

/* --- real blocks --------------------------------------------------------------------------------
 */

/* Everything that a template of that real block would have said. */
static struct json *template_of(const struct json *row)
{
    uint8_t header[80];
    char text[65];
    uint8_t prev[32];
    vectors_bytes(row, "header", header, sizeof header);
    for (size_t i = 0; i < 32; i++) {
        prev[i] = header[35 - i];
    }
    struct json *template = json_new_object();
    hex_encode(text, prev, 32);
    json_add_string(template, "previousblockhash", text);
    (void)snprintf(text, sizeof text, "%02x%02x%02x%02x", header[75], header[74], header[73],
                   header[72]);
    json_add_string(template, "bits", text);
    json_add_number(template, "version", 0x20000000, 0);
    json_add_number(template, "curtime", 1, 0);
    json_add_number(template, "height", vectors_number(row, "height"), 0);
    json_add_number(template, "coinbasevalue", 312665524, 0);
    struct json *rules = json_new_array();
    json_add(rules, NULL, json_new_string("!segwit"));
    json_add(template, "rules", rules);
    json_add(template, "transactions", json_copy(json_get(row, "txs")));
    return template;
}

static void a_real_block_has_the_same_root_and_commitment(void **state)
{
    (void)state;
    struct json *file = NULL;
    const struct json *row = open_row(TESTNET, &file);
    struct block_template *block = template_read(template_of(row));
    const char *coinbase_hex = json_string(json_get(row, "coinbase"));
    uint8_t coinbase[400];
    uint8_t header[80];
    size_t len = 0;
    char commitment[65];
    assert_true(hex_decode_upto(coinbase_hex, coinbase, sizeof coinbase, &len));
    vectors_bytes(row, "header", header, sizeof header);

    hex_encode(commitment, block->commitment, 32);
    char script[100];
    (void)snprintf(script, sizeof script, "6a24aa21a9ed%s", commitment);
    assert_non_null(strstr(coinbase_hex, script));

    uint8_t root[32];
    sha256d_digest(coinbase, len, root);
    for (size_t i = 0; i < block->branch_count; i++) {
        uint8_t pair[64];
        memcpy(pair, root, 32);
        memcpy(pair + 32, block->branches[i], 32);
        sha256d_digest(pair, sizeof pair, root);
    }
    assert_memory_equal(root, header + 36, 32);
    block_template_free(block);
    json_free(file);
}

static void heights_are_written_as_in_real_coinbases(void **state)
{
    (void)state;
    for (int index = TESTNET; index <= MAINNET; index++) {
        struct json *file = NULL;
        const struct json *row = open_row(index, &file);
        struct block_template block = {.height = (uint32_t)vectors_number(row, "height")};
        struct solo_payee payee = {{0}, {0}};
        char script[9];
        assert_true(solo_job_make(&block, &payee, 0, &job, NULL));
        hex_encode(script, job.notify.coinbase + script_at(&job), 4);
        assert_memory_equal(script, json_string(json_get(row, "coinbase")) + 84, 8);
        json_free(file);
    }
    /* BIP 34 as every node checks it: the shortest push, with room for a sign. */
    static const struct height {
        uint32_t height;
        const char *script;
    } heights[] = {
        {1, "51"},
        {16, "60"},
        {17, "0111"},
        {127, "017f"},
        {128, "028000"},
        {255, "02ff00"},
        {256, "020001"},
        {32767, "02ff7f"},
        {32768, "03008000"},
        {65535, "03ffff00"},
        {65536, "03000001"},
        {8388607, "03ffff7f"},
        {8388608, "0400008000"},
        {2147483647, "04ffffff7f"},
    };
    for (size_t i = 0; i < sizeof heights / sizeof heights[0]; i++) {
        struct block_template block = {.height = heights[i].height};
        struct solo_payee payee = {{0}, {0}};
        char script[16];
        const size_t len = strlen(heights[i].script);
        assert_true(solo_job_make(&block, &payee, 0, &job, NULL));
        hex_encode(script, job.notify.coinbase + script_at(&job), len / 2);
        assert_string_equal(script, heights[i].script);
        /* Its lock time keeps it apart from all other coinbases (BIP 54). */
        const uint8_t *end = job.notify.coinbase + job.notify.coinb1_len + job.notify.coinb2_len;
        assert_int_equal((uint32_t)end[-4] | (uint32_t)end[-3] << 8 | (uint32_t)end[-2] << 16 |
                             (uint32_t)end[-1] << 24,
                         heights[i].height - 1);
    }
}

/* --- what cannot be mined -----------------------------------------------------------------------
 */

/* Expects to read `reason` in the refusal of a template changed like that. */
static void expect_refusal(const char *name, const char *text, const char *reason)
{
    struct hb_err err = {0};
    struct json *changed = template_changed(name, text);
    struct block_template *block = block_template_read(changed, &err);
    if (block != NULL || strstr(err.msg, reason) == NULL) {
        fail_msg("%s: %.60s: expected '%s', got '%s'", name, text == NULL ? "absent" : text, reason,
                 block != NULL ? "a template" : err.msg);
    }
    json_free(changed);
}

static void absurd_templates_are_refused(void **state)
{
    (void)state;
    expect_refusal("height", NULL, "height: expected a whole number");
    expect_refusal("height", "0", "height: expected a whole number from 1");
    expect_refusal("height", "-5", "height: expected a whole number from 1");
    expect_refusal("height", "1.5", "height: expected a whole number");
    expect_refusal("height", "\"7\"", "height: expected a whole number");
    expect_refusal("height", "3000000000", "height: expected at most 2147483647");
    expect_refusal("version", "2", "version: expected a whole number from 4");
    expect_refusal("version", "-1", "version: expected a whole number from 4");
    expect_refusal("bits", "\"00000000\"", "bits: expected a target above 0");
    expect_refusal("bits", "\"1d80ffff\"", "bits: expected a target above 0");
    expect_refusal("bits", "\"ff7fffff\"", "bits: expected a target above 0");
    expect_refusal("bits", "\"1d00ffff\"", "target: expected what bits 1d00ffff stand for");
    expect_refusal("bits", "545259519", "bits: expected 8 hexadecimal digits");
    expect_refusal("bits", "\"207fff\"", "bits: expected 8 hexadecimal digits");
    expect_refusal("curtime", NULL, "curtime: expected");
    expect_refusal("curtime", "-1", "curtime: expected");
    expect_refusal("mintime", "1e300", "mintime: expected");
    expect_refusal("maxtime", "5", "mintime: expected at most maxtime 5");
    expect_refusal("coinbasevalue", NULL, "coinbasevalue: expected the reward");
    expect_refusal("coinbasevalue", "-1", "coinbasevalue: expected a whole number from 0");
    expect_refusal("coinbasevalue", "2200000000000000", "coinbasevalue: expected a whole number");
    expect_refusal("previousblockhash", "\"00\"", "previousblockhash: expected 64");
    expect_refusal("previousblockhash", NULL, "previousblockhash: expected 64");
    expect_refusal("noncerange", "\"0000000000000001\"", "noncerange: expected");
    expect_refusal("vbavailable", "{\"new\": 32}", "vbavailable: expected bits from 0 to 31");
    expect_refusal("vbrequired", "-1", "vbrequired: expected");
    expect_refusal("longpollid", "5", "longpollid: expected a text");
    expect_refusal("weightlimit", "1000", "transactions: expected a weight of at most 1000");
}

static void rules_that_are_not_known_are_refused(void **state)
{
    (void)state;
    expect_refusal("rules", "[\"csv\", \"!segwit\", \"!blocksize\"]",
                   "rules: 'blocksize' is not known to this miner");
    expect_refusal("rules", "[5]", "rules: expected a list of texts");
    expect_refusal("signet_challenge", "\"51\"", "signet: its blocks must be signed");
    /* Without "!" a rule does not change how blocks are made. */
    block_template_free(
        template_read(template_changed("rules", "[\"csv\", \"!segwit\", \"novelty\"]")));
}

static void a_wrong_commitment_is_refused(void **state)
{
    (void)state;
    expect_refusal(
        "default_witness_commitment",
        "\"6a24aa21a9ed2afcfc3f3ccdaaa0d59cd68d9163c0f6cff8ac1d84d7aa4e868decf2a64afde4\"",
        "default_witness_commitment: expected the one that follows");
    expect_refusal("default_witness_commitment", "\"6a24\"",
                   "default_witness_commitment: expected the one that follows");
    /* A witness exchanged below it. */
    expect_refusal("transactions",
                   "[{\"data\":\"00\",\"txid\":"
                   "\"00000000000000000000000000000000000000000000000000000000000000aa\",\"hash\":"
                   "\"00000000000000000000000000000000000000000000000000000000000000bb\"}]",
                   "default_witness_commitment: expected the one that follows");
}

static void absurd_transactions_are_refused(void **state)
{
    (void)state;
    expect_refusal("transactions", NULL, "transactions: expected a list");
    expect_refusal("transactions", "{}", "transactions: expected a list");
    expect_refusal("transactions", "[{}]", "transactions[0]: data: expected hexadecimal digits");
    expect_refusal("transactions", "[{\"data\":\"abc\"}]", "transactions[0]: data: expected");
    expect_refusal("transactions", "[{\"data\":\"zz\"}]", "transactions[0]: data: expected");
    expect_refusal("transactions", "[{\"data\":\"00\"}]", "transactions[0]: txid: expected 64");

    /* By the hundred thousand, and of 5 MB. */
    static const char one[] = "{\"data\":\"00\"},";
    const size_t len = strlen(one);
    const size_t count = 100 * 1000;
    char *text = malloc(len * count + 2);
    assert_non_null(text);
    text[0] = '[';
    for (size_t i = 0; i < count; i++) {
        memcpy(text + 1 + i * len, one, len);
    }
    memcpy(text + len * count, "]", 2);
    expect_refusal("transactions", text, "transactions: expected at most 16666 and 4000000 bytes");
    const size_t digits = 10 * 1000 * 1000;
    free(text);
    text = malloc(digits + 40);
    assert_non_null(text);
    (void)snprintf(text, 40, "[{\"data\":\"");
    memset(text + 10, '0', digits);
    memcpy(text + 10 + digits, "\"}]", 4);
    expect_refusal("transactions", text, "transactions: expected at most 16666 and 4000000 bytes");
    free(text);
}

static void the_coinbase_keeps_to_its_limits(void **state)
{
    (void)state;
    char text[200];
    char digits[2 * BLOCK_AUX_MAX + 3];
    memset(digits, '0', sizeof digits);
    digits[2 * BLOCK_AUX_MAX + 2] = '\0';
    (void)snprintf(text, sizeof text, "{\"flags\": \"%s\"}", digits);
    expect_refusal("coinbaseaux", text, "coinbaseaux: expected at most 40 bytes");
    expect_refusal("coinbaseaux", "{\"flags\": 1}", "coinbaseaux: expected at most 40 bytes");

    /* The longest that is allowed still fits the 100 bytes of a coinbase's script. */
    struct block_template block = {.height = INT32_MAX, .aux_len = BLOCK_AUX_MAX};
    struct solo_payee payee = {{0}, {0}};
    struct hb_err err = {0};
    assert_true(solo_job_make(&block, &payee, 0, &job, &err));
    const size_t script_len = job.notify.coinbase[script_at(&job) - 1];
    assert_in_range(script_len, 2, 100);

    /* Neither weight nor size may run over with it. */
    block.weight_limit = 1000;
    block.weight = 500;
    assert_false(solo_job_make(&block, &payee, 0, &job, &err));
    assert_non_null(strstr(err.msg, "no room for a coinbase"));
    block.weight_limit = 0;
    block.size_limit = 200;
    assert_false(solo_job_make(&block, &payee, 0, &job, &err));
    assert_non_null(strstr(err.msg, "no room for a coinbase"));
}

static void bits_with_a_meaning_are_not_rolled(void **state)
{
    (void)state;
    struct block_template *block =
        template_read(template_changed("vbavailable", "{\"deployment\": 13}"));
    assert_int_equal(block->rolling_mask, 0x1fffc000);
    block_template_free(block);
    block = template_read(template_changed("vbrequired", "16384"));
    assert_int_equal(block->rolling_mask, 0x1fffa000);
    block_template_free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_accepted_block_comes_out_byte_for_byte),
        cmocka_unit_test(the_template_is_understood),
        cmocka_unit_test(a_real_block_has_the_same_root_and_commitment),
        cmocka_unit_test(heights_are_written_as_in_real_coinbases),
        cmocka_unit_test(absurd_templates_are_refused),
        cmocka_unit_test(rules_that_are_not_known_are_refused),
        cmocka_unit_test(a_wrong_commitment_is_refused),
        cmocka_unit_test(absurd_transactions_are_refused),
        cmocka_unit_test(the_coinbase_keeps_to_its_limits),
        cmocka_unit_test(bits_with_a_meaning_are_not_rolled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
