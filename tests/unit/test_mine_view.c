/* What `heatbridge mine` shows: what fits a width, what gives way, and that nothing is made up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/mine_json.h"
#include "bridge/mine_summary.h"
#include "bridge/mine_view.h"
#include "plumbing/json.h"
#include "tests/support/test.h"

static char line[MINE_LINE_MAX];
static const double uptime_s = 1 * 3600 + 2 * 60 + 3.4;

static struct miner_stats busy_stats(void)
{
    struct miner_stats stats = {.link = MINER_LINK_OK,
                                .pool = "public-pool.io:21496",
                                .hashing = true,
                                .pool_work = true,
                                .duty_ratio = 1,
                                .hashrate_hs = 68.1234e6,
                                .full_hashrate_hs = 68.2e6,
                                .hashes = 2.53e11,
                                .accepted = 512,
                                .rejected = {[REJECT_STALE] = 2, [REJECT_OTHER] = 1},
                                .difficulty = 0.125,
                                .best_difficulty = 669.868,
                                .power_w = 64.04,
                                .power_source = MINER_POWER_REPORTED,
                                .package_w = 64.04,
                                .cpu_c = 61.4,
                                .threads = 2,
                                .kernel = "avx512",
                                .figures = {.average_1m_hs = 68e6,
                                            .average_15m_hs = 67.9e6,
                                            .shares = {.shares = 512,
                                                       .work_s = 3600,
                                                       .hashrate_hs = 66.5e6,
                                                       .low_hs = 60.9e6,
                                                       .high_hs = 72.6e6,
                                                       .counted_hs = 67.9e6,
                                                       .check = SHARE_CHECK_AGREES},
                                            .economics = {.network_difficulty = 1.46e14,
                                                          .reward_sat = 3.15e8,
                                                          .source = REWARD_JOB,
                                                          .height_known = true,
                                                          .height = 881423}}};
    return stats;
}

static struct miner_stats unknown_stats(void)
{
    return (struct miner_stats){
        .link = MINER_LINK_CONNECTING,
        .pool = "public-pool.io:21496",
        .power_w = 65, /* nobody measured it */
        .package_w = NAN,
        .cpu_c = NAN,
        .threads = 1,
        .kernel = "portable",
        .figures = {
            .average_1m_hs = NAN,
            .average_15m_hs = NAN,
            .shares = {.hashrate_hs = NAN, .low_hs = NAN, .high_hs = NAN, .counted_hs = NAN},
            .economics = economics_none()}};
}

static void expect_line(const struct miner_stats *stats, int width, const char *expected)
{
    const struct mine_look look = {.width = width, .utf8 = true};
    mine_view_line(stats, uptime_s, &look, line);
    assert_string_equal(line, expected);
}

static void the_line_holds_what_fits(void **state)
{
    (void)state;
    const struct miner_stats stats = busy_stats();
    expect_line(&stats, 0,
                "1:02:03  68.12 MH/s  512 ok 3 refused  diff 0.125  best 669.9  61 °C  64.0 W  "
                "941.8 kJ/TH  0.00295 sat/day  public-pool.io:21496");
    expect_line(&stats, 120,
                "1:02:03  68.12 MH/s  512 ok 3 refused  diff 0.125  best 669.9  61 °C  64.0 W  "
                "941.8 kJ/TH  public-pool.io:21496");
    expect_line(&stats, 80,
                "68.12 MH/s  512 ok 3 refused  61 °C  64.0 W  941.8 kJ/TH  public-pool.io:21496");
    expect_line(&stats, 60, "68.12 MH/s  512 ok 3 refused  64.0 W  public-pool.io:21496");
    expect_line(&stats, 40, "68.12 MH/s  512 ok 3 refused  64.0 W");
    expect_line(&stats, 11, "68.12 MH/s");
    expect_line(&stats, 10, "64.0 W"); /* better than nothing */
    expect_line(&stats, 1, "");
}

static size_t columns(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        if (*text == '\033') {
            text = strchr(text, 'm');
        } else {
            count += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
        }
    }
    return count;
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    struct miner_stats stats = busy_stats();
    stats.accepted = UINT64_MAX;
    stats.rejected[REJECT_OTHER] = UINT64_MAX - 2;
    stats.hashrate_hs = 9.9999e20;
    stats.difficulty = stats.best_difficulty = 1.23456e30;
    stats.figures.blocks_found = UINT64_MAX;
    stats.figures.economics.network_difficulty = 1e-9;
    memset(stats.pool, 'p', sizeof stats.pool - 1);
    for (int colour = 0; colour <= 1; colour++) {
        for (int width = 1; width < 400; width++) {
            const struct mine_look look = {.width = width, .colour = colour != 0, .utf8 = true};
            mine_view_line(&stats, 1e12, &look, line);
            assert_true(columns(line) < (size_t)width);
        }
    }
}

static void unknown_figures_are_left_out(void **state)
{
    (void)state;
    const struct miner_stats stats = unknown_stats();
    expect_line(&stats, 120, "1:02:03  0 H/s  0 ok 0 refused  connecting to public-pool.io:21496");
}

static void modelled_power_is_marked_and_assumed_power_is_none(void **state)
{
    (void)state;
    struct miner_stats stats = busy_stats();
    stats.power_source = MINER_POWER_MODELLED;
    stats.calibrated_by = MINER_POWER_REPORTED;
    expect_line(&stats, 40, "68.12 MH/s  512 ok 3 refused  ~64.0 W");
    assert_string_equal(mine_power_word(&stats), "modelled");
    stats.calibrated_by = MINER_POWER_MODELLED;
    expect_line(&stats, 40, "68.12 MH/s  512 ok 3 refused  61 °C");
    assert_null(mine_power_word(&stats));
}

static void a_lost_pool_is_more_than_a_name(void **state)
{
    (void)state;
    struct miner_stats stats = busy_stats();
    stats.link = MINER_LINK_LOST;
    expect_line(&stats, 70, "68.12 MH/s  512 ok 3 refused  no answer from public-pool.io:21496");
    stats.link = MINER_LINK_NONE;
    stats.pool[0] = '\0';
    expect_line(&stats, 40, "68.12 MH/s  512 ok 3 refused  no pool");
}

static void a_block_is_shown_before_all_else(void **state)
{
    (void)state;
    struct miner_stats stats = busy_stats();
    stats.figures.blocks_found = 1;
    expect_line(&stats, 24, "68.12 MH/s  1 block!");
    stats.figures.blocks_found = 2;
    expect_line(&stats, 24, "68.12 MH/s  2 blocks!");
}

static void colours_only_where_wanted(void **state)
{
    (void)state;
    struct miner_stats stats = busy_stats();
    struct mine_look look = {.width = 40, .colour = true};
    mine_view_line(&stats, uptime_s, &look, line);
    assert_string_equal(line, "\033[1m68.12 MH/s\033[0m  \033[32m512 ok\033[0m\033[31m 3 refused"
                              "\033[0m  64.0 W");
    look.colour = false;
    mine_view_line(&stats, uptime_s, &look, line);
    assert_null(strchr(line, '\033'));
    look.width = 0;
    mine_view_line(&stats, uptime_s, &look, line);
    assert_non_null(strstr(line, "  61 C  ")); /* not every terminal shows a degree sign */
}

/* A name from a pool's redirect cannot steer the terminal. */
static void control_characters_do_not_reach_the_terminal(void **state)
{
    (void)state;
    struct miner_stats stats = busy_stats();
    (void)snprintf(stats.pool, sizeof stats.pool, "evil\033[2Jhost\r:1");
    const struct mine_look look = {0};
    mine_view_line(&stats, uptime_s, &look, line);
    assert_null(strchr(line, '\033'));
    assert_null(strchr(line, '\r'));
}

static void numbers_keep_their_digits(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *unit, *text;
    } rows[] = {
        {0, "H/s", "0 H/s"},
        {7.5, "H/s", "7.500 H/s"},
        {999.94, "H/s", "999.9 H/s"},
        {999.96, "H/s", "1.000 kH/s"},
        {68123456, "H/s", "68.12 MH/s"},
        {2.2e14, "H/s", "220.0 TH/s"},
        {0.0005, "", "0.0005"},
        {16384, "", "16.38 k"},
        {1.08e14, "", "108 T"},
        {3e23, "H/s", "300.0 ZH/s"},
    };
    char text[48];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mine_print_si(rows[i].value, rows[i].unit, text, sizeof text);
        assert_string_equal(text, rows[i].text);
    }
    static const struct {
        double value;
        const char *text;
    } small[] = {{0, "0"},        {0.00295123, "0.00295"}, {2.95e-9, "0.00000000295"},
                 {0.1, "0.100"},  {1.234, "1.23"},         {12.34, "12.3"},
                 {4321.9, "4322"}};
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
        mine_print_small(small[i].value, text, sizeof text);
        assert_string_equal(text, small[i].text);
    }
}

static void accepted_shares_are_told(void **state)
{
    (void)state;
    struct mine_look look = {.width = 60};
    struct miner_accepted share = {
        .pool = "p:1", .asked = 0.125, .reached = 2.5, .latency_ms = 41.7};
    mine_view_accepted(&share, &look, line);
    assert_string_equal(line, "share accepted: 2.5 of 0.125 in 42 ms");
    look.colour = true;
    share.block = true;
    share.latency_ms = -1;
    mine_view_accepted(&share, &look, line);
    assert_string_equal(line, "\033[32mblock accepted\033[0m: 2.5 of 0.125");
}

static void messages_have_their_level(void **state)
{
    (void)state;
    struct mine_look look = {.width = 60};
    mine_view_message(LOG_LEVEL_WARN, "miner", "pool lost", &look, line);
    assert_string_equal(line, "warn miner: pool lost");
    look.colour = true;
    mine_view_message(LOG_LEVEL_ERROR, "mine", "no pool", &look, line);
    assert_string_equal(line, "\033[31merror\033[0m mine: no pool");
}

static void the_last_word_sums_up(void **state)
{
    (void)state;
    char summary[MINE_SUMMARY_MAX];
    struct miner_stats stats = busy_stats();
    const struct miner_pool_stats pools[] = {
        {.pool = "first.example:1",
         .submitted = 500,
         .accepted = 498,
         .answers = 499,
         .answer_p50_ms = 41.6,
         .answer_p95_ms = 120},
        {.pool = "never.example:2"},
        {.pool = "third.example:3", .submitted = 15, .accepted = 14},
    };
    mine_summary_print(&stats, pools, 3, uptime_s, summary);
    assert_string_equal(summary, "work    253.0 G hashes in 1 h 2 min: 67.95 MH/s\n"
                                 "        2 threads of avx512\n"
                                 "shares  512 accepted, 3 refused (2 stale, 1 other), best "
                                 "difficulty 669.9\n"
                                 "pools   498 of 500 shares accepted by first.example:1,\n"
                                 "        answered in 42 ms, 19 of 20 in 120 ms\n"
                                 "        14 of 15 shares accepted by third.example:3\n"
                                 "proof   60.90 MH/s to 72.60 MH/s by accepted shares (95 %),\n"
                                 "        as counted\n"
                                 "power   64.0 W at the end, reported; 941.8 kJ/TH\n"
                                 "money   0.00295 sat a day to be expected\n"
                                 "        a block pays 3.15 BTC at difficulty 146 T\n"
                                 "        chance of a block within a year: 1 in 292 million\n");
    stats.figures.economics.source = REWARD_SUBSIDY;
    stats.figures.blocks_found = 1;
    (void)snprintf(stats.figures.block.hash, sizeof stats.figures.block.hash, "00000000abcd");
    mine_summary_print(&stats, pools, 3, uptime_s, summary);
    assert_non_null(strstr(summary, "3.15 BTC and its fees at"));
    assert_non_null(strstr(summary, "blocks  1 found, the last one 00000000abcd\n"));
    stats = unknown_stats();
    mine_summary_print(&stats, pools, 0, 3, summary);
    assert_string_equal(summary, "work    0 hashes in 3 s: 0 H/s\n"
                                 "        1 thread of portable\n"
                                 "shares  0 accepted, 0 refused\n"
                                 "money   not known: no job told what a block pays\n");
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static struct json *parse(const struct miner_stats *stats)
{
    const struct miner_pool_stats pool = {.pool = "pool.example:3333",
                                          .state = MINER_POOL_WORKING,
                                          .submitted = 7,
                                          .answer_p50_ms = 21.5,
                                          .answer_p95_ms = NAN,
                                          .answer_max_ms = NAN};
    char *text = mine_json_line(stats, &pool, 1, uptime_s);
    assert_null(strchr(text, '\n'));
    struct json *json = json_parse(text, strlen(text), 1 << 14, NULL);
    assert_non_null(json);
    free(text);
    return json;
}

static double number_of(const struct json *json, const char *name)
{
    double value = NAN;
    assert_true(json_number(json_path(json, name), &value));
    return value;
}

static void json_tells_everything(void **state)
{
    (void)state;
    struct miner_stats stats = busy_stats();
    stats.figures.blocks_found = 1;
    stats.figures.block = (struct miner_block){.hash = "00ab", .difficulty = 2e14};
    struct json *json = parse(&stats);
    assert_near(number_of(json, "uptime_s"), 3723.4, 1e-9);
    assert_near(number_of(json, "hashrate_1m_hs"), 68e6, 0);
    assert_near(number_of(json, "hashrate_shares_low_hs"), 60.9e6, 0);
    assert_string_equal(json_string(json_get(json, "shares_check")), "agrees");
    assert_near(number_of(json, "rejected"), 3, 0);
    assert_near(number_of(json, "rejected_by_reason.stale"), 2, 0);
    assert_near(number_of(json, "joules_per_th"), 64.04 / 68e-6, 1e-6);
    assert_string_equal(json_string(json_get(json, "reward_source")), "job");
    assert_near(number_of(json, "next_halving_height"), 1050000, 0);
    const double per_hour = number_of(json, "sat_per_hour");
    assert_near(per_hour * 24 / 1e8, 2.95e-11, 0.005e-11);
    assert_near(number_of(json, "sat_per_kwh"), per_hour / 0.06404, 1e-12);
    assert_near(number_of(json, "sat_next_year"), per_hour * 24 * 365.25, 1e-6);
    assert_near(number_of(json, "share_value_sat"), 0.125 / 1.46e14 * 3.15e8, 1e-15);
    assert_near(number_of(json, "block_chance_year"), 1 / 292.2e6, 1e-11);
    assert_string_equal(json_string(json_path(json, "last_block.hash")), "00ab");
    assert_true(json_is_null(json_path(json, "last_block.height")));
    const struct json *pool = json_first(json_get(json, "pools"));
    assert_near(number_of(pool, "submitted"), 7, 0);
    assert_near(number_of(pool, "answer_p50_ms"), 21.5, 1e-9);
    json_free(json);
}

static void json_has_all_keys_always_and_null_for_unknown(void **state)
{
    (void)state;
    const struct miner_stats busy = busy_stats();
    const struct miner_stats unknown = unknown_stats();
    struct json *full = parse(&busy);
    struct json *bare = parse(&unknown);
    assert_int_equal(json_count(full), json_count(bare));
    for (const struct json *m = json_first(full); m != NULL; m = json_next(m)) {
        assert_non_null(json_get(bare, json_name(m)));
    }
    static const char *const nulls[] = {"hashrate_1m_hs",
                                        "hashrate_shares_hs",
                                        "shares_check",
                                        "package_w",
                                        "power_w",
                                        "power_error_w",
                                        "power_source",
                                        "joules_per_th",
                                        "network_difficulty",
                                        "height",
                                        "next_halving_height",
                                        "sat_per_hour",
                                        "sat_per_kwh",
                                        "block_reward_sat",
                                        "reward_source",
                                        "sat_next_year",
                                        "share_value_sat",
                                        "last_block",
                                        "block_chance_year"};
    for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++) {
        assert_true(json_is_null(json_get(bare, nulls[i])));
    }
    json_free(full);
    json_free(bare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_holds_what_fits),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(unknown_figures_are_left_out),
        cmocka_unit_test(modelled_power_is_marked_and_assumed_power_is_none),
        cmocka_unit_test(a_lost_pool_is_more_than_a_name),
        cmocka_unit_test(a_block_is_shown_before_all_else),
        cmocka_unit_test(colours_only_where_wanted),
        cmocka_unit_test(control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(numbers_keep_their_digits),
        cmocka_unit_test(accepted_shares_are_told),
        cmocka_unit_test(messages_have_their_level),
        cmocka_unit_test(the_last_word_sums_up),
        cmocka_unit_test(json_tells_everything),
        cmocka_unit_test(json_has_all_keys_always_and_null_for_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
