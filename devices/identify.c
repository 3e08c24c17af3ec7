#include "devices/identify.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "devices/reply.h"
#include "ground/text.h"
#include "plumbing/json.h"

enum { ANSWER_MAX_B = 256 * 1024, UNANSWERED_MAX = 2 };

const uint16_t identify_port_numbers[IDENTIFY_PORTS] = {80, 4028, 4433, 50051, 7785, 5000};

const struct identify_row identify_rows[FAMILY_COUNT] = {
    [FAMILY_NONE] = {"unknown", NULL, "http", NULL},
    [FAMILY_AXEOS] = {"AxeOS", "axeos", "http", NULL},
    [FAMILY_NERDAXE] = {"NerdAxe", "axeos", "http", NULL},
    [FAMILY_AVALON] = {"Avalon", "avalon", "tcp", NULL},
    [FAMILY_BRAIINS] = {"Braiins OS", "braiins", "http", "give the password of its web page"},
    [FAMILY_BRAIINS_OLD] = {"Braiins OS", NULL, "http",
                            "its firmware is too old to be driven: update it on its web page"},
    [FAMILY_BOSMINER] =
        {"Braiins OS", "bosminer", "tcp",
         "give an SSH key, add the public one to its /etc/dropbear/authorized_keys, "
         "and its host key to known_hosts"},
    [FAMILY_WHATSMINER] = {"WhatsMiner", "whatsminer", "tcp",
                           "enable its API in WhatsMinerTool and give the password"},
    [FAMILY_WHATSMINER_V3] = {"WhatsMiner", "whatsminer", "tcp",
                              "enable its API in WhatsMinerTool and give the password"},
    [FAMILY_LUXOS] = {"LuxOS", "luxos", "tcp", NULL},
    [FAMILY_VNISH] = {"VNish", "vnish", "http", "give the password of its web page"},
    [FAMILY_ANTMINER] = {"Antminer", "antminer", "http", "give the password of its web page"},
    [FAMILY_EPIC] = {"ePIC", "epic", "http", "give the password of its web page"},
    [FAMILY_OFEN] = {"21energy Ofen", "ofen", "http", NULL},
    [FAMILY_21PORT] = {"21energy 21port", "port21", "http", NULL},
    [FAMILY_MUJINA] = {"mujina", "mujina", "http", NULL},
    [FAMILY_APOLLO] = {"FutureBit Apollo", "apollo", "http", "give the password of its web page"},
};

/* --- reading answers ----------------------------------------------------------------------------
 */

static bool contains(const char *text, const char *part)
{
    const size_t len = strlen(part);
    for (; *text != '\0'; text++) {
        if (strncasecmp(text, part, len) == 0) {
            return true;
        }
    }
    return false;
}

static void note(char *field, size_t size, const char *text, size_t len)
{
    if (field[0] == '\0') {
        text_copy_printable(field, size, text, len);
    }
}

#define NOTE(field, text) note(field, sizeof(field), text, strlen(text))

/* The value after a name in `NAME=value,` or `"NAME":"value"`. The answers of cgminer's relatives
 * come in both forms, and not always as the JSON that they should be. */
static void pick(const char *text, const char *name, char *field, size_t size)
{
    const size_t name_len = strlen(name);
    for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name)) {
        const char *value = at + name_len;
        value += *value == '"';
        value += strspn(value, " ");
        if ((at != text && strchr("\",|{", at[-1]) == NULL) || (*value != ':' && *value != '=')) {
            continue;
        }
        value++;
        value += strspn(value, " ");
        const bool quoted = *value == '"';
        value += quoted;
        note(field, size, value, strcspn(value, quoted ? "\"" : ",|}]"));
        return;
    }
}

#define PICK(field, text, name) pick(text, name, field, sizeof(field))

static void note_mac(struct identify *who, const char *text)
{
    if (who->mac[0] == '\0' && text != NULL && !reply_mac(text, who->mac)) {
        who->mac[0] = '\0';
    }
}

static void pick_mac(struct identify *who, const char *text, const char *name)
{
    char mac[NAME_MAX_B] = "";
    PICK(mac, text, name);
    note_mac(who, mac);
}

/* Of an answer with status 200 that is one JSON object; NULL if it is not. */
static struct json *parse(const struct identify_answer *answer)
{
    if (answer->body == NULL || (answer->status != 0 && answer->status != 200)) {
        return NULL;
    }
    struct json *json = json_parse(answer->body, answer->len, ANSWER_MAX_B, NULL);
    if (json != NULL && !json_is_object(json)) {
        json_free(json);
        return NULL;
    }
    return json;
}

static const char *text_at(const struct json *json, const char *path)
{
    const char *text = json_string(json_path(json, path));
    return text == NULL ? "" : text;
}

/* --- what answers mean --------------------------------------------------------------------------
 */

/* Bitaxe: ASICModel. Its relatives of the NerdAxe family tell `deviceModel`, or `hostip`, too. */
static void judge_axeos(struct identify *who, const struct identify_answer *answer)
{
    struct json *info = parse(answer);
    const char *chip = text_at(info, "ASICModel");
    if (*chip != '\0') {
        const char *device = text_at(info, "deviceModel");
        const bool nerd = contains(device, "nerd") || json_get(info, "hostip") != NULL;
        char model[NAME_MAX_B] = "Bitaxe ";
        (void)text_copy(model + strlen(model), sizeof model - strlen(model),
                        text_at(info, "boardVersion"));
        who->found = nerd ? FAMILY_NERDAXE : FAMILY_AXEOS;
        NOTE(who->model, *device != '\0' ? device : model);
        NOTE(who->firmware, text_at(info, "version"));
        NOTE(who->hostname, text_at(info, "hostname"));
        note_mac(who, text_at(info, "macAddr"));
    }
    json_free(info);
}

static void judge_ofen(struct identify *who, const struct identify_answer *answer)
{
    struct json *status = parse(answer);
    bool operational;
    if (json_bool(json_get(status, "operational"), &operational)) {
        who->found = FAMILY_OFEN;
    }
    json_free(status);
}

static void detail_ofen(struct identify *who, const struct identify_answer *answer)
{
    struct json *system = parse(answer);
    NOTE(who->model, text_at(system, "model"));
    NOTE(who->firmware, text_at(system, "version"));
    json_free(system);
}

static void judge_21port(struct identify *who, const struct identify_answer *answer)
{
    struct json *summary = parse(answer);
    if (json_get(summary, "powerLevel") != NULL || json_get(summary, "totalHashrateGhs") != NULL) {
        who->found = FAMILY_21PORT;
        NOTE(who->model, "21port");
        NOTE(who->firmware, text_at(summary, "firmwareVersion.controlVersion"));
    }
    json_free(summary);
}

/* Words in the page at "/" and what they make likely; the first match counts. */
static const struct {
    const char *word;
    enum identify_family family;
} page_words[] = {
    {"Braiins OS", FAMILY_BRAIINS},       {"Luxor Firmware", FAMILY_LUXOS},
    {"AnthillOS", FAMILY_VNISH},          {"VNish", FAMILY_VNISH},
    {"Miner Web Dashboard", FAMILY_EPIC}, {"Avalon", FAMILY_AVALON},
    {"WhatsMiner", FAMILY_WHATSMINER},    {"FutureBit", FAMILY_APOLLO},
};

static void judge_page(struct identify *who, const struct identify_answer *answer)
{
    if (answer->status == 401 && answer->realm != NULL && contains(answer->realm, "antminer")) {
        who->suspect = who->found = FAMILY_ANTMINER;
    } else if (answer->status >= 300 && answer->status < 400 && answer->location != NULL &&
               contains(answer->location, "/overview")) {
        who->suspect = FAMILY_APOLLO;
    }
    for (size_t i = 0; i < sizeof page_words / sizeof page_words[0]; i++) {
        if (who->suspect == FAMILY_NONE && answer->body != NULL &&
            contains(answer->body, page_words[i].word)) {
            who->suspect = page_words[i].family;
        }
    }
}

/* Words in the answer of port 4028 to `version`. Stock Antminers are the last: other firmware on
 * their boards names the board too. */
static const struct {
    const char *word;
    enum identify_family family;
    bool sure; /* nothing else needs to be asked to drive it */
} version_words[] = {
    {"BOSMINER", FAMILY_BRAIINS, false},    {"BOSER", FAMILY_BRAIINS, false},
    {"LUXMINER", FAMILY_LUXOS, true},       {"BTMINER", FAMILY_WHATSMINER, false},
    {"BITMICRO", FAMILY_WHATSMINER, false}, {"WHATSMINER", FAMILY_WHATSMINER, false},
    {"AVALON", FAMILY_AVALON, true},        {"VNISH", FAMILY_VNISH, false},
    {"ANTMINER", FAMILY_ANTMINER, true},
};

static void judge_version(struct identify *who, const struct identify_answer *answer)
{
    const char *text = answer->body == NULL ? "" : answer->body;
    for (size_t i = 0; i < sizeof version_words / sizeof version_words[0]; i++) {
        if (!contains(text, version_words[i].word)) {
            continue;
        }
        who->suspect = version_words[i].family;
        who->named = true;
        if (version_words[i].sure) {
            who->found = who->suspect;
        }
        break;
    }
    if (who->found == FAMILY_AVALON) {
        PICK(who->model, text, "PROD");
        PICK(who->firmware, text, "LVERSION");
        pick_mac(who, text, "MAC");
    } else if (who->found == FAMILY_ANTMINER) {
        PICK(who->model, text, "Type");
        PICK(who->firmware, text, "CompileTime");
    }
}

static void judge_vnish(struct identify *who, const struct identify_answer *answer)
{
    struct json *info = parse(answer);
    if (contains(text_at(info, "fw_name"), "vnish") ||
        contains(text_at(info, "fw_name"), "anthill")) {
        who->found = FAMILY_VNISH;
        NOTE(who->model, text_at(info, "miner"));
        NOTE(who->firmware, text_at(info, "fw_version"));
        NOTE(who->hostname, text_at(info, "system.network_status.hostname"));
        note_mac(who, text_at(info, "system.network_status.mac"));
    }
    json_free(info);
}

static void judge_braiins(struct identify *who, const struct identify_answer *answer)
{
    struct json *version = parse(answer);
    double major;
    /* Some versions want a login first even for this. */
    if (json_number(json_get(version, "major"), &major) ||
        (answer->status == 401 && who->suspect == FAMILY_BRAIINS)) {
        who->found = FAMILY_BRAIINS;
    }
    json_free(version);
}

static void judge_whatsminer_v3(struct identify *who, const struct identify_answer *answer)
{
    struct json *info = parse(answer);
    if (json_is_object(json_path(info, "msg.miner"))) {
        who->found = FAMILY_WHATSMINER_V3;
        NOTE(who->model, text_at(info, "msg.miner.type"));
        NOTE(who->firmware, text_at(info, "msg.system.fwversion"));
        NOTE(who->hostname, text_at(info, "msg.network.hostname"));
        note_mac(who, text_at(info, "msg.network.mac"));
    }
    json_free(info);
}

static void judge_whatsminer(struct identify *who, const struct identify_answer *answer)
{
    if (answer->body != NULL && contains(answer->body, "\"api_ver\"")) {
        who->found = FAMILY_WHATSMINER;
        PICK(who->firmware, answer->body, "fw_ver");
    }
}

static void detail_whatsminer(struct identify *who, const struct identify_answer *answer)
{
    if (answer->body != NULL) {
        PICK(who->hostname, answer->body, "hostname");
        pick_mac(who, answer->body, "mac");
    }
}

static void detail_model(struct identify *who, const struct identify_answer *answer)
{
    if (answer->body != NULL) {
        PICK(who->model, answer->body, "Model");
    }
}

static void detail_luxos(struct identify *who, const struct identify_answer *answer)
{
    if (answer->body != NULL) {
        PICK(who->model, answer->body, "Model");
        PICK(who->hostname, answer->body, "Hostname");
        pick_mac(who, answer->body, "MACAddr");
    }
}

static void judge_epic(struct identify *who, const struct identify_answer *answer)
{
    struct json *capabilities = parse(answer);
    const char *model = text_at(capabilities, "Model");
    if (*model != '\0') {
        who->found = FAMILY_EPIC;
        NOTE(who->model, model);
    }
    json_free(capabilities);
}

static void detail_epic(struct identify *who, const struct identify_answer *answer)
{
    struct json *network = parse(answer);
    note_mac(who, text_at(network, "dhcp.mac_address"));
    note_mac(who, text_at(network, "static.mac_address"));
    json_free(network);
}

/* Without a login it answers with an error, at the place where the answer would be or at the top.
 */
static void judge_apollo(struct identify *who, const struct identify_answer *answer)
{
    struct json *reply = parse(answer);
    const bool errors = json_is_array(json_get(reply, "errors"));
    if (json_path(reply, "data.Miner") != NULL || (errors && who->suspect == FAMILY_APOLLO)) {
        who->found = FAMILY_APOLLO;
        NOTE(who->model, "Apollo");
    }
    json_free(reply);
}

static void judge_mujina(struct identify *who, const struct identify_answer *answer)
{
    struct json *miner = parse(answer);
    if (json_get(miner, "uptime_secs") != NULL && json_is_array(json_get(miner, "boards"))) {
        who->found = FAMILY_MUJINA;
        NOTE(who->model, text_at(miner, "boards[0].model"));
    }
    json_free(miner);
}

/* --- the questions ------------------------------------------------------------------------------
 */

#define BIT(family)  (1u << (family))
#define ANYBODY      BIT(FAMILY_NONE)
#define APOLLO_QUERY "{\"query\":\"{Miner{online{error{message}}}}\"}"

/* A row is asked if its port is open, and either the family that was found is in `found`, or none
 * was found and the suspect, of which NONE is one, is in `suspects`. */
static const struct {
    enum identify_port port;
    unsigned suspects, found;
    const char *path, *body;
    enum exchange_end end;
    void (*judge)(struct identify *who, const struct identify_answer *answer);
} questions[] = {
    {IDENTIFY_HTTP, ANYBODY, 0, "/api/system/info", NULL, 0, judge_axeos},
    {IDENTIFY_HTTP, ANYBODY, 0, "/21control/status", NULL, 0, judge_ofen},
    {IDENTIFY_HTTP, 0, BIT(FAMILY_OFEN), "/21control/status/system", NULL, 0, detail_ofen},
    {IDENTIFY_HTTP, ANYBODY, 0, "/21port/status/summary", NULL, 0, judge_21port},
    {IDENTIFY_HTTP, ANYBODY, 0, "/", NULL, 0, judge_page},
    {IDENTIFY_HTTP, ANYBODY | BIT(FAMILY_VNISH), 0, "/api/v1/info", NULL, 0, judge_vnish},
    {IDENTIFY_CGMINER, ANYBODY | BIT(FAMILY_LUXOS) | BIT(FAMILY_AVALON) | BIT(FAMILY_WHATSMINER),
     BIT(FAMILY_ANTMINER), NULL, "{\"command\":\"version\"}", EXCHANGE_JSON, judge_version},
    {IDENTIFY_HTTP, ANYBODY | BIT(FAMILY_BRAIINS), 0, "/api/v1/version/", NULL, 0, judge_braiins},
    {IDENTIFY_CGMINER, BIT(FAMILY_BRAIINS), BIT(FAMILY_BRAIINS), NULL,
     "{\"command\":\"devdetails\"}", EXCHANGE_JSON, detail_model},
    {IDENTIFY_WHATSMINER, ANYBODY | BIT(FAMILY_WHATSMINER), 0, NULL,
     "{\"cmd\":\"get.device.info\",\"param\":null}", EXCHANGE_LENGTH32, judge_whatsminer_v3},
    {IDENTIFY_CGMINER, ANYBODY | BIT(FAMILY_EPIC), 0, "/capabilities", NULL, 0, judge_epic},
    {IDENTIFY_CGMINER, 0, BIT(FAMILY_EPIC), "/network", NULL, 0, detail_epic},
    {IDENTIFY_CGMINER, ANYBODY | BIT(FAMILY_WHATSMINER), 0, NULL, "{\"cmd\":\"get_version\"}",
     EXCHANGE_JSON, judge_whatsminer},
    {IDENTIFY_CGMINER, 0, BIT(FAMILY_WHATSMINER), NULL, "{\"cmd\":\"devdetails\"}", EXCHANGE_JSON,
     detail_model},
    {IDENTIFY_CGMINER, 0, BIT(FAMILY_WHATSMINER), NULL, "{\"cmd\":\"get_miner_info\"}",
     EXCHANGE_JSON, detail_whatsminer},
    {IDENTIFY_CGMINER, 0, BIT(FAMILY_LUXOS), NULL, "{\"command\":\"config\"}", EXCHANGE_JSON,
     detail_luxos},
    {IDENTIFY_APOLLO, ANYBODY | BIT(FAMILY_APOLLO), 0, "/api/graphql", APOLLO_QUERY, 0,
     judge_apollo},
    {IDENTIFY_HTTP, BIT(FAMILY_APOLLO), 0, "/api/graphql", APOLLO_QUERY, 0, judge_apollo},
    {IDENTIFY_MUJINA, ANYBODY, 0, "/api/v0/miner", NULL, 0, judge_mujina},
};

enum { QUESTIONS = sizeof questions / sizeof questions[0] };

void identify_init(struct identify *who, unsigned open)
{
    *who = (struct identify){.open = open, .grpc = (open & (1u << IDENTIFY_GRPC)) != 0};
}

static bool is_due(const struct identify *who, size_t row)
{
    const unsigned wanted = who->found != FAMILY_NONE ? questions[row].found & BIT(who->found)
                                                      : questions[row].suspects & BIT(who->suspect);
    return (who->open & (1u << questions[row].port)) != 0 && wanted != 0;
}

bool identify_next(struct identify *who, struct identify_ask *ask)
{
    while (who->row < QUESTIONS && !is_due(who, who->row)) {
        who->row++;
    }
    if (who->row < QUESTIONS) {
        *ask = (struct identify_ask){.port = identify_port_numbers[questions[who->row].port],
                                     .path = questions[who->row].path,
                                     .body = questions[who->row].body,
                                     .end = questions[who->row].end};
        return true;
    }
    if (who->found == FAMILY_NONE && who->suspect == FAMILY_BRAIINS) {
        /* Known by its name, but without the HTTP API. */
        who->found = who->named && !who->grpc ? FAMILY_BOSMINER : FAMILY_BRAIINS_OLD;
    } else if (who->found == FAMILY_NONE && who->suspect == FAMILY_APOLLO) {
        who->suspect = FAMILY_NONE; /* anybody may have a page called overview */
    }
    return false;
}

void identify_take(struct identify *who, const struct identify_answer *answer)
{
    if (who->row >= QUESTIONS) {
        return;
    }
    const enum identify_port port = questions[who->row].port;
    who->unanswered[port] = answer->body == NULL ? (uint8_t)(who->unanswered[port] + 1) : 0;
    if (who->unanswered[port] == UNANSWERED_MAX) {
        who->open &= ~(1u << port);
    }
    const enum identify_family before = who->found;
    questions[who->row++].judge(who, answer);
    if (who->found != before) {
        who->found_at = port;
    }
}
