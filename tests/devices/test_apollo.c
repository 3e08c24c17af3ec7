/* FutureBit Apollo: what its answers say, which of them are history, and what a mode needs. */
#include "devices/apollo_codec.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

/* Composed from the published source of its interface: no
 * recording exists. Numbers come as numbers or as texts. */
#define STATE(status)                                                                              \
    "{\"data\":{\"Miner\":{\"online\":{\"result\":{\"online\":{\"status\":\"" status "\"}},"       \
    "\"error\":null},\"stats\":{\"result\":{\"stats\":[{\"version\":\"v2\",\"versions\":"          \
    "{\"miner\":\"2.0.2\"},\"master\":{\"upTime\":86460,\"boardsW\":\"262.0\"},\"pool\":"          \
    "{\"host\":\"pool.example\",\"port\":3333,\"userName\":\"me.apollo\",\"intervals\":"           \
    "{\"int_0\":{\"sharesAccepted\":1200,\"sharesRejected\":3,\"inService\":86100}}},"             \
    "\"temperature\":{\"max\":72},\"slots\":{\"int_0\":{\"ghs\":6900.5,\"temperature\":68}}},"     \
    "{\"version\":\"v1\",\"versions\":{\"miner\":\"1.0\"},\"master\":{\"upTime\":10,"              \
    "\"boardsW\":120},\"pool\":{\"host\":\"pool.example\",\"port\":3333,\"userName\":"             \
    "\"me.usb\",\"intervals\":{\"int_0\":{\"sharesAccepted\":100,\"sharesRejected\":0,"            \
    "\"inService\":1}}},\"temperature\":{\"max\":60},\"slots\":{\"int_0\":{\"ghs\":2000,"          \
    "\"temperature\":55}}}]},\"error\":null}},\"Settings\":{\"read\":{\"result\":{\"settings\":"   \
    "{\"minerMode\":\"balanced\"}},\"error\":null}},\"Mcu\":{\"stats\":{\"result\":{\"stats\":"    \
    "{\"network\":[{\"name\":\"wlan0\",\"mac\":\"02:5E:50:00:00:02\"},{\"name\":\"lo\",\"mac\":"   \
    "\"00:00:00:00:00:00\"},{\"name\":\"eth0\",\"mac\":\"02:5e:50:00:00:01\"}]}},\"error\":null}}" \
    "}}"

static struct apollo read_state(const char *body, struct reply_faults *faults)
{
    struct apollo seen;
    apollo_forget(&seen, (hb_mono){1000});
    assert_true(apollo_read_state(body, strlen(body), &seen, faults));
    return seen;
}

static void all_its_boards_are_added_up(void **unused)
{
    (void)unused;
    struct reply_faults faults = {0};
    const struct apollo seen = read_state(STATE("online"), &faults);
    const struct heater_state *state = &seen.state;
    for (int i = 0; i < REPLY_FAULT_COUNT; i++) {
        assert_int_equal(faults.count[i], 0);
    }
    assert_near(state->power_w.value, 382, 1e-9);
    assert_near(state->hashrate_hs.value, 8900.5e9, 1);
    assert_near(state->chip_c.value, 72, 0);
    assert_near(state->board_c.value, 68, 0);
    assert_int_equal(state->shares_accepted, 1300);
    assert_int_equal(state->shares_rejected, 3);
    assert_string_equal(state->model, "Apollo II");
    assert_string_equal(state->firmware, "2.0.2");
    assert_string_equal(state->identity, "02:5e:50:00:00:01");
    assert_string_equal(state->pool, "pool.example:3333");
    assert_string_equal(state->pool_user, "me.apollo");
    assert_int_equal(state->pool_link, POOL_OK);
    assert_int_equal(apollo_applied(&seen, APOLLO_NOWHERE), APOLLO_BALANCED);
}

/* The file that its figures are from stays when its miner stops. */
static void the_figures_of_a_stopped_miner_are_history(void **unused)
{
    (void)unused;
    struct reply_faults faults = {0};
    const struct apollo seen = read_state(STATE("offline"), &faults);
    assert_false(mono_is_set(seen.state.power_w.at));
    assert_false(mono_is_set(seen.state.chip_c.at));
    assert_near(seen.state.hashrate_hs.value, 0, 0);
    assert_int_equal(seen.state.shares_accepted, 1300);
    assert_int_equal(apollo_applied(&seen, APOLLO_NOWHERE), APOLLO_MODES);
    const struct apollo odd = read_state(STATE("error"), &faults);
    assert_int_equal(apollo_applied(&odd, APOLLO_NOWHERE), APOLLO_MODE_UNKNOWN);
    assert_false(mono_is_set(odd.state.hashrate_hs.at));
}

static void errors_are_told_apart(void **unused)
{
    (void)unused;
    static const struct {
        const char *body;
        enum apollo_answer verdict;
        const char *why;
    } cases[] = {
        {"{\"data\":{\"Miner\":{\"stop\":{\"error\":null}}}}", APOLLO_GOOD, ""},
        {"{\"data\":{\"Miner\":{\"stop\":{\"error\":{\"message\":\"Failed to stop\"}}}}}",
         APOLLO_REFUSED, "Failed to stop"},
        {"{\"errors\":[{\"message\":\"You must be authenticated\",\"extensions\":"
         "{\"code\":\"UNAUTHENTICATED\"}}],\"data\":null}",
         APOLLO_UNAUTHENTICATED, "You must be authenticated"},
        {"{\"errors\":[{\"message\":\"Cannot query field\",\"extensions\":"
         "{\"code\":\"GRAPHQL_VALIDATION_FAILED\"}}]}",
         APOLLO_REFUSED, "Cannot query field"},
        {"{\"data\":null}", APOLLO_UNUSABLE, ""},
        {"<html>", APOLLO_UNUSABLE, ""},
        {"", APOLLO_UNUSABLE, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char why[64];
        struct reply_faults faults = {0};
        assert_int_equal(
            apollo_judge(cases[i].body, strlen(cases[i].body), why, sizeof why, &faults),
            cases[i].verdict);
        assert_string_equal(why, cases[i].why);
    }
}

/* The writes that it takes, as one letter each. */
static const char *plan(enum apollo_online online, enum apollo_heading heading,
                        enum apollo_mode now, enum apollo_mode mode, bool stale)
{
    static char letters[APOLLO_WRITES + 1];
    struct apollo seen;
    apollo_forget(&seen, (hb_mono){1000});
    seen.online = online;
    seen.mode = now;
    size_t count = 0;
    for (int i = 0; i < APOLLO_WRITES; i++) {
        if (apollo_needs(&seen, (enum apollo_write)i, mode, heading, stale)) {
            letters[count++] = "MRS0"[i];
        }
    }
    letters[count] = '\0';
    return letters;
}

static void only_what_differs_is_written(void **unused)
{
    (void)unused;
    const enum apollo_mode off = APOLLO_MODES;
    assert_string_equal(plan(APOLLO_ONLINE, APOLLO_NOWHERE, APOLLO_ECO, APOLLO_ECO, false), "");
    assert_string_equal(plan(APOLLO_ONLINE, APOLLO_NOWHERE, APOLLO_ECO, APOLLO_TURBO, false), "MR");
    assert_string_equal(plan(APOLLO_ONLINE, APOLLO_NOWHERE, APOLLO_ECO, APOLLO_ECO, true), "R");
    assert_string_equal(plan(APOLLO_OFFLINE, APOLLO_NOWHERE, APOLLO_ECO, APOLLO_ECO, true), "S");
    assert_string_equal(plan(APOLLO_OFFLINE, APOLLO_NOWHERE, APOLLO_ECO, APOLLO_TURBO, false),
                        "MS");
    assert_string_equal(plan(APOLLO_PENDING, APOLLO_TO_ON, APOLLO_ECO, APOLLO_ECO, false), "");
    assert_string_equal(plan(APOLLO_PENDING, APOLLO_TO_OFF, APOLLO_ECO, APOLLO_ECO, false), "S");
    assert_string_equal(plan(APOLLO_PENDING, APOLLO_TO_ON, APOLLO_ECO, off, false), "0");
    assert_string_equal(plan(APOLLO_PENDING, APOLLO_TO_OFF, APOLLO_ECO, off, false), "");
    assert_string_equal(plan(APOLLO_OFFLINE, APOLLO_NOWHERE, APOLLO_ECO, off, false), "");
    assert_string_equal(plan(APOLLO_ONLINE, APOLLO_NOWHERE, APOLLO_CUSTOM, APOLLO_ECO, false),
                        "MR");
}

static void on_its_way_it_is_still_what_it_was(void **unused)
{
    (void)unused;
    struct apollo seen;
    apollo_forget(&seen, (hb_mono){1000});
    seen.online = APOLLO_PENDING;
    seen.mode = APOLLO_ECO;
    assert_int_equal(apollo_applied(&seen, APOLLO_TO_ON), APOLLO_MODES);
    assert_int_equal(apollo_applied(&seen, APOLLO_NOWHERE), APOLLO_MODES);
    assert_int_equal(apollo_applied(&seen, APOLLO_TO_OFF), APOLLO_ECO);
    seen.online = APOLLO_ONLINE;
    seen.mode = APOLLO_CUSTOM;
    assert_int_equal(apollo_applied(&seen, APOLLO_NOWHERE), APOLLO_MODE_UNKNOWN);
}

/* Left out, the node's software would be installed anew by an update of the mode. */
static void the_software_of_the_node_is_named_as_it_is(void **unused)
{
    (void)unused;
    char body[APOLLO_BODY_MAX];
    struct apollo seen;
    struct reply_faults faults = {0};
    static const char node[] = "{\"data\":{\"Settings\":{\"read\":{\"result\":{\"settings\":"
                               "{\"nodeSoftware\":\"core_29_2\"}},\"error\":null}}}}";
    static const char evil[] = "{\"data\":{\"Settings\":{\"read\":{\"result\":{\"settings\":"
                               "{\"nodeSoftware\":\"x})evil\"}},\"error\":null}}}}";
    apollo_forget(&seen, (hb_mono){1000});
    apollo_write_body(&seen, APOLLO_SET_MODE, APOLLO_ECO, body);
    assert_string_equal(body, "{\"query\":\"{Settings{update(input:{minerMode:eco})"
                              "{result{settings{minerMode}}error{message}}}}\"}");
    apollo_read_node(node, strlen(node), &seen, &faults);
    apollo_write_body(&seen, APOLLO_SET_MODE, APOLLO_TURBO, body);
    assert_string_equal(body, "{\"query\":\"{Settings{update(input:{minerMode:turbo,nodeSoftware:"
                              "core_29_2}){result{settings{minerMode}}error{message}}}}\"}");
    apollo_write_body(&seen, APOLLO_STOP, APOLLO_MODES, body);
    assert_string_equal(body, "{\"query\":\"{Miner{stop{error{message}}}}\"}");
    apollo_read_node(evil, strlen(evil), &seen, &faults);
    assert_string_equal(seen.node_software, "");
}

static void a_login_brings_a_token(void **unused)
{
    (void)unused;
    char token[APOLLO_TOKEN_MAX];
    char body[APOLLO_BODY_MAX];
    static const char good[] =
        "{\"data\":{\"Auth\":{\"login\":{\"result\":{\"accessToken\":\"ey.J\"},\"error\":null}}}}";
    static const char bad[] =
        "{\"data\":{\"Auth\":{\"login\":{\"result\":{\"accessToken\":\"e\\ny\"},\"error\":null}}}}";
    assert_true(apollo_read_login(good, strlen(good), token));
    assert_string_equal(token, "ey.J");
    assert_false(apollo_read_login(bad, strlen(bad), token));
    assert_false(apollo_read_login("{}", 2, token));
    assert_true(apollo_login_body("a\"b", body));
    assert_non_null(strstr(body, "\"variables\":{\"input\":{\"password\":\"a\\\"b\"}}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_its_boards_are_added_up),
        cmocka_unit_test(the_figures_of_a_stopped_miner_are_history),
        cmocka_unit_test(errors_are_told_apart),
        cmocka_unit_test(only_what_differs_is_written),
        cmocka_unit_test(on_its_way_it_is_still_what_it_was),
        cmocka_unit_test(the_software_of_the_node_is_named_as_it_is),
        cmocka_unit_test(a_login_brings_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
