#include "miner/solo/bech32.h"

#include <string.h>

enum { CHECKSUM_LETTERS = 6 };

/* What the checksum's polynomial leaves: BIP 173 and BIP 350. */
#define RESIDUE_PLAIN 1U
#define RESIDUE_M     0x2bc830a3U

static int letter(char c)
{
    static const char letters[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const char *place = c == '\0' ? NULL : strchr(letters, c);
    return place == NULL ? -1 : (int)(place - letters);
}

/* One step of the checksum: a polynomial over GF(32) modulo the generator of BIP 173. */
static uint32_t polymod_step(uint32_t sum, uint32_t value)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                         0x2a1462b3};
    const uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < 5; i++) {
        sum ^= (top >> i & 1U) != 0 ? generator[i] : 0;
    }
    return sum;
}

static enum bech32_kind check(const struct bech32 *decoded, size_t count)
{
    uint32_t sum = 1;
    for (const char *c = decoded->prefix; *c != '\0'; c++) {
        sum = polymod_step(sum, (uint32_t)*c >> 5);
    }
    sum = polymod_step(sum, 0);
    for (const char *c = decoded->prefix; *c != '\0'; c++) {
        sum = polymod_step(sum, (uint32_t)*c & 31);
    }
    for (size_t i = 0; i < count; i++) {
        sum = polymod_step(sum, decoded->values[i]);
    }
    if (sum == RESIDUE_PLAIN) {
        return BECH32_PLAIN;
    }
    return sum == RESIDUE_M ? BECH32_M : BECH32_INVALID;
}

/* Printable ASCII in one letter case, made lower case. */
static bool fold_case(const char *text, size_t len, char *folded)
{
    bool lower = false;
    bool upper = false;
    for (size_t i = 0; i < len; i++) {
        const char c = text[i];
        if (c < 33 || c > 126) {
            return false;
        }
        lower = lower || (c >= 'a' && c <= 'z');
        upper = upper || (c >= 'A' && c <= 'Z');
        folded[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    folded[len] = '\0';
    return !(lower && upper);
}

bool bech32_decode(const char *text, struct bech32 *decoded)
{
    char folded[BECH32_TEXT_MAX + 1];
    memset(decoded, 0, sizeof *decoded);
    const size_t len = strlen(text);
    if (len > BECH32_TEXT_MAX || !fold_case(text, len, folded)) {
        return false;
    }
    const char *separator = strrchr(folded, '1');
    if (separator == NULL || separator == folded) {
        return false;
    }
    const size_t prefix = (size_t)(separator - folded);
    const size_t count = len - prefix - 1;
    if (count < CHECKSUM_LETTERS) {
        return false;
    }
    memcpy(decoded->prefix, folded, prefix);
    for (size_t i = 0; i < count; i++) {
        const int value = letter(separator[1 + i]);
        if (value < 0) {
            return false;
        }
        decoded->values[i] = (uint8_t)value;
    }
    decoded->count = count - CHECKSUM_LETTERS;
    decoded->kind = check(decoded, count);
    return decoded->kind != BECH32_INVALID;
}

bool bech32_to_bytes(const uint8_t *values, size_t count, uint8_t *bytes, size_t max, size_t *size)
{
    uint32_t pending = 0;
    unsigned bits = 0;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        pending = (pending << 5 | values[i]) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            if (used == max) {
                return false;
            }
            bytes[used++] = (uint8_t)(pending >> bits);
        }
    }
    *size = used;
    return bits < 5 && (pending & ((1U << bits) - 1)) == 0;
}
