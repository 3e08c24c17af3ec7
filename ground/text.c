#include "ground/text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool text_copy(char *buf, size_t size, const char *text)
{
    const size_t len = strlen(text);
    const size_t take = len < size ? len : size - 1;
    memcpy(buf, text, take);
    buf[take] = '\0';
    return take == len;
}

/* Length in bytes of the UTF-8 sequence that begins at `s`, 0 if it is malformed (RFC 3629 table).
 */
static size_t utf8_step(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80) {
        return 1;
    }
    size_t n = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (s[0] >= 0xC2 && s[0] <= 0xDF) {
        n = 2;
    } else if (s[0] >= 0xE0 && s[0] <= 0xEF) {
        n = 3;
        low = s[0] == 0xE0 ? 0xA0 : 0x80;
        high = s[0] == 0xED ? 0x9F : 0xBF;
    } else if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        n = 4;
        low = s[0] == 0xF0 ? 0x90 : 0x80;
        high = s[0] == 0xF4 ? 0x8F : 0xBF;
    }
    if (n == 0 || n > left || s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return n;
}

bool text_is_utf8(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < len;) {
        const size_t n = utf8_step(s + i, len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

void text_copy_printable(char *buf, size_t size, const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t out = 0;
    for (size_t i = 0; i < len;) {
        const size_t n = utf8_step(s + i, len - i);
        const bool shown = n > 1 || (n == 1 && s[i] >= 0x20 && s[i] != 0x7F);
        const size_t width = shown ? n : 1;
        if (out + width >= size) {
            break;
        }
        if (shown) {
            memcpy(buf + out, text + i, n);
        } else {
            buf[out] = '?';
        }
        out += width;
        i += n == 0 ? 1 : n;
    }
    buf[out] = '\0';
}

bool text_to_number(const char *text, size_t len, double *number)
{
    while (len > 0 && isspace((unsigned char)text[0])) {
        text++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        len--;
    }
    char copy[64];
    if (len == 0 || len >= sizeof copy) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (strchr("0123456789+-.eE", text[i]) == NULL || text[i] == '\0') {
            return false;
        }
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *end = NULL;
    const double value = strtod(copy, &end); /* the program never leaves the "C" locale */
    if (*end != '\0' || !isfinite(value)) {
        return false;
    }
    *number = value;
    return true;
}

bool text_is_id(const char *text)
{
    const size_t len = strlen(text);
    if (len < 1 || len > 32 || text[0] < 'a' || text[0] > 'z') {
        return false;
    }
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}
