#include "miner/difficulty.h"

#include <math.h>
#include <string.h>

bool difficulty_is_sane(double difficulty)
{
    return isfinite(difficulty) && difficulty >= DIFFICULTY_MIN && difficulty <= DIFFICULTY_MAX;
}

void difficulty_to_target(double difficulty, uint8_t target[32])
{
    /* target = mantissa * 2^shift with a mantissa of 53 bits */
    int exponent = 0;
    const double fraction = frexp(65535.0 / difficulty, &exponent);
    const uint64_t mantissa = (uint64_t)ldexp(fraction, 53);
    const int shift = 208 + exponent - 53;
    if (shift + 53 > 256) {
        memset(target, 0xff, 32);
        return;
    }
    memset(target, 0, 32);
    for (int bit = 0; bit < 53; bit++) {
        if ((mantissa >> bit & 1) != 0) {
            const int at = bit + shift; /* never negative: DIFFICULTY_MAX leaves shift > 0 */
            target[at / 8] |= (uint8_t)(1U << (at % 8));
        }
    }
}

void difficulty_nbits_to_target(uint32_t nbits, uint8_t target[32])
{
    memset(target, 0, 32);
    const int size = (int)(nbits >> 24); /* target = mantissa * 256^(size - 3) */
    const uint32_t mantissa = nbits & 0x007fffff;
    if ((nbits & 0x00800000) != 0 || size > 34) {
        return;
    }
    for (int i = 0; i < 3; i++) {
        const int at = size - 3 + i;
        const uint8_t byte = (uint8_t)(mantissa >> (8 * i));
        if (at >= 32 && byte != 0) {
            memset(target, 0, 32);
        } else if (at >= 0 && at < 32) {
            target[at] = byte;
        }
    }
}

bool difficulty_nbits_is_sane(uint32_t nbits)
{
    uint8_t target[32];
    uint8_t limit[32];
    static const uint8_t zero[32];
    if (nbits >> 24 > 32) {
        return false; /* bytes beyond the 256 bits would be cut off unseen */
    }
    difficulty_nbits_to_target(nbits, target);
    difficulty_nbits_to_target(0x207fffff, limit);
    return memcmp(target, zero, sizeof zero) != 0 && difficulty_meets(target, limit);
}

double difficulty_of(const uint8_t hash[32])
{
    double number = 0;
    for (int i = 31; i >= 0; i--) {
        number = number * 256 + hash[i];
    }
    return ldexp(65535.0, 208) / number;
}

bool difficulty_meets(const uint8_t hash[32], const uint8_t target[32])
{
    for (int i = 31; i >= 0; i--) {
        if (hash[i] != target[i]) {
            return hash[i] < target[i];
        }
    }
    return true;
}

uint32_t difficulty_top(const uint8_t target[32])
{
    return (uint32_t)target[31] << 24 | (uint32_t)target[30] << 16 | (uint32_t)target[29] << 8 |
           target[28];
}

double difficulty_for_interval(double hashrate_hs, double interval_s)
{
    const double difficulty = hashrate_hs * interval_s / DIFFICULTY_HASHES;
    return fmin(fmax(difficulty, DIFFICULTY_MIN), DIFFICULTY_MAX);
}
