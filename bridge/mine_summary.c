#include "bridge/mine_summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "bridge/mine_view.h"
#include "ground/attr.h"

#define SAT_PER_BTC   1e8
#define HOURS_PER_DAY 24.0
#define YEAR_S        (365.25 * 86400)

struct paper {
    char *text;
    size_t used;
};

static void HB_PRINTF(2, 3) say(struct paper *paper, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int len =
        vsnprintf(paper->text + paper->used, MINE_SUMMARY_MAX - paper->used, format, args);
    va_end(args);
    const size_t room = MINE_SUMMARY_MAX - paper->used - 1;
    paper->used += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room;
}

static void print_duration(double seconds, char *text, size_t size)
{
    const unsigned long long s = seconds > 0 ? (unsigned long long)(seconds + 0.5) : 0;
    if (s < 60) {
        (void)snprintf(text, size, "%llu s", s);
    } else if (s < 3600) {
        (void)snprintf(text, size, "%llu min %llu s", s / 60, s % 60);
    } else if (s < 86400) {
        (void)snprintf(text, size, "%llu h %llu min", s / 3600, s / 60 % 60);
    } else {
        (void)snprintf(text, size, "%llu d %llu h", s / 86400, s / 3600 % 24);
    }
}

static void say_work(struct paper *paper, const struct miner_stats *stats, double uptime_s)
{
    char hashes[48];
    char rate[48];
    char duration[48];
    mine_print_si(stats->hashes, " hashes", hashes, sizeof hashes);
    mine_print_si(uptime_s > 0 ? stats->hashes / uptime_s : 0, "H/s", rate, sizeof rate);
    print_duration(uptime_s, duration, sizeof duration);
    say(paper, "work    %s in %s: %s\n", hashes, duration, rate);
    say(paper, "        %d thread%s of %s\n", stats->threads, stats->threads == 1 ? "" : "s",
        stats->kernel);
}

static void say_shares(struct paper *paper, const struct miner_stats *stats)
{
    static const char *const kinds[REJECT_COUNT] = {"stale", "duplicate", "too easy",
                                                    "unauthorized", "other"};
    char best[48];
    say(paper, "shares  %" PRIu64 " accepted, %llu refused", stats->accepted, mine_rejected(stats));
    const char *between = " (";
    for (size_t i = 0; i < REJECT_COUNT; i++) {
        if (stats->rejected[i] > 0) {
            say(paper, "%s%" PRIu64 " %s", between, stats->rejected[i], kinds[i]);
            between = ", ";
        }
    }
    say(paper, "%s", between[0] == ',' ? ")" : "");
    if (stats->best_difficulty > 0) {
        mine_print_si(stats->best_difficulty, "", best, sizeof best);
        say(paper, ", best difficulty %s", best);
    }
    say(paper, "\n");
}

static void say_proof(struct paper *paper, const struct share_evidence *shares)
{
    static const char *const judgements[] = {
        [SHARE_CHECK_UNKNOWN] = "too few to judge the count by",
        [SHARE_CHECK_AGREES] = "as counted",
        [SHARE_CHECK_BELOW] = "less than counted: shares are missing",
        [SHARE_CHECK_ABOVE] = "more than counted"};
    char low[48];
    char high[48];
    if (isfinite(shares->low_hs) && isfinite(shares->high_hs)) {
        mine_print_si(shares->low_hs, "H/s", low, sizeof low);
        mine_print_si(shares->high_hs, "H/s", high, sizeof high);
        say(paper, "proof   %s to %s by accepted shares (95 %%),\n        %s\n", low, high,
            judgements[shares->check]);
    }
}

static void say_power(struct paper *paper, const struct miner_stats *stats)
{
    char efficiency[48];
    const double joules_per_th = mine_joules_per_th(stats);
    if (isfinite(joules_per_th)) {
        mine_print_si(joules_per_th, "J/TH", efficiency, sizeof efficiency);
        say(paper, "power   %.1f W at the end, %s; %s\n", mine_power_w(stats),
            mine_power_word(stats), efficiency);
    }
}

static void print_odds(double odds, char *text, size_t size)
{
    static const char *const words[] = {"", " thousand", " million", " billion", " trillion"};
    size_t word = 0;
    while (odds >= 999.5 && word + 1 < sizeof words / sizeof words[0]) {
        odds /= 1000;
        word++;
    }
    (void)snprintf(text, size, "%.3g%s", odds, words[word]);
}

static void say_money(struct paper *paper, const struct miner_stats *stats)
{
    const struct economics *e = &stats->figures.economics;
    const double per_hour = mine_sat_per_hour(stats);
    const double chance = economics_block_chance(e, mine_recent_hs(stats) * YEAR_S);
    char per_day[48];
    char difficulty[48];
    if (!isfinite(per_hour)) {
        say(paper, "money   not known: no job told what a block pays\n");
        return;
    }
    mine_print_small(per_hour * HOURS_PER_DAY, per_day, sizeof per_day);
    mine_print_si(e->network_difficulty, "", difficulty, sizeof difficulty);
    say(paper, "money   %s sat a day to be expected\n", per_day);
    say(paper, "        a block pays %.8g BTC%s at difficulty %s\n", e->reward_sat / SAT_PER_BTC,
        e->source == REWARD_SUBSIDY ? " and its fees" : "", difficulty);
    if (chance > 0 && chance < 0.5) {
        char odds[48];
        print_odds(1 / chance, odds, sizeof odds);
        say(paper, "        chance of a block within a year: 1 in %s\n", odds);
    }
    if (stats->figures.blocks_found > 0) {
        say(paper, "blocks  %" PRIu64 " found, the last one %s\n", stats->figures.blocks_found,
            stats->figures.block.hash);
    }
}

/* Only those that were given shares. */
static void say_pools(struct paper *paper, const struct miner_pool_stats *pools, size_t count)
{
    const char *title = "pools ";
    for (size_t i = 0; i < count; i++) {
        const struct miner_pool_stats *pool = &pools[i];
        if (pool->submitted == 0) {
            continue;
        }
        say(paper, "%s  %" PRIu64 " of %" PRIu64 " shares accepted by %s", title, pool->accepted,
            pool->submitted, pool->pool);
        if (pool->answers > 0) {
            say(paper, ",\n        answered in %.0f ms, 19 of 20 in %.0f ms", pool->answer_p50_ms,
                pool->answer_p95_ms);
        }
        say(paper, "\n");
        title = "      ";
    }
}

void mine_summary_print(const struct miner_stats *stats, const struct miner_pool_stats *pools,
                        size_t pool_count, double uptime_s, char summary[MINE_SUMMARY_MAX])
{
    struct paper paper = {.text = summary};
    summary[0] = '\0';
    say_work(&paper, stats, uptime_s);
    say_shares(&paper, stats);
    say_pools(&paper, pools, pool_count);
    say_proof(&paper, &stats->figures.shares);
    say_power(&paper, stats);
    say_money(&paper, stats);
}
