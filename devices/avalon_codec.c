#include "devices/avalon_codec.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"

#define VALUE_MAX   200
#define WATTS_MAX   20000.0
#define CELSIUS_MIN (-60.0)
#define CELSIUS_MAX 200.0
#define NO_SENSOR_C (-273.0)
/* How far ahead a switch is timed: all known clients use this, and a time that has passed does
 * nothing. */
#define AHEAD_S 5
/* Of the power supply, where only what goes to the boards is told: all recordings have 0.91 to
 * 0.95. */
#define SUPPLY_EFFICIENCY 0.92

/* --- sections and fields: STATUS=S,When=1,Msg=...|VERSION,PROD=...| -------------------------- */

/* Where the section begins that follows a bar, by its name and the character after it; NULL. */
static const char *section(const char *text, const char *name)
{
    const size_t len = strlen(name);
    for (const char *at = text; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '=')) {
            return at;
        }
    }
    return NULL;
}

/* End of the field at `at`: an unescaped comma or bar, or the end of the text. */
static const char *field_end(const char *at)
{
    while (*at != '\0' && *at != ',' && *at != '|') {
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    }
    return at;
}

/* Copies without the escapes. */
static void copy_value(const char *from, const char *end, char *value, size_t size)
{
    char plain[VALUE_MAX];
    size_t len = 0;
    while (from < end && len < sizeof plain - 1) {
        from += from[0] == '\\' && from + 1 < end;
        plain[len++] = *from++;
    }
    text_copy_printable(value, size, plain, len);
}

/* A field of the section at `at`; false, with `value` "", if it has none of that name. */
static bool field(const char *at, const char *name, char *value, size_t size)
{
    const size_t len = strlen(name);
    value[0] = '\0';
    while (at != NULL && *at != '\0' && *at != '|') {
        const char *end = field_end(at);
        if (strncmp(at, name, len) == 0 && at[len] == '=') {
            copy_value(at + len + 1, end, value, size);
            return true;
        }
        at = *end == ',' ? end + 1 : end;
    }
    return false;
}

static double number_field(const char *at, const char *name, double max,
                           struct reply_faults *faults)
{
    char value[VALUE_MAX];
    return field(at, name, value, sizeof value) ? reply_scan(value, 0, max, name, faults) : NAN;
}

struct avalon_head avalon_read_head(const char *text)
{
    struct avalon_head head = {.code = -1, .when_s = -1};
    struct reply_faults unused = {0};
    char value[VALUE_MAX];
    const char *at = section(text, "STATUS");
    if (at == NULL || !field(at, "STATUS", value, sizeof value) || value[0] == '\0' ||
        value[1] != '\0' || strchr("SIWEF", value[0]) == NULL) {
        return head;
    }
    head.status = value[0];
    const double when = number_field(at, "When", 1e11, &unused);
    const double code = number_field(at, "Code", 1e6, &unused);
    head.when_s = isnan(when) ? -1 : (int64_t)when;
    head.code = isnan(code) ? -1 : (int)code;
    (void)field(at, "Msg", head.message, sizeof head.message);
    return head;
}

bool avalon_accepted(const struct avalon_head *head)
{
    return head->status == 'S' || head->status == 'I';
}

bool avalon_calibrates(const struct avalon_head *head)
{
    return strstr(head->message, "caling") != NULL || strstr(head->message, "calib") != NULL;
}

/* --- version --------------------------------------------------------------------------------- */

static void read_identity(const char *at, struct avalon_version *version,
                          struct reply_faults *faults)
{
    char value[VALUE_MAX], mac[18];
    if (field(at, "MAC", value, sizeof value) && reply_mac(value, mac)) {
        (void)text_copy(version->identity, sizeof version->identity, mac);
        return;
    }
    (void)field(at, "DNA", value, sizeof value);
    if (strspn(value, "0") == strlen(value)) {
        reply_fault(faults, REPLY_MISSING, "version: expected MAC or DNA");
        value[0] = '\0';
    }
    (void)text_copy(version->identity, sizeof version->identity, value);
}

bool avalon_read_version(const char *text, struct avalon_version *version,
                         struct reply_faults *faults)
{
    memset(version, 0, sizeof *version);
    const char *at = section(text, "VERSION");
    if (avalon_read_head(text).status == 0 || at == NULL) {
        return false;
    }
    if (!field(at, "PROD", version->product, sizeof version->product)) {
        reply_fault(faults, REPLY_MISSING, "version: expected PROD");
    }
    (void)field(at, "MODEL", version->model, sizeof version->model);
    if (!field(at, "CGVERSION", version->firmware, sizeof version->firmware) &&
        !field(at, "LVERSION", version->firmware, sizeof version->firmware)) {
        (void)field(at, "VERSION", version->firmware, sizeof version->firmware);
    }
    read_identity(at, version, faults);
    return true;
}

/* --- estats: MM ID0=Ver[...] SYSTEMSTATU[Work: In Work, Hash Board: 1] ... ------------------- */

/* What stands in the brackets after a key; false, with `value` "", without the key or if they do
 * not close. */
static bool bracket(const char *text, const char *key, char *value, size_t size)
{
    const size_t len = strlen(key);
    value[0] = '\0';
    for (const char *at = strstr(text, key); at != NULL; at = strstr(at + len, key)) {
        const bool begins = at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');
        const char *end = begins && at[len] == '[' ? strchr(at + len, ']') : NULL;
        if (end != NULL) {
            copy_value(at + len + 1, end, value, size);
            return true;
        }
    }
    return false;
}

/* The first number in the brackets; NaN, not counted, without the key. */
static double scan(const char *text, const char *key, double min, double max,
                   struct reply_faults *faults)
{
    char value[VALUE_MAX];
    if (!bracket(text, key, value, sizeof value) || value[0] == '\0') {
        return NAN;
    }
    const size_t more = strcspn(value, " ");
    if (more > 0) {
        value[more] = '\0'; /* one number per hash board: the first stands for all */
    }
    return reply_scan(value, min, max, key, faults);
}

/* An error word per hash board: the first that is not 0. */
static double scan_errors(const char *text, const char *key, struct reply_faults *faults)
{
    char value[VALUE_MAX];
    double errors = NAN;
    (void)bracket(text, key, value, sizeof value);
    for (char *at = value; *at != '\0' && !(errors > 0);) {
        const size_t len = strcspn(at, " ");
        const bool last = at[len] == '\0';
        at[len] = '\0';
        errors = reply_scan(at, 0, 1e10, key, faults);
        at += len + (last ? 0 : 1);
    }
    return errors;
}

/* The oldest firmware of the A10 tells only a mean, which says nothing while it is off. */
static double scan_hashrate(const char *text, bool off, struct reply_faults *faults)
{
    char value[VALUE_MAX];
    if (bracket(text, "GHSspd", value, sizeof value)) {
        return scan(text, "GHSspd", 0, 1e9, faults);
    }
    if (bracket(text, "GHSavg", value, sizeof value)) {
        return off ? NAN : scan(text, "GHSavg", 0, 1e9, faults);
    }
    reply_fault(faults, REPLY_MISSING, "estats: expected GHSspd");
    return NAN;
}

/* -273 stands for a sensor that is not there. */
static double scan_celsius(const char *text, const char *const *keys, struct reply_faults *faults)
{
    for (; *keys != NULL; keys++) {
        char value[VALUE_MAX];
        double c = NAN;
        if (bracket(text, *keys, value, sizeof value) &&
            !(text_to_number(value, strlen(value), &c) && c <= NO_SENSOR_C)) {
            return scan(text, *keys, CELSIUS_MIN, CELSIUS_MAX, faults);
        }
    }
    return NAN;
}

static int scan_int(const char *text, const char *key, struct reply_faults *faults)
{
    const double number = scan(text, key, -10, 1000, faults);
    return isnan(number) ? AVALON_NONE : (int)number;
}

static enum avalon_work read_work(const char *text, struct reply_faults *faults)
{
    static const struct {
        const char *text;
        enum avalon_work work;
    } words[] = {{"In Init", AVALON_IN_INIT},
                 {"In Work", AVALON_IN_WORK},
                 {"In Idle", AVALON_IN_IDLE},
                 {"In Fault", AVALON_IN_FAULT}};
    char value[VALUE_MAX];
    if (!bracket(text, "SYSTEMSTATU", value, sizeof value)) {
        return AVALON_WORK_UNKNOWN;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(value, words[i].text) != NULL) {
            return words[i].work;
        }
    }
    reply_fault(faults, REPLY_TYPE, "SYSTEMSTATU: expected a known state, got \"%s\"", value);
    return AVALON_WORK_UNKNOWN;
}

static void read_supply(const char *text, struct avalon_stats *stats, struct reply_faults *faults)
{
    char value[VALUE_MAX];
    for (size_t i = 0; i < AVALON_PS; i++) {
        stats->ps[i] = NAN;
    }
    if (!bracket(text, "PS", value, sizeof value)) {
        reply_fault(faults, REPLY_MISSING, "estats: expected PS");
        return;
    }
    char *at = value;
    for (size_t i = 0; i < AVALON_PS && *at != '\0'; i++) {
        const size_t len = strcspn(at, " ");
        const bool last = at[len] == '\0';
        at[len] = '\0';
        stats->ps[i] = reply_scan(at, 0, 1e6, "PS", faults);
        at += len + (last ? 0 : 1);
    }
}

/* ATAn[limit-temperature-voltage-frequency-interval], one for each mode that it tells of. */
static void read_mode_limits(const char *text, struct avalon_stats *stats,
                             struct reply_faults *faults)
{
    for (int i = 0; i < AVALON_LEVELS; i++) {
        char key[8], value[VALUE_MAX];
        (void)snprintf(key, sizeof key, "ATA%d", i);
        stats->mode_limit_w[i] = NAN;
        if (bracket(text, key, value, sizeof value)) {
            value[strcspn(value, "-")] = '\0';
            stats->mode_limit_w[i] = reply_scan(value, 1, WATTS_MAX, key, faults);
        }
    }
}

static const char *const chip_keys[] = {"TMax", NULL};
static const char *const board_keys[] = {"HBTemp", "HBOTemp", NULL};
static const char *const inlet_keys[] = {"ITemp", "Temp", NULL};

bool avalon_read_stats(const char *text, struct avalon_stats *s, struct reply_faults *faults)
{
    memset(s, 0, sizeof *s);
    if (strstr(text, "MM ID0") == NULL) {
        return false;
    }
    s->work = read_work(text, faults);
    s->soft_off = scan_int(text, "SoftOFF", faults);
    s->soft_off = s->soft_off < 0 ? -1 : s->soft_off;
    s->mode = scan_int(text, "WORKMODE", faults);
    s->level = scan_int(text, "WORKLEVEL", faults);
    s->calibrated = scan_int(text, "ADJ", faults);
    s->calibrated = s->calibrated < 0 ? -1 : s->calibrated != 0;
    s->uptime_s = scan(text, "Elapsed", 0, 1e10, faults);
    s->chip_c = scan_celsius(text, chip_keys, faults);
    s->board_c = scan_celsius(text, board_keys, faults);
    s->inlet_c = scan_celsius(text, inlet_keys, faults);
    s->fan_percent = scan(text, "FanR", 0, 100, faults);
    s->wall_w = scan(text, "WALLPOWER", 0, WATTS_MAX, faults);
    s->limit_w = scan(text, "MPO", 1, WATTS_MAX, faults);
    s->faults_board = scan_errors(text, "ECHU", faults);
    s->faults_control = scan_errors(text, "ECMM", faults);
    read_supply(text, s, faults);
    read_mode_limits(text, s, faults);
    s->hashrate_ghs = scan_hashrate(text, avalon_is_off(s), faults);
    return true;
}

bool avalon_read_mode(const struct avalon_head *head, int *mode)
{
    struct reply_faults unused = {0};
    *mode = avalon_accepted(head) ? scan_int(head->message, "WORKMODE", &unused) : AVALON_NONE;
    return *mode != AVALON_NONE;
}

/* Firmware without SoftOFF goes on saying that it works after its boards were cut off. */
bool avalon_is_off(const struct avalon_stats *stats)
{
    const bool cut = stats->soft_off < 0 && stats->work == AVALON_IN_WORK &&
                     stats->ps[AVALON_PS_BOARDS_A] <= 0 && stats->ps[AVALON_PS_BOARDS_W] <= 0;
    return stats->work == AVALON_IN_IDLE || stats->soft_off > 0 || cut;
}

struct avalon_power avalon_power(const struct avalon_model *model, const struct avalon_stats *stats)
{
    struct avalon_power power = {.w = NAN};
    if (avalon_is_off(stats)) {
        return power; /* an idle Q tells 146 W with 0 A at its boards */
    }
    const double told_w = isfinite(stats->wall_w) ? stats->wall_w : stats->ps[model->power_at];
    if (told_w <= WATTS_MAX) {
        power.w = told_w;
    } else if (model->knob == AVALON_KNOB_BARE_MODE && stats->ps[AVALON_PS_BOARDS_W] <= WATTS_MAX) {
        power.w = stats->ps[AVALON_PS_BOARDS_W] / SUPPLY_EFFICIENCY + model->standby_w;
        power.computed = true;
    }
    return power;
}

const char *avalon_supply_fault(const struct avalon_stats *stats, bool *hot)
{
    static const struct {
        unsigned bits;
        bool hot;
        const char *text;
    } rows[] = {
        {2 | 4 | 8, true, "its power supply is too hot"},
        {1, false, "the mains voltage at its power supply is too low"},
        {16, false, "too much current flows in its power supply"},
        {32, false, "its power supply's output voltage is too low"},
        {64, false, "its power supply's output current is too high"},
        {128, false, "its power supply does not share its current"},
        {256 | 512 | 1024, false, "too much current flows in one part of its power supply"},
        {2048, false, "the fan of its power supply fails"},
    };
    const double mask = stats->ps[0];
    *hot = false;
    for (size_t i = 0; mask >= 1 && mask < 65536 && i < sizeof rows / sizeof rows[0]; i++) {
        if (((unsigned)mask & rows[i].bits) != 0) {
            *hot = rows[i].hot;
            return rows[i].text;
        }
    }
    return NULL;
}

/* --- pools ----------------------------------------------------------------------------------- */

/* host:port of a URL. */
static void copy_pool(const char *url, char *pool, size_t size)
{
    const char *scheme = strstr(url, "://");
    const char *at = scheme == NULL ? url : scheme + 3;
    text_copy_printable(pool, size, at, strcspn(at, "/?#"));
}

/* A sum of which one part is not known is not known. */
static void add_count(const char *at, const char *name, double *sum, struct reply_faults *faults)
{
    *sum += number_field(at, name, 9e15, faults);
}

static void read_pool(const char *at, struct avalon_pools *pools, struct reply_faults *faults)
{
    char value[VALUE_MAX];
    (void)field(at, "Stratum Active", value, sizeof value);
    const bool active = strcmp(value, "true") == 0;
    (void)field(at, "Status", value, sizeof value);
    const bool alive = strcmp(value, "Alive") == 0;
    if (pools->pool[0] == '\0' || active) {
        (void)field(at, "URL", value, sizeof value);
        copy_pool(value, pools->pool, sizeof pools->pool);
        (void)field(at, "User", pools->user, sizeof pools->user);
    }
    if (alive) {
        pools->link = POOL_OK;
    }
    add_count(at, "Accepted", &pools->accepted, faults);
    add_count(at, "Rejected", &pools->rejected, faults);
    add_count(at, "Stale", &pools->stale, faults);
    const double best = number_field(at, "Best Share", 1e18, faults);
    pools->best_share = best > pools->best_share ? best : pools->best_share;
}

bool avalon_read_pools(const char *text, struct avalon_pools *pools, struct reply_faults *faults)
{
    memset(pools, 0, sizeof *pools);
    const struct avalon_head head = avalon_read_head(text);
    if (head.status == 0) {
        return false;
    }
    const char *at = section(text, "POOL");
    pools->link = at == NULL ? POOL_NONE : POOL_LOST;
    while (at != NULL) {
        read_pool(at, pools, faults);
        const char *next = strchr(at, '|');
        at = next == NULL ? NULL : section(next, "POOL");
    }
    return true;
}

/* --- commands -------------------------------------------------------------------------------- */

static struct avalon_step step(enum avalon_write write, int value)
{
    return (struct avalon_step){.write = write, .value = value};
}

struct avalon_step avalon_next(const struct avalon_model *model, const struct avalon_stats *stats,
                               int level)
{
    const bool off = avalon_is_off(stats);
    if (level < 0) {
        const bool old = model->off == AVALON_SWITCH_REBOOT && stats->soft_off < 0;
        const enum avalon_write cut = old ? AVALON_WRITE_CUT : AVALON_WRITE_OFF;
        return step(off || model->off == AVALON_SWITCH_NONE ? AVALON_WRITE_NONE : cut, 0);
    }
    const struct avalon_level *want = &model->level[level];
    if (want->mode != AVALON_NONE && want->mode != stats->mode) {
        return step(AVALON_WRITE_MODE, want->mode);
    }
    if (want->level != AVALON_NONE && want->level != stats->level) {
        return step(AVALON_WRITE_LEVEL, want->level);
    }
    if (!off) {
        return step(AVALON_WRITE_NONE, 0);
    }
    return step(model->off == AVALON_SWITCH_REBOOT ? AVALON_WRITE_REBOOT : AVALON_WRITE_ON, 0);
}

void avalon_print(const struct avalon_model *model, struct avalon_step what, int64_t when_s,
                  char command[AVALON_COMMAND_MAX])
{
    const size_t size = AVALON_COMMAND_MAX;
    switch (what.write) {
    case AVALON_WRITE_MODE:
        (void)snprintf(command, size,
                       model->knob == AVALON_KNOB_BARE_MODE ? "ascset|0,workmode,%d"
                                                            : "ascset|0,workmode,set,%d",
                       what.value);
        break;
    case AVALON_WRITE_LEVEL:
        (void)snprintf(command, size, "ascset|0,worklevel,set,%d", what.value);
        break;
    case AVALON_WRITE_ON:
        (void)snprintf(command, size, "ascset|0,softon,1:%" PRId64, when_s + AHEAD_S);
        break;
    case AVALON_WRITE_OFF:
        if (model->off == AVALON_SWITCH_TIMED) {
            (void)snprintf(command, size, "ascset|0,softoff,1:%" PRId64, when_s + AHEAD_S);
        } else {
            (void)snprintf(command, size, "ascset|0,softoff");
        }
        break;
    case AVALON_WRITE_CUT:
        (void)snprintf(command, size, "ascset|0,hashpower,0");
        break;
    case AVALON_WRITE_REBOOT:
        (void)snprintf(command, size, "ascset|0,reboot,%d",
                       model->off == AVALON_SWITCH_REBOOT ? 1 : 0);
        break;
    case AVALON_WRITE_NONE:
        command[0] = '\0';
        break;
    }
}
