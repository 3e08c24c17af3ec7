#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/hex.h"
#include "miner/job.h"
#include "miner/verify.h"
#include "tests/miner/vectors.h"
#include "tests/support/test.h"

static struct job job; /* too large for a stack */

static void recorded_jobs_make_recorded_headers(void **state)
{
    (void)state;
    struct json *rows = vectors_open("shares.json");
    assert_true(json_count(rows) >= 7);
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
        uint8_t expected[80];
        uint8_t root[32];
        uint8_t header[80];
        vectors_job(row, &job);
        vectors_bytes(row, "header", expected, sizeof expected);
        vectors_bytes(row, "merkle_root", root, sizeof root);
        job_make_header(&job, vectors_extranonce2(row), vectors_u32(row, "ntime"),
                        vectors_u32(row, "version_bits"), vectors_u32(row, "nonce"), header);
        assert_memory_equal(header + 36, root, 32);
        assert_memory_equal(header, expected, 80);
    }
    json_free(rows);
}

static void recorded_shares_reach_their_difficulty(void **state)
{
    (void)state;
    struct json *rows = vectors_open("shares.json");
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
        uint8_t header[80];
        uint8_t target[32];
        uint8_t hash[32];
        double reached = 0;
        vectors_bytes(row, "header", header, sizeof header);
        const double difficulty = vectors_number(row, "difficulty");
        if (difficulty < DIFFICULTY_MIN) {
            continue; /* the row that is no share */
        }
        difficulty_to_target(difficulty * 0.999999, target);
        assert_true(verify_share(header, target, hash, &reached));
        assert_near(reached, difficulty, difficulty * 1e-12);
        difficulty_to_target(difficulty * 1.000001, target);
        assert_false(verify_share(header, target, hash, &reached));
    }
    json_free(rows);
}

static void expect_target(double difficulty, const char *printed)
{
    uint8_t target[32];
    uint8_t reversed[32];
    char text[65];
    difficulty_to_target(difficulty, target);
    for (size_t i = 0; i < 32; i++) {
        reversed[i] = target[31 - i];
    }
    hex_encode(text, reversed, 32);
    assert_string_equal(text, printed);
}

static void difficulty_becomes_a_target(void **state)
{
    (void)state;
    expect_target(1, "00000000ffff0000000000000000000000000000000000000000000000000000");
    expect_target(2, "000000007fff8000000000000000000000000000000000000000000000000000");
    expect_target(0.5, "00000001fffe0000000000000000000000000000000000000000000000000000");
    expect_target(256, "0000000000ffff00000000000000000000000000000000000000000000000000");
    for (int exponent = -9; exponent <= 18; exponent++) {
        const double difficulty = pow(10, exponent);
        uint8_t target[32];
        difficulty_to_target(difficulty, target);
        assert_near(difficulty_of(target), difficulty, difficulty * 1e-15);
        assert_true(difficulty_meets(target, target));
    }
    expect_target(5e-10, "77351cca6bfffc00000000000000000000000000000000000000000000000000");
    expect_target(DIFFICULTY_MIN,
                  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
}

static void only_sane_difficulties_pass(void **state)
{
    (void)state;
    assert_true(difficulty_is_sane(0.0005));
    assert_true(difficulty_is_sane(1e14));
    /* ckpool on regtest: mining.set_difficulty [5e-10] */
    assert_true(difficulty_is_sane(5e-10));
    const double bad[] = {0, -1, -0.0, NAN, INFINITY, -INFINITY, 1e-12, 1e19};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(difficulty_is_sane(bad[i]));
    }
    assert_near(difficulty_for_interval(0, 8), DIFFICULTY_MIN, 0);
    /* 68 MH/s find a share of difficulty 0.1 every 6.3 s */
    assert_near(difficulty_for_interval(68e6, 6.3162), 0.1, 1e-4);
}

static void compact_bits_become_a_target(void **state)
{
    (void)state;
    uint8_t expected[32];
    uint8_t target[32];
    difficulty_to_target(1, expected);
    difficulty_nbits_to_target(0x1d00ffff, target);
    assert_memory_equal(target, expected, 32);
    difficulty_nbits_to_target(0x207fffff, target); /* regtest */
    assert_int_equal(target[31], 0x7f);
    assert_int_equal(target[28], 0);
    const uint32_t bad[] = {0xff00ffff, 0x1d80ffff};
    const uint8_t zero[32] = {0};
    for (size_t i = 0; i < 2; i++) {
        difficulty_nbits_to_target(bad[i], target);
        assert_memory_equal(target, zero, 32);
    }
}

static void only_zero_bits_of_the_version_roll(void **state)
{
    (void)state;
    assert_int_equal(job_usable_mask(0x20000000, 0x1fffe000), 0x1fffe000);
    assert_int_equal(job_usable_mask(0x30000000, 0x1fffe000), 0x0fffe000); /* regtest's bit 28 */
    assert_int_equal(job_usable_mask(0x3fffe000, 0x1fffe000), 0);
}

/* What tells pieces apart must differ between any two of them. Groups of versions do not overlap,
 * so their first ones differ. */
static void expect_pieces_differ(size_t count)
{
    static char seen[1024][64];
    struct job_piece piece;
    assert_true(count <= 1024);
    for (size_t i = 0; i < count; i++) {
        job_make_piece(&job, i, &piece);
        (void)snprintf(seen[i], sizeof seen[i], "%" PRIx32 " %" PRIx32 " %" PRIx64 " %" PRIx32,
                       piece.first_nonce, piece.version_bits[0], piece.extranonce2, piece.ntime);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(seen[i], seen[j]);
        }
    }
}

static void pieces_of_work_never_repeat(void **state)
{
    (void)state;
    struct job_piece piece;
    memset(&job, 0, sizeof job);
    job.notify.version = 0x20000000;
    job.notify.ntime = 1000;
    job.version_mask = 0x00006000; /* four versions */
    job.extranonce.size2 = 1;
    expect_pieces_differ(1024);
    job_make_piece(&job, 255, &piece);
    assert_int_equal(piece.first_nonce, 0xff000000);
    assert_int_equal(piece.extranonce2, 0);
    job_make_piece(&job, 256, &piece);
    assert_int_equal(piece.first_nonce, 0);
    assert_int_equal(piece.extranonce2, 1);
    job_make_piece(&job, 256 * 256, &piece);
    assert_int_equal(piece.extranonce2, 0);
    assert_int_equal(piece.ntime, 1001);
    job.extranonce.size2 = 0;
    job_make_piece(&job, 256, &piece);
    assert_int_equal(piece.ntime, 1001);
}

static void expect_versions(uint32_t mask, uint32_t count)
{
    struct job_piece piece;
    job.version_mask = mask;
    job_make_piece(&job, 0, &piece);
    assert_int_equal(piece.version_count, count);
    assert_int_equal(piece.version_bits[0], 0);
}

static void a_piece_holds_as_many_versions_as_may_be_rolled(void **state)
{
    (void)state;
    struct job_piece piece;
    memset(&job, 0, sizeof job);
    job.notify.version = 0x30002000; /* two bits of the usual mask are in use */
    expect_versions(0, 1);
    expect_versions(0x00002000, 1);
    expect_versions(0x00004000, 2);
    expect_versions(0x00016000, 4);
    expect_versions(0x1fffe000, JOB_PIECE_VERSIONS_MAX);
    job.version_mask = 0x00016000;
    job_make_piece(&job, 0, &piece);
    assert_int_equal(piece.header[1], 0x20); /* the job's own version */
    assert_int_equal(piece.version_bits[1], 0x4000);
    assert_int_equal(piece.version_bits[2], 0x10000);
    assert_int_equal(piece.version_bits[3], 0x14000);
}

/* All versions that a mask of 8 bits allows, each once, in groups. */
static void groups_of_versions_cover_the_mask_once(void **state)
{
    (void)state;
    enum { RANGES = 256, VERSIONS = 256, GROUPS = VERSIONS / JOB_PIECE_VERSIONS_MAX };
    bool seen[VERSIONS] = {false};
    memset(&job, 0, sizeof job);
    job.version_mask = 0x001fe000;
    job.extranonce.size2 = 4;
    struct job_piece piece;
    for (size_t group = 0; group < GROUPS; group++) {
        job_make_piece(&job, group * RANGES, &piece);
        assert_int_equal(piece.extranonce2, 0);
        for (size_t i = 0; i < piece.version_count; i++) {
            const uint32_t number = piece.version_bits[i] >> 13;
            assert_int_equal(piece.version_bits[i] & ~job.version_mask, 0);
            assert_false(seen[number]);
            seen[number] = true;
        }
    }
    for (size_t i = 0; i < VERSIONS; i++) {
        assert_true(seen[i]);
    }
    expect_pieces_differ(1024);
    job_make_piece(&job, (uint64_t)GROUPS * RANGES, &piece);
    assert_int_equal(piece.extranonce2, 1);
    assert_int_equal(piece.version_bits[0], 0);
}

static void a_rolled_version_is_the_header_of_its_bits(void **state)
{
    (void)state;
    uint8_t expected[80];
    uint8_t header[80];
    memset(&job, 0, sizeof job);
    job.notify.version = 0x20000004;
    job_make_header(&job, 1, 2, 0x1f002000, 3, expected);
    job_make_header(&job, 1, 2, 0, 3, header);
    job_roll_version(header, 0x1f002000);
    assert_memory_equal(header, expected, sizeof header);
}

static void extranonce2_has_exactly_its_size(void **state)
{
    (void)state;
    uint8_t bytes[16];
    job_extranonce2_bytes(0x0102, bytes, 4);
    assert_memory_equal(bytes, "\x00\x00\x01\x02", 4);
    job_extranonce2_bytes(0x0102, bytes, 1);
    assert_int_equal(bytes[0], 2);
    job_extranonce2_bytes(1, bytes, 16);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[15], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_jobs_make_recorded_headers),
        cmocka_unit_test(recorded_shares_reach_their_difficulty),
        cmocka_unit_test(difficulty_becomes_a_target),
        cmocka_unit_test(only_sane_difficulties_pass),
        cmocka_unit_test(compact_bits_become_a_target),
        cmocka_unit_test(only_zero_bits_of_the_version_roll),
        cmocka_unit_test(pieces_of_work_never_repeat),
        cmocka_unit_test(a_piece_holds_as_many_versions_as_may_be_rolled),
        cmocka_unit_test(groups_of_versions_cover_the_mask_once),
        cmocka_unit_test(a_rolled_version_is_the_header_of_its_bits),
        cmocka_unit_test(extranonce2_has_exactly_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
