#include "tests/miner/dialogue.h"

#include <string.h>

#include "tests/support/test.h"

struct session session;
struct session_effects fx;
int64_t now_ms;
hb_wall wall = {(int64_t)NTIME * 1000};

hb_mono at(int64_t ms)
{
    return (hb_mono){1000000 + ms};
}

void start(void)
{
    static const char *const allowed[] = {"friend.example"};
    const struct session_options options = {
        .pool = {.host = "pool.example", .port = 3333},
        .user = "me.w1",
        .password = "x",
        .redirect_hosts = allowed,
        .redirect_host_count = 1,
        .first_serial = 100,
    };
    now_ms = 0;
    wall = (hb_wall){(int64_t)NTIME * 1000};
    session_init(&session, &options);
    session_want_difficulty(&session, 0.001);
}

void open_session(void)
{
    session_opened(&session, at(now_ms), &fx);
}

void line(const char *text)
{
    session_line(&session, text, strlen(text), at(now_ms), wall, &fx);
}

void tick_at(int64_t ms)
{
    now_ms = ms;
    session_tick(&session, at(ms), &fx);
}

bool sends(const char *part)
{
    return fx.out_len > 0 && strstr(fx.out, part) != NULL;
}

void become_ready(void)
{
    start();
    open_session();
    line(CONFIGURED);
    line(SUBSCRIBED);
    line(AUTHORIZED);
    assert_int_equal(session.state, SESSION_READY);
}

struct session_share share_of(uint64_t serial, uint8_t mark)
{
    return (struct session_share){
        .serial = serial, .extranonce2 = 1, .ntime = NTIME, .nonce = 3, .hash = {mark}};
}

void submit(uint64_t serial, uint8_t mark)
{
    const struct session_share share = share_of(serial, mark);
    session_submit(&session, &share, at(now_ms), &fx);
}
