/* Where secrets come from besides the configuration itself: secrets.yaml, files, credentials, the
 * environment. */
#ifndef HB_BRIDGE_CONFIG_SECRETS_H
#define HB_BRIDGE_CONFIG_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config/problem.h"
#include "bridge/config/tree.h"

/* Begin with {.folder = ...}; end with secrets_free. */
struct secrets {
    const char *folder; /* of the configuration; NULL: nothing outside its text is read */
    char path[512];     /* of secrets.yaml, once it was looked for */
    bool looked;
    struct tree *tree; /* its content; NULL if it cannot be used */
};

void secrets_free(struct secrets *secrets);

/* The secret that `!secret name` stands for; borrowed until secrets_free. NULL with an error at
 * `spot`. */
const char *secrets_find(struct secrets *secrets, const char *name, struct spot spot,
                         const struct place *place, struct config_problems *problems);

/* Reads the first line of a file into `buf`. A relative path starts at the folder of the
 * configuration. */
bool secrets_read_file(const struct secrets *secrets, const char *path, char *buf, size_t size,
                       struct spot spot, const struct place *place,
                       struct config_problems *problems);

/* A secret that is not in the configuration: from $CREDENTIALS_DIRECTORY/`credential`, else from
 * the environment variable. False if there is none, or none that can be used (with an error). */
bool secrets_from_outside(const struct secrets *secrets, const char *credential,
                          const char *variable, char *buf, size_t size, const char *file,
                          struct config_problems *problems);

#endif
