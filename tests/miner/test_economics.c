/* What a job earns: coinbases of real blocks and pools, difficulties, halvings. */
#include <stdio.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/figures/coinbase.h"
#include "miner/figures/economics.h"
#include "miner/hex.h"
#include "tests/miner/vectors.h"
#include "tests/support/test.h"

#define BTC 1e8

static struct job job; /* too large for a stack */

/* --- coinbases ----------------------------------------------------------------------------------
 */

struct transaction {
    uint8_t bytes[1024];
    size_t len, script_at; /* where the length of the script stands */
};

static void load(const struct json *row, struct transaction *tx)
{
    const char *text = json_string(json_get(row, "tx"));
    assert_non_null(text);
    tx->len = strlen(text) / 2;
    assert_true(tx->len <= sizeof tx->bytes);
    assert_true(hex_decode(text, tx->bytes, tx->len));
    tx->script_at = (size_t)vectors_number(row, "script_at");
}

/* The transaction as a pool would send it, its bytes in the gap unknown. */
static bool read_cut(const struct transaction *tx, size_t gap_at, size_t gap_len,
                     struct coinbase *coinbase)
{
    const struct coinbase_parts parts = {.head = tx->bytes,
                                         .head_len = gap_at,
                                         .gap_len = gap_len,
                                         .tail = tx->bytes + gap_at + gap_len,
                                         .tail_len = tx->len - gap_at - gap_len};
    return coinbase_read(&parts, coinbase, NULL);
}

static void expect(const struct json *row, const struct coinbase *coinbase)
{
    double height = 0;
    const bool has_height = json_number(json_get(row, "height"), &height);
    assert_int_equal(coinbase->height_known, has_height);
    if (has_height) {
        assert_int_equal(coinbase->height, (uint32_t)height);
    }
    assert_int_equal(coinbase->reward_sat, (uint64_t)vectors_number(row, "reward_sat"));
}

static void real_coinbases_tell_height_and_reward(void **state)
{
    (void)state;
    struct json *rows = vectors_open("coinbases.json");
    assert_true(json_count(rows) >= 6);
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
        struct transaction tx;
        struct coinbase coinbase;
        load(row, &tx);
        assert_true(read_cut(&tx, (size_t)vectors_number(row, "gap_at"),
                             (size_t)vectors_number(row, "gap_len"), &coinbase));
        expect(row, &coinbase);
    }
    json_free(rows);
}

/* Wherever the extranonces lie, the answer is the truth or a refusal. */
static void a_gap_anywhere_never_tells_a_lie(void **state)
{
    (void)state;
    struct json *rows = vectors_open("coinbases.json");
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
        struct transaction tx;
        load(row, &tx);
        const double reward_sat = vectors_number(row, "reward_sat");
        unsigned good = 0;
        for (size_t len = 1; len <= 16; len++) {
            for (size_t at = 0; at + len <= tx.len; at++) {
                struct coinbase coinbase;
                if (read_cut(&tx, at, len, &coinbase)) {
                    good++;
                    assert_near((double)coinbase.reward_sat, reward_sat, 0);
                }
            }
        }
        assert_true(good > 16);
        struct coinbase coinbase;
        const size_t after_height = tx.script_at + 5;
        assert_true(read_cut(&tx, after_height, 3, &coinbase));
        expect(row, &coinbase);
    }
    json_free(rows);
}

static void a_cut_or_lengthened_coinbase_is_refused(void **state)
{
    (void)state;
    struct json *rows = vectors_open("coinbases.json");
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
        struct transaction tx;
        struct coinbase coinbase;
        load(row, &tx);
        const size_t whole = tx.len;
        for (tx.len = 0; tx.len < whole; tx.len++) {
            assert_false(read_cut(&tx, tx.len, 0, &coinbase));
        }
        tx.len = whole + 1;
        assert_false(read_cut(&tx, tx.len, 0, &coinbase));
    }
    json_free(rows);
}

static void random_damage_is_survived(void **state)
{
    (void)state;
    struct json *rows = vectors_open("coinbases.json");
    uint32_t random = 1;
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
        struct transaction tx;
        load(row, &tx);
        for (int i = 0; i < 20000; i++) {
            random = random * 1664525 + 1013904223;
            uint8_t *byte = &tx.bytes[(random >> 8) % tx.len];
            const uint8_t good = *byte;
            *byte = (uint8_t)(random >> 3);
            struct coinbase coinbase;
            if (read_cut(&tx, 60, 8, &coinbase)) {
                assert_true(coinbase.reward_sat <= COINBASE_MOST_SAT);
            }
            assert_true(!coinbase.height_known || coinbase.height <= COINBASE_MOST_HEIGHT);
            *byte = good;
        }
    }
    json_free(rows);
}

/* A coinbase with a script and outputs of our choice. */
static bool read_made(const char *script, const char *outputs, struct coinbase *coinbase)
{
    char text[2048];
    struct transaction tx;
    (void)snprintf(text, sizeof text,
                   "01000000010000000000000000000000000000000000000000000000000000"
                   "000000000000ffffffff%02x%sffffffff%s00000000",
                   (unsigned)strlen(script) / 2, script, outputs);
    tx.len = strlen(text) / 2;
    assert_true(hex_decode(text, tx.bytes, tx.len));
    return read_cut(&tx, tx.len, 0, coinbase);
}

#define ONE_OUTPUT "0100f2052a010000000151"

static void heights_are_read_as_consensus_wants_them(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        long height; /* -1: none */
    } rows[] = {
        {"5151", 1},         {"6000", 16},         {"0111ff", 17},
        {"017fff", 127},     {"028000ff", 128},    {"02ff7f", 32767},
        {"03008000", 32768}, {"0340d10c", 840000}, {"0110ff", -1}, /* needs an opcode         */
        {"0180ff", -1},                                            /* negative                */
        {"027f00ff", -1},                                          /* longer than needed      */
        {"0340d18c", -1},                                          /* negative                */
        {"0440d10c00", -1},                                        /* longer than needed      */
        {"04ffff001d", -1},                                        /* of the first block      */
        {"0340d1", -1},                                            /* beyond the script's end */
        {"00ff", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct coinbase coinbase;
        assert_true(read_made(rows[i].script, ONE_OUTPUT, &coinbase));
        assert_int_equal(coinbase.height_known, rows[i].height >= 0);
        if (rows[i].height >= 0) {
            assert_int_equal(coinbase.height, rows[i].height);
        }
    }
}

static void impossible_amounts_are_refused_but_the_height_stays(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "01ffffffffffffffff0151",                     /* -1                          */
        "010140075af07507000151",                     /* 21 million coins and one    */
        "020040075af0750700015100f2052a010000000151", /* together more than there is */
        "00",                                         /* nobody is paid              */
        "ffffffffffffffffff",                         /* 2^64 outputs                */
        "0100f2052a01000000ffffffffffffffffff51",     /* a script of 2^64 bytes      */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct coinbase coinbase;
        assert_false(read_made("0340d10c", bad[i], &coinbase));
        assert_true(coinbase.height_known);
    }
    struct coinbase coinbase;
    assert_true(read_made("0340d10c", "010040075af07507000151", &coinbase));
    assert_int_equal(coinbase.reward_sat, COINBASE_MOST_SAT);
}

/* --- difficulty and subsidy ---------------------------------------------------------------------
 */

static void known_bits_give_known_difficulties(void **state)
{
    (void)state;
    static const struct {
        uint32_t nbits;
        double difficulty, tolerance;
    } rows[] = {
        {0x1d00ffff, 1, 0},
        {0x1b0404cb, 16307.420938523983, 1e-11},
        {0x170a3773, 27550332084343.84, 0.01}, /* a node's answer for a block of 2022 */
        {0x170901ba, 31251101365711.12, 0.01}, /* mempool.space, block 736 249        */
        {0x1f111111, 0.000001, 1e-6},          /* Bitcoin Core's tests                 */
        {0x12345678, 5913134931067755359633408.0, 1e9},
        {0x207fffff, 4.6565423739069247e-10, 1e-24}, /* regtest */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_near(economics_difficulty(rows[i].nbits), rows[i].difficulty, rows[i].tolerance);
    }
    static const uint32_t none[] = {0,          0x01003456, 0x1d80ffff, 0x1d000000,
                                    0xff123456, 0x22ffff00, 0x21010000, 0x220100ff};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_true(isnan(economics_difficulty(none[i])));
    }
    assert_true(isfinite(economics_difficulty(0x2200007f))); /* still fits */
}

static void the_subsidy_halves(void **state)
{
    (void)state;
    static const struct {
        uint32_t height;
        double subsidy_btc;
        uint32_t halving;
    } rows[] = {
        {0, 50, 210000},          {209999, 50, 210000},
        {210000, 25, 420000},     {419999, 25, 420000},
        {420000, 12.5, 630000},   {629999, 12.5, 630000},
        {630000, 6.25, 840000},   {839999, 6.25, 840000},
        {840000, 3.125, 1050000}, {1050000, 1.5625, 1260000},
        {6929999, 1e-8, 6930000}, {6930000, 0, 7140000},
        {13440000, 0, 13650000},
    };
    uint64_t sum = 0;
    for (uint32_t era = 0; era < 64; era++) {
        sum += economics_subsidy_sat(era * 210000) * 210000;
    }
    assert_int_equal(sum, UINT64_C(2099999997690000)); /* all coins there will ever be */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_near((double)economics_subsidy_sat(rows[i].height), rows[i].subsidy_btc * BTC, 1e-6);
        assert_int_equal(economics_next_halving(rows[i].height), rows[i].halving);
    }
}

/* --- jobs ---------------------------------------------------------------------------------------
 */

static void recorded_jobs_tell_what_they_pay(void **state)
{
    (void)state;
    static const struct {
        uint32_t nbits, height;
        double reward_sat;
        enum reward_source source;
    } expected[] = {
        /* Heights and sums as the recorded text has them, read by eye. */
        {0x192495f8, 2442185, 0x907a + 0x250f3b, REWARD_JOB},
        {0x1d00ffff, 0, 5000000000, REWARD_JOB},
        {0x207fffff, 188, 0x9503ba5c, REWARD_JOB},
        {0x207fffff, 188, 0x9503ba5c, REWARD_JOB},
        {0x207fffff, 173, 0x9502f900, REWARD_JOB},
        {0x207fffff, 175, 0x9502f900, REWARD_JOB},
        {0x207fffff, 177, 0x9502f900, REWARD_JOB},
    };
    struct json *rows = vectors_open("shares.json");
    size_t i = 0;
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row), i++) {
        assert_true(i < sizeof expected / sizeof expected[0]);
        vectors_job(row, &job);
        const struct economics economics = economics_of_job(&job, 0);
        assert_int_equal(job.notify.nbits, expected[i].nbits);
        assert_int_equal(economics.source, expected[i].source);
        assert_near(economics.reward_sat, expected[i].reward_sat, 0);
        if (expected[i].height > 0) {
            assert_true(economics.height_known);
            assert_int_equal(economics.height, expected[i].height);
        }
    }
    assert_int_equal(i, sizeof expected / sizeof expected[0]);
    json_free(rows);
}

/* The job of a coinbase from coinbases.json, cut in its script. */
static void make_job(const char *source, uint32_t nbits)
{
    struct json *rows = vectors_open("coinbases.json");
    memset(&job, 0, sizeof job);
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
        if (strcmp(json_string(json_get(row, "source")), source) == 0) {
            struct transaction tx;
            load(row, &tx);
            const size_t cut = tx.script_at + 5;
            job.extranonce.size1 = 1;
            job.extranonce.size2 = 1;
            memcpy(job.notify.coinbase, tx.bytes, cut);
            memcpy(job.notify.coinbase + cut, tx.bytes + cut + 2, tx.len - cut - 2);
            job.notify.coinb1_len = cut;
            job.notify.coinb2_len = tx.len - cut - 2;
        }
    }
    job.notify.nbits = nbits;
    assert_true(job.notify.coinb1_len > 0);
    json_free(rows);
}

static const char halving_block[] = "block 840000, the first after a halving";

static void a_hash_is_worth_its_part_of_the_reward(void **state)
{
    (void)state;
    make_job(halving_block, 0x17034219);
    const struct economics e = economics_of_job(&job, 0);
    assert_near(e.reward_sat, 4075061499, 0);
    /* The network itself, at ten minutes a block, earns the reward six times an hour. */
    const double network_hs = e.network_difficulty * DIFFICULTY_HASHES / 600;
    assert_near(economics_sat_per_hour(&e, network_hs), 6 * 4075061499.0, 1);
    assert_near(economics_sat_per_kwh(&e, network_hs, 1000), 6 * 4075061499.0, 1);
    assert_near(economics_sat_per_kwh(&e, network_hs, 2000), 3 * 4075061499.0, 1);
    assert_near(economics_share_sat(&e, e.network_difficulty), 4075061499, 1e-3);
    const struct economics with_fee = economics_of_job(&job, 0.02);
    assert_near(economics_sat_per_hour(&with_fee, network_hs), 0.98 * 6 * 4075061499.0, 1);
    assert_near(economics_share_sat(&with_fee, e.network_difficulty), 0.98 * 4075061499.0, 1e-3);
    /* One that finds a block per average time: 1 - 1/e. */
    assert_near(economics_block_chance(&e, network_hs * 600), 0.63212055882855767, 1e-12);
    assert_near(economics_block_chance(&e, network_hs * 600e-12) / 1e-12, 1, 1e-9);
}

/* mining.md's example in another way: 68 MH/s, difficulty 1.46e14, 3.15 BTC a block. */
static void a_processor_earns_next_to_nothing_but_not_nothing(void **state)
{
    (void)state;
    const struct economics e = {
        .network_difficulty = 1.46e14, .reward_sat = 3.15 * BTC, .source = REWARD_JOB};
    const double per_day = economics_sat_per_hour(&e, 68e6) * 24;
    assert_near(per_day / 1e8, 2.95e-11, 0.005e-11);
    assert_near(economics_expected_sat(&e, 68e6, 86400), per_day, per_day * 1e-12);
}

static void a_long_horizon_meets_the_halving(void **state)
{
    (void)state;
    struct economics e = {.network_difficulty = 1e14,
                          .reward_sat = 3.125 * BTC + 1e6,
                          .source = REWARD_JOB,
                          .height_known = true,
                          .height = 1050000 - 144};
    const double network_hs = e.network_difficulty * DIFFICULTY_HASHES / 600;
    const double before = 144 * (3.125 * BTC + 1e6);
    const double after = 144 * (1.5625 * BTC + 1e6);
    assert_near(economics_expected_sat(&e, network_hs, 86400), before, 1);
    assert_near(economics_expected_sat(&e, network_hs, 2 * 86400), before + after, 1);
    assert_near(economics_expected_sat(&e, network_hs, 0), 0, 0);
    e.fee_ratio = 0.5;
    assert_near(economics_expected_sat(&e, network_hs, 2 * 86400), (before + after) / 2, 1);
    /* Over two hundred years nothing but fees is left. */
    e = (struct economics){.network_difficulty = 1e14,
                           .reward_sat = 5,
                           .source = REWARD_JOB,
                           .height_known = true,
                           .height = 7000000};
    assert_near(economics_expected_sat(&e, network_hs, 600e6), 5e6, 1e-3);
}

static void what_is_not_known_is_not_zero(void **state)
{
    (void)state;
    const struct economics none = economics_none();
    assert_int_equal(none.source, REWARD_UNKNOWN);
    assert_null(economics_source_word(none.source));
    assert_true(isnan(economics_sat_per_hour(&none, 1e6)));
    assert_true(isnan(economics_expected_sat(&none, 1e6, 1e9)));
    assert_true(isnan(economics_share_sat(&none, 1)));
    assert_true(isnan(economics_block_chance(&none, 1)));
    make_job(halving_block, 0);
    const struct economics no_bits = economics_of_job(&job, 0);
    assert_true(isnan(economics_sat_per_hour(&no_bits, 1e6)));
    assert_true(no_bits.height_known);
    job.own = true;
    assert_int_equal(economics_of_job(&job, 0).source, REWARD_UNKNOWN);
    make_job(halving_block, 0x17034219);
    const struct economics e = economics_of_job(&job, 0);
    assert_true(isnan(economics_sat_per_kwh(&e, 1e6, NAN)));
    assert_true(isnan(economics_sat_per_kwh(&e, 1e6, 0)));
    assert_near(economics_sat_per_kwh(&e, 0, 10), 0, 0); /* drawn and not hashed: truly nothing */
}

static void a_hidden_reward_falls_back_to_the_subsidy_and_says_so(void **state)
{
    (void)state;
    make_job(halving_block, 0x17034219);
    job.notify.coinb2_len -= 100; /* outputs cut off */
    const struct economics e = economics_of_job(&job, 0);
    assert_int_equal(e.source, REWARD_SUBSIDY);
    assert_string_equal(economics_source_word(e.source), "subsidy");
    assert_near(e.reward_sat, 3.125 * BTC, 0);
}

static void a_reward_beyond_reason_is_not_believed(void **state)
{
    (void)state;
    make_job(halving_block, 0x17034219);
    /* The first output's value: 40 BTC become 1003 and 1004 BTC. */
    uint8_t *value = job.notify.coinbase + job.notify.coinb1_len + job.notify.coinb2_len;
    for (value -= 8; memcmp(value, "\xfb\x80\xe4\xf2\0\0\0\0", 8) != 0; value--) {
        assert_true(value > job.notify.coinbase);
    }
    memcpy(value, "\x00\x8b\x58\x5a\x17\0\0\0", 8);
    assert_int_equal(economics_of_job(&job, 0).source, REWARD_JOB);
    memcpy(value, "\x00\x6c\x4e\x60\x17\0\0\0", 8);
    const struct economics e = economics_of_job(&job, 0);
    assert_int_equal(e.source, REWARD_UNKNOWN);
    assert_true(isnan(e.reward_sat));
    assert_true(e.height_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_coinbases_tell_height_and_reward),
        cmocka_unit_test(a_gap_anywhere_never_tells_a_lie),
        cmocka_unit_test(a_cut_or_lengthened_coinbase_is_refused),
        cmocka_unit_test(random_damage_is_survived),
        cmocka_unit_test(heights_are_read_as_consensus_wants_them),
        cmocka_unit_test(impossible_amounts_are_refused_but_the_height_stays),
        cmocka_unit_test(known_bits_give_known_difficulties),
        cmocka_unit_test(the_subsidy_halves),
        cmocka_unit_test(recorded_jobs_tell_what_they_pay),
        cmocka_unit_test(a_hash_is_worth_its_part_of_the_reward),
        cmocka_unit_test(a_processor_earns_next_to_nothing_but_not_nothing),
        cmocka_unit_test(a_long_horizon_meets_the_halving),
        cmocka_unit_test(what_is_not_known_is_not_zero),
        cmocka_unit_test(a_hidden_reward_falls_back_to_the_subsidy_and_says_so),
        cmocka_unit_test(a_reward_beyond_reason_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
