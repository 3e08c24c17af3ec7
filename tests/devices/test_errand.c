/* The order of business with one device: read before it is written to, written against what was
 * read, newest order first, and never another device's order. */
#include "devices/errand.h"

#include <string.h>

#include "ground/text.h"
#include "tests/support/test.h"

enum { FRESH_MS = 1000, LOCKOUT_MS = 5000, LEASE_MS = 60000 };

/* A driver and its device. The device has two parts to read (a, b), is written to (w) within a
 * session that is opened (s) and ended (e), and may want a login (l). */
struct device {
    struct heater_env env;
    struct errand errand;
    hb_mono now;
    struct heater_state state;
    char log[64]; /* what was asked for, a letter each */
    bool unreachable, locked, has_token, in_session;
    double is_w, believed_w, asked_w;
    unsigned reports, refusals, shut_outs;
    uint64_t seq, shut_out_seq;
};

static enum errand_step ask(struct device *d, char letter)
{
    const size_t len = strlen(d->log);
    if (d->unreachable) {
        return ERRAND_LATER;
    }
    assert_true(len + 1 < sizeof d->log);
    d->log[len] = letter;
    return ERRAND_ASKED;
}

static char last(const struct device *d)
{
    const size_t len = strlen(d->log);
    return len > 0 ? d->log[len - 1] : '\0';
}

static void forget(struct device *d)
{
    memset(d->log, 0, sizeof d->log);
}

/* --- the driver -------------------------------------------------------------------------------*/

static enum errand_step read_part(void *self, int part)
{
    struct device *d = self;
    if (d->locked && !d->has_token) {
        return ERRAND_LOGIN;
    }
    return part < 2 ? ask(d, (char)('a' + part)) : ERRAND_DONE;
}

static enum errand_step judge(struct device *d, const struct remote_answer *answer)
{
    if (answer->status == 401) {
        d->has_token = false;
        return ERRAND_LOGIN;
    }
    return answer->ok ? ERRAND_NEXT : ERRAND_LATER;
}

static enum errand_step take(void *self, const struct remote_answer *answer)
{
    return judge(self, answer);
}

static const struct heater_state *conclude(void *self, hb_mono now)
{
    struct device *d = self;
    d->believed_w = d->is_w;
    d->state.at = now;
    return &d->state;
}

static enum errand_step write_next(void *self, const struct heater_command *order, hb_mono now)
{
    struct device *d = self;
    (void)now;
    if (order == NULL || order->power_w == d->believed_w) {
        return d->in_session ? ask(d, 'e') : ERRAND_DONE;
    }
    d->asked_w = order->power_w;
    return ask(d, d->in_session ? 'w' : 's');
}

static enum errand_step wrote(void *self, const struct heater_command *order,
                              const struct remote_answer *answer, hb_mono now)
{
    struct device *d = self;
    enum errand_step step = judge(d, answer);
    (void)now;
    if (answer->status == 400) {
        d->refusals++;
        assert_non_null(order);
        return ERRAND_LEAVE;
    }
    if (step == ERRAND_NEXT && last(d) == 'w') {
        assert_near(order->power_w, d->asked_w, 0);
        d->believed_w = order->power_w;
        d->is_w = order->power_w;
    } else if (step == ERRAND_NEXT) {
        d->in_session = last(d) == 's';
    }
    return step;
}

static bool unfinished(const void *self)
{
    return ((const struct device *)self)->in_session;
}

static void abandon(void *self)
{
    ((struct device *)self)->in_session = false;
}

static enum errand_step login(void *self)
{
    return ask(self, 'l');
}

static enum errand_step logged_in(void *self, const struct remote_answer *answer)
{
    struct device *d = self;
    d->has_token = answer->status == 200;
    return d->has_token ? ERRAND_NEXT : ERRAND_LOGIN;
}

static enum errand_step shut_out(void *self, const struct heater_command *order)
{
    struct device *d = self;
    d->shut_outs++;
    d->shut_out_seq = order != NULL ? order->seq : 0;
    return ERRAND_LEAVE;
}

static void report(void *ctx, const struct heater_state *state)
{
    struct device *d = ctx;
    assert_ptr_equal(state, &d->state);
    d->reports++;
}

static const struct errand_rules rules = {
    .read = read_part,
    .take = take,
    .conclude = conclude,
    .write = write_next,
    .wrote = wrote,
    .unfinished = unfinished,
    .abandon = abandon,
    .login = login,
    .logged_in = logged_in,
    .shut_out = shut_out,
    .lockout_ms = LOCKOUT_MS,
    .fresh_ms = FRESH_MS,
};

/* --- what happens -----------------------------------------------------------------------------*/

static void setup(struct device *d)
{
    const struct remote_options options = {.url = "http://192.0.2.1"};
    struct hb_err err = {0};
    *d = (struct device){.now = {100000}, .is_w = 500};
    d->env = (struct heater_env){.report = report, .report_ctx = d};
    assert_true(errand_init(&d->errand, &rules, d, &d->env, &options, &err));
}

static void teardown(struct device *d)
{
    errand_fini(&d->errand);
}

static void be(struct device *d, const char *identity)
{
    assert_true(text_copy(d->state.identity, sizeof d->state.identity, identity));
}

static void poll(struct device *d)
{
    d->now.ms++;
    errand_poll(&d->errand, d->now);
}

static void command(struct device *d, double power_w)
{
    const struct heater_command order = {
        .seq = ++d->seq, .expires = {d->now.ms + LEASE_MS}, .power_w = power_w};
    errand_commit(&d->errand, &order, d->now);
}

static void answer(struct device *d, bool ok, int status)
{
    const struct remote_answer said = {.ok = ok, .status = status, .body = "", .why = ""};
    d->now.ms++;
    errand_answer(&d->errand, &said, d->now);
}

/* It says yes to all that is asked, and what that was: then it rests. */
static void obey(struct device *d, const char *letters)
{
    for (const char *letter = letters; *letter != '\0'; letter++) {
        if (last(d) != *letter) {
            fail_msg("expected %s, got %s", letters, d->log);
        }
        answer(d, true, 200);
    }
    assert_int_equal(d->errand.phase, ERRAND_IDLE);
    forget(d);
}

static void read_once(struct device *d)
{
    poll(d);
    obey(d, "ab");
}

static void a_reading_is_reported_when_it_is_whole(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    poll(&d);
    poll(&d); /* nothing, while one is under way */
    assert_string_equal(d.log, "a");
    answer(&d, true, 200);
    assert_int_equal(d.reports, 0);
    obey(&d, "b");
    assert_int_equal(d.reports, 1);
    teardown(&d);
}

static void a_silent_device_is_asked_again_at_the_next_poll(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    poll(&d);
    answer(&d, true, 200);
    answer(&d, false, 0);
    assert_string_equal(d.log, "ab");
    d.unreachable = true;
    poll(&d);
    assert_int_equal(d.errand.phase, ERRAND_IDLE);
    d.unreachable = false;
    forget(&d);
    read_once(&d);
    assert_int_equal(d.reports, 1);
    teardown(&d);
}

static void what_differs_is_written_and_read_back(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    read_once(&d);
    command(&d, 800);
    obey(&d, "sweab");
    assert_near(d.is_w, 800, 0);
    assert_int_equal(d.reports, 2);
    command(&d, 800); /* as it is: only read */
    obey(&d, "ab");
    teardown(&d);
}

static void an_old_reading_is_made_anew_before_a_write(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    command(&d, 800); /* never read */
    obey(&d, "absweab");
    d.now.ms += FRESH_MS + 1;
    command(&d, 500);
    obey(&d, "absweab");
    poll(&d);
    answer(&d, false, 0); /* nor is it good enough once the device fell silent */
    forget(&d);
    command(&d, 800);
    obey(&d, "absweab");
    teardown(&d);
}

static void a_command_interrupts_a_reading(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    read_once(&d);
    poll(&d);
    command(&d, 800);
    assert_string_equal(d.log, "a"); /* one request at a time */
    obey(&d, "asweab");
    teardown(&d);
}

static void a_newer_command_replaces_an_older_one_between_two_writes(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    read_once(&d);
    command(&d, 800);
    command(&d, 900); /* while the session is opened */
    answer(&d, true, 200);
    assert_string_equal(d.log, "sw");
    assert_near(d.asked_w, 900, 0);
    command(&d, 700); /* while 900 W is written, which is for 900 W whatever is wanted now */
    answer(&d, true, 200);
    assert_near(d.is_w, 900, 0);
    obey(&d, "weab");
    assert_near(d.is_w, 700, 0);
    teardown(&d);
}

static void what_was_begun_is_ended_though_the_command_expired(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    read_once(&d);
    command(&d, 800);
    d.now.ms += LEASE_MS;
    obey(&d, "seab");
    assert_near(d.is_w, 500, 0);
    command(&d, 800);
    answer(&d, true, 200);
    answer(&d, false, 0); /* silent over the write, until the command has expired */
    d.now.ms += LEASE_MS;
    forget(&d);
    poll(&d);
    obey(&d, "abeab");
    assert_near(d.is_w, 500, 0);
    teardown(&d);
}

static void what_silence_prevented_is_tried_after_the_next_reading(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    read_once(&d);
    command(&d, 800);
    answer(&d, false, 0);
    assert_string_equal(d.log, "s");
    poll(&d);
    obey(&d, "absweab");
    assert_near(d.is_w, 800, 0);
    read_once(&d); /* and not again */
    teardown(&d);
}

static void a_refused_command_is_dropped_and_a_newer_one_is_not(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    read_once(&d);
    command(&d, 800);
    answer(&d, true, 200);
    answer(&d, true, 400);
    obey(&d, "eab");
    read_once(&d);
    command(&d, 800);
    answer(&d, true, 200);
    command(&d, 600);
    answer(&d, true, 400);
    obey(&d, "weab");
    assert_near(d.is_w, 600, 0);
    assert_int_equal(d.refusals, 2);
    teardown(&d);
}

static void a_login_is_made_and_the_step_done_again(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    d.locked = true;
    poll(&d);
    obey(&d, "lab");
    poll(&d);
    answer(&d, true, 200);
    answer(&d, true, 401); /* its token has ended */
    assert_string_equal(d.log, "abl");
    obey(&d, "lb");
    command(&d, 800);
    answer(&d, true, 200);
    answer(&d, true, 401);
    obey(&d, "lweab");
    assert_near(d.is_w, 800, 0);
    assert_int_equal(d.shut_outs, 0);
    teardown(&d);
}

static void who_is_shut_out_does_not_knock_again_at_once(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    d.locked = true;
    poll(&d);
    answer(&d, true, 401); /* the login itself */
    assert_int_equal(d.shut_outs, 1);
    poll(&d);
    command(&d, 800);
    assert_string_equal(d.log, "l");
    d.now.ms += LOCKOUT_MS;
    poll(&d);
    answer(&d, true, 200);
    answer(&d, true, 401); /* what was asked, with a new token */
    assert_string_equal(d.log, "lla");
    assert_int_equal(d.shut_outs, 2);
    assert_int_equal(d.shut_out_seq, 0); /* while it is read no command is at fault */
    d.now.ms += LOCKOUT_MS;
    forget(&d);
    poll(&d);
    obey(&d, "labsweab"); /* the command has not expired */
    command(&d, 500);
    answer(&d, true, 401);
    answer(&d, true, 200);
    answer(&d, true, 401); /* a write: now it is that command's refusal, which is read back */
    assert_int_equal(d.shut_outs, 3);
    assert_int_equal(d.shut_out_seq, d.seq);
    assert_string_equal(d.log, "slsl");
    obey(&d, "lab");
    assert_near(d.is_w, 800, 0);
    teardown(&d);
}

static void a_silent_login_keeps_the_command(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    d.locked = true;
    command(&d, 800);
    answer(&d, false, 0);
    assert_string_equal(d.log, "l");
    poll(&d);
    obey(&d, "labsweab");
    assert_int_equal(d.shut_outs, 0);
    teardown(&d);
}

/* What waited for a device that fell silent is not for the one that took its address. */
static void another_device_gets_neither_the_command_nor_the_end_of_a_session(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    be(&d, "02:00:00:00:00:0A");
    read_once(&d);
    command(&d, 800);
    answer(&d, true, 200);
    answer(&d, false, 0);
    forget(&d);
    be(&d, "02:00:00:00:00:0b");
    poll(&d);
    obey(&d, "ab");
    assert_int_equal(d.reports, 2); /* which tells the host */
    command(&d, 800);               /* knowing that */
    obey(&d, "sweab");
    teardown(&d);
}

static void one_that_does_not_say_who_it_is_is_the_same(void **unused)
{
    struct device d;
    (void)unused;
    setup(&d);
    be(&d, "02:00:00:00:00:0A");
    read_once(&d);
    command(&d, 800);
    answer(&d, false, 0);
    forget(&d);
    be(&d, "02-00-00-00-00-0a"); /* however it is written */
    poll(&d);
    answer(&d, true, 200);
    answer(&d, true, 200);
    assert_string_equal(d.log, "abs");
    answer(&d, false, 0);
    forget(&d);
    d.state.identity[0] = '\0';
    poll(&d);
    obey(&d, "absweab");
    teardown(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reading_is_reported_when_it_is_whole),
        cmocka_unit_test(a_silent_device_is_asked_again_at_the_next_poll),
        cmocka_unit_test(what_differs_is_written_and_read_back),
        cmocka_unit_test(an_old_reading_is_made_anew_before_a_write),
        cmocka_unit_test(a_command_interrupts_a_reading),
        cmocka_unit_test(a_newer_command_replaces_an_older_one_between_two_writes),
        cmocka_unit_test(what_was_begun_is_ended_though_the_command_expired),
        cmocka_unit_test(what_silence_prevented_is_tried_after_the_next_reading),
        cmocka_unit_test(a_refused_command_is_dropped_and_a_newer_one_is_not),
        cmocka_unit_test(a_login_is_made_and_the_step_done_again),
        cmocka_unit_test(who_is_shut_out_does_not_knock_again_at_once),
        cmocka_unit_test(a_silent_login_keeps_the_command),
        cmocka_unit_test(another_device_gets_neither_the_command_nor_the_end_of_a_session),
        cmocka_unit_test(one_that_does_not_say_who_it_is_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
