#include "bridge/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
    [EVENT_TICK] = "tick",
    [EVENT_ROOM_TEMPERATURE] = "temperature",
    [EVENT_ROOM_HUMIDITY] = "humidity",
    [EVENT_ROOM_WINDOW] = "window",
    [EVENT_ROOM_DEMAND] = "demand",
    [EVENT_OUTDOOR] = "outdoor",
    [EVENT_ROOM_REQUEST] = "request",
    [EVENT_HEATER_STATE] = "heater",
    [EVENT_HEATER_OUTCOME] = "outcome",
    [EVENT_HEATER_ABILITIES] = "abilities",
    [EVENT_HEATER_INTERLOCK] = "interlock",
    [EVENT_HEATER_ACKNOWLEDGE] = "acknowledge",
    [EVENT_CIRCUIT_POWER] = "circuit",
    [EVENT_STOP] = "stop",
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* One description of the fields of each kind serves both directions: a tape either takes values
 * from the event and writes them, or reads them and puts them into the event. */
struct tape {
    bool reading, failed;
    char *out; /* writing: TRACE_LINE_MAX bytes */
    const char *in, *end;
    size_t used;
};

static void write_token(struct tape *tape, const char *token)
{
    const size_t len = strlen(token);
    if (tape->used + len + 2 > TRACE_LINE_MAX) {
        tape->failed = true;
        return;
    }
    if (tape->used > 0) {
        tape->out[tape->used++] = ' ';
    }
    memcpy(tape->out + tape->used, token, len + 1);
    tape->used += len;
}

static bool read_token(struct tape *tape, char *token, size_t size)
{
    const size_t left = (size_t)(tape->end - tape->in);
    const char *space = memchr(tape->in, ' ', left);
    const size_t len = space != NULL ? (size_t)(space - tape->in) : left;
    if (tape->failed || len == 0 || len >= size) {
        tape->failed = true;
        return false;
    }
    memcpy(token, tape->in, len);
    token[len] = '\0';
    tape->in += len + (space != NULL ? 1 : 0);
    return true;
}

static void tape_whole(struct tape *tape, int64_t *value, int64_t min, int64_t max)
{
    char token[32];
    if (!tape->reading) {
        (void)snprintf(token, sizeof(token), "%" PRId64, *value);
        write_token(tape, token);
    } else if (read_token(tape, token, sizeof(token))) {
        char *rest;
        errno = 0;
        *value = strtoll(token, &rest, 10);
        tape->failed |= errno != 0 || *rest != '\0' || *value < min || *value > max;
    }
}

static void tape_u64(struct tape *tape, uint64_t *value)
{
    char token[32];
    if (!tape->reading) {
        (void)snprintf(token, sizeof(token), "%" PRIu64, *value);
        write_token(tape, token);
    } else if (read_token(tape, token, sizeof(token))) {
        char *rest;
        errno = 0;
        *value = strtoull(token, &rest, 10);
        tape->failed |= errno != 0 || *rest != '\0' || token[0] == '-';
    }
}

static void tape_number(struct tape *tape, double *value)
{
    char token[40];
    if (!tape->reading) {
        (void)snprintf(token, sizeof(token), "%.17g", *value);
        write_token(tape, token[0] == '-' && token[1] == 'n' ? "nan" : token);
    } else if (read_token(tape, token, sizeof(token))) {
        char *rest;
        *value = strtod(token, &rest);
        tape->failed |= *rest != '\0';
    }
}

/* Any enum or small number with its own type on the other side. */
static int64_t tape_small(struct tape *tape, int64_t value, int64_t max)
{
    tape_whole(tape, &value, 0, max);
    return tape->failed ? 0 : value;
}

static void tape_bool(struct tape *tape, bool *value)
{
    *value = tape_small(tape, *value, 1) != 0;
}

static void encode_text(char *token, size_t size, const char *text)
{
    size_t used = 0;
    for (const char *c = text; *c != '\0' && used + 4 < size; c++) {
        const unsigned char byte = (unsigned char)*c;
        if (byte <= ' ' || byte > '~' || byte == '%' || byte == '-') {
            used += (size_t)snprintf(token + used, size - used, "%%%02X", byte);
        } else {
            token[used++] = *c;
        }
    }
    if (used == 0) {
        token[used++] = '-';
    }
    token[used] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode_text(char *text, size_t size, const char *token)
{
    size_t used = 0;
    if (strcmp(token, "-") == 0) {
        token = "";
    }
    for (const char *c = token; *c != '\0'; c++) {
        char byte = *c;
        if (byte == '%') {
            const int high = hex_digit(c[1]);
            const int low = high >= 0 ? hex_digit(c[2]) : -1;
            if (low < 0 || high * 16 + low == 0) {
                return false;
            }
            byte = (char)(high * 16 + low);
            c += 2;
        }
        if (used + 1 >= size) {
            return false;
        }
        text[used++] = byte;
    }
    text[used] = '\0';
    return true;
}

static void tape_text(struct tape *tape, char *text, size_t size)
{
    char token[3 * TEXT_MAX + 1];
    if (!tape->reading) {
        encode_text(token, sizeof(token), text);
        write_token(tape, token);
    } else if (read_token(tape, token, sizeof(token))) {
        tape->failed |= !decode_text(text, size, token);
    }
}

static void tape_reading(struct tape *tape, struct reading *reading)
{
    tape_number(tape, &reading->value);
    tape_whole(tape, &reading->at.ms, INT64_MIN, INT64_MAX);
    reading->from = (enum provenance)tape_small(tape, (int64_t)reading->from, PROVENANCE_METERED);
}

static void tape_request(struct tape *tape, struct room_request *request)
{
    request->fields = (uint32_t)tape_small(tape, request->fields, UINT32_MAX);
    request->mode = (enum room_mode)tape_small(tape, (int64_t)request->mode, INT32_MAX);
    tape_number(tape, &request->target_c);
    request->preset = (uint16_t)tape_small(tape, request->preset, UINT16_MAX);
    tape_bool(tape, &request->power_on);
    tape_number(tape, &request->power_limit_w);
    if ((request->fields & REQUEST_DEMAND) != 0) { /* older traces know none */
        tape_number(tape, &request->demand);
    }
}

static void tape_work(struct tape *tape, struct heater_work *work)
{
    struct reading *const readings[] = {&work->sat_per_hour, &work->network_difficulty,
                                        &work->average_hs, &work->proven_hs};
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        tape_reading(tape, readings[i]);
    }
    work->revenue_from =
        (enum revenue_source)tape_small(tape, (int64_t)work->revenue_from, REVENUE_JOB);
    tape_number(tape, &work->proven_low_hs);
    tape_number(tape, &work->proven_high_hs);
    work->check = (enum work_check)tape_small(tape, (int64_t)work->check, WORK_CHECK_ABOVE);
    tape_u64(tape, &work->blocks_found);
    tape_text(tape, work->block.hash, sizeof(work->block.hash));
    tape_number(tape, &work->block.difficulty);
    work->block.height = (uint32_t)tape_small(tape, work->block.height, UINT32_MAX);
}

static void tape_pools(struct tape *tape, struct heater_pools *pools)
{
    tape_text(tape, pools->reason, sizeof(pools->reason));
    tape_u64(tape, &pools->changes);
    pools->count = (uint8_t)tape_small(tape, pools->count, HEATER_POOLS);
    for (size_t i = 0; i < pools->count; i++) {
        struct heater_pool *pool = &pools->list[i];
        tape_text(tape, pool->pool, sizeof(pool->pool));
        tape_u64(tape, &pool->accepted);
        for (size_t kind = 0; kind < REFUSAL_COUNT; kind++) {
            tape_u64(tape, &pool->refused[kind]);
        }
        tape_number(tape, &pool->answer_p50_ms);
        tape_number(tape, &pool->answer_p95_ms);
    }
}

static void tape_i32(struct tape *tape, int32_t *value)
{
    int64_t whole = *value;
    tape_whole(tape, &whole, INT32_MIN, INT32_MAX);
    *value = (int32_t)whole;
}

static void tape_care(struct tape *tape, struct heater_care *care)
{
    care->writes_today = (uint32_t)tape_small(tape, care->writes_today, UINT32_MAX);
    care->wearing_today = (uint32_t)tape_small(tape, care->wearing_today, UINT32_MAX);
    tape_u64(tape, &care->writes);
    tape_u64(tape, &care->flash_writes);
    tape_i32(tape, &care->max_writes_per_day);
    tape_number(tape, &care->calibration);
    care->waits_for =
        (enum heater_wait)tape_small(tape, (int64_t)care->waits_for, HEATER_WAIT_IDENTITY);
    care->recoveries = (uint32_t)tape_small(tape, care->recoveries, UINT32_MAX);
}

static void tape_caps(struct tape *tape, struct heater_caps *caps)
{
    double *const numbers[] = {&caps->min_w, &caps->max_w, &caps->step_w, &caps->standby_w};
    int32_t *const times[] = {&caps->settle_ms, &caps->min_on_ms, &caps->min_off_ms,
                              &caps->min_write_ms, &caps->max_writes_per_day};
    bool *const flags[] = {&caps->restarts_on_change, &caps->self_reverting, &caps->has_fan,
                           &caps->sees_work,          &caps->shares_meter,   &caps->observe_only,
                           &caps->switches_relay};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        tape_number(tape, numbers[i]);
    }
    caps->tier_count = (uint8_t)tape_small(tape, caps->tier_count, HEATER_TIERS);
    for (size_t i = 0; i < caps->tier_count; i++) {
        tape_number(tape, &caps->tier_w[i]);
    }
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        tape_i32(tape, times[i]);
    }
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        tape_bool(tape, flags[i]);
    }
}

static void tape_heater(struct tape *tape, struct heater_state *state)
{
    struct reading *const readings[] = {&state->power_w, &state->hashrate_hs, &state->chip_c,
                                        &state->board_c, &state->inlet_c,     &state->fan_ratio,
                                        &state->uptime_s};
    uint64_t *const counters[] = {&state->shares_accepted, &state->shares_rejected,
                                  &state->shares_stale, &state->writes};
    state->link = (enum heater_link)tape_small(tape, (int64_t)state->link, HEATER_LINK_LOST);
    tape_whole(tape, &state->at.ms, INT64_MIN, INT64_MAX);
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        tape_reading(tape, readings[i]);
    }
    tape_number(tape, &state->applied_w);
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        tape_u64(tape, counters[i]);
    }
    tape_number(tape, &state->best_difficulty);
    tape_text(tape, state->model, sizeof(state->model));
    tape_text(tape, state->firmware, sizeof(state->firmware));
    tape_text(tape, state->identity, sizeof(state->identity));
    tape_text(tape, state->pool_user, sizeof(state->pool_user));
    state->health =
        (enum heater_health)tape_small(tape, (int64_t)state->health, HEATER_HEALTH_COUNT - 1);
    for (size_t i = 0; i < REPLY_FAULT_COUNT; i++) {
        tape_u64(tape, &state->faults[i]);
    }
    tape_care(tape, &state->care);
    state->pool_link = (enum pool_link)tape_small(tape, (int64_t)state->pool_link, POOL_LOST);
    tape_text(tape, state->pool, sizeof(state->pool));
    tape_pools(tape, &state->pools);
    tape_work(tape, &state->work);
    tape_bool(tape, &state->relay.known);
    tape_u64(tape, &state->relay.cycles);
    state->relay.cycles_day = (uint32_t)tape_small(tape, state->relay.cycles_day, UINT32_MAX);
    tape_bool(tape, &state->problem);
    tape_text(tape, state->problem_text, sizeof(state->problem_text));
}

static void tape_event(struct tape *tape, struct event *event)
{
    tape_whole(tape, &event->at.ms, INT64_MIN, INT64_MAX);
    tape_whole(tape, &event->wall.ms, INT64_MIN, INT64_MAX);
    int64_t offset_s = event->utc_offset_s;
    tape_whole(tape, &offset_s, -86400, 86400);
    event->utc_offset_s = (int32_t)offset_s;
    event->index = (uint16_t)tape_small(tape, event->index, UINT16_MAX);
    switch (event->kind) {
    case EVENT_ROOM_TEMPERATURE:
    case EVENT_ROOM_HUMIDITY:
    case EVENT_ROOM_DEMAND:
    case EVENT_OUTDOOR:
    case EVENT_CIRCUIT_POWER:
        tape_number(tape, &event->number);
        break;
    case EVENT_ROOM_WINDOW:
        tape_bool(tape, &event->flag);
        break;
    case EVENT_ROOM_REQUEST:
        tape_request(tape, &event->u.request);
        break;
    case EVENT_HEATER_STATE:
        tape_heater(tape, &event->u.heater);
        break;
    case EVENT_HEATER_OUTCOME:
        tape_u64(tape, &event->u.outcome.seq);
        event->u.outcome.result = (enum command_outcome)tape_small(
            tape, (int64_t)event->u.outcome.result, COMMAND_EXPIRED);
        tape_text(tape, event->u.outcome.why, sizeof(event->u.outcome.why));
        break;
    case EVENT_HEATER_ABILITIES:
        tape_caps(tape, &event->u.caps);
        break;
    case EVENT_HEATER_INTERLOCK:
        event->interlock = (uint16_t)tape_small(tape, event->interlock, UINT16_MAX);
        tape_bool(tape, &event->flag);
        tape_number(tape, &event->number);
        break;
    case EVENT_TICK:
    case EVENT_HEATER_ACKNOWLEDGE:
    case EVENT_STOP:
        break;
    }
}

size_t trace_format(const struct event *event, char line[TRACE_LINE_MAX])
{
    struct event copy = *event;
    struct tape tape = {.out = line};
    write_token(&tape, kinds[event->kind]);
    tape_event(&tape, &copy);
    return tape.failed ? 0 : tape.used;
}

static bool find_kind(const char *word, enum event_kind *kind)
{
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(word, kinds[i]) == 0) {
            *kind = (enum event_kind)i;
            return true;
        }
    }
    return false;
}

bool trace_parse(const char *line, size_t len, struct event *event, struct hb_err *err)
{
    char word[16];
    struct tape tape = {.reading = true, .in = line, .end = line + len};
    *event = (struct event){0};
    if (!read_token(&tape, word, sizeof(word)) || !find_kind(word, &event->kind)) {
        return hb_fail(err, HB_ERR_INPUT, "expected the kind of an event");
    }
    tape_event(&tape, event);
    if (tape.failed || tape.in != tape.end || line[len - 1] == ' ') {
        return hb_fail(err, HB_ERR_INPUT, "expected the fields of '%s', stopped at byte %zu of %zu",
                       word, (size_t)(tape.in - line), len);
    }
    return true;
}
