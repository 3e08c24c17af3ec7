#include "bridge/mine_json.h"

#include <math.h>

#include "bridge/mine_view.h"
#include "plumbing/json.h"

#define YEAR_S (365.25 * 86400)

/* Full precision, for numbers of any size; null for what is not known. */
static void add_exact(struct json *line, const char *name, double value)
{
    if (isfinite(value)) {
        json_add(line, name, json_new_number(value));
    } else {
        json_add_null(line, name);
    }
}

static void add_pool(struct json *line, const struct miner_stats *stats)
{
    static const char *const links[] = {"none", "connecting", "ok", "lost"};
    json_add_string(line, "pool", stats->pool);
    json_add_string(line, "link", links[stats->link]);
    json_add_string(line, "pool_reason", stats->pool_reason);
    json_add_number(line, "pool_changes", (double)stats->pool_changes, 0);
    json_add_string(line, "message", stats->message);
}

static void add_rates(struct json *line, const struct miner_stats *stats)
{
    const struct share_evidence *shares = &stats->figures.shares;
    json_add_number(line, "hashrate_hs", stats->hashrate_hs, 0);
    json_add_number(line, "hashrate_1m_hs", stats->figures.average_1m_hs, 0);
    json_add_number(line, "hashrate_15m_hs", stats->figures.average_15m_hs, 0);
    json_add_number(line, "full_hashrate_hs", stats->full_hashrate_hs, 0);
    json_add_number(line, "hashes", stats->hashes, 0);
    json_add_number(line, "hashrate_shares_hs", shares->hashrate_hs, 0);
    json_add_number(line, "hashrate_shares_low_hs", shares->low_hs, 0);
    json_add_number(line, "hashrate_shares_high_hs", shares->high_hs, 0);
    json_add_string(line, "shares_check", share_check_word(shares->check));
}

static struct json *refusals(const uint64_t rejected[REJECT_COUNT])
{
    static const char *const kinds[REJECT_COUNT] = {"stale", "duplicate", "low_difficulty",
                                                    "unauthorized", "other"};
    struct json *json = json_new_object();
    for (size_t i = 0; i < REJECT_COUNT; i++) {
        json_add_number(json, kinds[i], (double)rejected[i], 0);
    }
    return json;
}

static void add_shares(struct json *line, const struct miner_stats *stats)
{
    json_add_number(line, "accepted", (double)stats->accepted, 0);
    json_add_number(line, "rejected", (double)mine_rejected(stats), 0);
    json_add(line, "rejected_by_reason", refusals(stats->rejected));
    json_add_number(line, "dropped", (double)stats->dropped, 0);
    json_add_number(line, "hits", (double)stats->hits, 0);
    add_exact(line, "difficulty", stats->difficulty);
    add_exact(line, "best_difficulty", stats->best_difficulty);
}

static void add_pools(struct json *line, const struct miner_pool_stats *pools, size_t count)
{
    static const char *const states[] = {"waiting", "trying", "working", "silent"};
    struct json *list = json_new_array();
    for (size_t i = 0; i < count; i++) {
        struct json *json = json_new_object();
        json_add_string(json, "pool", pools[i].pool);
        json_add_string(json, "state", states[pools[i].state]);
        json_add_number(json, "losses", (double)pools[i].losses, 0);
        json_add_number(json, "submitted", (double)pools[i].submitted, 0);
        json_add_number(json, "accepted", (double)pools[i].accepted, 0);
        json_add(json, "rejected_by_reason", refusals(pools[i].rejected));
        add_exact(json, "best_difficulty", pools[i].best_difficulty);
        json_add_number(json, "answer_p50_ms", pools[i].answer_p50_ms, 1);
        json_add_number(json, "answer_p95_ms", pools[i].answer_p95_ms, 1);
        json_add_number(json, "answer_max_ms", pools[i].answer_max_ms, 1);
        json_add(list, NULL, json);
    }
    json_add(line, "pools", list);
}

static void add_blocks(struct json *line, const struct miner_stats *stats)
{
    const struct miner_figures *figures = &stats->figures;
    json_add_number(line, "blocks_found", (double)figures->blocks_found, 0);
    json_add_number(line, "blocks", (double)stats->blocks, 0);
    if (figures->blocks_found == 0) {
        json_add_null(line, "last_block");
        return;
    }
    struct json *block = json_new_object();
    json_add_string(block, "hash", figures->block.hash);
    add_exact(block, "height",
              figures->block.height > 0 ? (double)figures->block.height : (double)NAN);
    add_exact(block, "difficulty", figures->block.difficulty);
    json_add(line, "last_block", block);
}

static void add_machine(struct json *line, const struct miner_stats *stats)
{
    json_add_number(line, "power_w", mine_power_w(stats), 1);
    json_add_string(line, "power_source", mine_power_word(stats));
    const bool doubtful =
        isfinite(mine_power_w(stats)) && stats->power_source == MINER_POWER_MODELLED;
    json_add_number(line, "power_error_w", doubtful ? stats->power_error_w : (double)NAN, 1);
    json_add_number(line, "package_w", stats->package_w, 1);
    add_exact(line, "joules_per_th", mine_joules_per_th(stats));
    json_add_number(line, "cpu_c", stats->cpu_c, 1);
    json_add_number(line, "threads", stats->threads, 0);
    json_add_string(line, "kernel", stats->kernel);
}

static void add_network(struct json *line, const struct economics *e)
{
    const double height = e->height_known ? (double)e->height : (double)NAN;
    const double halving =
        e->height_known ? (double)economics_next_halving(e->height) : (double)NAN;
    add_exact(line, "network_difficulty", e->network_difficulty);
    add_exact(line, "height", height);
    add_exact(line, "next_halving_height", halving);
    add_exact(line, "block_reward_sat", e->reward_sat);
    json_add_string(line, "reward_source", economics_source_word(e->source));
    add_exact(line, "fee_percent", e->fee_ratio * 100);
}

/* Expectations at the pace of the last minute. */
static void add_money(struct json *line, const struct miner_stats *stats)
{
    const struct economics *e = &stats->figures.economics;
    const double rate_hs = mine_recent_hs(stats);
    add_exact(line, "sat_per_hour", mine_sat_per_hour(stats));
    add_exact(line, "sat_per_kwh", economics_sat_per_kwh(e, rate_hs, mine_power_w(stats)));
    add_exact(line, "sat_next_year", economics_expected_sat(e, rate_hs, YEAR_S));
    add_exact(line, "share_value_sat", economics_share_sat(e, stats->difficulty));
    add_exact(line, "block_chance_year", economics_block_chance(e, rate_hs * YEAR_S));
}

char *mine_json_line(const struct miner_stats *stats, const struct miner_pool_stats *pools,
                     size_t pool_count, double uptime_s)
{
    struct json *line = json_new_object();
    json_add_number(line, "uptime_s", uptime_s, 1);
    add_pool(line, stats);
    add_rates(line, stats);
    add_shares(line, stats);
    add_pools(line, pools, pool_count);
    add_blocks(line, stats);
    add_machine(line, stats);
    add_network(line, &stats->figures.economics);
    add_money(line, stats);
    char *text = json_print(line);
    json_free(line);
    return text;
}
