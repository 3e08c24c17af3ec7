#include "miner/solo/node_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "miner/solo/address.h"
#include "plumbing/json.h"

enum { HTTP_UNAUTHORIZED = 401, HTTP_FORBIDDEN = 403, HTTP_NOT_FOUND = 404, HTTP_BUSY = 503 };

/* --- requests -----------------------------------------------------------------------------------
 */

static char *print_request(const char *method, struct json *params)
{
    struct json *request = json_new_object();
    json_add_string(request, "jsonrpc", "1.0");
    json_add_number(request, "id", 1, 0);
    json_add_string(request, "method", method);
    json_add(request, "params", params);
    char *text = json_print(request);
    json_free(request);
    return text;
}

char *node_ask_chain(void)
{
    return print_request("getblockchaininfo", json_new_array());
}

static struct json *list_of(const char *const *texts, size_t count)
{
    struct json *list = json_new_array();
    for (size_t i = 0; i < count; i++) {
        json_add(list, NULL, json_new_string(texts[i]));
    }
    return list;
}

char *node_ask_template(const char *longpoll_id)
{
    /* A signet node refuses whoever does not name its rule; better that it tells what it is. */
    static const char *const rules[] = {"segwit", "signet"};
    static const char *const capabilities[] = {"coinbasevalue", "longpoll", "proposal", "workid"};
    struct json *wish = json_new_object();
    json_add(wish, "rules", list_of(rules, 2));
    json_add(wish, "capabilities", list_of(capabilities, 4));
    if (longpoll_id[0] != '\0') {
        json_add_string(wish, "longpollid", longpoll_id);
    }
    struct json *params = json_new_array();
    json_add(params, NULL, wish);
    return print_request("getblocktemplate", params);
}

char *node_ask_proposal(const char *block_hex, const char *work_id)
{
    struct json *wish = json_new_object();
    json_add_string(wish, "mode", "proposal");
    json_add_string(wish, "data", block_hex);
    if (work_id[0] != '\0') {
        json_add_string(wish, "workid", work_id);
    }
    struct json *params = json_new_array();
    json_add(params, NULL, wish);
    return print_request("getblocktemplate", params);
}

char *node_ask_submit(const char *block_hex, const char *work_id)
{
    struct json *params = json_new_array();
    json_add(params, NULL, json_new_string(block_hex));
    if (work_id[0] != '\0') {
        struct json *more = json_new_object();
        json_add_string(more, "workid", work_id);
        json_add(params, NULL, more);
    }
    return print_request("submitblock", params);
}

/* --- errors -------------------------------------------------------------------------------------
 */

/* Bitcoin's RPC error codes that an owner can do something about. */
static const struct known_error {
    int code;
    const char *words;
} known_errors[] = {
    {-28, "the node is still starting"},
    {-10, "the node is still catching up with the chain"},
    {-9, "the node has no peers"},
    {-32601, "this is no node that blocks can be made with"},
};

static void fail_with_code(double code, const char *message, struct hb_err *err)
{
    char shown[160];
    text_copy_printable(shown, sizeof shown, message, strlen(message));
    for (size_t i = 0; i < sizeof known_errors / sizeof known_errors[0]; i++) {
        if (known_errors[i].code == code) {
            hb_fail(err, HB_ERR_STATE, "%s: %s", known_errors[i].words, shown);
            return;
        }
    }
    hb_fail(err, HB_ERR_STATE, "the node answers: %s (%.0f)", shown, code);
}

/* What HTTP alone says. False where the body may say more. */
static bool is_http_failure(int status, struct hb_err *err)
{
    switch (status) {
    case HTTP_UNAUTHORIZED:
        hb_fail(err, HB_ERR_STATE, "the node refuses the user name or password");
        return true;
    case HTTP_FORBIDDEN:
        hb_fail(err, HB_ERR_STATE,
                "the node refuses this machine or this call (rpcallowip, rpcwhitelist)");
        return true;
    case HTTP_BUSY:
        hb_fail(err, HB_ERR_STATE, "the node has too many calls to answer (rpcworkqueue)");
        return true;
    default:
        return false;
    }
}

struct json *node_read(int http_status, const char *body, size_t len, struct hb_err *err)
{
    struct hb_err mistake = {0};
    if (is_http_failure(http_status, err)) {
        return NULL;
    }
    struct json *tree = json_parse(body, len, NODE_ANSWER_MAX, &mistake);
    if (!json_is_object(tree) ||
        (json_get(tree, "result") == NULL && json_get(tree, "error") == NULL)) {
        hb_fail(err, HB_ERR_INPUT,
                "this is no Bitcoin node: HTTP status %d and no answer to the call", http_status);
        json_free(tree);
        return NULL;
    }
    const struct json *error = json_get(tree, "error");
    if (error != NULL && !json_is_null(error)) {
        double code = 0;
        const char *message = json_string(json_get(error, "message"));
        (void)!json_number(json_get(error, "code"), &code);
        fail_with_code(code, message == NULL ? "an error without words" : message, err);
        json_free(tree);
        return NULL;
    }
    return tree;
}

/* --- results ------------------------------------------------------------------------------------
 */

bool node_read_chain(const struct json *result, struct node_chain *chain, struct hb_err *err)
{
    memset(chain, 0, sizeof *chain);
    const char *name = json_string(json_get(result, "chain"));
    text_copy_printable(chain->name, sizeof chain->name, name == NULL ? "" : name,
                        name == NULL ? 0 : strlen(name));
    chain->network = address_network_of_chain(chain->name);
    (void)!json_number(json_get(result, "blocks"), &chain->blocks);
    (void)!json_number(json_get(result, "headers"), &chain->headers);
    if (strcmp(chain->name, "signet") == 0) {
        return hb_fail(err, HB_ERR_STATE,
                       "the node is on signet: its blocks must be signed by its keepers, so it "
                       "cannot be mined");
    }
    return chain->network != 0 ||
           hb_fail(err, HB_ERR_STATE, "the node's chain '%s' is not known to this miner",
                   chain->name);
}

bool node_read_verdict(const struct json *result, char *reason, size_t size)
{
    if (json_is_null(result)) {
        reason[0] = '\0';
        return true;
    }
    const char *text = json_string(result);
    if (text == NULL) {
        text = json_string(json_get(result, "reject-reason"));
    }
    if (text == NULL) {
        text = "no reason given";
    }
    text_copy_printable(reason, size, text, strlen(text));
    return false;
}

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

enum share_reject node_reject_kind(const char *reason)
{
    static const struct row {
        const char *start;
        enum share_reject kind;
    } rows[] = {
        {"stale-", REJECT_STALE},        {"inconclusive", REJECT_STALE},
        {"bad-prevblk", REJECT_STALE},   {"prev-blk-not-found", REJECT_STALE},
        {"duplicate", REJECT_DUPLICATE}, {"high-hash", REJECT_LOW_DIFFICULTY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (begins_with(reason, rows[i].start)) {
            return rows[i].kind;
        }
    }
    return REJECT_OTHER;
}
