/* Any text as a configuration: refused with words, or taken, and then what is printed loads again
 * and prints the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/config/load.h"
#include "devices/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config_problems problems;

static struct config *load(const char *text, size_t len)
{
    struct config *config = config_load_text(text, len, "fuzz", NULL, heater_drivers, &problems);
    if ((config == NULL) != (problems.errors > 0)) {
        abort();
    }
    return config;
}

static char *print(const struct config *config, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    config_print(config, heater_drivers, out);
    (void)fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = load((const char *)data, size);
    if (config == NULL) {
        return 0;
    }
    size_t len = 0;
    char *printed = print(config, &len);
    struct config *again = load(printed, len);
    if (again == NULL) {
        config_problems_print(&problems, stderr);
        abort();
    }
    char *reprinted = print(again, &len);
    if (strcmp(printed, reprinted) != 0) {
        abort();
    }
    free(printed);
    free(reprinted);
    config_free(again);
    config_free(config);
    return 0;
}
