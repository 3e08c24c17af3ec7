#include "tests/core/fuse.h"

#include "tests/support/test.h"

const struct heater_caps mini = {.min_w = 400,
                                 .max_w = 850,
                                 .standby_w = 8,
                                 .tier_w = {400, 650, 850},
                                 .tier_count = 3,
                                 .settle_ms = 10000,
                                 .min_off_ms = 60000};
const struct heater_caps stepless = {.min_w = 100, .max_w = 1500, .settle_ms = 10000};

struct circuit circuit;
static struct circuit_scratch scratch;
struct circuit_heater heaters[FUSE_HEATERS];
size_t count;
hb_mono now;

static struct circuit_heater off_and_known(const struct heater_caps *caps)
{
    return (struct circuit_heater){.caps = caps,
                                   .commandable = true,
                                   .reached = true,
                                   .confirmed = true,
                                   .stated = now,
                                   .power_w =
                                       reading_make(caps->standby_w, now, PROVENANCE_REPORTED)};
}

void begin(double limit_w, size_t how_many, const struct heater_caps *caps)
{
    now.ms = 100000;
    count = how_many;
    circuit_init(&circuit, limit_w, count);
    for (size_t i = 0; i < count; i++) {
        heaters[i] = off_and_known(caps);
    }
}

void decide(void)
{
    circuit_decide(&circuit, &scratch, heaters, now);
}

void pass(int64_t ms)
{
    now.ms += ms;
}

void all_wish(double power_w)
{
    for (size_t i = 0; i < count; i++) {
        heaters[i].wish_w = power_w;
    }
}

void tell(size_t i)
{
    struct circuit_heater *h = &heaters[i];
    if (h->allowed_w == h->commanded_w) {
        return;
    }
    if ((h->allowed_w > 0) != (h->commanded_w > 0)) {
        h->switched = now;
    }
    h->commanded_w = h->allowed_w;
    h->written = now;
    h->confirmed = false;
}

void obey(size_t i)
{
    struct circuit_heater *h = &heaters[i];
    h->confirmed = true;
    h->applied_w = h->commanded_w;
    h->stated = now;
    h->power_w = reading_make(fmax(h->commanded_w, h->caps->standby_w), now, PROVENANCE_REPORTED);
}

double sum_w(void)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += heaters[i].commanded_w;
    }
    return sum;
}

void second(void)
{
    pass(1000);
    for (size_t i = 0; i < count; i++) {
        decide();
        tell(i);
    }
    assert_true(circuit.possible_w <= circuit.limit_w);
}

void run_s(int seconds)
{
    for (int s = 0; s < seconds; s++) {
        second();
        for (size_t i = 0; i < count && s % 3 == 2; i++) {
            obey(i);
        }
    }
}

size_t at_level(double power_w)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += heaters[i].commanded_w == power_w;
    }
    return n;
}
