#include "devices/bosminer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/bosminer_inside.h"
#include "ground/text.h"
#include "plumbing/clock.h"

enum {
    API_PORT = 4028,
    POLL_MS = 10000,
    DWELLS = 4,     /* so many times on or off while it settles: ramping takes a minute or two */
    SSH_MS = 20000, /* of one command; below the host's patience of three polls  */
    SSH_RETRY_MS = 300000, /* between logins that only serve reading, while they fail;   */
    SSH_SOON_MS = 30000,   /* while nothing may be written before it said who it is      */
    OUTPUT_MAX = BOSMINER_FILE_MAX + 1024,
};
#define ASSUMED_MIN_W 400.0  /* [hass-miner, for the S9] */
#define ASSUMED_MAX_W 1400.0 /* the same                 */

/* How a pause of ours is remembered. */
#define PAUSED_WORD "paused"

#define FIELD(name)                                                                                \
    offsetof(struct bosminer_options, name), sizeof(((struct bosminer_options *)NULL)->name)

static const char *const schemes[] = {"tcp", NULL};

static const struct config_item options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "where it is, as in tcp://192.168.1.20; its port is 4028"},
    {"username", CONFIG_TEXT, FIELD(username), 0, 0, NULL, NULL, "root", "user of its SSH"},
    {"identity_file", CONFIG_TEXT, FIELD(identity_file), 0, 0, NULL, NULL, "",
     "file with the private key for its SSH, without a passphrase; left out, systemd's credential "
     "`ssh_key`, or else the SSH client's own choice"},
    {"known_hosts", CONFIG_TEXT, FIELD(known_hosts), 0, 0, NULL, NULL,
     "/etc/heatbridge/known_hosts", "file with its SSH host key, as ssh-keyscan writes it"},
    {"ssh_port", CONFIG_PORT, FIELD(ssh_port), 0, 0, NULL, NULL, "22", "port of its SSH"},
    {"standby_power", CONFIG_POWER, FIELD(standby_power), 0, 1000, "W", NULL, "30 W",
     "power that it draws while paused"},
    {"settle", CONFIG_DURATION, FIELD(settle), 0, 36e5, NULL, NULL, "20 min",
     "time that it takes to stabilise at another power"},
    {"min_write", CONFIG_DURATION, FIELD(min_write), 0, 864e5, NULL, NULL, "5 min",
     "least time between two changes of its power, or after a pause"},
    {"max_writes", CONFIG_INT, FIELD(max_writes), 1, 24, NULL, NULL, "4",
     "most changes of its power in a day; switching off and on is not counted"},
    {0},
};

const struct bosminer_options *bosminer_options_of(const struct bosminer_heater *b)
{
    return b->env.options;
}

/* --- asking
 * -------------------------------------------------------------------------------------*/

enum errand_step bosminer_ask(struct bosminer_heater *b, enum bosminer_request request)
{
    static const char *const commands[] = {[READ_TUNER] = "tunerstatus",
                                           [READ_SUMMARY] = "summary",
                                           [READ_TEMPS] = "temps",
                                           [READ_FANS] = "fans",
                                           [READ_POOLS] = "pools",
                                           [READ_DETAILS] = "devdetails",
                                           [PAUSE] = "pause",
                                           [RESUME] = "resume"};
    char text[64];
    (void)snprintf(text, sizeof text, "{\"command\":\"%s\"}", commands[request]);
    return errand_tcp(&b->errand, (int)request, text, EXCHANGE_NUL);
}

/* What SSH says becomes an answer like any other. */
static void on_ssh(void *ctx, const struct ssh_result *result)
{
    struct bosminer_heater *b = ctx;
    const struct remote_answer answer = {.request = b->ssh_request,
                                         .ok = result->end == SSH_DONE,
                                         .status = result->status,
                                         .body = result->out,
                                         .len = result->out_len,
                                         .why = result->words};
    b->ssh = NULL;
    b->ssh_end = result->end;
    errand_answer(&b->errand, &answer, clock_mono());
}

enum errand_step bosminer_command(struct bosminer_heater *b, enum bosminer_request request,
                                  const char *script, const char *input, size_t len)
{
    if (b->env.loop == NULL || b->ssh != NULL) {
        return ERRAND_LATER;
    }
    b->ssh_request = (int)request;
    b->ssh =
        ssh_start(b->env.loop, &b->target, script, input, len, OUTPUT_MAX, SSH_MS, on_ssh, b, NULL);
    return b->ssh != NULL ? ERRAND_ASKED : ERRAND_LATER;
}

/* --- reading -----------------------------------------------------------------------------------
 */

/* SSH is slow on such a board: it is asked which device answers whenever it begins to, for as long
 * as port 4028 does not tell, and now and then while something stands in the way. */
static bool wants_device(const struct bosminer_heater *b, hb_mono now)
{
    if (b->api_down || b->reading.unavailable) {
        return true;
    }
    const int64_t pause_ms = !b->known && b->mac[0] != '\0' ? SSH_SOON_MS : SSH_RETRY_MS;
    return (!b->known || b->obstacle[0] != '\0') &&
           (!mono_is_set(b->ssh_tried_at) || mono_age_ms(now, b->ssh_tried_at) >= pause_ms);
}

static bool is_due(const struct bosminer_heater *b, int request, hb_mono now)
{
    if (request == READ_DEVICE) {
        return wants_device(b, now);
    }
    if (request == READ_DETAILS && b->model[0] != '\0') {
        return false;
    }
    return request == READ_TUNER || (!b->api_down && !b->reading.unavailable);
}

static enum errand_step read_part(void *self, int part)
{
    struct bosminer_heater *b = self;
    const hb_mono now = clock_mono();
    const int request = part + READ_TUNER;
    if (request == READ_TUNER) {
        bosminer_forget(&b->reading, now);
        b->api_down = false;
    }
    if (request > READ_DEVICE) {
        return ERRAND_DONE;
    }
    if (!is_due(b, request, now)) {
        return ERRAND_NEXT;
    }
    if (request == READ_DEVICE) {
        b->ssh_tried_at = now;
        return bosminer_command(b, READ_DEVICE, bosminer_read_script, NULL, 0);
    }
    return bosminer_ask(b, (enum bosminer_request)request);
}

bool bosminer_take_device(struct bosminer_heater *b, const struct remote_answer *answer,
                          struct bosminer_reading *reading)
{
    if (!answer->ok && b->ssh_end == SSH_DROPPED) {
        return false;
    }
    b->obstacle[0] = '\0';
    if (!answer->ok) {
        ssh_explain(b->ssh_end, &b->target, b->env.id, b->obstacle, sizeof b->obstacle);
        return false;
    }
    if (!bosminer_read_output(answer->body, answer->len, reading)) {
        (void)snprintf(b->obstacle, sizeof b->obstacle,
                       "what answers SSH at %.80s is no Braiins OS: correct heaters.%s.url",
                       b->target.host, b->env.id);
        return false;
    }
    const struct bosminer_file file = reading->text != NULL
                                          ? bosminer_file_read(reading->text, reading->len)
                                          : (struct bosminer_file){.fault = BOSMINER_NO_TOML};
    b->file_w = file.fault == BOSMINER_FINE ? (double)file.watts : NAN;
    (void)text_copy(b->obstacle, sizeof b->obstacle, bosminer_fault_sentence(file.fault));
    (void)text_copy(b->mac, sizeof b->mac, reading->mac);
    (void)text_copy(b->version, sizeof b->version, reading->version);
    b->running = reading->running;
    b->known = true;
    return true;
}

static bool take_device(struct bosminer_heater *b, const struct remote_answer *answer)
{
    struct bosminer_reading reading;
    /* Without it, nothing is known of a device whose port 4028 is closed. */
    return bosminer_take_device(b, answer, &reading) || !(b->api_down || b->reading.unavailable);
}

static bool take_missing(struct bosminer_heater *b, const struct remote_answer *answer)
{
    if (answer->request > READ_SUMMARY) {
        return true; /* the rest is known, this is not */
    }
    b->known = false;
    b->missed = true;
    /* There it is, but the program that should answer is not. */
    b->api_down = answer->request == READ_TUNER && strstr(answer->why, "refused") != NULL;
    return b->api_down;
}

static bool take_tuner(struct bosminer_heater *b, const struct remote_answer *answer)
{
    char sentence[TEXT_MAX];
    if (!bosminer_read_tuner(answer->body, answer->len, &b->reading, &b->faults)) {
        return false;
    }
    if (!b->reading.ours) {
        (void)snprintf(sentence, sizeof sentence,
                       "expected Braiins OS at %.100s, got something else: see heaters.%s.url and "
                       "driver",
                       bosminer_options_of(b)->url, b->env.id);
        b->env.trouble(b->env.report_ctx, sentence);
    }
    if (b->missed) {
        b->missed = false;
        b->ssh_tried_at = (hb_mono){0}; /* who is it that answers again? */
    }
    return b->reading.ours;
}

static bool take_part(struct bosminer_heater *b, const struct remote_answer *answer)
{
    if (answer->request == READ_DEVICE) {
        return take_device(b, answer);
    }
    if (!answer->ok) {
        return take_missing(b, answer);
    }
    switch (answer->request) {
    case READ_TUNER:
        return take_tuner(b, answer);
    case READ_SUMMARY:
        return bosminer_read_summary(answer->body, answer->len, &b->reading, &b->faults);
    case READ_TEMPS:
        (void)bosminer_read_temps(answer->body, answer->len, &b->reading, &b->faults);
        break;
    case READ_FANS:
        (void)bosminer_read_fans(answer->body, answer->len, &b->reading, &b->faults);
        break;
    case READ_POOLS:
        (void)bosminer_read_pools(answer->body, answer->len, &b->reading, &b->faults);
        break;
    default:
        (void)bosminer_read_details(answer->body, answer->len, &b->reading, &b->faults);
        (void)text_copy(b->model, sizeof b->model, b->reading.state.model);
        break;
    }
    return true;
}

static enum errand_step take(void *self, const struct remote_answer *answer)
{
    return take_part(self, answer) ? ERRAND_NEXT : ERRAND_LATER;
}

/* --- reporting ---------------------------------------------------------------------------------
 */

static enum bosminer_mode mode_of(const struct bosminer_heater *b)
{
    const struct bosminer *r = &b->reading;
    if (b->api_down || r->unavailable) {
        return b->running == 0 ? MODE_STOPPED : b->running == 1 ? MODE_STARTING : MODE_UNKNOWN;
    }
    /* Not every version says that it is paused. */
    const bool idle = isfinite(r->shows_hs) && r->shows_hs <= 0;
    return r->tuner == BOSMINER_TUNER_PAUSED || (b->paused_by_us && idle) ? MODE_PAUSED
                                                                          : MODE_RUNNING;
}

void bosminer_note_pause(struct bosminer_heater *b, bool paused, hb_mono now)
{
    b->paused_at = paused ? now : (hb_mono){0};
    if (b->paused_by_us != paused && b->env.remember != NULL) {
        b->env.remember(b->env.report_ctx, paused ? PAUSED_WORD : "");
    }
    b->paused_by_us = paused;
}

static void log_tuner(struct bosminer_heater *b)
{
    if (b->reading.tuner_words[0] != '\0' && strcmp(b->reading.tuner_words, b->tuner_words) != 0) {
        (void)text_copy(b->tuner_words, sizeof b->tuner_words, b->reading.tuner_words);
        hb_log(b->env.log, LOG_LEVEL_INFO, b->env.id, "its tuner: %s, power limit %.0f W",
               b->tuner_words, b->limit_w);
    }
}

/* It can be read all the same, so it is shown with its readings; and once in the log. */
static void tell_obstacle(struct bosminer_heater *b, struct heater_state *state)
{
    if (b->obstacle[0] != '\0') {
        state->problem = true;
        (void)text_copy(state->problem_text, sizeof state->problem_text, b->obstacle);
        if (strcmp(b->obstacle, b->told) != 0) {
            b->env.trouble(b->env.report_ctx, b->obstacle);
        }
    }
    (void)text_copy(b->told, sizeof b->told, b->obstacle);
}

/* A pause does not outlive its process, and somebody else may have resumed. */
static void review_pause(struct bosminer_heater *b, hb_mono now)
{
    const struct reading *uptime_s = &b->reading.state.uptime_s;
    if (!mono_is_set(uptime_s->at)) {
        return;
    }
    const bool restarted = uptime_s->value < b->uptime_s;
    const bool hashes = b->reading.shows_hs > 0 && !mono_is_set(b->paused_at);
    b->uptime_s = uptime_s->value;
    if (restarted || hashes) {
        bosminer_note_pause(b, false, now);
    }
}

static void draw_conclusions(struct bosminer_heater *b, struct heater_state *state, hb_mono now)
{
    review_pause(b, now);
    b->mode = mode_of(b);
    b->paused_at = b->mode == MODE_PAUSED ? (hb_mono){0} : b->paused_at;
    b->limit_w = b->reading.limit_w;
    const bool silent = b->api_down || b->reading.unavailable;
    b->api_lost_at = !silent ? (hb_mono){0} : mono_is_set(b->api_lost_at) ? b->api_lost_at : now;
    state->applied_w = NAN;
    if (b->mode == MODE_PAUSED || b->mode == MODE_STOPPED) {
        state->applied_w = 0;
    } else if (b->mode == MODE_RUNNING) {
        state->applied_w = b->limit_w;
    } else if (b->mode == MODE_STARTING) {
        state->applied_w = b->file_w; /* that it starts with */
    }
    if (b->mode == MODE_STOPPED) {
        state->power_w =
            reading_make(bosminer_options_of(b)->standby_power, now, PROVENANCE_MODELLED);
        state->hashrate_hs = reading_make(0, now, PROVENANCE_REPORTED);
    }
}

static const struct heater_state *conclude(void *self, hb_mono now)
{
    struct bosminer_heater *b = self;
    struct heater_state *state = &b->reading.state;
    draw_conclusions(b, state, now);
    state->link = HEATER_LINK_OK;
    state->at = now;
    (void)text_copy(state->identity, sizeof state->identity, b->known ? b->mac : "");
    (void)text_copy(state->model, sizeof state->model, b->model);
    if (b->version[0] != '\0') {
        (void)text_copy(state->firmware, sizeof state->firmware, b->version);
    }
    memcpy(state->faults, b->faults.count, sizeof state->faults);
    log_tuner(b);
    tell_obstacle(b, state);
    return state;
}

/* --- the contract ------------------------------------------------------------------------------
 */

static const struct errand_rules rules = {.read = read_part,
                                          .take = take,
                                          .conclude = conclude,
                                          .write = bosminer_write,
                                          .wrote = bosminer_wrote,
                                          .unfinished = bosminer_unfinished,
                                          .abandon = bosminer_abandon,
                                          .fresh_ms = 2 * POLL_MS};

/* The SSH client would split or expand anything else. */
static bool is_plain_path(const char *path)
{
    return path[0] == '/' &&
           path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@"
                             ":,")] == '\0';
}

static bool check(const void *instance, const char **key, struct hb_err *err)
{
    const struct bosminer_options *o = instance;
    const char *wrong = o->identity_file;
    *key = "identity_file";
    if (wrong[0] == '\0' || is_plain_path(wrong)) {
        wrong = o->known_hosts;
        *key = "known_hosts";
    }
    return is_plain_path(wrong) ||
           hb_fail(err, HB_ERR_USAGE,
                   "expected the whole path of a file, without blanks, got '%.200s'", wrong);
}

/* "tcp://[fe80::1]:4028" as "fe80::1". */
static void take_host(const char *url, char *host, size_t size)
{
    const char *begin = strstr(url, "://");
    begin = begin != NULL ? begin + strlen("://") : url;
    const bool bracketed = begin[0] == '[';
    (void)text_copy(host, size, begin + (bracketed ? 1 : 0));
    host[strcspn(host, bracketed ? "]" : ":/")] = '\0';
}

static void aim(struct bosminer_heater *b)
{
    const struct bosminer_options *o = bosminer_options_of(b);
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    take_host(o->url, b->target.host, sizeof b->target.host);
    b->target.port = o->ssh_port;
    (void)text_copy(b->target.user, sizeof b->target.user, o->username);
    (void)text_copy(b->target.known_hosts, sizeof b->target.known_hosts, o->known_hosts);
    (void)text_copy(b->target.identity_file, sizeof b->target.identity_file, o->identity_file);
    if (o->identity_file[0] == '\0' && credentials != NULL) {
        (void)snprintf(b->target.identity_file, sizeof b->target.identity_file, "%.400s/ssh_key",
                       credentials);
    }
}

static void fill_caps(struct bosminer_heater *b)
{
    const struct bosminer_options *o = bosminer_options_of(b);
    const double max_w =
        b->env.configured_max_w > 0 ? floor(b->env.configured_max_w) : ASSUMED_MAX_W;
    const double min_w =
        b->env.configured_min_w > 0 ? ceil(b->env.configured_min_w) : ASSUMED_MIN_W;
    b->caps = (struct heater_caps){
        .min_w = fmin(min_w, max_w),
        .max_w = max_w,
        .step_w = 1,
        .standby_w = o->standby_power,
        .settle_ms = (int32_t)o->settle,
        .min_on_ms = (int32_t)o->settle / DWELLS,
        .min_off_ms = (int32_t)o->settle / DWELLS,
        .min_write_ms = (int32_t)o->min_write,
        .max_writes_per_day = o->max_writes,
        .restarts_on_change = true,
        .has_fan = true,
    };
}

static void recall_pause(struct bosminer_heater *b)
{
    char text[HEATER_MEMORY_MAX];
    if (b->env.loop != NULL && b->env.recall != NULL && b->env.recall(b->env.report_ctx, text)) {
        b->paused_by_us = strcmp(text, PAUSED_WORD) == 0;
    }
}

static bool init(void *self, const struct heater_env *env, struct heater_caps *caps,
                 struct hb_err *err)
{
    struct bosminer_heater *b = self;
    b->env = *env;
    b->running = -1;
    b->limit_w = b->file_w = NAN;
    fill_caps(b);
    *caps = b->caps;
    aim(b);
    recall_pause(b);
    const struct remote_options remote = {.url = bosminer_options_of(b)->url,
                                          .default_port = API_PORT};
    return errand_init(&b->errand, &rules, b, &b->env, &remote, err);
}

static void fini(void *self)
{
    struct bosminer_heater *b = self;
    ssh_cancel(b->ssh);
    b->ssh = NULL;
    errand_fini(&b->errand);
    bosminer_drop_files(b);
}

static void poll(void *self, hb_mono now)
{
    struct bosminer_heater *b = self;
    errand_poll(&b->errand, now);
}

/* SSH may hang; what only reads is given up. */
static void drop_reading(struct bosminer_heater *b, hb_mono now)
{
    const int request = b->ssh_request;
    const struct remote_answer answer = {.request = request, .body = "", .why = ""};
    if (b->ssh == NULL || (request != READ_DEVICE && request != LOOK && request != CHECK)) {
        return;
    }
    ssh_cancel(b->ssh);
    b->ssh = NULL;
    b->ssh_end = SSH_DROPPED;
    errand_answer(&b->errand, &answer, now);
}

static void commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct bosminer_heater *b = self;
    errand_commit(&b->errand, command, now);
    if (command->power_w <= 0) { /* off waits for nothing */
        drop_reading(b, now);
        errand_poll(&b->errand, now);
    }
}

const struct heater_driver bosminer_heater = {
    .name = "bosminer",
    .summary = "an Antminer with Braiins OS before 23, set by its file bosminer.toml over SSH",
    .instance_size = sizeof(struct bosminer_heater),
    .options_size = sizeof(struct bosminer_options),
    .options = options,
    .poll_ms = POLL_MS,
    .check = check,
    .init = init,
    .fini = fini,
    .poll = poll,
    .commit = commit,
};
