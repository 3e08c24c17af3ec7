/* Difficulty, targets and hashes as 256-bit numbers. Pure.
 *
 * A hash or target is 32 bytes, least significant first, as SHA-256 leaves them. Difficulty 1 is
 * the target 0xffff * 2^208 (Bitcoin's and every pool's convention).
 */
#ifndef HB_MINER_DIFFICULTY_H
#define HB_MINER_DIFFICULTY_H

#include <stdbool.h>
#include <stdint.h>

#include "ground/attr.h"

/* What a pool may ask for. Already below 2.3e-10 every hash is a share; pools on a regtest chain
 * ask for that chain's own 4.7e-10. */
#define DIFFICULTY_MIN 1e-10
#define DIFFICULTY_MAX 1e18

/* Hashes that difficulty 1 takes on average: 2^48 / 65535. */
#define DIFFICULTY_HASHES (281474976710656.0 / 65535.0)

/* False unless the number is finite and in the range above. */
HB_MUST_USE bool difficulty_is_sane(double difficulty);
/* Target of a sane difficulty, rounded down to 53 significant bits. */
void difficulty_to_target(double difficulty, uint8_t target[32]);
/* Target of a block header's compact `nbits` field; all zero if it is negative or too large. */
void difficulty_nbits_to_target(uint32_t nbits, uint8_t target[32]);
/* False for a compact `nbits` that no network has: zero, negative, or easier than 0x207fffff, the
 * limit of regression test networks (every other network's is far harder). */
HB_MUST_USE bool difficulty_nbits_is_sane(uint32_t nbits);
/* Difficulty that a hash (or target) satisfies; infinite for zero. */
double difficulty_of(const uint8_t hash[32]);
/* True if hash <= target. */
bool difficulty_meets(const uint8_t hash[32], const uint8_t target[32]);
/* The 32 most significant bits, which a kernel compares. */
uint32_t difficulty_top(const uint8_t target[32]);
/* Difficulty at which `hashrate_hs` finds a share every `interval_s` on average, kept sane. */
double difficulty_for_interval(double hashrate_hs, double interval_s);

#endif
