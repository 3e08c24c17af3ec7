#include "bridge/mine_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"

#define HASHES_PER_TH 1e12
#define HOURS_PER_DAY 24.0

/* --- figures ------------------------------------------------------------------------------------
 */

unsigned long long mine_rejected(const struct miner_stats *stats)
{
    unsigned long long sum = 0;
    for (size_t i = 0; i < REJECT_COUNT; i++) {
        sum += stats->rejected[i];
    }
    return sum;
}

double mine_recent_hs(const struct miner_stats *stats)
{
    const double minute_hs = stats->figures.average_1m_hs;
    return isfinite(minute_hs) ? minute_hs : stats->hashrate_hs;
}

double mine_power_w(const struct miner_stats *stats)
{
    const bool assumed =
        stats->power_source == MINER_POWER_MODELLED && stats->calibrated_by == MINER_POWER_MODELLED;
    return assumed ? (double)NAN : stats->power_w;
}

const char *mine_power_word(const struct miner_stats *stats)
{
    static const char *const words[] = {[MINER_POWER_MODELLED] = "modelled",
                                        [MINER_POWER_REPORTED] = "reported",
                                        [MINER_POWER_METERED] = "metered"};
    return isfinite(mine_power_w(stats)) ? words[stats->power_source] : NULL;
}

double mine_joules_per_th(const struct miner_stats *stats)
{
    const double rate_hs = mine_recent_hs(stats);
    return rate_hs > 0 ? mine_power_w(stats) / (rate_hs / HASHES_PER_TH) : (double)NAN;
}

double mine_sat_per_hour(const struct miner_stats *stats)
{
    return economics_sat_per_hour(&stats->figures.economics, mine_recent_hs(stats));
}

void mine_print_si(double value, const char *unit, char *text, size_t size)
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E", "Z"};
    size_t prefix = 0;
    while (fabs(value) >= 999.95 && prefix + 1 < sizeof prefixes / sizeof prefixes[0]) {
        value /= 1000;
        prefix++;
    }
    const bool bare = unit[0] == '\0';
    const bool touching = prefix == 0 && (bare || unit[0] == ' ');
    /* With a unit it is a measurement, whose digits all stay, so that a line does not jump. */
    (void)snprintf(text, size, bare || value == 0 ? "%.4g%s%s%s" : "%#.4g%s%s%s", value,
                   touching ? "" : " ", prefixes[prefix], unit);
}

void mine_print_small(double value, char *text, size_t size)
{
    enum { DIGITS = 3, DECIMALS_MAX = 15 };
    int decimals = value > 0 ? DIGITS - 1 - (int)floor(log10(value)) : 0;
    decimals = decimals < 0 ? 0 : decimals;
    (void)snprintf(text, size, "%.*f", decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals, value);
}

/* --- the line -----------------------------------------------------------------------------------
 */

/* The parts of the line in their order; what each is worth when the line is too narrow. */
enum part {
    PART_UPTIME,
    PART_RATE,
    PART_SHARES,
    PART_DIFFICULTY,
    PART_BEST,
    PART_TEMPERATURE,
    PART_POWER,
    PART_EFFICIENCY,
    PART_MONEY,
    PART_BLOCKS,
    PART_POOL,
    PART_COUNT
};

static const enum part by_worth[PART_COUNT] = {
    PART_RATE,       PART_BLOCKS,     PART_SHARES, PART_POOL,   PART_POWER, PART_TEMPERATURE,
    PART_EFFICIENCY, PART_DIFFICULTY, PART_BEST,   PART_UPTIME, PART_MONEY};

enum { PART_MAX = 200, GAP = 2 };

enum colour { PLAIN, BOLD, GREEN, RED, YELLOW, DIM };

struct pieces {
    char text[PART_COUNT][PART_MAX]; /* "" : not known, so not shown */
    size_t columns[PART_COUNT];
    const struct mine_look *look;
};

static const char *sgr(enum colour colour)
{
    static const char *const codes[] = {"\033[0m",  "\033[1m",  "\033[32m",
                                        "\033[31m", "\033[33m", "\033[2m"};
    return codes[colour];
}

static size_t columns_of(const char *text)
{
    size_t columns = 0;
    for (; *text != '\0'; text++) {
        columns += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
    }
    return columns;
}

/* Appends a text, in colour if that is allowed, to a part. */
static void add(struct pieces *pieces, enum part part, enum colour colour, const char *text)
{
    char *end = pieces->text[part] + strlen(pieces->text[part]);
    const size_t room = PART_MAX - (size_t)(end - pieces->text[part]);
    const bool paint = pieces->look->colour && colour != PLAIN;
    (void)snprintf(end, room, "%s%s%s", paint ? sgr(colour) : "", text, paint ? sgr(PLAIN) : "");
    pieces->columns[part] += columns_of(text);
}

static void add_uptime(struct pieces *pieces, double uptime_s)
{
    char text[48];
    const unsigned long long s = uptime_s > 0 ? (unsigned long long)uptime_s : 0;
    int used = 0;
    if (s >= 86400) {
        used = snprintf(text, sizeof text, "%llud ", s / 86400);
    }
    (void)snprintf(text + used, sizeof text - (size_t)used, "%llu:%02llu:%02llu", s / 3600 % 24,
                   s / 60 % 60, s % 60);
    add(pieces, PART_UPTIME, DIM, text);
}

static void add_shares(struct pieces *pieces, const struct miner_stats *stats)
{
    char text[64];
    const unsigned long long refused = mine_rejected(stats);
    (void)snprintf(text, sizeof text, "%" PRIu64 " ok", stats->accepted);
    add(pieces, PART_SHARES, stats->accepted > 0 ? GREEN : PLAIN, text);
    (void)snprintf(text, sizeof text, " %llu refused", refused);
    add(pieces, PART_SHARES, refused > 0 ? RED : PLAIN, text);
}

/* "<before><number><unit>", unless the number is unknown. */
static void add_number(struct pieces *pieces, enum part part, const char *before, double value,
                       const char *unit)
{
    char number[48];
    char text[PART_MAX];
    if (isfinite(value)) {
        mine_print_si(value, unit, number, sizeof number);
        (void)snprintf(text, sizeof text, "%s%s", before, number);
        add(pieces, part, part == PART_RATE ? BOLD : PLAIN, text);
    }
}

static void add_machine(struct pieces *pieces, const struct miner_stats *stats)
{
    char text[48];
    if (isfinite(stats->cpu_c)) {
        (void)snprintf(text, sizeof text, "%.0f %sC", stats->cpu_c,
                       pieces->look->utf8 ? "\xc2\xb0" : "");
        add(pieces, PART_TEMPERATURE, PLAIN, text);
    }
    if (isfinite(mine_power_w(stats))) {
        (void)snprintf(text, sizeof text, "%s%.1f W",
                       stats->power_source == MINER_POWER_MODELLED ? "~" : "", mine_power_w(stats));
        add(pieces, PART_POWER, PLAIN, text);
    }
    add_number(pieces, PART_EFFICIENCY, "", mine_joules_per_th(stats), "J/TH");
}

static void add_luck(struct pieces *pieces, const struct miner_stats *stats)
{
    char number[32];
    char text[64];
    const double per_hour = mine_sat_per_hour(stats);
    if (stats->best_difficulty > 0) {
        add_number(pieces, PART_BEST, "best ", stats->best_difficulty, "");
    }
    if (isfinite(per_hour)) {
        mine_print_small(per_hour * HOURS_PER_DAY, number, sizeof number);
        (void)snprintf(text, sizeof text, "%s sat/day", number);
        add(pieces, PART_MONEY, PLAIN, text);
    }
    if (stats->figures.blocks_found > 0) {
        (void)snprintf(text, sizeof text, "%" PRIu64 " block%s!", stats->figures.blocks_found,
                       stats->figures.blocks_found > 1 ? "s" : "");
        add(pieces, PART_BLOCKS, GREEN, text);
    }
}

static void add_pool(struct pieces *pieces, const struct miner_stats *stats)
{
    static const char *const before[] = {[MINER_LINK_NONE] = "no pool",
                                         [MINER_LINK_CONNECTING] = "connecting to ",
                                         [MINER_LINK_OK] = "",
                                         [MINER_LINK_LOST] = "no answer from "};
    char text[PART_MAX / 2];
    char clean[sizeof text];
    (void)snprintf(text, sizeof text, "%s%s", before[stats->link], stats->pool);
    text_copy_printable(clean, sizeof clean, text, strlen(text));
    add(pieces, PART_POOL, stats->link == MINER_LINK_OK ? PLAIN : YELLOW, clean);
}

/* Marks the parts that fit, the worthiest first. */
static void choose(const struct pieces *pieces, bool chosen[PART_COUNT])
{
    /* The last column stays free: writing there makes some terminals wrap. */
    const size_t room = pieces->look->width > 0 ? (size_t)pieces->look->width - 1 : SIZE_MAX;
    size_t used = 0;
    for (size_t i = 0; i < PART_COUNT; i++) {
        const enum part part = by_worth[i];
        const size_t more = pieces->columns[part] + (used > 0 ? GAP : 0);
        chosen[part] = pieces->columns[part] > 0 && more <= room - used;
        used += chosen[part] ? more : 0;
    }
}

void mine_view_line(const struct miner_stats *stats, double uptime_s, const struct mine_look *look,
                    char line[MINE_LINE_MAX])
{
    struct pieces pieces = {.look = look};
    bool chosen[PART_COUNT];
    add_uptime(&pieces, uptime_s);
    add_number(&pieces, PART_RATE, "", stats->hashrate_hs, "H/s");
    add_shares(&pieces, stats);
    if (stats->difficulty > 0) {
        add_number(&pieces, PART_DIFFICULTY, "diff ", stats->difficulty, "");
    }
    add_machine(&pieces, stats);
    add_luck(&pieces, stats);
    add_pool(&pieces, stats);
    choose(&pieces, chosen);
    size_t used = 0;
    line[0] = '\0';
    for (size_t part = 0; part < PART_COUNT; part++) {
        if (chosen[part]) {
            used += (size_t)snprintf(line + used, MINE_LINE_MAX - used, "%s%s",
                                     used > 0 ? "  " : "", pieces.text[part]);
        }
    }
}

void mine_view_accepted(const struct miner_accepted *share, const struct mine_look *look,
                        char line[MINE_LINE_MAX])
{
    char reached[48];
    char asked[48];
    char latency[48] = "";
    mine_print_si(share->reached, "", reached, sizeof reached);
    mine_print_si(share->asked, "", asked, sizeof asked);
    if (share->latency_ms >= 0) {
        (void)snprintf(latency, sizeof latency, " in %.0f ms", share->latency_ms);
    }
    (void)snprintf(line, MINE_LINE_MAX, "%s%s accepted%s: %s of %s%s",
                   look->colour ? sgr(GREEN) : "", share->block ? "block" : "share",
                   look->colour ? sgr(PLAIN) : "", reached, asked, latency);
}

void mine_view_message(enum log_level level, const char *part, const char *text,
                       const struct mine_look *look, char line[MINE_LINE_MAX])
{
    static const enum colour colours[] = {[LOG_LEVEL_ERROR] = RED,
                                          [LOG_LEVEL_WARN] = YELLOW,
                                          [LOG_LEVEL_INFO] = DIM,
                                          [LOG_LEVEL_DEBUG] = DIM};
    (void)snprintf(line, MINE_LINE_MAX, "%s%s%s %s: %s", look->colour ? sgr(colours[level]) : "",
                   log_level_name(level), look->colour ? sgr(PLAIN) : "", part, text);
}
