#include "miner/heat/rate.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    READING_NS = 2 * 1000 * 1000,
    STRAYS_BELIEVED = 64,
    FIRST_READINGS = 16, /* until so many there is nothing to stray from */
};
#define NOW_WEIGHT   0.25
#define STRAY_RATIO  0.1
#define SAME_DUTY    0.95 /* of the highest duty: as good an opportunity to measure       */
#define FADE_READING 2e-7 /* of `known_at` with each reading: half in 2 h of hashing    */

void rate_init(struct rate *rate, double full_hs, double known_at)
{
    memset(rate, 0, sizeof *rate);
    if (full_hs > 0) {
        rate->full_hs = full_hs;
        rate->known_at = known_at;
    }
}

static void begin_anew(struct rate *rate, double reading_hs)
{
    rate->full_hs = reading_hs;
    rate->readings = 1;
    rate->strays = 0;
}

/* Counts readings that are far off on the same side; true once a change must be believed. */
static bool strayed(struct rate *rate, double off)
{
    if (rate->readings < FIRST_READINGS || fabs(off) <= STRAY_RATIO) {
        rate->strays = 0;
        return false;
    }
    const int32_t side = off > 0 ? 1 : -1;
    rate->strays = rate->strays * side > 0 ? rate->strays + side : side;
    return rate->strays * side >= STRAYS_BELIEVED;
}

static void average(struct rate *rate, double reading_hs)
{
    double off = reading_hs / rate->full_hs - 1;
    if (strayed(rate, off)) {
        begin_anew(rate, reading_hs);
        return;
    }
    if (rate->readings >= FIRST_READINGS) {
        off = fmax(fmin(off, STRAY_RATIO), -STRAY_RATIO);
    }
    rate->readings += rate->readings < RATE_READINGS ? 1 : 0;
    rate->full_hs *= 1 + off / rate->readings;
}

void rate_other_work(struct rate *rate)
{
    if (rate->now_hs > 0) {
        rate->turbo = rate->full_hs / rate->now_hs;
        rate->now_hs = rate->hashes = 0;
        rate->ns = 0;
    }
}

static void take_reading(struct rate *rate, double reading_hs, double duty_ratio)
{
    if (rate->turbo > 0) {
        rate->full_hs = reading_hs * rate->turbo;
        rate->turbo = 0;
        rate->readings = 1;
    }
    rate->now_hs += (rate->now_hs > 0 ? NOW_WEIGHT : 1) * (reading_hs - rate->now_hs);
    if (rate->full_hs <= 0 || duty_ratio * SAME_DUTY > rate->known_at) {
        begin_anew(rate, reading_hs);
        rate->known_at = duty_ratio;
    } else if (duty_ratio >= rate->known_at * SAME_DUTY) {
        average(rate, reading_hs);
        rate->known_at = fmax(rate->known_at, duty_ratio);
    } else {
        rate->known_at *= 1 - FADE_READING;
    }
}

void rate_note(struct rate *rate, uint32_t hashes, int64_t cpu_ns, double duty_ratio)
{
    rate->hashes += hashes;
    rate->ns += cpu_ns;
    if (rate->ns < READING_NS) {
        return;
    }
    take_reading(rate, rate->hashes * 1e9 / (double)rate->ns, duty_ratio);
    rate->hashes = 0;
    rate->ns = 0;
}
