/* heatbridge simulate: the whole core on simulated rooms over months of real prices and weather. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/command.h"
#include "bridge/house/room.h"
#include "bridge/series.h"
#include "bridge/virtual_house.h"
#include "plumbing/json.h"

static const int64_t tick_ms = 10000, sample_ms = 60000;

struct options {
    const char *config_path, *prices_path, *outdoor_path, *from, *to;
    bool json;
};

/* A simulated room and what was measured of it. */
struct place {
    struct house_room room;
    double power_w;
    double energy_kwh, cost, too_cold_kh, square_k2h, regulated_h;
};

struct simulation {
    struct virtual_house house;
    struct series prices, outdoor;
    double price_per_unit; /* of the currency per kWh, for one unit of the file */
    char currency[8];
    hb_wall from, to;
    struct place *places;
};

static void print_help(FILE *out)
{
    (void)fputs(
        "usage: heatbridge simulate --config FILE --prices CSV --outdoor CSV\n"
        "                           [--from TIME] [--to TIME] [--json]\n\n"
        "What the configured rooms would have used and cost: the whole controller in virtual\n"
        "time on simulated rooms. A room's heat loss is taken from `heat_loss`, else 25.7 W/K.\n\n"
        "  --prices CSV   timestamp_utc,value,unit; e.g. 2022-10-01T00:00:00Z,50,EUR/MWh\n"
        "  --outdoor CSV  the same with °C\n"
        "  --from, --to   2022-12-01 or 2022-12-01T06:00Z, UTC; else all that both files hold\n"
        "  --json         one line of JSON per room\n\n"
        "The cost is that of the prices in the file: no fees, no tax, no mining revenue.\n",
        out);
}

/* --- preparing ------------------------------------------------------------------------------ */

/* "EUR/MWh", "SEK/kWh", "GBp/kWh_incVAT": currency, and what one unit is per kWh. */
static bool parse_unit(struct simulation *sim, struct hb_err *err)
{
    const char *unit = sim->prices.unit;
    const size_t len = strcspn(unit, "/");
    const char *energy = unit[len] == '/' ? unit + len + 1 : "";
    const bool mega = strncmp(energy, "MWh", 3) == 0;
    if (len == 0 || len >= sizeof(sim->currency) || !(mega || strncmp(energy, "kWh", 3) == 0)) {
        return hb_fail(err, HB_ERR_INPUT,
                       "prices: expected a unit like EUR/MWh or SEK/kWh, got '%s'", unit);
    }
    memcpy(sim->currency, unit, len);
    sim->price_per_unit = mega ? 0.001 : 1;
    if (strcmp(sim->currency, "GBp") == 0) {
        (void)memcpy(sim->currency, "GBP", 4);
        sim->price_per_unit /= 100;
    }
    return true;
}

static bool parse_bound(const char *text, const char *name, hb_wall *bound, struct hb_err *err)
{
    return text == NULL || series_parse_time(text, strlen(text), bound) ||
           hb_fail(err, HB_ERR_USAGE, "--%s: expected a time like 2022-12-01, got '%s'", name,
                   text);
}

static bool choose_span(struct simulation *sim, const struct options *options, struct hb_err *err)
{
    const hb_wall price_from = sim->prices.point[0].start;
    const hb_wall outdoor_from = sim->outdoor.point[0].start;
    const hb_wall price_to = series_end(&sim->prices);
    const hb_wall outdoor_to = series_end(&sim->outdoor);
    const hb_wall first = price_from.ms > outdoor_from.ms ? price_from : outdoor_from;
    const hb_wall last = price_to.ms < outdoor_to.ms ? price_to : outdoor_to;
    sim->from = first;
    sim->to = last;
    if (!parse_bound(options->from, "from", &sim->from, err) ||
        !parse_bound(options->to, "to", &sim->to, err)) {
        return false;
    }
    if (sim->from.ms < first.ms || sim->to.ms > last.ms || sim->from.ms >= sim->to.ms) {
        return hb_fail(err, HB_ERR_USAGE,
                       "expected a span of time that both the prices and the weather cover");
    }
    return true;
}

/* A living room, larger or smaller so that it loses as much as the configured one. */
static void furnish(struct place *place, const struct config_room *config)
{
    struct house_room_parameters is = house_living_room();
    if (config->heat_loss_w_per_k > 0) {
        const double scale = config->heat_loss_w_per_k / house_room_loss_w_per_k(&is);
        is.air_j_per_k *= scale;
        is.mass_j_per_k *= scale;
        is.air_to_mass_w_per_k *= scale;
        is.air_to_outdoor_w_per_k *= scale;
        is.mass_to_outdoor_w_per_k *= scale;
    }
    house_room_init(&place->room, &is, config->initial_target_c);
}

static bool prepare(struct simulation *sim, const struct options *options, struct hb_err *err)
{
    const struct config *config = sim->house.config;
    if (!series_load(&sim->prices, options->prices_path, err) ||
        !series_load(&sim->outdoor, options->outdoor_path, err) || !parse_unit(sim, err) ||
        !choose_span(sim, options, err)) {
        return false;
    }
    sim->places = calloc(config->room_count + 1, sizeof(*sim->places));
    if (sim->places == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < config->room_count; i++) {
        furnish(&sim->places[i], &config->rooms[i]);
    }
    return true;
}

/* --- running -------------------------------------------------------------------------------- */

static void sum_power(struct simulation *sim)
{
    const struct config *config = sim->house.config;
    for (size_t i = 0; i < config->room_count; i++) {
        sim->places[i].power_w = 0;
    }
    for (size_t i = 0; i < config->heater_count; i++) {
        if (config->heaters[i].room != INDEX_NONE) {
            sim->places[config->heaters[i].room].power_w += sim->house.command[i].power_w;
        }
    }
}

static void measure(struct simulation *sim, size_t index, double price)
{
    const double step_h = (double)tick_ms / 3.6e6;
    struct place *place = &sim->places[index];
    struct room_view view;
    const double energy_kwh = place->power_w * step_h / 1000;
    place->energy_kwh += energy_kwh;
    place->cost += energy_kwh * price * sim->price_per_unit;
    core_room_view(sim->house.core, (uint16_t)index, &view);
    if (view.mode != ROOM_OFF) {
        const double error_k = place->room.air_c - view.target_c;
        place->too_cold_kh += fmax(view.target_low_c - place->room.air_c, 0) * step_h;
        place->square_k2h += error_k * error_k * step_h;
        place->regulated_h += step_h;
    }
}

static void report(struct simulation *sim, double outdoor_c)
{
    const struct config *config = sim->house.config;
    struct event outdoor = {.kind = EVENT_OUTDOOR, .number = outdoor_c};
    virtual_house_send(&sim->house, &outdoor);
    for (size_t i = 0; i < config->heater_count; i++) {
        virtual_house_heater(&sim->house, (uint16_t)i, sim->house.command[i].power_w,
                             PROVENANCE_MODELLED);
    }
    for (size_t i = 0; i < config->room_count; i++) {
        struct event sample = {.kind = EVENT_ROOM_TEMPERATURE,
                               .index = (uint16_t)i,
                               .number = house_room_sensor_c(&sim->places[i].room)};
        virtual_house_send(&sim->house, &sample);
    }
}

static void run(struct simulation *sim)
{
    const size_t rooms = sim->house.config->room_count;
    virtual_house_set_time(&sim->house, sim->from);
    for (hb_wall wall = sim->from; wall.ms < sim->to.ms; wall.ms += tick_ms) {
        double price = 0;
        double outdoor_c = 0;
        if (!series_step(&sim->prices, wall, &price) ||
            !series_line(&sim->outdoor, wall, &outdoor_c)) {
            return; /* choose_span has made sure that both cover the span */
        }
        virtual_house_set_time(&sim->house, wall);
        if ((wall.ms - sim->from.ms) % sample_ms == 0) {
            report(sim, outdoor_c);
        }
        virtual_house_tick(&sim->house);
        sum_power(sim);
        for (size_t i = 0; i < rooms; i++) {
            house_room_step(&sim->places[i].room, sim->places[i].power_w, outdoor_c,
                            (double)tick_ms / 1000);
            measure(sim, i, price);
        }
    }
}

/* --- telling -------------------------------------------------------------------------------- */

static uint64_t starts_of(const struct simulation *sim, size_t room)
{
    const struct config *config = sim->house.config;
    uint64_t starts = 0;
    for (size_t i = 0; i < config->heater_count; i++) {
        starts += config->heaters[i].room == room ? sim->house.starts[i] : 0;
    }
    return starts;
}

static void tell_room(const struct simulation *sim, size_t index, bool json)
{
    const struct place *place = &sim->places[index];
    const char *id = sim->house.config->rooms[index].id;
    const double rmse_k = sqrt(place->square_k2h / place->regulated_h);
    if (!json) {
        (void)printf("%-20s %9.1f kWh %10.2f %s %9.2f K·h too cold %6.2f K RMSE %6llu starts\n", id,
                     place->energy_kwh, place->cost, sim->currency, place->too_cold_kh, rmse_k,
                     (unsigned long long)starts_of(sim, index));
        return;
    }
    struct json *line = json_new_object();
    json_add_string(line, "room", id);
    json_add_number(line, "energy_kwh", place->energy_kwh, 3);
    json_add_number(line, "cost", place->cost, 4);
    json_add_string(line, "currency", sim->currency);
    json_add_number(line, "too_cold_kh", place->too_cold_kh, 3);
    json_add_number(line, "rmse_k", rmse_k, 4);
    json_add_number(line, "starts", (double)starts_of(sim, index), 0);
    json_add_number(line, "from", (double)sim->from.ms / 1000, 0);
    json_add_number(line, "to", (double)sim->to.ms / 1000, 0);
    char *text = json_print(line);
    (void)puts(text);
    free(text);
    json_free(line);
}

static int simulate(const struct options *options)
{
    struct simulation sim = {0};
    struct hb_err err = {0};
    int status = virtual_house_init(&sim.house, options->config_path);
    if (status == EXIT_GOOD && !prepare(&sim, options, &err)) {
        (void)fprintf(stderr, "heatbridge simulate: %s\n", err.msg);
        status = err.code == HB_ERR_SYSTEM ? EXIT_FAILED : EXIT_USAGE;
    }
    if (status == EXIT_GOOD) {
        run(&sim);
        for (size_t i = 0; i < sim.house.config->room_count; i++) {
            tell_room(&sim, i, options->json);
        }
    }
    free(sim.places);
    series_free(&sim.prices);
    series_free(&sim.outdoor);
    virtual_house_fini(&sim.house);
    return status;
}

int simulate_command(int argc, char **argv)
{
    enum { PRICES = 256, OUTDOOR, FROM, TO, JSON };
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"prices", required_argument, NULL, PRICES},
                                          {"outdoor", required_argument, NULL, OUTDOOR},
                                          {"from", required_argument, NULL, FROM},
                                          {"to", required_argument, NULL, TO},
                                          {"json", no_argument, NULL, JSON},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {0};
    bool good = true;
    int option;
    while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        const char **const texts[] = {&options.prices_path, &options.outdoor_path, &options.from,
                                      &options.to};
        if (option == 'h') {
            print_help(stdout);
            return EXIT_GOOD;
        }
        if (option == 'c') {
            options.config_path = optarg;
        } else if (option >= PRICES && option <= TO) {
            *texts[option - PRICES] = optarg;
        } else {
            options.json = options.json || option == JSON;
            good = good && option == JSON;
        }
    }
    if (!good || options.config_path == NULL || options.prices_path == NULL ||
        options.outdoor_path == NULL || optind < argc) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    return simulate(&options);
}
