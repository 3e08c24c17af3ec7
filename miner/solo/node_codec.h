/* What is asked of a Bitcoin node and what it answers: JSON-RPC bodies, errors in plain words.
 * Pure. */
#ifndef HB_MINER_NODE_CODEC_H
#define HB_MINER_NODE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "miner/engine.h"

struct json;

/* A full block's template is some 8 MB of hexadecimal digits and what is said about each of its
 * transactions. */
#define NODE_ANSWER_MAX ((size_t)24 * 1024 * 1024)

/* --- requests: JSON texts, to be freed ----------------------------------------------------------
 */

/* getblockchaininfo */
HB_MUST_USE char *node_ask_chain(void);
/* getblocktemplate; with a `longpoll_id` that is not "" the node answers when that one is out of
 * date. */
HB_MUST_USE char *node_ask_template(const char *longpoll_id);
/* getblocktemplate in mode "proposal": would this block be good, but for its proof of work? */
HB_MUST_USE char *node_ask_proposal(const char *block_hex, const char *work_id);
/* submitblock */
HB_MUST_USE char *node_ask_submit(const char *block_hex, const char *work_id);

/* --- answers ------------------------------------------------------------------------------------
 */

/* Reads an answer over HTTP. The tree's "result" is what was asked for; free the tree. NULL, with
 * an `err` that says in plain words what is wrong with the node or our access to it. */
HB_MUST_USE struct json *node_read(int http_status, const char *body, size_t len,
                                   struct hb_err *err);

struct node_chain {
    char name[32];          /* "main", "regtest", ... */
    unsigned network;       /* enum address_network   */
    double blocks, headers; /* verified and known     */
};

/* The result of getblockchaininfo, of a chain that can be mined. */
HB_MUST_USE bool node_read_chain(const struct json *result, struct node_chain *chain,
                                 struct hb_err *err);

/* The verdict on a block (BIP 22, 23): true if it is good, else why not, in the node's words. */
HB_MUST_USE bool node_read_verdict(const struct json *result, char *reason, size_t size);
/* The kind of a refusal. */
enum share_reject node_reject_kind(const char *reason);

#endif
