/* A million random histories of circuits: heaters follow late, keep silent, come back heating,
 * draw more than they were told and tell nonsense. What they could be drawing is known here from
 * the heaters' side, and must never exceed the limit but by what they draw against their orders. */
#include <stdlib.h>
#include <string.h>

#include "bridge/control/circuit.h"
#include "tests/core/random.h"
#include "tests/support/test.h"

enum { MOST = 6, STEPS = 20, ORDERS = 32 };

/* Of a heater, what it knows itself. */
struct device {
    struct heater_caps caps;
    double force_w;  /* what it is set to                                       */
    bool disordered; /* it was restarted, and no order has reached it since     */
    double factor;   /* what it draws per watt that it is set to                */
    bool tells;      /* how it is set, and else only that it did as it was told */
    bool metered;
    bool silent;
    struct {
        double power_w;
        hb_mono at;
    } order[ORDERS]; /* under way */
    size_t orders;
    double waits_w; /* more that its supervisor has not written yet, to spare it; 0: nothing */
    hb_mono wrote;
};

static struct device device[MOST];
static struct circuit circuit;
static struct circuit_scratch scratch;
static struct circuit_heater heaters[MOST];
static size_t count;
static hb_mono now;
static double limit_w;
static hb_mono raised_at;
static struct random dice;

static bool one_in(uint32_t n)
{
    return random_below(&dice, n) == 0;
}

/* --- heaters ----------------------------------------------------------------------------------*/

static void make_device(struct device *d, bool wild)
{
    *d = (struct device){.factor = wild && one_in(3) ? random_between(&dice, 1, 1.2) : 1,
                         .tells = !one_in(3),
                         .metered = !one_in(3)};
    d->caps = (struct heater_caps){.min_w = 1 + random_below(&dice, 20),
                                   .standby_w = random_below(&dice, 2),
                                   .settle_ms = (int32_t)random_below(&dice, 8000),
                                   .min_on_ms = (int32_t)random_below(&dice, 20000),
                                   .min_off_ms = (int32_t)random_below(&dice, 20000),
                                   .min_write_ms = (int32_t)random_below(&dice, 20000)};
    d->caps.max_w = d->caps.min_w + random_below(&dice, 40);
    if (!one_in(3)) {
        d->caps.tier_count = 2 + (uint8_t)random_below(&dice, 2);
        for (uint8_t i = 0; i < d->caps.tier_count; i++) {
            d->caps.tier_w[i] =
                d->caps.min_w + (d->caps.max_w - d->caps.min_w) * i / (d->caps.tier_count - 1);
        }
    }
    d->force_w = wild && one_in(2) ? d->caps.max_w : 0;
    d->disordered = d->force_w > 0;
    d->silent = one_in(4);
}

static double draws_w(const struct device *d)
{
    return d->force_w > 0 ? d->force_w * d->factor : d->caps.standby_w;
}

/* The most that orders let it draw from now on, whatever order arrives when. */
static double ordered_w(const struct device *d)
{
    double most_w = fmax(d->disordered ? 0 : d->force_w, d->waits_w);
    for (size_t i = 0; i < d->orders; i++) {
        most_w = fmax(most_w, d->order[i].power_w);
    }
    return fmax(most_w, d->caps.standby_w);
}

static void deliver(struct device *d)
{
    size_t taken = 0;
    while (taken < d->orders && d->order[taken].at.ms <= now.ms) {
        d->force_w = d->order[taken++].power_w;
        d->disordered = false;
    }
    d->orders -= taken;
    memmove(d->order, d->order + taken, d->orders * sizeof d->order[0]);
}

/* An order arrives within the time that the heater needs to settle, and none overtakes another. */
static void write_order(struct device *d, double power_w)
{
    int64_t late_ms = random_below(&dice, (uint32_t)d->caps.settle_ms + 1);
    d->wrote = now;
    d->waits_w = 0;
    hb_mono at = mono_add_ms(now, late_ms);
    if (d->orders > 0 && at.ms < d->order[d->orders - 1].at.ms) {
        at = d->order[d->orders - 1].at;
    }
    assert_true(d->orders < ORDERS);
    d->order[d->orders].power_w = power_w;
    d->order[d->orders++].at = at;
}

/* Less is written at once; more may have to wait, and the newest order counts. */
static void send(struct device *d, double power_w)
{
    const bool spares = mono_is_set(d->wrote) &&
                        mono_age_ms(now, d->wrote) < d->caps.min_write_ms && power_w > d->force_w;
    if (spares) {
        d->waits_w = power_w;
    } else {
        write_order(d, power_w);
    }
}

/* --- what is known of them ---------------------------------------------------------------------*/

static double nonsense(void)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, -1};
    return odd[random_below(&dice, 4)];
}

static void report(size_t i, bool wild)
{
    struct device *d = &device[i];
    struct circuit_heater *h = &heaters[i];
    h->reached = !d->silent;
    if (d->silent) {
        h->restarted = true; /* for all that is known */
        h->confirmed = false;
        h->applied_w = NAN;
        h->power_w = reading_none();
        return;
    }
    h->stated = now;
    h->applied_w = d->tells ? d->force_w : NAN;
    h->confirmed = d->orders == 0 && d->waits_w == 0 && !d->disordered &&
                   d->force_w == h->commanded_w && !one_in(3);
    h->restarted = h->restarted && !h->confirmed;
    h->power_w = d->metered ? reading_make(draws_w(d), now, PROVENANCE_METERED) : reading_none();
    if (wild && one_in(20)) {
        h->applied_w = nonsense();
        h->power_w.value = nonsense();
    }
}

static void happen(size_t i, bool wild)
{
    struct device *d = &device[i];
    struct circuit_heater *h = &heaters[i];
    deliver(d);
    if (d->waits_w > 0 && mono_age_ms(now, d->wrote) >= d->caps.min_write_ms) {
        write_order(d, d->waits_w);
    }
    if (one_in(12)) {
        d->silent = !d->silent;
        if (wild && d->silent && one_in(2)) { /* power is cut: it comes back as hot as it can */
            d->force_w = d->caps.max_w;
            d->disordered = true;
            d->orders = 0;
            d->waits_w = 0;
        } else if (!d->silent && d->disordered) {
            send(d, h->commanded_w); /* whoever watches it says it again */
        }
    }
    const bool restarts = wild && !d->silent && one_in(25);
    if (restarts) { /* so fast that it is only seen by its clock */
        d->force_w = d->caps.max_w;
        d->disordered = h->restarted = true;
        d->orders = 0;
        send(d, h->commanded_w);
    }
    if (d->silent || restarts || !one_in(3)) {
        report(i, wild);
    }
    if (one_in(4)) {
        h->wish_w = d->silent || one_in(3) ? 0 : d->caps.max_w;
    }
    if (d->caps.tier_count == 0 && h->wish_w > 0 && one_in(3)) {
        h->wish_w = random_between(&dice, d->caps.min_w, d->caps.max_w);
    }
    if (wild && one_in(30)) {
        h->wish_w = nonsense();
        h->lack_k = nonsense();
    } else if (one_in(5)) {
        h->lack_k = random_between(&dice, -2, 5);
    }
}

/* --- what must hold ---------------------------------------------------------------------------*/

static void check_answers(void)
{
    size_t raised = 0;
    for (size_t i = 0; i < count; i++) {
        const struct circuit_heater *h = &heaters[i];
        assert_true(h->allowed_w >= 0 && isfinite(h->allowed_w));
        assert_true(h->allowed_w == 0 || h->allowed_w <= h->wish_w);
        assert_true(h->allowed_w <= fmax(h->caps->max_w, h->commanded_w));
        if (h->allowed_w > h->commanded_w) {
            raised++;
            assert_true(h->reached);
            assert_true(h->allowed_w >= h->caps->min_w);
            assert_true(h->commanded_w > 0 || !mono_is_set(h->switched) ||
                        mono_age_ms(now, h->switched) >= h->caps->min_off_ms);
            assert_true(!mono_is_set(raised_at) || mono_age_ms(now, raised_at) >= 5000);
        }
        assert_true(h->possible_w >= (h->reached ? 0 : h->caps->max_w));
    }
    assert_true(raised <= 1);
}

/* Orders alone never allow more than the limit; what a heater draws per watt is known late. */
static void check_sums(void)
{
    double orders_w = 0;
    double drawn_w = 0;
    double against_w = 0;
    for (size_t i = 0; i < count; i++) {
        const struct device *d = &device[i];
        orders_w += ordered_w(d);
        drawn_w += draws_w(d);
        against_w += fmax(draws_w(d) - ordered_w(d), 0);
    }
    double standby_w = 0;
    for (size_t i = 0; i < count; i++) {
        standby_w += device[i].caps.standby_w;
    }
    assert_true(orders_w <= fmax(limit_w, standby_w) + 1e-6);
    assert_true(drawn_w <= fmax(limit_w, standby_w) + against_w + 1e-6);
}

/* Nobody is raised into what somebody else could be drawing by now. */
static void check_raise(size_t raised, double to_w)
{
    double sum_w = to_w;
    for (size_t i = 0; i < count; i++) {
        const struct device *d = &device[i];
        if (i != raised) {
            sum_w += fmax(ordered_w(d), heaters[i].reached && !d->disordered ? 0 : d->caps.max_w);
        }
    }
    assert_true(sum_w <= limit_w + 1e-6);
}

static void tell(size_t i)
{
    struct circuit_heater *h = &heaters[i];
    if (h->allowed_w == h->commanded_w) {
        return;
    }
    if (h->allowed_w > h->commanded_w) {
        check_raise(i, h->allowed_w);
        raised_at = now;
    }
    if ((h->allowed_w > 0) != (h->commanded_w > 0)) {
        h->switched = now;
    }
    h->commanded_w = h->allowed_w;
    h->written = now;
    h->confirmed = false;
    send(&device[i], h->commanded_w);
}

static void begin(bool wild)
{
    now.ms = 1 + random_below(&dice, 100000);
    raised_at = (hb_mono){0};
    count = 1 + random_below(&dice, MOST);
    double sum_w = 0;
    for (size_t i = 0; i < count; i++) {
        make_device(&device[i], wild);
        sum_w += device[i].caps.max_w;
        heaters[i] = (struct circuit_heater){.caps = &device[i].caps,
                                             .commandable = true,
                                             .applied_w = NAN,
                                             .power_w = reading_none()};
    }
    limit_w = floor(random_between(&dice, 0.2, 1.1) * sum_w);
    circuit_init(&circuit, limit_w, count);
}

static uint64_t raises, refusals;

static void run_history(uint64_t seed)
{
    dice = random_seeded(seed);
    const bool wild = one_in(2);
    begin(wild);
    for (int step = 0; step < STEPS; step++) {
        now.ms += 1 + random_below(&dice, one_in(4) ? 20000 : 2500);
        for (size_t i = 0; i < count; i++) {
            happen(i, wild);
        }
        check_sums();
        if (one_in(6)) {
            circuit_meter(&circuit, one_in(4) ? nonsense() : random_between(&dice, 0, 2 * limit_w),
                          one_in(2), now);
        }
        circuit_decide(&circuit, &scratch, heaters, now);
        check_answers();
        for (size_t i = 0; i < count; i++) {
            raises += heaters[i].allowed_w > heaters[i].commanded_w;
            refusals += heaters[i].allowed_w < heaters[i].wish_w;
            tell(i);
        }
        check_sums();
    }
}

static void test_a_million_histories(void **state)
{
    (void)state;
    const char *asked = getenv("HB_PROPERTY_HISTORIES");
    const uint64_t histories = asked != NULL ? strtoull(asked, NULL, 10) : 1000000;
    for (uint64_t seed = 1; seed <= histories; seed++) {
        run_history(seed);
    }
    assert_true(raises > histories && refusals > histories); /* something did happen */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_million_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
