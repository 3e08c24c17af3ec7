#include "miner/hex.h"

#include <string.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(const char *text, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const int high = digit(text[2 * i]);
        const int low = high < 0 ? -1 : digit(text[2 * i + 1]);
        if (low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    return text[2 * size] == '\0';
}

bool hex_decode_upto(const char *text, uint8_t *bytes, size_t max, size_t *size)
{
    const size_t len = strlen(text);
    if (len % 2 != 0 || len / 2 > max) {
        return false;
    }
    *size = len / 2;
    return hex_decode(text, bytes, len / 2);
}

bool hex_to_u32(const char *text, uint32_t *value)
{
    const size_t len = strlen(text);
    if (len < 1 || len > 8) {
        return false;
    }
    uint32_t number = 0;
    for (size_t i = 0; i < len; i++) {
        const int d = digit(text[i]);
        if (d < 0) {
            return false;
        }
        number = number << 4 | (uint32_t)d;
    }
    *value = number;
    return true;
}

void hex_encode(char *text, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
}
