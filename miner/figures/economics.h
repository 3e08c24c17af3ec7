/* What hashing earns, told from the job alone: no third party is asked. Pure.
 *
 * Difficulty comes from the header's `nbits`, the reward from the coinbase's outputs. A block takes
 * difficulty * 2^48 / 65535 hashes on average, so a hash is worth the reward divided by that; all
 * figures are expectations, and for a lone miner very rare events. The subsidy halves every 210 000
 * blocks (Bitcoin Core, GetBlockSubsidy). Amounts are in satoshi; what is not known is NaN.
 */
#ifndef HB_MINER_ECONOMICS_H
#define HB_MINER_ECONOMICS_H

#include <stdbool.h>
#include <stdint.h>

struct job;

/* How the reward is known; a higher value is better evidence. */
enum reward_source {
    REWARD_UNKNOWN,
    REWARD_SUBSIDY, /* by the height alone: the fees come on top */
    REWARD_JOB,     /* by the coinbase's outputs                 */
};

/* What a job says of the network that it works for. */
struct economics {
    double network_difficulty;
    double reward_sat; /* of a block, before the pool's fee */
    enum reward_source source;
    bool height_known;
    uint32_t height;  /* of the block to be found                  */
    double fee_ratio; /* what the pool keeps, as configured; 0 to 1 */
};

/* Nothing known. */
struct economics economics_none(void);
/* Reads a pool's job; a job of our own earns nothing and tells nothing. An impossible coinbase
 * (more than the subsidy and 1000 BTC of fees) tells no reward. */
struct economics economics_of_job(const struct job *job, double fee_ratio);

/* Difficulty of a compact target; NaN for targets that are zero, negative or too large. */
double economics_difficulty(uint32_t nbits);
/* Newly made coins of the block at a height. */
uint64_t economics_subsidy_sat(uint32_t height);
/* The first height above `height` at which the subsidy halves. */
uint32_t economics_next_halving(uint32_t height);

/* At this hash rate, with today's difficulty and reward. */
double economics_sat_per_hour(const struct economics *economics, double hashrate_hs);
/* Of electricity; NaN unless power is known and above 0. */
double economics_sat_per_kwh(const struct economics *economics, double hashrate_hs, double power_w);
/* Over the next `horizon_s` seconds, halvings included at a block per ten minutes, with difficulty
 * and fees as today. Without a height, as if the subsidy stayed. */
double economics_expected_sat(const struct economics *economics, double hashrate_hs,
                              double horizon_s);
/* What a share of this difficulty is worth on average. */
double economics_share_sat(const struct economics *economics, double share_difficulty);
/* Chance, 0 to 1, that so many hashes find at least one block. */
double economics_block_chance(const struct economics *economics, double hashes);

/* "job", "subsidy" or NULL for unknown. */
const char *economics_source_word(enum reward_source source);

#endif
