#include "devices/axeos_totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

size_t totp_key(const char *secret, uint8_t key[TOTP_SECRET])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t len = 0;
    for (const char *c = secret; *c != '\0'; c++) {
        const char upper = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        const char *digit = strchr(alphabet, upper);
        if (*c == ' ' || *c == '-' || *c == '=') {
            continue;
        }
        if (digit == NULL) {
            return 0;
        }
        bits = bits << 5 | (uint32_t)(digit - alphabet);
        bit_count += 5;
        if (bit_count >= 8) {
            if (len == TOTP_SECRET) {
                return 0;
            }
            bit_count -= 8;
            key[len++] = (uint8_t)(bits >> bit_count);
        }
    }
    return len;
}

bool totp_password(const uint8_t *key, size_t key_len, int64_t unix_s, int digits,
                   char password[10])
{
    uint8_t counter[8], mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    uint64_t step = (uint64_t)unix_s / TOTP_PERIOD_S;
    for (int i = 7; i >= 0; i--) {
        counter[i] = (uint8_t)step;
        step >>= 8;
    }
    if (HMAC(EVP_sha1(), key, (int)key_len, counter, sizeof counter, mac, &mac_len) == NULL ||
        mac_len != 20) {
        return false;
    }
    /* RFC 4226, 5.3: four bytes from where the last half byte points, without the sign. */
    const unsigned offset = mac[19] & 0x0Fu;
    const uint32_t code = ((uint32_t)mac[offset] & 0x7Fu) << 24 | (uint32_t)mac[offset + 1] << 16 |
                          (uint32_t)mac[offset + 2] << 8 | mac[offset + 3];
    uint32_t modulus = 1;
    for (int i = 0; i < digits; i++) {
        modulus *= 10;
    }
    (void)snprintf(password, 10, "%0*u", digits, (unsigned)(code % modulus));
    return true;
}
