/* heatbridge discover: finds heaters on the home network and prints configuration for them. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/command.h"
#include "bridge/config/load.h"
#include "bridge/discover/range.h"
#include "bridge/discover/scan.h"
#include "bridge/discover/suggest.h"
#include "devices/registry.h"

enum { FINDINGS_MAX = RANGE_TOTAL_MAX, BAR_WIDTH = 30 };

struct discover {
    struct range ranges[RANGES_MAX];
    size_t range_count;
    const char *config_path;
    uint32_t *left_out;
    size_t left_out_count;
    bool json, bar;
    struct finding *findings;
    size_t count;
};

static void print_help(FILE *out)
{
    (void)fputs(
        "usage: heatbridge discover [NETWORK ...] [--config FILE] [--json]\n\n"
        "Finds mining heaters and prints configuration for them, to be pasted.\n\n"
        "Without a network it only asks, by multicast DNS, who is there; of heaters, AxeOS since\n"
        "2026 answers. The others are found by a scan of the private networks that you name, such\n"
        "as 192.168.1.0/24: at most 4096 addresses, 32 at a time, one connection to each. Nothing\n"
        "is written to any device, and no password is tried.\n\n"
        "  --config FILE  leaves the heaters in peace that this configuration has\n"
        "  --json         a line of JSON for each, as soon as it is found\n\n"
        "Exit status: 0 good, 1 failed, 2 bad usage.\n",
        out);
}

/* --- heaters that are configured ----------------------------------------------------------------
 */

/* The numeric address in a URL; false if it has a name. */
static bool read_host(const char *url, uint32_t *address)
{
    char host[ADDRESS_TEXT_MAX] = "";
    struct in_addr numeric;
    const char *start = strstr(url, "://");
    start = start == NULL ? url : start + 3;
    const size_t len = strcspn(start, ":/");
    if (len < sizeof host) {
        memcpy(host, start, len);
        host[len] = '\0';
    }
    if (inet_pton(AF_INET, host, &numeric) != 1) {
        return false;
    }
    *address = ntohl(numeric.s_addr);
    return true;
}

static const char *url_of(const struct config_heater *heater)
{
    const struct heater_driver *driver = heater_driver_find(heater->driver);
    const struct config_item *item = driver == NULL ? NULL : driver->options;
    for (; item != NULL && item->name != NULL; item++) {
        if (strcmp(item->name, "url") == 0 && heater->options != NULL) {
            return (const char *)heater->options + item->offset;
        }
    }
    return "";
}

static bool leave_out_configured(struct discover *discover)
{
    struct config_problems *problems = calloc(1, sizeof *problems);
    struct config *config =
        problems == NULL ? NULL : config_load(discover->config_path, heater_drivers, problems);
    if (config == NULL) {
        if (problems != NULL) {
            config_problems_print(problems, stderr);
        }
        free(problems);
        return false;
    }
    discover->left_out = calloc(config->heater_count + 1, sizeof *discover->left_out);
    for (size_t i = 0; discover->left_out != NULL && i < config->heater_count; i++) {
        discover->left_out_count +=
            read_host(url_of(&config->heaters[i]), &discover->left_out[discover->left_out_count]);
    }
    config_free(config);
    free(problems);
    return discover->left_out != NULL;
}

/* --- while it runs ------------------------------------------------------------------------------
 */

static void on_found(void *ctx, const struct finding *finding)
{
    struct discover *discover = ctx;
    if (discover->count < FINDINGS_MAX) {
        discover->findings[discover->count++] = *finding;
    }
    if (discover->json) {
        suggest_json(finding, stdout);
    }
}

static void on_progress(void *ctx, size_t visited, size_t total)
{
    const struct discover *discover = ctx;
    char bar[BAR_WIDTH + 1];
    if (!discover->bar) {
        return;
    }
    const size_t full = total == 0 ? BAR_WIDTH : visited * BAR_WIDTH / total;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', full);
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "\r[%s] %zu of %zu addresses, %zu found", bar, visited, total,
                  discover->count);
}

static int compare(const void *left, const void *right)
{
    const uint32_t a = ((const struct finding *)left)->address;
    const uint32_t b = ((const struct finding *)right)->address;
    return (a > b) - (a < b);
}

static int search(struct discover *discover)
{
    const struct scan_options options = {
        .ranges = discover->ranges,
        .range_count = discover->range_count,
        .left_out = discover->left_out,
        .left_out_count = discover->left_out_count,
        .found = on_found,
        .progress = on_progress,
        .ctx = discover,
    };
    struct hb_err err = {0};
    const bool good = scan_run(&options, &err);
    if (discover->bar) {
        (void)fputs("\r\033[K", stderr);
    }
    if (!good) {
        (void)fprintf(stderr, "heatbridge discover: %s\n", err.msg);
        return EXIT_FAILED;
    }
    qsort(discover->findings, discover->count, sizeof *discover->findings, compare);
    if (!discover->json) {
        suggest_yaml(discover->findings, discover->count, stdout);
    }
    if (discover->count == 0) {
        (void)fprintf(stderr, "heatbridge discover: no heater found%s\n",
                      discover->range_count == 0
                          ? "; most are only found by a scan: name your network, such as "
                            "192.168.1.0/24"
                          : "");
    }
    return ferror(stdout) || fflush(stdout) != 0 ? EXIT_FAILED : EXIT_GOOD;
}

/* --- the command line ---------------------------------------------------------------------------
 */

static bool read_ranges(struct discover *discover, char **words, int count)
{
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        struct hb_err err;
        if (discover->range_count == RANGES_MAX) {
            (void)fprintf(stderr, "heatbridge discover: at most %d networks\n", RANGES_MAX);
            return false;
        }
        struct range *range = &discover->ranges[discover->range_count++];
        if (!range_parse(words[i], range, &err)) {
            (void)fprintf(stderr, "heatbridge discover: %s\n", err.msg);
            return false;
        }
        total += range_count(range);
    }
    if (total > RANGE_TOTAL_MAX) {
        (void)fprintf(stderr,
                      "heatbridge discover: at most %d addresses (a /20) are scanned, and these "
                      "networks together have %zu\n",
                      RANGE_TOTAL_MAX, total);
        return false;
    }
    return true;
}

static int discover_with(struct discover *discover)
{
    if (discover->config_path != NULL && !leave_out_configured(discover)) {
        return EXIT_USAGE;
    }
    discover->bar = isatty(STDERR_FILENO) == 1;
    discover->findings = calloc(FINDINGS_MAX, sizeof *discover->findings);
    if (discover->findings == NULL) {
        (void)fputs("heatbridge: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    return search(discover);
}

int discover_command(int argc, char **argv)
{
    enum { OPTION_JSON = 256, OPTION_CONFIG };
    static const struct option options[] = {
        {"json", no_argument, NULL, OPTION_JSON},
        {"config", required_argument, NULL, OPTION_CONFIG},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct discover discover = {0};
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case OPTION_JSON:
            discover.json = true;
            break;
        case OPTION_CONFIG:
            discover.config_path = optarg;
            break;
        case 'h':
            print_help(stdout);
            return EXIT_GOOD;
        default:
            print_help(stderr);
            return EXIT_USAGE;
        }
    }
    if (!read_ranges(&discover, argv + optind, argc - optind)) {
        return EXIT_USAGE;
    }
    const int status = discover_with(&discover);
    free(discover.left_out);
    free(discover.findings);
    return status;
}
