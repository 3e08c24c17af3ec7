/* From a Bitcoin address to the script that pays it: base58 P2PKH and P2SH, Bech32 and Bech32m
 * witness programs of every version. Pure. */
#ifndef HB_MINER_ADDRESS_H
#define HB_MINER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

enum { ADDRESS_SCRIPT_MAX = 42 }; /* a witness program of 40 bytes */

/* Networks as far as addresses tell them apart: the test networks and signet share theirs, and
 * regtest shares the base58 ones. */
enum address_network {
    ADDRESS_MAIN = 1 << 0,
    ADDRESS_TEST = 1 << 1, /* testnet3, testnet4, signet */
    ADDRESS_REGTEST = 1 << 2,
};

struct address {
    unsigned networks; /* those on which it exists: enum address_network, or-ed */
    size_t script_len;
    uint8_t script[ADDRESS_SCRIPT_MAX];
};

/* Reads an address. The error says what is wrong and shows the text, cut to 100 characters. */
HB_MUST_USE bool address_parse(const char *text, struct address *address, struct hb_err *err);

/* The network that a node calls `chain` (getblockchaininfo): "main", "test", "testnet4", "signet",
 * "regtest". 0 for any other name. */
unsigned address_network_of_chain(const char *chain);

#endif
