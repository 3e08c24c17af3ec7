#include "miner/figures/economics.h"

#include <math.h>
#include <stddef.h>

#include "miner/difficulty.h"
#include "miner/figures/coinbase.h"
#include "miner/job.h"

enum { HALVING_BLOCKS = 210000, BLOCK_S = 600, HALVINGS = 64 };
#define FIRST_SUBSIDY_SAT UINT64_C(5000000000)
/* The most that a block ever collected, by a payer's mistake, was 291 BTC (block 409 008). */
#define FEES_MOST_SAT 1e11

struct economics economics_none(void)
{
    return (struct economics){.network_difficulty = NAN, .reward_sat = NAN};
}

double economics_difficulty(uint32_t nbits)
{
    uint8_t target[32];
    difficulty_nbits_to_target(nbits, target);
    const double difficulty = difficulty_of(target);
    return isfinite(difficulty) ? difficulty : NAN;
}

uint64_t economics_subsidy_sat(uint32_t height)
{
    const uint32_t halvings = height / HALVING_BLOCKS;
    return halvings < HALVINGS ? FIRST_SUBSIDY_SAT >> halvings : 0;
}

uint32_t economics_next_halving(uint32_t height)
{
    return (height / HALVING_BLOCKS + 1) * HALVING_BLOCKS;
}

static void judge_reward(struct economics *economics, bool readable, double reward_sat)
{
    const double subsidy_sat =
        economics->height_known ? (double)economics_subsidy_sat(economics->height) : NAN;
    if (readable && !(reward_sat > subsidy_sat + FEES_MOST_SAT)) {
        economics->source = REWARD_JOB;
        economics->reward_sat = reward_sat;
    } else if (!readable && economics->height_known) {
        economics->source = REWARD_SUBSIDY;
        economics->reward_sat = subsidy_sat;
    }
}

struct economics economics_of_job(const struct job *job, double fee_ratio)
{
    struct economics economics = economics_none();
    if (job->own) {
        return economics;
    }
    const struct job_notify *notify = &job->notify;
    const struct coinbase_parts parts = {
        .head = notify->coinbase,
        .head_len = notify->coinb1_len,
        .gap_len = job->extranonce.size1 + job->extranonce.size2,
        .tail = notify->coinbase + notify->coinb1_len,
        .tail_len = notify->coinb2_len,
    };
    struct coinbase coinbase;
    const bool readable = coinbase_read(&parts, &coinbase, NULL);
    economics.network_difficulty = economics_difficulty(notify->nbits);
    economics.height_known = coinbase.height_known;
    economics.height = coinbase.height;
    economics.fee_ratio = fee_ratio;
    judge_reward(&economics, readable, (double)coinbase.reward_sat);
    return economics;
}

static double hashes_per_block(const struct economics *economics)
{
    return economics->network_difficulty * DIFFICULTY_HASHES;
}

/* What is left of a block's reward after the pool's fee. */
static double net_sat(const struct economics *economics, double reward_sat)
{
    return reward_sat * (1 - economics->fee_ratio);
}

static double sat_per_hash(const struct economics *economics)
{
    return net_sat(economics, economics->reward_sat) / hashes_per_block(economics);
}

double economics_sat_per_hour(const struct economics *economics, double hashrate_hs)
{
    return sat_per_hash(economics) * hashrate_hs * 3600;
}

double economics_sat_per_kwh(const struct economics *economics, double hashrate_hs, double power_w)
{
    return power_w > 0 ? economics_sat_per_hour(economics, hashrate_hs) * 1000 / power_w : NAN;
}

double economics_expected_sat(const struct economics *economics, double hashrate_hs,
                              double horizon_s)
{
    if (!economics->height_known || isnan(economics->reward_sat)) {
        return sat_per_hash(economics) * hashrate_hs * horizon_s;
    }
    const double fees_sat =
        economics->reward_sat - (double)economics_subsidy_sat(economics->height);
    const double blocks_per_s = hashrate_hs / hashes_per_block(economics);
    uint32_t height = economics->height;
    double sum_sat = 0;
    while (horizon_s > 0) {
        const uint64_t subsidy_sat = economics_subsidy_sat(height);
        const uint32_t halving = economics_next_halving(height);
        const double left_s = subsidy_sat > 0 ? (double)(halving - height) * BLOCK_S : INFINITY;
        const double part_s = fmin(horizon_s, left_s);
        const double reward_sat = fmax((double)subsidy_sat + fees_sat, 0);
        sum_sat += net_sat(economics, reward_sat) * blocks_per_s * part_s;
        horizon_s -= part_s;
        height = halving;
    }
    return sum_sat;
}

double economics_share_sat(const struct economics *economics, double share_difficulty)
{
    return net_sat(economics, economics->reward_sat) * share_difficulty /
           economics->network_difficulty;
}

double economics_block_chance(const struct economics *economics, double hashes)
{
    return -expm1(-hashes / hashes_per_block(economics));
}

const char *economics_source_word(enum reward_source source)
{
    static const char *const words[] = {NULL, "subsidy", "job"};
    return words[source];
}
