/* The whole heater for real: host, driver and mining engine on one loop, judged by demo-pool, which
 * checks each share itself. argv[1] is the path of demo-pool. */
#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "devices/engine_heater.h"
#include "devices/host.h"
#include "miner/engine.h"
#include "plumbing/clock.h"
#include "plumbing/json.h"
#include "tests/devices/rig.h"

#define PATIENCE_MS 30000
#define LEASE_MS    600000

static const char *pool_path;

struct mining {
    struct rig rig;
    uv_loop_t loop;
    uv_timer_t timer;
    struct miner_engine *engine;
    struct engine_options *options;
    pid_t pool;
    FILE *events;
    int port;
};

/* --- the pool
 * -----------------------------------------------------------------------------------*/

static void start_pool(struct mining *m, const char *port)
{
    int ends[2];
    char line[256];
    assert_int_equal(pipe(ends), 0);
    m->pool = fork();
    if (m->pool == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)execl(pool_path, "demo-pool", "--port", port, "--difficulty", "0.00001", "--seconds",
                    "60", (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    m->events = fdopen(ends[0], "r");
    assert_non_null(fgets(line, sizeof line, m->events));
    struct json *event = json_parse(line, strlen(line), sizeof line, NULL);
    double number = 0;
    assert_true(json_number(json_get(event, "port"), &number));
    json_free(event);
    m->port = (int)number;
}

/* Ends the pool and gives the shares that it accepted. */
static double stop_pool(struct mining *m)
{
    char line[1024];
    double accepted = -1;
    (void)kill(m->pool, SIGTERM);
    while (fgets(line, sizeof line, m->events) != NULL) {
        struct json *event = json_parse(line, strlen(line), sizeof line, NULL);
        const char *kind = json_string(json_get(event, "event"));
        if (kind != NULL && strcmp(kind, "summary") == 0) {
            assert_true(json_number(json_get(event, "accepted"), &accepted));
        }
        json_free(event);
    }
    (void)fclose(m->events);
    (void)waitpid(m->pool, NULL, 0);
    return accepted;
}

/* --- the heater
 * ---------------------------------------------------------------------------------*/

static void on_timer(uv_timer_t *timer)
{
    struct mining *m = timer->data;
    m->rig.now = clock_mono();
    host_tick(m->rig.host, m->rig.now);
}

static void start_heater(struct mining *m, enum miner_no_pool no_pool)
{
    char url[64];
    (void)snprintf(url, sizeof url, "stratum+tcp://127.0.0.1:%d", m->port);
    struct miner_pool pool = {.url = url, .user = "me.hallway", .password = "x"};
    struct miner_options options = {
        .pools = &pool, .pool_count = 1, .threads = 1, .no_pool = no_pool};
    struct hb_err err = {0};
    assert_int_equal(uv_loop_init(&m->loop), 0);
    m->engine = miner_create(&options, &m->loop, NULL, &err);
    assert_non_null(m->engine);
    m->options = rig_default_options(&engine_heater);
    rig_prepare(&m->rig, &engine_heater, m->options);
    m->rig.now = clock_mono();
    m->rig.config.max_w = 100;
    m->rig.options.loop = &m->loop;
    m->rig.options.engine = m->engine;
    rig_create(&m->rig);
    (void)uv_timer_init(&m->loop, &m->timer);
    m->timer.data = m;
    (void)uv_timer_start(&m->timer, on_timer, 0, 200);
}

static void stop_heater(struct mining *m)
{
    host_stop(m->rig.host);
    miner_destroy(m->engine);
    uv_close((uv_handle_t *)&m->timer, NULL);
    (void)uv_run(&m->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&m->loop), 0);
    host_destroy(m->rig.host);
    free(m->options);
}

/* Runs the loop until the condition holds; how long that took. */
static int64_t wait_for(struct mining *m, bool (*holds)(const struct heater_state *state),
                        const char *what)
{
    hb_mono start = clock_mono();
    while (!holds(&m->rig.state)) {
        (void)uv_run(&m->loop, UV_RUN_ONCE);
        if (mono_age_ms(clock_mono(), start) > PATIENCE_MS) {
            fail_msg("waited %d ms in vain for: %s", PATIENCE_MS, what);
        }
    }
    return mono_age_ms(clock_mono(), start);
}

static bool share_accepted(const struct heater_state *state)
{
    return state->shares_accepted >= 3;
}

static bool pool_answers(const struct heater_state *state)
{
    return state->pool_link == POOL_OK;
}

static bool pool_is_lost(const struct heater_state *state)
{
    return state->pool_link == POOL_LOST && state->problem;
}

static bool is_cold(const struct heater_state *state)
{
    return state->power_w.value <= 0;
}

/* How hot is up to the machine: the workers only get what other programs leave. */
static bool is_warm(const struct heater_state *state)
{
    return state->power_w.value > 0 && state->hashrate_hs.value > 0;
}

/* --- the tests
 * ----------------------------------------------------------------------------------*/

static void watts_become_shares_that_the_pool_accepts(void **state)
{
    (void)state;
    struct mining m = {0};
    start_pool(&m, "0");
    start_heater(&m, MINER_NO_POOL_PAUSE);
    (void)wait_for(&m, pool_answers, "the pool's answer");
    assert_near(m.rig.state.power_w.value, 0, 0);
    uint64_t seq = rig_order(&m.rig, 100, LEASE_MS);
    assert_int_equal(rig_told(&m.rig, seq, COMMAND_CONFIRMED), 1);
    (void)wait_for(&m, share_accepted, "accepted shares");
    assert_true(m.rig.state.best_difficulty >= 0.00001);
    assert_true(m.rig.state.hashrate_hs.value > 0);
    (void)rig_order(&m.rig, 0, LEASE_MS);
    (void)wait_for(&m, is_cold, "no power after the order to stop");
    uint64_t told = m.rig.state.shares_accepted;
    stop_heater(&m);
    assert_true(stop_pool(&m) >= (double)told);
}

static void with_pause_a_lost_pool_stops_the_heat_until_it_is_back(void **state)
{
    (void)state;
    struct mining m = {0};
    char port[16];
    start_pool(&m, "0");
    start_heater(&m, MINER_NO_POOL_PAUSE);
    (void)rig_order(&m.rig, 100, LEASE_MS);
    (void)wait_for(&m, share_accepted, "accepted shares");
    (void)stop_pool(&m);
    (void)wait_for(&m, pool_is_lost, "the loss of the pool");
    (void)wait_for(&m, is_cold, "a pause");
    (void)snprintf(port, sizeof port, "%d", m.port);
    start_pool(&m, port);
    (void)wait_for(&m, pool_answers, "the pool's return");
    (void)wait_for(&m, is_warm, "heat");
    stop_heater(&m);
    (void)stop_pool(&m);
}

static void with_heat_a_lost_pool_keeps_the_room_warm(void **state)
{
    (void)state;
    struct mining m = {.port = 1}; /* nobody listens there */
    start_heater(&m, MINER_NO_POOL_HEAT);
    (void)rig_order(&m.rig, 100, LEASE_MS);
    (void)wait_for(&m, pool_is_lost, "the loss of the pool");
    (void)wait_for(&m, is_warm, "heat");
    assert_non_null(strstr(m.rig.state.problem_text, "no mining pool answers, heating goes on"));
    stop_heater(&m);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watts_become_shares_that_the_pool_accepts),
        cmocka_unit_test(with_pause_a_lost_pool_stops_the_heat_until_it_is_back),
        cmocka_unit_test(with_heat_a_lost_pool_keeps_the_room_warm),
    };
    if (argc < 2) {
        (void)fputs("usage: test_mining_heater PATH-OF-DEMO-POOL\n", stderr);
        return 2;
    }
    pool_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
