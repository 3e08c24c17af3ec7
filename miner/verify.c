#include "miner/verify.h"

#include <openssl/evp.h>

#include "miner/difficulty.h"

bool verify_hash(const uint8_t header[80], uint8_t hash[32])
{
    uint8_t once[32];
    return EVP_Digest(header, 80, once, NULL, EVP_sha256(), NULL) == 1 &&
           EVP_Digest(once, sizeof once, hash, NULL, EVP_sha256(), NULL) == 1;
}

bool verify_share(const uint8_t header[80], const uint8_t target[32], uint8_t hash[32],
                  double *difficulty)
{
    *difficulty = 0;
    if (!verify_hash(header, hash)) {
        return false;
    }
    *difficulty = difficulty_of(hash);
    return difficulty_meets(hash, target);
}
