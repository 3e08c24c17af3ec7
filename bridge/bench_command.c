/* heatbridge bench: measurements, one line of JSON per figure. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bridge/bench_core.h"
#include "bridge/bench_devices.h"
#include "bridge/bench_fleet.h"
#include "bridge/bench_neighbour.h"
#include "bridge/bench_pacing.h"
#include "bridge/bench_sha256d.h"
#include "bridge/command.h"
#include "ground/text.h"

enum { DEVICES_DEFAULT = 2000 };

static struct bench_devices_options devices_options = {.count = DEVICES_DEFAULT};

static int run_devices(double seconds)
{
    devices_options.seconds = seconds;
    return bench_devices(&devices_options);
}

static const struct {
    const char *name;
    int (*run)(double seconds);
    const char *summary;
} benches[] = {
    {"sha256d", bench_sha256d, "every hashing kernel beside OpenSSL's double hash"},
    {"core", bench_core, "one step of the controller at 1 and at 1,000 rooms"},
    {"pacing", bench_pacing, "hashing asked for and delivered, 0.5 % to 100 % of full"},
    {"neighbour", bench_neighbour, "what another program feels of the hashing"},
    {"devices", run_devices, "emulated devices on the network, each polled every 5 s"},
};

enum { BENCH_COUNT = sizeof benches / sizeof benches[0] };

static void print_help(FILE *out)
{
    (void)fputs("usage: heatbridge bench [NAME ...] [--seconds N] [--count N] [--hold] [--json]\n\n"
                "Prints one line of JSON per figure; without a name, all of them.\n"
                "--seconds: how long a measurement takes, of pacing each line; default: 5.\n"
                "--count: how many devices; default: 2000. --hold: they stay until standard input\n"
                "ends, for other programs to poll them too.\n\n",
                out);
    for (size_t i = 0; i < BENCH_COUNT; i++) {
        (void)fprintf(out, "  %-9s %s\n", benches[i].name, benches[i].summary);
    }
}

static bool known(const char *name)
{
    for (size_t i = 0; i < BENCH_COUNT; i++) {
        if (strcmp(name, benches[i].name) == 0) {
            return true;
        }
    }
    (void)fprintf(stderr, "heatbridge bench: no measurement '%s'\n", name);
    return false;
}

static bool wanted(const char *name, char **names, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return count == 0;
}

static bool read_count(const char *text, int *count)
{
    double number;
    if (!text_to_number(text, strlen(text), &number) || !(number >= 1 && number <= FLEET_MAX) ||
        number != (double)(int)number) {
        return false;
    }
    *count = (int)number;
    return true;
}

int bench_command(int argc, char **argv)
{
    enum { OPTION_SECONDS = 256, OPTION_COUNT, OPTION_HOLD, OPTION_JSON };
    static const struct option options[] = {
        {"seconds", required_argument, NULL, OPTION_SECONDS},
        {"count", required_argument, NULL, OPTION_COUNT},
        {"hold", no_argument, NULL, OPTION_HOLD},
        {"json", no_argument, NULL, OPTION_JSON}, /* the only form there is */
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    double seconds = 5;
    bool good = true;
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case OPTION_SECONDS:
            good = good && text_to_number(optarg, strlen(optarg), &seconds) && seconds > 0 &&
                   seconds <= 3600;
            break;
        case OPTION_COUNT:
            good = good && read_count(optarg, &devices_options.count);
            break;
        case OPTION_HOLD:
            devices_options.hold = true;
            break;
        case OPTION_JSON:
            break;
        case 'h':
            print_help(stdout);
            return EXIT_GOOD;
        default:
            good = false;
        }
    }
    for (int i = optind; i < argc; i++) {
        good = good && known(argv[i]);
    }
    if (!good) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    int status = EXIT_GOOD;
    for (size_t i = 0; i < BENCH_COUNT; i++) {
        if (wanted(benches[i].name, argv + optind, argc - optind) &&
            benches[i].run(seconds) != EXIT_GOOD) {
            status = EXIT_FAILED;
        }
    }
    return status;
}
