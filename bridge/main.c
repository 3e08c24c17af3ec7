/* heatbridge: the table of its commands. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bridge/command.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"run", run_command, "the daemon: heats rooms, talks to Home Assistant over MQTT"},
    {"demo", demo_command, "the whole thing on this machine, with a simulated room"},
    {"check", check_command, "checks a configuration and prints what it means"},
    {"discover", discover_command, "finds heaters and prints configuration for them"},
    {"mine", mine_command, "the mining engine alone, as a plain miner"},
    {"simulate", simulate_command, "what a winter would have cost, in virtual time"},
    {"cosim", cosim_command, "the controller for somebody else's simulated house"},
    {"bench", bench_command, "measures, one JSON line per figure"},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out)
{
    (void)fputs("usage: heatbridge COMMAND [OPTION ...]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        (void)fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
    }
    (void)fputs("\nheatbridge COMMAND --help tells more; heatbridge --version tells the version\n",
                out);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* before any library is initialised */
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "--version") == 0) {
        (void)puts("heatbridge " HB_VERSION);
        return EXIT_GOOD;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return EXIT_GOOD;
    }
    if (*name != '\0') {
        (void)fprintf(stderr, "heatbridge: no command '%s'\n", name);
    }
    print_help(stderr);
    return EXIT_USAGE;
}
