#include "bridge/discover/suggest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/discover/range.h"
#include "bridge/limits.h"
#include "devices/registry.h"
#include "ground/text.h"
#include "plumbing/json.h"

enum { SUFFIX_MAX = 8 };

static const struct identify_row *row_of(const struct finding *finding)
{
    return &identify_rows[finding->who.found != FAMILY_NONE ? finding->who.found
                                                            : finding->who.suspect];
}

/* NULL if nothing here drives it. */
static const struct heater_driver *driver_of(const struct finding *finding)
{
    const char *name = identify_rows[finding->who.found].driver;
    return name == NULL ? NULL : heater_driver_find(name);
}

static void print_url(const struct finding *finding, char *url, size_t size)
{
    char host[ADDRESS_TEXT_MAX];
    const char *scheme = row_of(finding)->scheme;
    uint16_t port = 0; /* the usual one of the driver */
    address_print(finding->address, host);
    if (finding->who.found == FAMILY_EPIC) {
        port = identify_port_numbers[IDENTIFY_CGMINER];
    } else if (finding->who.found == FAMILY_MUJINA) {
        port = identify_port_numbers[IDENTIFY_MUJINA];
    } else if (finding->who.found == FAMILY_WHATSMINER_V3) {
        port = identify_port_numbers[IDENTIFY_WHATSMINER];
    } else if ((finding->who.found == FAMILY_APOLLO && finding->who.found_at == IDENTIFY_HTTP) ||
               finding->http_port != identify_port_numbers[IDENTIFY_HTTP]) {
        port =
            finding->http_port; /* an Apollo's driver takes IDENTIFY_APOLLO's for the usual one */
    }
    if (port != 0) {
        (void)snprintf(url, size, "%s://%s:%u", scheme, host, port);
    } else {
        (void)snprintf(url, size, "%s://%s", scheme, host);
    }
}

/* --- YAML ---------------------------------------------------------------------------------------
 */

/* "Avalon Mini3" as avalon_mini3; "heater" if nothing is left of it. */
static void make_id(const char *text, char id[ID_MAX])
{
    size_t len = 0;
    for (; *text != '\0' && len < ID_MAX - SUFFIX_MAX - 1; text++) {
        const unsigned char c = (unsigned char)*text;
        if (isalnum(c) && (len > 0 || isalpha(c))) {
            id[len++] = (char)tolower(c);
        } else if (len > 0 && id[len - 1] != '_') {
            id[len++] = '_';
        }
    }
    while (len > 0 && id[len - 1] == '_') {
        len--;
    }
    id[len] = '\0';
    if (len == 0) {
        (void)text_copy(id, ID_MAX, "heater");
    }
}

static void id_of(const struct finding *finding, char id[ID_MAX])
{
    const struct identify *who = &finding->who;
    if (who->model[0] != '\0') {
        make_id(who->model, id);
    } else {
        make_id(who->hostname[0] != '\0' ? who->hostname : row_of(finding)->name, id);
    }
}

/* The id of findings[index], with a number if one before it has the same. */
static void unique_id(const struct finding *findings, size_t index, char id[ID_MAX])
{
    size_t before = 0;
    char other[ID_MAX];
    id_of(&findings[index], id);
    for (size_t i = 0; i < index; i++) {
        id_of(&findings[i], other);
        before += driver_of(&findings[i]) != NULL && strcmp(id, other) == 0;
    }
    if (before > 0) {
        const size_t len = strlen(id);
        (void)snprintf(id + len, ID_MAX - len, "_no%zu", before + 1);
    }
}

static void print_comment(const struct finding *finding, FILE *out)
{
    const struct identify *who = &finding->who;
    const char *const known[] = {who->model, who->firmware, who->hostname};
    (void)fprintf(out, "  # %s", row_of(finding)->name);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i][0] != '\0') {
            (void)fprintf(out, ", %s", known[i]);
        }
    }
    (void)fputc('\n', out);
}

/* What the driver needs and nobody but the owner knows. */
static void print_required(const struct heater_driver *driver, const char *id, FILE *out)
{
    for (const struct config_item *item = driver->options; item != NULL && item->name != NULL;
         item++) {
        if (item->fallback != NULL || strcmp(item->name, "url") == 0) {
            continue;
        }
        if (item->type == CONFIG_SECRET) {
            (void)fprintf(out, "    %s: !secret %s_%s\n", item->name, id, item->name);
        } else {
            (void)fprintf(out, "    # add %s: %s\n", item->name, item->help);
        }
    }
}

static void print_heater(const struct finding *findings, size_t index, FILE *out)
{
    const struct finding *finding = &findings[index];
    const struct heater_driver *driver = driver_of(finding);
    const char *advice = row_of(finding)->advice;
    char id[ID_MAX];
    char url[64];
    print_url(finding, url, sizeof url);
    print_comment(finding, out);
    if (finding->who.found == FAMILY_NONE) {
        (void)fprintf(out, "  # at %s: it looks like one, but its API does not answer\n", url);
        return;
    }
    if (driver == NULL) {
        (void)fprintf(out, "  # at %s: %s\n", url,
                      advice != NULL ? advice : "this program has no driver for it");
        return;
    }
    unique_id(findings, index, id);
    (void)fprintf(out, "  %s:\n    driver: %s\n    url: %s\n", id, driver->name, url);
    print_required(driver, id, out);
    if (finding->who.mac[0] != '\0') {
        (void)fprintf(out, "    # identity: %s\n", finding->who.mac);
    }
    if (advice != NULL) {
        (void)fprintf(out, "    # %s\n", advice);
    }
}

void suggest_yaml(const struct finding *findings, size_t count, FILE *out)
{
    if (count > 0) {
        (void)fputs("heaters:\n", out);
    }
    for (size_t i = 0; i < count; i++) {
        print_heater(findings, i, out);
    }
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static void add_known(struct json *json, const char *name, const char *text)
{
    json_add_string(json, name, text[0] == '\0' ? NULL : text);
}

void suggest_json(const struct finding *finding, FILE *out)
{
    const struct identify *who = &finding->who;
    const struct heater_driver *driver = driver_of(finding);
    struct json *json = json_new_object();
    char address[ADDRESS_TEXT_MAX];
    char url[64];
    address_print(finding->address, address);
    print_url(finding, url, sizeof url);
    json_add_string(json, "address", address);
    json_add_string(json, "url", url);
    json_add_string(json, "family", row_of(finding)->name);
    json_add_string(json, "driver", driver == NULL ? NULL : driver->name);
    json_add_bool(json, "answers", who->found != FAMILY_NONE);
    add_known(json, "model", who->model);
    add_known(json, "firmware", who->firmware);
    add_known(json, "hostname", who->hostname);
    add_known(json, "identity", who->mac);
    json_add_string(json, "advice", row_of(finding)->advice);
    char *line = json_print(json);
    (void)fprintf(out, "%s\n", line);
    (void)fflush(out);
    free(line);
    json_free(json);
}
