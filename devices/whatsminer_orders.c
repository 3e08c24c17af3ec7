/* What a WhatsMiner is told, and what it answers. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "devices/whatsminer_codec.h"
#include "ground/text.h"

struct whatsminer_step whatsminer_next(const struct whatsminer_set *set, double power_w, int lowest)
{
    struct whatsminer_step step = {WHATSMINER_NOTHING, 0};
    if (power_w <= 0) {
        step.write = set->off != 1 ? WHATSMINER_OFF : WHATSMINER_NOTHING;
        return step;
    }
    if (set->off != 0) {
        step.write = WHATSMINER_ON;
        return step;
    }
    if (!(set->limit_w > 0)) {
        step.write = WHATSMINER_UNKNOWN;
        return step;
    }
    /* Rounded down, never to more than was ordered. */
    const double part = floor(power_w / set->limit_w * 100 + 0.01);
    if (power_w > set->limit_w + 0.5 || part < lowest) {
        return (struct whatsminer_step){WHATSMINER_LIMIT, (int)power_w};
    }
    const int percent = (int)fmin(100, part);
    if (!(fabs(set->percent - percent) < 0.5)) {
        step = (struct whatsminer_step){WHATSMINER_PERCENT, percent};
    }
    return step;
}

void whatsminer_acknowledged(struct whatsminer_set *set, struct whatsminer_step step)
{
    switch (step.write) {
    case WHATSMINER_OFF:
    case WHATSMINER_ON:
        set->off = step.write == WHATSMINER_OFF;
        break;
    case WHATSMINER_LIMIT:
        set->limit_w = step.value;
        set->percent = 100;
        break;
    case WHATSMINER_PERCENT:
        set->percent = step.value;
        break;
    case WHATSMINER_NOTHING:
    case WHATSMINER_UNKNOWN:
        break;
    }
}

/* --- commands ----------------------------------------------------------------------------------*/

/* Numbers are texts there. */
static void add_digits(struct json *json, const char *name, int value)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%d", value);
    json_add_string(json, name, digits);
}

bool whatsminer_command2(struct whatsminer_step step, const char *sign, char text[WHATSMINER_PLAIN])
{
    struct json *json = json_new_object();
    switch (step.write) {
    case WHATSMINER_OFF:
        json_add_string(json, "cmd", "power_off");
        json_add_string(json, "respbefore", "true"); /* else it may not answer at all */
        break;
    case WHATSMINER_LIMIT:
        json_add_string(json, "cmd", "adjust_power_limit");
        add_digits(json, "power_limit", step.value);
        break;
    case WHATSMINER_PERCENT:
        json_add_string(json, "cmd", "set_power_pct");
        add_digits(json, "percent", step.value);
        break;
    case WHATSMINER_ON:
        json_add_string(json, "cmd", "power_on");
        break;
    case WHATSMINER_NOTHING:
    case WHATSMINER_UNKNOWN:
        json_free(json);
        text[0] = '\0';
        return false;
    }
    json_add_string(json, "token", sign);
    return json_print_to(json, text, WHATSMINER_PLAIN);
}

bool whatsminer_wrap(const struct whatsminer_token *token, const char *command,
                     char request[WHATSMINER_REQUEST])
{
    char sealed[WHATSMINER_SEALED];
    request[0] = '\0';
    if (!whatsminer_seal(token->key, command, sealed)) {
        return false;
    }
    struct json *json = json_new_object();
    json_add_number(json, "enc", 1, 0);
    json_add_string(json, "data", sealed);
    return json_print_to(json, request, WHATSMINER_REQUEST);
}

static struct json *parameter3(struct whatsminer_step step)
{
    struct json *json = NULL;
    switch (step.write) {
    case WHATSMINER_OFF:
        return json_new_string("stop");
    case WHATSMINER_ON:
        return json_new_string("start");
    case WHATSMINER_LIMIT:
        return json_new_number(step.value);
    case WHATSMINER_PERCENT:
        json = json_new_object();
        add_digits(json, "percent", step.value);
        json_add_string(json, "mode", "fast");
        return json;
    case WHATSMINER_NOTHING:
    case WHATSMINER_UNKNOWN:
        break;
    }
    return NULL;
}

bool whatsminer_command3(struct whatsminer_step step, const char *password, const char *salt,
                         int64_t unix_s, char request[WHATSMINER_REQUEST])
{
    const char *command = step.write == WHATSMINER_LIMIT     ? "set.miner.power_limit"
                          : step.write == WHATSMINER_PERCENT ? "set.miner.power_percent"
                                                             : "set.miner.service";
    char token[WHATSMINER_TOKEN3];
    struct json *param = parameter3(step);
    request[0] = '\0';
    if (param == NULL || !whatsminer_token3(command, password, salt, unix_s, token)) {
        json_free(param);
        return false;
    }
    struct json *json = json_new_object();
    json_add_string(json, "cmd", command);
    json_add(json, "param", param);
    json_add_number(json, "ts", (double)unix_s, 0);
    json_add_string(json, "account", "super");
    json_add_string(json, "token", token);
    return json_print_to(json, request, WHATSMINER_REQUEST);
}

/* --- answers -----------------------------------------------------------------------------------*/

bool whatsminer_read_token(const struct json *answer, const char *password,
                           struct whatsminer_token *token, struct reply_faults *faults)
{
    char salt[WHATSMINER_SALT];
    char newsalt[WHATSMINER_SALT];
    char time[32];
    reply_text(answer, "Msg.salt", salt, sizeof salt, faults);
    reply_text(answer, "Msg.newsalt", newsalt, sizeof newsalt, faults);
    reply_text(answer, "Msg.time", time, sizeof time, faults);
    return salt[0] != '\0' && newsalt[0] != '\0' && time[0] != '\0' &&
           whatsminer_token(password, salt, time, newsalt, token);
}

static bool has_word(const char *text, const char *word)
{
    const size_t len = strlen(word);
    for (; *text != '\0'; text++) {
        if (strncasecmp(text, word, len) == 0) {
            return true;
        }
    }
    return false;
}

/* What is said the same way in both APIs; else `other`. */
static enum whatsminer_verdict by_words(const char *why, enum whatsminer_verdict other)
{
    static const char *const closed[] = {"access write", "permission", "denied", "switch"};
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        if (has_word(why, closed[i])) {
            return WHATSMINER_CLOSED;
        }
    }
    return has_word(why, "token") ? WHATSMINER_BAD_TOKEN : other;
}

static enum whatsminer_verdict judge2(const struct json *json, char why[NAME_MAX_B],
                                      struct reply_faults *faults)
{
    const bool listed = json_is_array(json_get(json, "STATUS"));
    char status[8];
    reply_text_if_any(json, listed ? "STATUS[0].STATUS" : "STATUS", status, sizeof status, faults);
    reply_text_if_any(json, listed ? "STATUS[0].Msg" : "Msg", why, NAME_MAX_B, faults);
    const double code =
        reply_number_if_any(json, listed ? "STATUS[0].Code" : "Code", 0, 1e6, faults);
    if (strcmp(status, "S") == 0) {
        return WHATSMINER_DONE;
    }
    if (isnan(code) && status[0] == '\0') {
        return WHATSMINER_UNCLEAR;
    }
    switch (isnan(code) ? 0 : (int)code) {
    case 23:  /* no JSON came out of our cipher: another key, so another password */
    case 135: /* the token is checked and found wrong */
    case 137: /* as 23 */
        return WHATSMINER_BAD_TOKEN;
    case 136:
        return WHATSMINER_BUSY;
    case 45:
        return WHATSMINER_CLOSED;
    default:
        return by_words(why, WHATSMINER_FAILED);
    }
}

static enum whatsminer_verdict judge3(const struct json *json, char why[NAME_MAX_B],
                                      struct reply_faults *faults)
{
    const double code = reply_number(json, "code", -1e6, 1e6, faults);
    if (json_string(json_get(json, "msg")) != NULL) {
        reply_text(json, "msg", why, NAME_MAX_B, faults);
    }
    if (isnan(code)) {
        return WHATSMINER_UNCLEAR;
    }
    return code == 0 ? WHATSMINER_DONE : by_words(why, WHATSMINER_FAILED);
}

enum whatsminer_verdict whatsminer_judge(const char *body, size_t len,
                                         const struct whatsminer_token *token, char why[NAME_MAX_B],
                                         struct reply_faults *faults)
{
    char plain[WHATSMINER_PLAIN];
    enum whatsminer_verdict verdict = WHATSMINER_UNCLEAR;
    why[0] = '\0';
    struct json *json = reply_parse(body, len, faults);
    const char *sealed = token != NULL ? json_string(json_get(json, "enc")) : NULL;
    if (sealed != NULL) {
        const bool opened = whatsminer_unseal(token->key, sealed, plain);
        json_free(json);
        json = opened ? reply_parse(plain, strlen(plain), faults) : NULL;
    }
    if (json_is_object(json)) {
        verdict = token != NULL ? judge2(json, why, faults) : judge3(json, why, faults);
    }
    json_free(json);
    return verdict;
}
