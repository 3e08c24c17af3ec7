/* A heater behind the proxy, as its owner sees it; the proxy is made of a struct. */
#include <string.h>

#include "devices/stratum_proxy.h"
#include "ground/text.h"
#include "miner/proxy/proxy.h"
#include "tests/devices/rig.h"

/* --- a proxy in place of miner/'s ---------------------------------------------------------------
 */

struct proxy {
    unsigned added, removed;
    bool refuses;
    struct proxy_account account;
    struct proxy_status status;
};

struct proxy_worker {
    struct proxy *proxy;
};

static struct proxy proxy;
static struct proxy_worker worker = {&proxy};

struct proxy_worker *proxy_add(struct proxy *self, const struct proxy_account *account,
                               struct hb_err *err)
{
    assert_ptr_equal(self, &proxy);
    proxy.account = *account;
    proxy.added++;
    if (proxy.refuses) {
        (void)hb_fail(err, HB_ERR_USAGE, "password: expected one, got none");
        return NULL;
    }
    return &worker;
}

void proxy_remove(struct proxy_worker *self)
{
    proxy.removed += self != NULL;
}

void proxy_get_status(const struct proxy_worker *self, struct proxy_status *status)
{
    *status = self->proxy->status;
}

size_t proxy_get_pools(const struct proxy_worker *self, struct miner_pool_stats *list, size_t max)
{
    assert_true(max >= 2);
    memset(list, 0, 2 * sizeof *list);
    (void)text_copy(list[1].pool, sizeof list[1].pool, "second.example:3333");
    list[1].accepted = self->proxy->status.accepted;
    list[1].rejected[REJECT_DUPLICATE] = 5;
    return 2;
}

/* --- a stage ------------------------------------------------------------------------------------
 */

static struct rig rig;
static struct stratum_proxy_options options;

static int set_up(void **state)
{
    (void)state;
    memset(&proxy, 0, sizeof proxy);
    proxy.status.network_difficulty = proxy.status.sat_per_hour = proxy.status.silence_s = NAN;
    options = (struct stratum_proxy_options){.power = 1000, .idle_power = 20, .hashrate = 40};
    (void)text_copy(options.password, sizeof options.password, "geheim");
    rig_prepare(&rig, &stratum_proxy_heater, &options);
    rig.options.proxy = &proxy;
    rig.options.loop = (struct uv_loop_s *)&rig; /* it is only asked whether there is one */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_destroy(&rig);
    return 0;
}

static void connect_heater(double hashrate_hs)
{
    proxy.status.connected = true;
    proxy.status.link = MINER_LINK_OK;
    (void)text_copy(proxy.status.agent, sizeof proxy.status.agent, "bitaxe/BM1370/v2.9.0");
    (void)text_copy(proxy.status.pool, sizeof proxy.status.pool, "pool.example:3333");
    proxy.status.estimated = hashrate_hs >= 0;
    proxy.status.estimate = (struct share_estimate){.hashrate_hs = hashrate_hs,
                                                    .low_hs = 0.9 * hashrate_hs,
                                                    .high_hs = 1.1 * hashrate_hs,
                                                    .shares = 170};
}

/* --- tests --------------------------------------------------------------------------------------
 */

static void account_is_as_configured(void **state)
{
    (void)state;
    rig_create(&rig);
    assert_string_equal(proxy.account.user, "ofen"); /* the heater's id */
    assert_string_equal(proxy.account.password, "geheim");
    assert_near(proxy.account.hashrate_hs, 40e12, 1);
    rig_destroy(&rig);
    assert_int_equal(proxy.removed, 1);
    (void)text_copy(options.worker, sizeof options.worker, "bc1q.ofen");
    (void)text_copy(options.pool_user, sizeof options.pool_user, "bc1q.house");
    rig_create(&rig);
    assert_string_equal(proxy.account.user, "bc1q.ofen");
    assert_string_equal(proxy.account.pool_user, "bc1q.house");
}

static void hash_rate_is_proof_and_power_follows_it(void **state)
{
    (void)state;
    rig_create(&rig);
    connect_heater(30e12);
    rig_run(&rig, 5000);
    assert_int_equal(rig.state.link, HEATER_LINK_OK);
    assert_near(rig.state.hashrate_hs.value, 30e12, 1);
    assert_int_equal(rig.state.hashrate_hs.from, PROVENANCE_METERED);
    assert_near(rig.state.power_w.value, 20 + 0.75 * 980, 1e-6);
    assert_int_equal(rig.state.power_w.from, PROVENANCE_MODELLED);
    assert_near(rig.state.work.proven_low_hs, 27e12, 1);
    assert_near(rig.state.work.proven_high_hs, 33e12, 1);
    assert_true(isnan(rig.state.applied_w));
    assert_false(rig.state.problem);
    assert_int_equal(rig.state.pool_link, POOL_OK);
    assert_string_equal(rig.state.model, "bitaxe/BM1370/v2.9.0");
    assert_string_equal(rig.state.pool, "pool.example:3333");
    connect_heater(0); /* connected, and idle for certain */
    rig_run(&rig, 5000);
    assert_near(rig.state.power_w.value, 20, 1e-6);
}

static void nothing_is_known_before_there_is_evidence(void **state)
{
    (void)state;
    rig_create(&rig);
    connect_heater(-1);
    rig_run(&rig, 5000);
    assert_int_equal(rig.state.link, HEATER_LINK_OK);
    assert_false(mono_is_set(rig.state.power_w.at));
    assert_false(mono_is_set(rig.state.hashrate_hs.at));
}

static void heater_that_is_not_connected_is_lost_not_off(void **state)
{
    (void)state;
    rig_create(&rig);
    proxy.status.accepted = 7;
    rig_run(&rig, 30000);
    assert_int_equal(rig.state.link, HEATER_LINK_LOST);
    assert_false(mono_is_set(rig.state.power_w.at)); /* it may heat for somebody else */
    assert_true(rig.state.problem);
    assert_int_equal(rig.state.shares_accepted, 7);
    connect_heater(40e12);
    proxy.account.changed(proxy.account.ctx); /* at once, not with the next, slow poll */
    assert_int_equal(rig.state.link, HEATER_LINK_OK);
    assert_near(rig.state.power_w.value, 1000, 1e-6);
}

static void shares_are_told_apart(void **state)
{
    (void)state;
    rig_create(&rig);
    connect_heater(40e12);
    proxy.status.accepted = 100;
    proxy.status.rejected[REJECT_STALE] = 3;
    proxy.status.rejected[REJECT_DUPLICATE] = 1;
    proxy.status.rejected[REJECT_OTHER] = 2;
    proxy.status.best_difficulty = 123456;
    proxy.status.network_difficulty = 1e14;
    proxy.status.sat_per_hour = 11;
    proxy.status.reward_from = REWARD_JOB;
    rig_run(&rig, 5000);
    assert_int_equal(rig.state.shares_accepted, 100);
    assert_int_equal(rig.state.shares_stale, 3);
    assert_int_equal(rig.state.shares_rejected, 3);
    assert_near(rig.state.best_difficulty, 123456, 0);
    assert_int_equal(rig.state.pools.count, 2);
    assert_string_equal(rig.state.pools.list[1].pool, "second.example:3333");
    assert_int_equal(rig.state.pools.list[1].accepted, 100);
    assert_int_equal(rig.state.pools.list[1].refused[REFUSAL_DUPLICATE], 5);
    assert_near(rig.state.work.sat_per_hour.value, 11, 0);
    assert_int_equal(rig.state.work.revenue_from, REVENUE_JOB);
}

static void heater_that_does_not_hash_is_a_problem_told(void **state)
{
    (void)state;
    rig_create(&rig);
    connect_heater(0);
    proxy.status.estimate.shares = 0;
    proxy.status.estimate.span_s = 299;
    rig_run(&rig, 5000);
    assert_false(rig.state.problem);
    proxy.status.estimate.span_s = 300;
    rig_run(&rig, 5000);
    assert_true(rig.state.problem);
    assert_non_null(strstr(rig.state.problem_text, "has not sent a share yet"));
    proxy.status.silence_s = 300;
    rig_run(&rig, 5000);
    assert_non_null(strstr(rig.state.problem_text, "sends no shares any more"));
    connect_heater(20e12);
    rig_run(&rig, 5000);
    assert_false(rig.state.problem);
}

static void lost_pool_is_a_problem_told(void **state)
{
    (void)state;
    rig_create(&rig);
    connect_heater(40e12);
    proxy.status.link = MINER_LINK_LOST;
    proxy.status.own_work = true;
    (void)text_copy(proxy.status.message, sizeof proxy.status.message, "pool: connection refused");
    rig_run(&rig, 5000);
    assert_true(rig.state.problem);
    assert_string_equal(rig.state.problem_text,
                        "no mining pool answers, heating goes on with work of our own: pool: "
                        "connection refused");
    assert_near(rig.state.power_w.value, 1000, 1e-6); /* and so it does */
}

static void no_command_is_taken(void **state)
{
    (void)state;
    rig_create(&rig);
    assert_true(host_caps(rig.host)->observe_only);
    connect_heater(40e12);
    rig_run(&rig, 5000);
    const uint64_t seq = rig_order(&rig, 0, 60000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_FAILED), 1);
    assert_true(rig_warned(&rig, "only observed"));
    rig_run(&rig, 600000);
    assert_int_equal(rig_stats(&rig).writes, 0);
    assert_false(rig.state.problem);
}

static void mistakes_are_refused(void **state)
{
    (void)state;
    options.idle_power = 1000;
    assert_null(host_create(&rig.options, &rig.err));
    assert_non_null(strstr(rig.err.msg, "idle_power: expected less than 1000 W, got 1000 W"));
    options.idle_power = 0;
    proxy.refuses = true;
    assert_null(host_create(&rig.options, &rig.err));
    assert_non_null(strstr(rig.err.msg, "password: expected one"));
    assert_int_equal(proxy.removed, 0);
    rig.options.proxy = NULL;
    assert_null(host_create(&rig.options, &rig.err));
    rig.host = NULL;
}

static void simulations_do_without_a_proxy(void **state)
{
    (void)state;
    rig.options.loop = NULL;
    rig.options.proxy = NULL;
    rig_create(&rig);
    rig_run(&rig, 60000);
    assert_int_equal(proxy.added, 0);
    assert_int_equal(rig.state.link, HEATER_LINK_LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(account_is_as_configured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hash_rate_is_proof_and_power_follows_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_known_before_there_is_evidence, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(heater_that_is_not_connected_is_lost_not_off, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(shares_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(heater_that_does_not_hash_is_a_problem_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lost_pool_is_a_problem_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_command_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(simulations_do_without_a_proxy, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
