/* heatbridge bench: measurements, one line of JSON per figure. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bridge/bench_core.h"
#include "bridge/bench_neighbour.h"
#include "bridge/bench_pacing.h"
#include "bridge/bench_sha256d.h"
#include "bridge/command.h"
#include "ground/text.h"

static const struct {
    const char *name;
    int (*run)(double seconds);
    const char *summary;
} benches[] = {
    {"sha256d", bench_sha256d, "every hashing kernel beside OpenSSL's double hash"},
    {"core", bench_core, "one step of the controller at 1 and at 1,000 rooms"},
    {"pacing", bench_pacing, "hashing asked for and delivered, 0.5 % to 100 % of full"},
    {"neighbour", bench_neighbour, "what another program feels of the hashing"},
};

enum { BENCH_COUNT = sizeof benches / sizeof benches[0] };

static void print_help(FILE *out)
{
    (void)fputs("usage: heatbridge bench [NAME ...] [--seconds N] [--json]\n\n"
                "Prints one line of JSON per figure; without a name, all of them.\n"
                "--seconds: how long a measurement takes, of pacing each line; default: 5.\n\n",
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

int bench_command(int argc, char **argv)
{
    enum { OPTION_SECONDS = 256, OPTION_JSON };
    static const struct option options[] = {
        {"seconds", required_argument, NULL, OPTION_SECONDS},
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
            good =
                text_to_number(optarg, strlen(optarg), &seconds) && seconds > 0 && seconds <= 3600;
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
