#include "bridge/config/load.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/config/file.h"
#include "bridge/config/parts.h"
#include "bridge/config/wipe.h"
#include "ground/text.h"

/* Passwords that may come from outside the file. */
static const struct {
    const char *group, *credential, *variable;
    size_t offset, size;
} outside[] = {
    {"mqtt", "mqtt_password", "HEATBRIDGE_MQTT_PASSWORD", offsetof(struct config, mqtt.password),
     sizeof(((struct config *)0)->mqtt.password)},
    {"web", "web_password", "HEATBRIDGE_WEB_PASSWORD", offsetof(struct config, web.password),
     sizeof(((struct config *)0)->web.password)},
};

static void read_outside_secrets(struct reader *reader, const struct cursor *root)
{
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        const struct cursor group = cursor_member(root, outside[i].group);
        const char *variable = outside[i].variable;
        if (node_get(group.node, "password") == NULL &&
            node_get(group.node, "password_file") == NULL) {
            (void)secrets_from_outside(&reader->secrets, outside[i].credential, variable,
                                       (char *)reader->config + outside[i].offset, outside[i].size,
                                       reader->file, reader->problems);
        } else if (reader->secrets.folder != NULL && getenv(variable) != NULL) {
            reader_warn(reader, &group,
                        "expected one password, got one here and one in %s; the "
                        "latter is ignored",
                        variable);
        }
    }
}

static void read_all(struct reader *reader, const struct node *node)
{
    const struct cursor root = {.node = node};
    reader_shape(reader, &root, &config_shape_root, NULL, true, reader->config);
    if (node->kind != NODE_MAP) {
        return;
    }
    read_outside_secrets(reader, &root);
    read_mining(reader, &root);
    read_circuits(reader, &root);
    read_heaters(reader, &root);
    read_rooms(reader, &root);
    check_circuits(reader, &root);
    check_together(reader, &root);
}

/* Fills reader->config; its problems tell whether that went well. */
static void read_text(struct reader *reader, const char *text, size_t len)
{
    const struct spot whole = {reader->file, 0, 0};
    if (len > CONFIG_FILE_MAX) {
        (void)problem_error(reader->problems, whole, NULL, "expected at most %d bytes, got %zu",
                            (int)CONFIG_FILE_MAX, len);
        return;
    }
    struct tree *tree = tree_parse(text, len, reader->file, reader->problems);
    if (tree == NULL) {
        return;
    }
    if (tree_root(tree) == NULL) {
        (void)problem_error(reader->problems, whole, NULL,
                            "expected a configuration, got an empty file");
    } else {
        read_all(reader, tree_root(tree));
    }
    tree_free(tree);
}

/* `public`: everybody may read the file that the text is from. */
static struct config *load_text(const char *text, size_t len, const char *name, const char *folder,
                                bool public, const struct heater_driver *const *drivers,
                                struct config_problems *problems)
{
    problems_clear(problems);
    struct config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        (void)problem_error(problems, (struct spot){name, 0, 0}, NULL, "out of memory");
        return NULL;
    }
    struct reader reader = {.file = name,
                            .problems = problems,
                            .drivers = drivers,
                            .secrets = {.folder = folder},
                            .config = config};
    read_text(&reader, text, len);
    secrets_free(&reader.secrets);
    if (public && reader.plain_secret) {
        problem_warn(problems, (struct spot){name, 0, 0}, NULL,
                     "expected passwords by !secret or password_file, got one in this file, which "
                     "everybody can read");
    }
    problems_sort(problems);
    if (problems->errors > 0) {
        config_free(config);
        return NULL;
    }
    return config;
}

struct config *config_load_text(const char *text, size_t len, const char *name, const char *folder,
                                const struct heater_driver *const *drivers,
                                struct config_problems *problems)
{
    return load_text(text, len, name, folder, false, drivers, problems);
}

/* "/etc/heatbridge/heatbridge.yaml" -> "/etc/heatbridge"; "heatbridge.yaml" -> ".". */
static bool folder_of(const char *path, char *buf, size_t size)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return text_copy(buf, size, ".");
    }
    const int n = snprintf(buf, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return n >= 0 && (size_t)n < size;
}

struct config *config_load(const char *path, const struct heater_driver *const *drivers,
                           struct config_problems *problems)
{
    problems_clear(problems);
    size_t len = 0;
    bool public = false;
    struct hb_err err = {0};
    char folder[512];
    const struct spot whole = {path, 0, 0};
    if (!folder_of(path, folder, sizeof folder)) {
        (void)problem_error(problems, whole, NULL, "expected a shorter path");
        return NULL;
    }
    char *text = file_read(path, CONFIG_FILE_MAX, &len, &public, &err);
    if (text == NULL) {
        (void)problem_error(problems, whole, NULL, "%s", err.msg);
        return NULL;
    }
    struct config *config = load_text(text, len, path, folder, public, drivers, problems);
    wipe(text, len);
    free(text);
    return config;
}

static void wipe_and_free(void *memory, size_t size)
{
    if (memory != NULL) {
        wipe(memory, size);
    }
    free(memory);
}

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->heater_count; i++) {
        free(config->heaters[i].interlocks);
        wipe_and_free(config->heaters[i].options, config->heaters[i].options_size);
    }
    wipe_and_free(config->mining.pools, config->mining.pool_count * sizeof *config->mining.pools);
    free(config->mining.redirect_hosts);
    free(config->circuits);
    free(config->rooms);
    free(config->heaters);
    free(config->hidden);
    wipe_and_free(config, sizeof *config);
}
