#include "bridge/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/config/load.h"
#include "devices/registry.h"

static void print_help(FILE *out)
{
    (void)fputs(
        "usage: heatbridge check FILE\n"
        "       heatbridge check --reference | --schema | --example\n\n"
        "Checks a configuration. Every mistake goes to standard error; if there is none, the\n"
        "configuration as it will be used goes to standard output, passwords hidden.\n\n"
        "  --reference  all keys, as a Markdown page\n"
        "  --schema     all keys, as a JSON schema for editors\n"
        "  --example    a configuration to begin with\n\n"
        "Exit status: 0 good, 2 mistakes.\n",
        out);
}

static int check_file(const char *path)
{
    struct config_problems *problems = calloc(1, sizeof *problems);
    if (problems == NULL) {
        (void)fputs("heatbridge: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    struct config *config = config_load(path, heater_drivers, problems);
    config_problems_print(problems, stderr);
    if (config != NULL) {
        config_print(config, heater_drivers, stdout);
    }
    const int status = config != NULL ? EXIT_GOOD : EXIT_USAGE;
    config_free(config);
    free(problems);
    return status;
}

int check_command(int argc, char **argv)
{
    const char *word = argc == 2 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_help(stdout);
    } else if (strcmp(word, "--reference") == 0) {
        config_write_reference(heater_drivers, stdout);
    } else if (strcmp(word, "--schema") == 0) {
        config_write_schema(heater_drivers, stdout);
    } else if (strcmp(word, "--example") == 0) {
        config_write_example(heater_drivers, stdout);
    } else if (word[0] != '\0' && word[0] != '-') {
        return check_file(word);
    } else {
        print_help(stderr);
        return EXIT_USAGE;
    }
    return EXIT_GOOD;
}
