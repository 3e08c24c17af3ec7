#include "miner/solo/base58.h"

#include <string.h>

#include "miner/kernel/sha256.h"

enum { BYTES_MAX = 64, CHECKSUM = 4 };

static int digit(char c)
{
    static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    const char *place = c == '\0' ? NULL : strchr(digits, c);
    return place == NULL ? -1 : (int)(place - digits);
}

/* Multiplies the number, most significant byte first, by 58 and adds; false if it overflows. */
static bool push_digit(uint8_t *number, size_t size, int value)
{
    unsigned carry = (unsigned)value;
    for (size_t i = size; i-- > 0;) {
        carry += 58U * number[i];
        number[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return carry == 0;
}

bool base58check_decode(const char *text, uint8_t *bytes, size_t size)
{
    uint8_t number[BYTES_MAX + CHECKSUM] = {0};
    uint8_t hash[32];
    const size_t all = size + CHECKSUM;
    if (size > BYTES_MAX) {
        return false;
    }
    for (const char *c = text; *c != '\0'; c++) {
        const int value = digit(*c);
        if (value < 0 || !push_digit(number, all, value)) {
            return false;
        }
    }
    /* Each zero byte in front is one '1', neither more nor less. */
    size_t zeros = 0;
    while (zeros < all && number[zeros] == 0) {
        zeros++;
    }
    if (strspn(text, "1") != zeros) {
        return false;
    }
    sha256d_digest(number, size, hash);
    if (memcmp(hash, number + size, CHECKSUM) != 0) {
        return false;
    }
    memcpy(bytes, number, size);
    return true;
}
