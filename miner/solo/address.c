#include "miner/solo/address.h"

#include <string.h>

#include "ground/text.h"
#include "miner/solo/base58.h"
#include "miner/solo/bech32.h"

enum {
    OP_0 = 0x00,
    OP_1 = 0x51,
    OP_DUP = 0x76,
    OP_EQUAL = 0x87,
    OP_EQUALVERIFY = 0x88,
    OP_HASH160 = 0xa9,
    OP_CHECKSIG = 0xac,
    HASH160_SIZE = 20,
};

static const struct witness_prefix {
    const char *prefix;
    unsigned networks;
} witness_prefixes[] = {
    {"bc", ADDRESS_MAIN},
    {"tb", ADDRESS_TEST},
    {"bcrt", ADDRESS_REGTEST},
};

static const struct base58_version {
    uint8_t version;
    bool script_hash;
    unsigned networks;
} base58_versions[] = {
    {0x00, false, ADDRESS_MAIN},
    {0x05, true, ADDRESS_MAIN},
    {0x6f, false, ADDRESS_TEST | ADDRESS_REGTEST},
    {0xc4, true, ADDRESS_TEST | ADDRESS_REGTEST},
};

static const struct chain {
    const char *name;
    unsigned network;
} chains[] = {
    {"main", ADDRESS_MAIN},   {"test", ADDRESS_TEST},       {"testnet4", ADDRESS_TEST},
    {"signet", ADDRESS_TEST}, {"regtest", ADDRESS_REGTEST},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

unsigned address_network_of_chain(const char *chain)
{
    for (size_t i = 0; i < COUNT(chains); i++) {
        if (strcmp(chains[i].name, chain) == 0) {
            return chains[i].network;
        }
    }
    return 0;
}

static void put(struct address *address, const void *bytes, size_t len)
{
    memcpy(address->script + address->script_len, bytes, len);
    address->script_len += len;
}

static void put_op(struct address *address, int op)
{
    const uint8_t byte = (uint8_t)op;
    put(address, &byte, 1);
}

/* --- base58 -------------------------------------------------------------------------------------
 */

static bool parse_base58(const char *text, struct address *address)
{
    uint8_t payload[1 + HASH160_SIZE];
    if (!base58check_decode(text, payload, sizeof payload)) {
        return false;
    }
    for (size_t i = 0; i < COUNT(base58_versions); i++) {
        const struct base58_version *row = &base58_versions[i];
        if (row->version != payload[0]) {
            continue;
        }
        address->networks = row->networks;
        if (!row->script_hash) {
            put_op(address, OP_DUP);
        }
        put_op(address, OP_HASH160);
        put_op(address, HASH160_SIZE);
        put(address, payload + 1, HASH160_SIZE);
        put_op(address, row->script_hash ? OP_EQUAL : OP_EQUALVERIFY);
        if (!row->script_hash) {
            put_op(address, OP_CHECKSIG);
        }
        return true;
    }
    return false;
}

/* --- witness programs ---------------------------------------------------------------------------
 */

static unsigned networks_of_prefix(const char *prefix)
{
    for (size_t i = 0; i < COUNT(witness_prefixes); i++) {
        if (strcmp(witness_prefixes[i].prefix, prefix) == 0) {
            return witness_prefixes[i].networks;
        }
    }
    return 0;
}

/* Version 0 wears the old checksum and has two lengths; the others wear the new one (BIP 350). */
static bool program_is_valid(const struct bech32 *decoded, unsigned version, size_t size)
{
    if (version > 16 || size < 2 || size > 40) {
        return false;
    }
    if (version == 0) {
        return decoded->kind == BECH32_PLAIN && (size == 20 || size == 32);
    }
    return decoded->kind == BECH32_M;
}

static bool parse_witness(const char *text, struct address *address)
{
    struct bech32 decoded;
    uint8_t program[40];
    size_t size = 0;
    if (!bech32_decode(text, &decoded) || decoded.count < 1) {
        return false;
    }
    const unsigned version = decoded.values[0];
    address->networks = networks_of_prefix(decoded.prefix);
    if (address->networks == 0 ||
        !bech32_to_bytes(decoded.values + 1, decoded.count - 1, program, sizeof program, &size) ||
        !program_is_valid(&decoded, version, size)) {
        return false;
    }
    put_op(address, version == 0 ? OP_0 : OP_1 + (int)version - 1);
    put_op(address, (int)size);
    put(address, program, size);
    return true;
}

bool address_parse(const char *text, struct address *address, struct hb_err *err)
{
    memset(address, 0, sizeof *address);
    if (parse_witness(text, address) || parse_base58(text, address)) {
        return true;
    }
    memset(address, 0, sizeof *address);
    char shown[101];
    text_copy_printable(shown, sizeof shown, text, strlen(text));
    return hb_fail(err, HB_ERR_USAGE, "expected a Bitcoin address, got '%s'", shown);
}
