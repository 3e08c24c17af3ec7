/* A day with three Bitaxes on a desk, and a power cut in a guest house: hosts and emulated devices
 * in virtual time, with every command that reaches a device checked for whose it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/host.h"
#include "ground/text.h"
#include "tests/support/test.h"

enum { MOST = 12, POLL_MS = 5000, LEASE_MS = 30000, RENEW_MS = 10000 };
#define DAY_MS           86400000
#define MINUTE_MS        60000
#define AT(hour, minute) (((hour)*60 + (minute)) * (int64_t)MINUTE_MS)
#define LOCAL_DAY        20783

/* --- devices ---------------------------------------------------------------------------------- */

struct device {
    int owner; /* of which heater it is */
    char mac[NAME_MAX_B], pool[NAME_MAX_B];
    double set_w, paused_from_w;
    bool can_pause; /* off costs no flash write */
    bool gone;      /* no power, or a black hole */
    bool flatline;
    enum heater_health health;
    double chip_c;
    double shares;
    hb_mono booted, mined_at, polled_at;
    int64_t slowest_poll_ms; /* between two polls that reached it or would have */
    unsigned flash_writes, restarts, commands;
};

static struct device *lan[MOST]; /* by address */
static struct device devices[MOST];

struct lan_options {
    char url[URL_MAX];
};

struct lan_driver {
    struct heater_env env;
};

static struct device *reach(const struct lan_driver *self)
{
    const struct lan_options *options = self->env.options;
    const long address = strtol(options->url, NULL, 10);
    assert_in_range(address, 0, MOST - 1);
    return lan[address] != NULL && !lan[address]->gone ? lan[address] : NULL;
}

static void must_be_mine(const struct lan_driver *self, const struct device *device)
{
    if (strtol(self->env.id + 1, NULL, 10) != device->owner) {
        fail_msg("heater %s commanded the device of h%d", self->env.id, device->owner);
    }
}

static bool lan_init(void *instance, const struct heater_env *env, struct heater_caps *caps,
                     struct hb_err *err)
{
    struct lan_driver *self = instance;
    (void)err;
    self->env = *env;
    *caps = (struct heater_caps){.min_w = 8,
                                 .max_w = 20,
                                 .tier_w = {8, 12, 16, 20},
                                 .tier_count = 4,
                                 .standby_w = 1,
                                 .settle_ms = 10000,
                                 .max_writes_per_day = 6};
    return true;
}

static void lan_fini(void *instance)
{
    (void)instance;
}

static void mine(struct device *device, hb_mono now)
{
    const double elapsed_s =
        mono_is_set(device->mined_at) ? (double)mono_age_ms(now, device->mined_at) / 1000 : 0;
    device->mined_at = now;
    device->shares += device->flatline ? 0 : elapsed_s / 60 * device->set_w / 20;
}

static void report(struct lan_driver *self, struct device *device, hb_mono now)
{
    struct heater_state state = {
        .link = HEATER_LINK_OK,
        .at = now,
        .power_w = reading_make(device->set_w + 1, now, PROVENANCE_REPORTED),
        .hashrate_hs = reading_make(device->set_w * 6e10, now, PROVENANCE_REPORTED),
        .chip_c = reading_make(device->chip_c, now, PROVENANCE_REPORTED),
        .board_c = reading_none(),
        .inlet_c = reading_none(),
        .fan_ratio = reading_none(),
        .uptime_s =
            reading_make((double)mono_age_ms(now, device->booted) / 1000, now, PROVENANCE_REPORTED),
        .health = device->health,
        .pool_link = POOL_OK,
        .applied_w = device->set_w};
    mine(device, now);
    state.shares_accepted = (uint64_t)device->shares;
    (void)text_copy(state.identity, sizeof state.identity, device->mac);
    (void)text_copy(state.pool, sizeof state.pool, device->pool);
    self->env.report(self->env.report_ctx, &state);
}

static void lan_poll(void *instance, hb_mono now)
{
    struct device *device = reach(instance);
    if (device == NULL) {
        return;
    }
    const int64_t pause_ms =
        mono_is_set(device->polled_at) ? mono_age_ms(now, device->polled_at) : 0;
    device->slowest_poll_ms =
        pause_ms > device->slowest_poll_ms ? pause_ms : device->slowest_poll_ms;
    device->polled_at = now;
    report(instance, device, now);
}

static bool lan_test(const void *instance, const struct heater_command *command, struct hb_err *err)
{
    (void)instance;
    (void)command;
    (void)err;
    return true;
}

static void lan_commit(void *instance, const struct heater_command *command, hb_mono now)
{
    struct lan_driver *self = instance;
    struct device *device = reach(self);
    if (device == NULL) {
        return;
    }
    must_be_mine(self, device);
    device->commands++;
    mine(device, now);
    const double to_w = command->power_w;
    if (device->set_w != to_w) {
        /* To pause, and to resume where it was, is kept in memory only. */
        const bool pause = device->can_pause &&
                           (to_w == 0 || (device->set_w == 0 && to_w == device->paused_from_w));
        device->paused_from_w = to_w == 0 ? device->set_w : device->paused_from_w;
        device->flash_writes += !pause;
        device->set_w = to_w;
        self->env.wrote(self->env.report_ctx, pause ? WRITE_VOLATILE : WRITE_FLASH);
    }
    report(self, device, now);
}

static void lan_recover(void *instance, hb_mono now)
{
    struct lan_driver *self = instance;
    struct device *device = reach(self);
    if (device == NULL) {
        return;
    }
    must_be_mine(self, device);
    device->restarts++;
    device->booted = now;
    device->health = HEATER_HEALTHY;
    self->env.wrote(self->env.report_ctx, WRITE_VOLATILE);
}

static const struct config_item lan_items[] = {
    {.name = "url", .type = CONFIG_TEXT, .offset = 0, .size = URL_MAX, .help = "where"},
    {.name = NULL}};

static const struct heater_driver lan_heater = {.name = "lan",
                                                .instance_size = sizeof(struct lan_driver),
                                                .options_size = sizeof(struct lan_options),
                                                .options = lan_items,
                                                .poll_ms = POLL_MS,
                                                .init = lan_init,
                                                .fini = lan_fini,
                                                .poll = lan_poll,
                                                .test = lan_test,
                                                .commit = lan_commit,
                                                .recover = lan_recover};

/* --- the house -------------------------------------------------------------------------------- */

struct heater {
    struct config_heater config;
    struct lan_options options;
    struct host *host;
    struct heater_caps caps;
    struct heater_state state;
    struct heater_record record;
    double wanted_w;
    hb_mono ordered_at;
    uint64_t seq;
};

static struct heater house[MOST];
static int count;
static hb_mono now, midnight;
static char warnings[65536];

static void take_event(void *ctx, const struct event *event)
{
    (void)ctx;
    struct heater *heater = &house[event->index];
    if (event->kind == EVENT_HEATER_STATE) {
        heater->state = event->u.heater;
    } else if (event->kind == EVENT_HEATER_ABILITIES) {
        heater->caps = event->u.caps;
    }
}

static const char *whose(void *ctx, uint16_t index, const char *identity)
{
    (void)ctx;
    for (int i = 0; i < count; i++) {
        if (i != index && house[i].host != NULL &&
            strcmp(host_identity(house[i].host), identity) == 0) {
            return house[i].config.id;
        }
    }
    return NULL;
}

static void take_line(void *ctx, enum log_level level, const char *part, const char *text)
{
    (void)ctx;
    (void)part;
    const size_t used = strlen(warnings);
    if (level <= LOG_LEVEL_WARN) {
        (void)snprintf(warnings + used, sizeof warnings - used, "%s\n", text);
    }
}

static const struct hb_log log_sink = {.write = take_line, .level = LOG_LEVEL_INFO};

static void set_day(struct host *host)
{
    const int64_t passed_ms = mono_age_ms(now, midnight);
    host_set_day(host, LOCAL_DAY + passed_ms / DAY_MS, (double)(passed_ms % DAY_MS) / DAY_MS);
}

static void start_host(int i, bool again)
{
    struct heater *heater = &house[i];
    const struct host_options options = {.driver = &lan_heater,
                                         .config = &heater->config,
                                         .index = (uint16_t)i,
                                         .log = &log_sink,
                                         .event = take_event,
                                         .whose = whose};
    struct hb_err err = {0};
    heater->host = host_create(&options, &err);
    assert_non_null(heater->host);
    if (again) {
        host_restore(heater->host, &heater->record, now);
    }
    set_day(heater->host);
    heater->caps = *host_caps(heater->host);
    heater->ordered_at = (hb_mono){0};
}

static void open_house(int heaters)
{
    count = heaters;
    midnight = (hb_mono){10 * (int64_t)DAY_MS};
    now = midnight;
    warnings[0] = '\0';
    for (int i = 0; i < heaters; i++) {
        house[i] = (struct heater){0};
        devices[i] = (struct device){
            .owner = i, .can_pause = i != 1, .chip_c = 55, .booted = {midnight.ms - 5000000}};
        lan[i] = &devices[i];
        (void)snprintf(devices[i].mac, NAME_MAX_B, "aa:bb:cc:00:00:%02x", (unsigned)i);
        (void)text_copy(devices[i].pool, NAME_MAX_B, "pool.example:3333");
        struct config_heater *config = &house[i].config;
        *config = (struct config_heater){.min_on_ms = -1,
                                         .min_off_ms = -1,
                                         .too_hot_c = 90,
                                         .options = &house[i].options,
                                         .options_size = sizeof house[i].options};
        (void)snprintf(config->id, sizeof config->id, "h%d", i);
        (void)snprintf(house[i].options.url, URL_MAX, "%d", i);
        start_host(i, false);
    }
}

static void close_house(void)
{
    for (int i = 0; i < count; i++) {
        host_destroy(house[i].host);
        house[i].host = NULL;
    }
}

/* What the core does: renew its orders, and never ask for more than a heater can do. */
static void order(struct heater *heater)
{
    if (mono_is_set(heater->ordered_at) && mono_age_ms(now, heater->ordered_at) < RENEW_MS) {
        return;
    }
    heater->ordered_at = now;
    const struct heater_command command = {.seq = ++heater->seq,
                                           .issued = now,
                                           .expires = mono_add_ms(now, LEASE_MS),
                                           .power_w = fmin(heater->wanted_w, heater->caps.max_w),
                                           .why = REASON_HEATING};
    host_command(heater->host, &command, now);
}

static void follow(int i)
{
    const char *stranger = host_stranger(house[i].host);
    for (int k = 0; stranger[0] != '\0' && k < count; k++) {
        if (k != i && strcmp(host_identity(house[k].host), stranger) == 0 &&
            host_is_away(house[k].host)) {
            (void)host_exchange(house[i].host, house[k].host, now);
            return;
        }
    }
}

static void second(void)
{
    now = mono_add_ms(now, 1000);
    for (int i = 0; i < count; i++) {
        set_day(house[i].host);
        order(&house[i]);
        host_tick(house[i].host, now);
        (void)host_take_record(house[i].host, &house[i].record);
    }
    for (int i = 0; i < count; i++) {
        follow(i);
    }
}

static void run_until(int64_t of_day_ms)
{
    while (mono_age_ms(now, midnight) < of_day_ms) {
        second();
    }
}

static void want(int i, double power_w)
{
    house[i].wanted_w = power_w;
    house[i].ordered_at = (hb_mono){0};
}

/* The program is killed, and starts again with what it had kept. */
static void kill_and_start(void)
{
    for (int i = 0; i < count; i++) {
        struct heater_record kept = house[i].record;
        host_destroy(house[i].host);
        house[i].host = NULL;
        house[i].record = kept;
    }
    for (int i = 0; i < count; i++) {
        start_host(i, true);
    }
}

/* --- P3: three Bitaxes on a desk -------------------------------------------------------------- */

static void addresses_change(void)
{
    run_until(AT(10, 0));
    devices[0].gone = devices[1].gone = true;
    run_until(AT(10, 0) + 20000);
    lan[0] = &devices[1];
    lan[1] = &devices[0];
    devices[0].gone = devices[1].gone = false;
    run_until(AT(10, 3));
    assert_non_null(strstr(warnings, "changed addresses"));
    for (int i = 0; i < 3; i++) {
        assert_string_equal(house[i].state.identity, devices[i].mac);
        assert_int_equal(house[i].state.link, HEATER_LINK_OK);
        assert_int_equal(house[i].state.health, HEATER_HEALTHY);
    }
}

static void somebody_works_and_calls(void)
{
    run_until(AT(11, 0));
    for (int i = 0; i < 3; i++) {
        want(i, 20);
    }
    run_until(AT(11, 0) + 15000);
    for (int i = 0; i < 3; i++) {
        assert_near(devices[i].set_w, 20, 0);
    }
    run_until(AT(11, 30));
    want(0, 0);
    want(1, 8);
    run_until(AT(11, 30) + 15000);
    assert_near(devices[0].set_w, 0, 0);
    assert_near(devices[1].set_w, 8, 0);
    run_until(AT(12, 0));
    devices[0].booted = now; /* and its pause is forgotten */
    devices[0].set_w = 20;
    run_until(AT(12, 0) + 15000);
    assert_near(devices[0].set_w, 0, 0);
    run_until(AT(12, 10));
    want(0, 20);
    want(1, 20);
}

static void one_flatlines(void)
{
    run_until(AT(13, 0));
    devices[0].flatline = true;
    run_until(AT(13, 10));
    assert_int_equal(house[0].state.health, HEATER_HEALTHY);
    run_until(AT(13, 17));
    assert_int_equal(house[0].state.health, HEATER_STALLED);
    assert_int_equal(devices[0].restarts, 1);
    devices[0].flatline = false;
    run_until(AT(13, 25));
    assert_int_equal(house[0].state.health, HEATER_HEALTHY);
    devices[0].flatline = true;
    run_until(AT(13, 59));
    assert_int_equal(house[0].state.health, HEATER_STALLED);
    assert_true(house[0].state.problem);
    assert_int_equal(devices[0].restarts, 1); /* the human's turn */
    devices[0].flatline = false;
}

static void one_overheats(void)
{
    run_until(AT(14, 0));
    devices[1].health = HEATER_OVERHEATED;
    devices[1].chip_c = 75;
    run_until(AT(14, 5));
    assert_int_equal(house[1].state.health, HEATER_OVERHEATED);
    assert_int_equal(devices[1].restarts, 0);
    devices[1].chip_c = 49;
    run_until(AT(14, 6));
    assert_int_equal(devices[1].restarts, 1);
    assert_near(devices[1].set_w, 16, 0);
    devices[1].health = HEATER_OVERHEATED;
    run_until(AT(15, 0));
    assert_int_equal(devices[1].restarts, 1);
    devices[1].health = HEATER_HEALTHY; /* somebody reset it by hand */
}

static void a_pool_is_changed(void)
{
    (void)text_copy(devices[2].pool, NAME_MAX_B, "thief.example:3333");
    run_until(AT(15, 2));
    assert_int_equal(house[2].state.health, HEATER_CONFIG_DRIFT);
    assert_true(house[2].state.problem);
    assert_null(strstr(warnings, "thief"));
    (void)text_copy(devices[2].pool, NAME_MAX_B, "pool.example:3333");
}

static void one_is_a_black_hole(void)
{
    run_until(AT(16, 0));
    devices[2].gone = true;
    devices[0].slowest_poll_ms = devices[1].slowest_poll_ms = 0;
    run_until(AT(17, 0));
    assert_int_equal(house[2].state.link, HEATER_LINK_LOST);
    assert_in_range(devices[0].slowest_poll_ms, 4500, 5500);
    assert_in_range(devices[1].slowest_poll_ms, 4500, 5500);
    devices[2].gone = false;
}

static void check_the_evening(void)
{
    run_until(AT(23, 59));
    for (int i = 0; i < 3; i++) {
        assert_string_equal(house[i].state.identity, devices[i].mac);
        assert_int_equal(house[i].state.link, HEATER_LINK_OK);
        assert_true(devices[i].flash_writes <= 6);
        assert_int_equal(house[i].state.care.wearing_today, devices[i].flash_writes);
    }
    assert_near(devices[0].set_w, 20, 0);
    assert_near(devices[1].set_w, 16, 0); /* until midnight */
    assert_int_equal(devices[0].restarts, 1);
    assert_int_equal(devices[1].restarts, 1);
    assert_int_equal(devices[2].restarts, 0);
    run_until(AT(24, 2));
    assert_near(devices[1].set_w, 20, 0);
    assert_int_equal(house[1].state.care.wearing_today, 1);
}

static void a_day_on_the_desk(int64_t killed_at_ms)
{
    static void (*const hours[])(void) = {
        addresses_change,  somebody_works_and_calls, one_flatlines,    one_overheats,
        a_pool_is_changed, one_is_a_black_hole,      check_the_evening};
    open_house(3);
    bool killed = false;
    for (size_t i = 0; i < sizeof hours / sizeof hours[0]; i++) {
        if (!killed && mono_age_ms(now, midnight) >= killed_at_ms) {
            kill_and_start();
            killed = true;
        }
        hours[i]();
    }
    close_house();
}

static void three_bitaxes_on_a_desk(void **state)
{
    (void)state;
    a_day_on_the_desk(INT64_MAX);
}

static void a_killed_program_changes_nothing(void **state)
{
    (void)state;
    a_day_on_the_desk(AT(10, 1));  /* addresses are those of the configuration again */
    a_day_on_the_desk(AT(13, 30)); /* what was tried is known */
    a_day_on_the_desk(AT(14, 30));
    a_day_on_the_desk(AT(16, 30));
}

/* --- P4: mains are cut in a guest house ------------------------------------------------------- */

static void every_circuit_is_under_its_limit_soon_after_a_power_cut(void **state)
{
    (void)state;
    open_house(12);
    for (int i = 0; i < 12; i++) {
        want(i, i % 4 == 0 ? 12 : 8); /* all that a circuit of four bears */
    }
    run_until(AT(18, 0));
    for (int i = 0; i < 12; i++) {
        assert_near(devices[i].set_w, house[i].wanted_w, 0);
        devices[i].gone = true;
    }
    run_until(AT(18, 0) + 30000);
    const unsigned before = devices[0].flash_writes;
    hb_mono back[MOST];
    for (int i = 0; i < 12; i++) {
        devices[i].gone = false;
        devices[i].set_w = 20; /* it boots heating as much as it can */
        devices[i].booted = back[i] = now;
        devices[i].polled_at = (hb_mono){0};
    }
    for (int s = 0; s < 40; s++) {
        second();
        for (int i = 0; i < 12; i++) {
            if (mono_is_set(devices[i].polled_at) && devices[i].set_w != house[i].wanted_w) {
                assert_true(mono_age_ms(now, back[i]) <= 20000);
                assert_true(mono_age_ms(now, devices[i].polled_at) <= POLL_MS);
            }
        }
    }
    for (int i = 0; i < 12; i++) {
        assert_near(devices[i].set_w, house[i].wanted_w, 0);
    }
    assert_int_equal(devices[0].flash_writes, before + 1); /* told once, not in panic */
    close_house();
}

static void a_spent_budget_does_not_keep_a_device_from_being_lowered(void **state)
{
    (void)state;
    open_house(1);
    for (int i = 0; i < 6; i++) {
        want(0, i % 2 == 0 ? 20 : 8);
        run_until(AT(1, 10 * i));
    }
    assert_int_equal(devices[0].flash_writes, 6);
    assert_near(devices[0].set_w, 8, 0);
    want(0, 20);
    run_until(AT(2, 0));
    assert_near(devices[0].set_w, 8, 0); /* spent */
    assert_int_equal(house[0].state.care.waits_for, HEATER_WAIT_WRITES);
    want(0, 8);
    run_until(AT(2, 1));
    devices[0].booted = now;
    devices[0].set_w = 20;
    run_until(AT(2, 1) + 15000);
    assert_near(devices[0].set_w, 8, 0);
    close_house();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_bitaxes_on_a_desk),
        cmocka_unit_test(a_killed_program_changes_nothing),
        cmocka_unit_test(every_circuit_is_under_its_limit_soon_after_a_power_cut),
        cmocka_unit_test(a_spent_budget_does_not_keep_a_device_from_being_lowered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
