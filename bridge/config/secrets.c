#include "bridge/config/secrets.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/config/file.h"
#include "bridge/config/wipe.h"
#include "ground/suggest.h"
#include "ground/text.h"

enum { SECRET_FILE_MAX = 4096 };

static void warn_if_public(bool public, const char *path, struct config_problems *problems)
{
    if (public) {
        problem_warn(problems, (struct spot){path, 0, 0}, NULL,
                     "expected a file that only its owner can read, got one that everybody can; "
                     "try chmod 600");
    }
}

static void load(struct secrets *secrets, struct spot spot, const struct place *place,
                 struct config_problems *problems)
{
    secrets->looked = true;
    if (secrets->folder == NULL) {
        (void)problem_error(problems, spot, place,
                            "expected a value, got !secret, and there is no "
                            "secrets.yaml here");
        return;
    }
    if (!file_join(secrets->path, sizeof secrets->path, secrets->folder, "secrets.yaml")) {
        (void)problem_error(problems, spot, place, "the path of secrets.yaml is too long");
        return;
    }
    size_t len = 0;
    bool public = false;
    struct hb_err err = {0};
    char *text = file_read(secrets->path, CONFIG_FILE_MAX, &len, &public, &err);
    if (text == NULL) {
        (void)problem_error(problems, spot, place, "%.200s: %s", secrets->path, err.msg);
        return;
    }
    warn_if_public(public, secrets->path, problems);
    secrets->tree = tree_parse(text, len, secrets->path, problems);
    wipe(text, len);
    free(text);
}

void secrets_free(struct secrets *secrets)
{
    tree_free(secrets->tree);
    secrets->tree = NULL;
}

const char *secrets_find(struct secrets *secrets, const char *name, struct spot spot,
                         const struct place *place, struct config_problems *problems)
{
    const bool first = !secrets->looked;
    if (first) {
        load(secrets, spot, place, problems);
    }
    if (secrets->tree == NULL) {
        /* Why was told once; each further use only counts as wrong. */
        return NULL;
    }
    const struct node *map = tree_root(secrets->tree);
    const struct node *secret = node_get(map, name);
    if (secret != NULL && secret->kind == NODE_SCALAR && !secret->secret) {
        return secret->text;
    }
    struct suggestion suggestion = {.word = name};
    if (map != NULL && map->kind == NODE_MAP && !problems_full(problems)) {
        for (const struct node *m = map->first; m != NULL; m = m->next) {
            suggest_offer(&suggestion, m->name);
        }
    }
    char shown[64];
    text_copy_printable(shown, sizeof shown, name, strlen(name));
    (void)problem_error(
        problems, spot, place, "expected the name of a secret in %.160s, got '%s'%s%.64s%s",
        secrets->path, shown, suggestion.best != NULL ? " (did you mean '" : "",
        suggestion.best != NULL ? suggestion.best : "", suggestion.best != NULL ? "'?)" : "");
    return NULL;
}

/* Takes the first line; what editors leave at the end of a file is not part of a secret. */
static bool take_line(const char *text, size_t len, char *buf, size_t size)
{
    size_t line = 0;
    while (line < len && text[line] != '\n' && text[line] != '\r') {
        line++;
    }
    for (size_t i = 0; i < line; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F) {
            return false;
        }
    }
    if (line == 0 || line >= size || !text_is_utf8(text, line)) {
        return false;
    }
    memcpy(buf, text, line);
    buf[line] = '\0';
    return true;
}

bool secrets_read_file(const struct secrets *secrets, const char *path, char *buf, size_t size,
                       struct spot spot, const struct place *place,
                       struct config_problems *problems)
{
    if (secrets->folder == NULL) {
        return problem_error(problems, spot, place, "expected no file here, got one");
    }
    char full[512];
    if (!file_join(full, sizeof full, secrets->folder, path)) {
        return problem_error(problems, spot, place, "expected a shorter path");
    }
    size_t len = 0;
    bool public = false;
    struct hb_err err = {0};
    char *text = file_read(full, SECRET_FILE_MAX, &len, &public, &err);
    if (text == NULL) {
        return problem_error(problems, spot, place, "%.200s: %s", full, err.msg);
    }
    const bool taken = take_line(text, len, buf, size);
    wipe(text, len);
    free(text);
    if (!taken) {
        return problem_error(problems, spot, place,
                             "%.200s: expected one line of text of at most %zu bytes", full,
                             size - 1);
    }
    warn_if_public(public, full, problems);
    return true;
}

/* True if systemd hands down a credential of that name; `path` is then its file. */
static bool has_credential(const char *credential, char *path, size_t size)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL || !file_join(path, size, folder, credential)) {
        return false;
    }
    FILE *stream = fopen(path, "rbe");
    if (stream != NULL) {
        (void)fclose(stream);
    }
    return stream != NULL;
}

bool secrets_from_outside(const struct secrets *secrets, const char *credential,
                          const char *variable, char *buf, size_t size, const char *file,
                          struct config_problems *problems)
{
    if (secrets->folder == NULL) {
        return false;
    }
    char path[512];
    if (has_credential(credential, path, sizeof path)) {
        /* An absolute path, or one that starts where the program runs. */
        const struct secrets here = {.folder = "."};
        return secrets_read_file(&here, path, buf, size, (struct spot){file, 0, 0}, NULL, problems);
    }
    const char *value = getenv(variable);
    if (value == NULL || value[0] == '\0') {
        return false;
    }
    return take_line(value, strlen(value), buf, size) ||
           problem_error(problems, (struct spot){file, 0, 0}, NULL,
                         "%s: expected one line of text of at most %zu bytes", variable, size - 1);
}
