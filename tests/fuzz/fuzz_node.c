/* Any answer of a node is read or refused, with a reason; of a template that is taken, work and a
 * block can be made; and any text is an address or not. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "miner/solo/node_codec.h"
#include "miner/solo/solo_job.h"
#include "plumbing/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const uint8_t *data, size_t size)
{
    struct address address;
    struct hb_err err = {0};
    char *text = malloc(size + 1);
    if (text == NULL) {
        return;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (address_parse(text, &address, &err) ? address.networks == 0 || address.script_len < 4 ||
                                                  address.script_len > ADDRESS_SCRIPT_MAX
                                            : err.msg[0] == '\0') {
        abort();
    }
    free(text);
}

/* The header that the workers would make must fit the block that is sent. */
static void use_template(const struct block_template *block)
{
    static struct job job;
    const struct solo_payee payee = {.address = {.script_len = ADDRESS_SCRIPT_MAX}};
    struct hb_err err = {0};
    uint8_t header[80];
    if (!solo_job_make(block, &payee, block_template_time(block, 1), &job, &err)) {
        if (err.msg[0] == '\0') {
            abort();
        }
        return;
    }
    job_make_header(&job, 5, job.notify.ntime, 0, 7, header);
    char *text = solo_block_print(block, &payee, header, 5, &err);
    if (text == NULL || strlen(text) < 2 * (80 + block->txs_len)) {
        abort();
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hb_err err = {0};
    check_address(data, size);
    struct json *tree = node_read(200, (const char *)data, size, &err);
    if (tree == NULL) {
        if (err.msg[0] == '\0') {
            abort();
        }
        return 0;
    }
    const struct json *result = json_get(tree, "result");
    struct node_chain chain;
    char reason[120];
    (void)!node_read_chain(result, &chain, &err);
    if (!node_read_verdict(result, reason, sizeof reason) && reason[0] != '\0') {
        (void)node_reject_kind(reason);
    }
    err.msg[0] = '\0';
    struct block_template *block = block_template_read(result, &err);
    if (block != NULL) {
        use_template(block);
        block_template_free(block);
    } else if (err.msg[0] == '\0') {
        abort();
    }
    json_free(tree);
    return 0;
}
