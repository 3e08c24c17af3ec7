#include "devices/axeos_points.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"

#define LEARN_RATE 0.2
/* Points nearer than this share of the largest power are left out: not worth a write. */
#define LEAST_STEP 0.04

/* --- data
 * ---------------------------------------------------------------------------------------*/

/* ESP-Miner device_config.h. The watts at the default point are an estimate from published
 * efficiencies, good enough until the device reports. */
struct chip {
    const char *name;
    double mhz, mv, watts;
    double mhz_options[10], mv_options[10];
};

static const struct chip chips[] = {
    {"BM1397",
     425,
     1400,
     10.5,
     {400, 425, 450, 475, 485, 500, 525, 550, 575, 600},
     {1100, 1150, 1200, 1250, 1300, 1350, 1400, 1450, 1500}},
    {"BM1366",
     485,
     1200,
     9,
     {400, 425, 450, 475, 485, 500, 525, 550, 575},
     {1100, 1150, 1200, 1250, 1300}},
    {"BM1368",
     490,
     1166,
     10,
     {400, 425, 450, 475, 485, 490, 500, 525, 550, 575},
     {1100, 1150, 1166, 1200, 1250, 1300}},
    {"BM1370", 525, 1150, 13, {400, 490, 525, 550, 600, 625}, {1000, 1060, 1100, 1150, 1200, 1250}},
    {"BM1373", 327, 1000, 18, {327, 350, 375, 380, 400, 410}, {1000, 1060, 1100, 1150, 1200, 1250}},
};

/* What a board draws, or adds to its report as its own constant, beside its chips (ESP-Miner:
 * power_offset). Boards with an INA260 measure their input and add nothing. First match counts. */
static const struct {
    const char *board; /* prefix of boardVersion; "": any      */
    double asic_count; /* 0: any                               */
    double base_w;
} boards[] = {
    {"2.2", 0, 2.5}, {"102", 0, 2.5}, {"0.11", 0, 2.5}, {"207", 0, 5},
    {"20", 0, 2.5},  {"400", 0, 2.5}, {"401", 0, 2.5},  {"30", 0, 12},
    {"70", 0, 25},   {"80", 0, 10},   {"", 6, 12},      {"", 0, 5},
};

static const struct chip *find_chip(const char *name)
{
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        if (strncmp(name, chips[i].name, strlen(chips[i].name)) == 0) {
            return &chips[i];
        }
    }
    return NULL;
}

static double base_w(const struct axeos_info *info)
{
    size_t i = 0;
    while (strncmp(info->board, boards[i].board, strlen(boards[i].board)) != 0 ||
           (boards[i].asic_count > 0 && boards[i].asic_count != info->asic_count)) {
        i++;
    }
    return boards[i].base_w;
}

bool axeos_chip_settings(const char *name, struct axeos_asic *asic)
{
    const struct chip *chip = find_chip(name);
    *asic = (struct axeos_asic){.eco_mhz = NAN, .eco_mv = NAN, .asic_count = NAN};
    if (chip == NULL) {
        return false;
    }
    asic->default_mhz = chip->mhz;
    asic->default_mv = chip->mv;
    for (size_t i = 0; i < 10 && chip->mhz_options[i] > 0; i++) {
        asic->mhz[asic->mhz_count++] = chip->mhz_options[i];
    }
    for (size_t i = 0; i < 10 && chip->mv_options[i] > 0; i++) {
        asic->mv[asic->mv_count++] = chip->mv_options[i];
    }
    return true;
}

/* --- making
 * -------------------------------------------------------------------------------------*/

/* Between a pair that the device names as economical and its default, the line through both.
 * Without such a pair half of what proportion would allow is taken off: silicon needs a threshold,
 * and stability is worth more than the last watt [inferred, not the vendor's rule]. */
static double needed_mv(const struct axeos_asic *asic, double mhz)
{
    const double off = 1 - mhz / asic->default_mhz;
    const bool line = asic->eco_mhz > 0 && asic->eco_mv > 0 && asic->eco_mhz < asic->default_mhz &&
                      asic->eco_mv <= asic->default_mv && mhz <= asic->default_mhz;
    if (!line) {
        return asic->default_mv * (1 - 0.5 * off);
    }
    const double slope = (asic->default_mv - asic->eco_mv) / (asic->default_mhz - asic->eco_mhz);
    return fmax(asic->eco_mv, asic->eco_mv + slope * (mhz - asic->eco_mhz));
}

/* Firmware that cannot pause is switched by its frequency alone: one write instead of two. Else
 * rounded up to an option; at and below the default frequency never above the default voltage. */
static double voltage_for(const struct axeos_asic *asic, double mhz, enum axeos_kind kind)
{
    const double least = kind == AXEOS_PLAIN ? asic->default_mv : 0;
    const double needed = fmax(needed_mv(asic, mhz), least);
    const double most = mhz <= asic->default_mhz ? asic->default_mv : asic->mv[asic->mv_count - 1];
    for (size_t i = 0; i < asic->mv_count; i++) {
        if (asic->mv[i] >= needed - 0.5) {
            return fmin(asic->mv[i], most);
        }
    }
    return most;
}

static double square_volts(double mv)
{
    return mv * mv * 1e-6;
}

double axeos_model_w(const struct axeos_points *points, double mhz, double mv)
{
    return points->base_w + points->unit_w * mhz * square_volts(mv);
}

static double default_w(const struct axeos_asic *asic, const struct axeos_info *info)
{
    const struct chip *chip = find_chip(info->asic);
    const double count = isfinite(info->asic_count)   ? info->asic_count
                         : isfinite(asic->asic_count) ? asic->asic_count
                                                      : 1;
    if (chip != NULL) {
        return count * chip->watts * asic->default_mhz * square_volts(asic->default_mv) /
               (chip->mhz * square_volts(chip->mv));
    }
    return isfinite(info->max_power_w) ? 0.6 * info->max_power_w : 12;
}

static void add(struct axeos_points *points, const struct axeos_point *point)
{
    if (points->count == HEATER_TIERS) {
        points->count--; /* the last one is the largest, and worth more than its neighbour */
    }
    points->at[points->count++] = *point;
}

void axeos_points_make(struct axeos_points *points, const struct axeos_asic *asic,
                       const struct axeos_info *info)
{
    const double most_mhz =
        info->overclock == 1 ? asic->mhz[asic->mhz_count - 1] : asic->default_mhz;
    const double most_w = isfinite(info->max_power_w) ? info->max_power_w : INFINITY;
    *points = (struct axeos_points){.base_w = base_w(info)};
    points->unit_w = default_w(asic, info) / (asic->default_mhz * square_volts(asic->default_mv));
    const double full_w = axeos_model_w(points, asic->default_mhz, asic->default_mv);
    for (size_t i = 0; i < asic->mhz_count; i++) {
        struct axeos_point point = {.mhz = asic->mhz[i],
                                    .mv = voltage_for(asic, asic->mhz[i], info->kind)};
        const bool last = i + 1 == asic->mhz_count || asic->mhz[i + 1] > most_mhz;
        point.watts = axeos_model_w(points, point.mhz, point.mv);
        if (points->count > 0 && (point.mhz > most_mhz || point.watts > most_w)) {
            break;
        }
        const double step_w =
            points->count > 0 ? point.watts - points->at[points->count - 1].watts : INFINITY;
        if (step_w < LEAST_STEP * full_w && last && points->count > 1) {
            points->count--;
        }
        if (step_w >= LEAST_STEP * full_w || last) {
            add(points, &point);
        }
    }
}

/* --- using
 * --------------------------------------------------------------------------------------*/

int axeos_point_of(const struct axeos_points *points, double mhz)
{
    for (size_t i = 0; i < points->count; i++) {
        if (fabs(points->at[i].mhz - mhz) < 1) {
            return (int)i;
        }
    }
    return -1;
}

size_t axeos_tier_for(const struct heater_caps *caps, double power_w)
{
    size_t best = 0;
    for (size_t i = 1; i < caps->tier_count; i++) {
        if (fabs(caps->tier_w[i] - power_w) < fabs(caps->tier_w[best] - power_w)) {
            best = i;
        }
    }
    return best;
}

/* The others keep their relation to the model until they are learnt too. */
static void rescale(struct axeos_points *points, const struct axeos_point *learnt)
{
    const double unit_w =
        (learnt->watts - points->base_w) / (learnt->mhz * square_volts(learnt->mv));
    if (!(unit_w > 0)) {
        return;
    }
    points->unit_w = unit_w;
    for (size_t i = 0; i < points->count; i++) {
        struct axeos_point *point = &points->at[i];
        if (!point->learnt) {
            point->watts = axeos_model_w(points, point->mhz, point->mv);
        }
    }
}

void axeos_points_learn(struct axeos_points *points, size_t index, double power_w)
{
    struct axeos_point *point = &points->at[index];
    /* A chip that lost its pool or its power draws little and teaches nothing. */
    if (!(power_w > 0.5 * point->watts && power_w < 2 * point->watts)) {
        return;
    }
    point->watts += (point->learnt ? LEARN_RATE : 1) * (power_w - point->watts);
    point->learnt = true;
    rescale(points, point);
}

size_t axeos_points_learnt(const struct axeos_points *points)
{
    size_t count = 0;
    for (size_t i = 0; i < points->count; i++) {
        count += points->at[i].learnt;
    }
    return count;
}

void axeos_points_keep(const struct axeos_points *points, const char *mac, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s", mac);
    for (size_t i = 0; i < points->count && used < size; i++) {
        if (points->at[i].learnt) {
            used += (size_t)snprintf(text + used, size - used, " %.0f:%.1f", points->at[i].mhz,
                                     points->at[i].watts);
        }
    }
}

void axeos_points_recall(struct axeos_points *points, const char *mac, const char *text)
{
    const size_t mac_len = strlen(mac);
    if (mac_len == 0 || strncmp(text, mac, mac_len) != 0) {
        return;
    }
    for (const char *word = strchr(text + mac_len, ' '); word != NULL;
         word = strchr(word + 1, ' ')) {
        const size_t mhz_len = strcspn(word, ":");
        const size_t watts_len = word[mhz_len] == ':' ? strcspn(word + mhz_len + 1, " ") : 0;
        double mhz = NAN, watts = NAN;
        if (!text_to_number(word, mhz_len, &mhz) ||
            !text_to_number(word + mhz_len + 1, watts_len, &watts)) {
            continue;
        }
        const int index = axeos_point_of(points, mhz);
        if (index >= 0) {
            axeos_points_learn(points, (size_t)index, watts);
        }
    }
}

void axeos_points_tiers(const struct axeos_points *points, size_t most, struct heater_caps *caps)
{
    double before_w = 0;
    caps->tier_count = 0;
    for (size_t i = 0; i < points->count && i <= most; i++) {
        /* Two learnt powers may have come out in the wrong order. */
        const double watts = fmax(round(points->at[i].watts * 10) / 10, before_w + 0.1);
        caps->tier_w[caps->tier_count++] = watts;
        before_w = watts;
    }
    if (caps->tier_count > 0) {
        caps->min_w = caps->tier_w[0];
        caps->max_w = before_w;
        caps->step_w = 0;
    }
}
