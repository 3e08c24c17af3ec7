/* Reads the configuration: YAML (or JSON) text to a checked struct config, with every mistake named
 * at once; and prints what the table of keys knows (effective configuration, reference, schema,
 * example).
 *
 * No global state: each call stands alone, so that SIGHUP reads the file again beside the old one.
 * `drivers` is a list ended by NULL, normally `heater_drivers` of devices/registry.h; config knows
 * no driver itself. It is borrowed for the call and must be the same list when a config is printed.
 */
#ifndef HB_BRIDGE_CONFIG_LOAD_H
#define HB_BRIDGE_CONFIG_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bridge/config.h"
#include "ground/attr.h"

struct heater_driver;

enum {
    CONFIG_FILE_MAX = 1024 * 1024, /* bytes of a configuration file                             */
    CONFIG_PROBLEMS_MAX = 50,      /* problems told at once; more are only counted               */
    CONFIG_ROOMS_MAX = 4000,
    CONFIG_HEATERS_MAX = 4000,
    CONFIG_CIRCUITS_MAX = 1000,
};

/* One mistake (or, if `warning`, a doubt) in its final form:
 * "file:line:column: path.to.key: expected ..., got '...' (did you mean '...'?)". */
struct config_problem {
    bool warning;
    int line, column; /* from 1; 0: the file as a whole */
    char text[512];
};

/* Filled by config_load, in the order of the file. Need not be initialised by the caller. */
struct config_problems {
    size_t count;            /* of `item` */
    size_t errors, warnings; /* found; may be more than were kept */
    struct config_problem item[CONFIG_PROBLEMS_MAX];
};

/* Reads and checks the file at `path`. NULL if there was any error; then `problems` holds at least
 * one. Warnings may be there either way. Secrets are looked up in `secrets.yaml` beside the file,
 * in files named by `..._file` keys, in $CREDENTIALS_DIRECTORY and in the environment (see
 * docs/configuration.md). Owned by the caller; free with config_free. Blocks for file access. */
HB_MUST_USE struct config *config_load(const char *path, const struct heater_driver *const *drivers,
                                       struct config_problems *problems);

/* The same from `len` bytes of text; `name` stands for the file in messages. `folder` is where
 * secrets.yaml and relative paths are looked for; NULL: nothing outside the text is read, not even
 * the environment. */
HB_MUST_USE struct config *config_load_text(const char *text, size_t len, const char *name,
                                            const char *folder,
                                            const struct heater_driver *const *drivers,
                                            struct config_problems *problems);

/* NULL is allowed. Wipes the secrets first. */
void config_free(struct config *config);

/* One line per problem, and how many more there were. */
void config_problems_print(const struct config_problems *problems, FILE *out);

/* The effective configuration as YAML that loads again, defaults filled in; secrets as "***". */
void config_print(const struct config *config, const struct heater_driver *const *drivers,
                  FILE *out);

/* docs/configuration.md: every key with type, range, default and help. */
void config_write_reference(const struct heater_driver *const *drivers, FILE *out);
/* docs/heatbridge.schema.json: JSON schema (draft 7) for editors. */
void config_write_schema(const struct heater_driver *const *drivers, FILE *out);
/* docs/heatbridge.example.yaml: a home with one room and the mining engine; all other keys stand
 * there with their defaults, commented out. */
void config_write_example(const struct heater_driver *const *drivers, FILE *out);

#endif
