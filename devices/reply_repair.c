#include "devices/reply_repair.h"

#include <string.h>

#include "ground/text.h"

/* What was written last, as far as it decides whether a comma is needed. */
enum last { LAST_NOTHING, LAST_OPENED, LAST_COLON, LAST_VALUE };

struct repair {
    const char *in;
    size_t len, at;
    char *out;
    size_t out_len;
    char open[JSON_MAX_DEPTH]; /* brackets */
    int depth;
    enum last last;
    bool comma, commas_told;
    struct reply_faults *faults;
};

static void put(struct repair *r, const char *bytes, size_t len)
{
    memcpy(r->out + r->out_len, bytes, len);
    r->out_len += len;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void tell_commas(struct repair *r)
{
    if (!r->commas_told) {
        r->commas_told = true;
        reply_fault(r->faults, REPLY_TEXT, "commas missing or too many, at byte %zu", r->at);
    }
}

/* Before a value or a name. */
static void begin_item(struct repair *r)
{
    const bool wanted = r->last == LAST_VALUE;
    if (wanted != r->comma) {
        tell_commas(r);
    }
    if (wanted) {
        put(r, ",", 1);
    }
    r->comma = false;
}

static bool open_bracket(struct repair *r, char c)
{
    if (r->depth == JSON_MAX_DEPTH) {
        return false;
    }
    begin_item(r);
    r->open[r->depth++] = c;
    put(r, &c, 1);
    r->last = LAST_OPENED;
    return true;
}

static bool close_bracket(struct repair *r, char c)
{
    if (r->depth == 0 || r->open[r->depth - 1] != (c == '}' ? '{' : '[')) {
        return false;
    }
    if (r->comma) {
        tell_commas(r);
    }
    r->comma = false;
    r->depth--;
    put(r, &c, 1);
    r->last = LAST_VALUE;
    return true;
}

/* --- texts ------------------------------------------------------------------------------------ */

/* Value of "XXXX", or -1. */
static int hex4(const char *text, size_t left)
{
    int value = 0;
    if (left < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        const char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
        const char *digit = c == '\0' ? NULL : strchr(digits, c);
        if (digit == NULL) {
            return -1;
        }
        value = value * 16 + (int)(digit - digits);
    }
    return value;
}

/* Bytes of the escape at `text`, which begins with a backslash; 0 if it stands for no character.
 * NUL counts as none: it would end the text early. */
static size_t escape_length(const char *text, size_t left)
{
    if (left < 2) {
        return 0;
    }
    if (text[1] != 'u') {
        return text[1] != '\0' && strchr("\"\\/bfnrt", text[1]) != NULL ? 2 : 0;
    }
    const int unit = hex4(text + 2, left - 2);
    if (unit <= 0 || (unit >= 0xDC00 && unit <= 0xDFFF)) {
        return 0;
    }
    if (unit < 0xD800 || unit > 0xDBFF) {
        return 6;
    }
    const bool paired = left >= 12 && text[6] == '\\' && text[7] == 'u';
    const int low = paired ? hex4(text + 8, left - 8) : -1;
    return low >= 0xDC00 && low <= 0xDFFF ? 12 : 0;
}

/* Whether everything between the quotes is UTF-8 and well escaped. */
static bool text_is_sound(const char *text, size_t len)
{
    if (!text_is_utf8(text, len) || memchr(text, '\0', len) != NULL) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\') {
            const size_t step = escape_length(text + i, len - i);
            if (step == 0) {
                return false;
            }
            i += step - 1;
        }
    }
    return true;
}

/* Index of the quote that ends the text which begins at `at`; `len` if none does. */
static size_t text_end(const struct repair *r, size_t at)
{
    while (at < r->len && r->in[at] != '"') {
        at += r->in[at] == '\\' ? 2 : 1;
    }
    return at < r->len ? at : r->len;
}

/* A name keeps its place with '?' for what is wrong, so that its value is not lost. */
static void put_bad_name(struct repair *r, const char *text, size_t len)
{
    put(r, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        put(r, c >= 0x20 && c < 0x7F && c != '\\' && c != '"' ? &text[i] : "?", 1);
    }
    put(r, "\"", 1);
}

static bool copy_text(struct repair *r)
{
    const char *text = r->in + r->at + 1;
    const size_t end = text_end(r, r->at + 1);
    if (end == r->len) {
        return false;
    }
    const size_t len = end - (r->at + 1);
    begin_item(r);
    size_t next = end + 1;
    while (next < r->len && is_space(r->in[next])) {
        next++;
    }
    if (text_is_sound(text, len)) {
        put(r, text - 1, len + 2);
    } else {
        char shown[40];
        text_copy_printable(shown, sizeof shown, text, len);
        reply_fault(r->faults, REPLY_TEXT, "expected UTF-8, got '%s' at byte %zu", shown, r->at);
        if (next < r->len && r->in[next] == ':') {
            put_bad_name(r, text, len);
        } else {
            put(r, "null", 4);
        }
    }
    r->at = end + 1;
    r->last = LAST_VALUE;
    return true;
}

/* --- words ------------------------------------------------------------------------------------ */

/* -12, 3.5, 1e-9; and 007, which some printf makes. */
static bool is_number(const char *word, size_t len)
{
    size_t i = len > 0 && word[0] == '-' ? 1 : 0;
    static const char *const lead[] = {"", ".", "eE"};
    for (int part = 0; part < 3; part++) {
        if (part > 0) {
            if (i == len) {
                return true;
            }
            if (word[i] == '\0' || strchr(lead[part], word[i]) == NULL) {
                continue;
            }
            i++;
            if (part == 2 && i < len && (word[i] == '-' || word[i] == '+')) {
                i++;
            }
        }
        const size_t digits = i;
        while (i < len && word[i] >= '0' && word[i] <= '9') {
            i++;
        }
        if (i == digits) {
            return false;
        }
    }
    return i == len;
}

static bool is_word(const char *word, size_t len)
{
    return (len == 4 && (memcmp(word, "true", 4) == 0 || memcmp(word, "null", 4) == 0)) ||
           (len == 5 && memcmp(word, "false", 5) == 0);
}

static bool ends_word(char c)
{
    return is_space(c) || c == '\0' || strchr(",:{}[]\"", c) != NULL;
}

/* A number, true, false, null; and what is none of them, such as nan, -inf, 1.#QNAN or 0x1F. */
static bool copy_word(struct repair *r)
{
    const char *word = r->in + r->at;
    size_t len = 0;
    double value = 0;
    while (r->at + len < r->len && !ends_word(word[len])) {
        len++;
    }
    if (len == 0) {
        return false; /* a NUL between values */
    }
    begin_item(r);
    if (is_word(word, len) || (is_number(word, len) && text_to_number(word, len, &value))) {
        put(r, word, len);
    } else {
        char shown[40];
        text_copy_printable(shown, sizeof shown, word, len);
        reply_fault(r->faults, REPLY_RANGE, "expected a number, got %s at byte %zu", shown, r->at);
        put(r, "null", 4);
    }
    r->at += len;
    r->last = LAST_VALUE;
    return true;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool step(struct repair *r)
{
    const char c = r->in[r->at];
    if (c == '"') {
        return copy_text(r);
    }
    if (is_space(c)) {
        r->at++;
        return true;
    }
    if (strchr("{}[],:", c) == NULL || c == '\0') {
        return copy_word(r);
    }
    bool fine = true;
    if (c == '{' || c == '[') {
        fine = open_bracket(r, c);
    } else if (c == '}' || c == ']') {
        fine = close_bracket(r, c);
    } else if (c == ',') {
        if (r->comma) {
            tell_commas(r);
        }
        r->comma = true;
    } else {
        put(r, ":", 1);
        r->last = LAST_COLON;
    }
    r->at++;
    return fine;
}

static void look_behind(struct repair *r)
{
    size_t at = r->at;
    while (at < r->len && (is_space(r->in[at]) || r->in[at] == '\0')) {
        at++;
    }
    if (at < r->len) {
        char shown[40];
        text_copy_printable(shown, sizeof shown, r->in + at, r->len - at);
        reply_fault(r->faults, REPLY_TEXT, "expected the end of the answer, got '%s' at byte %zu",
                    shown, at);
    }
}

bool reply_repair(const char *bytes, size_t len, char *out, size_t *out_len,
                  struct reply_faults *faults)
{
    struct repair repair = {.in = bytes, .len = len, .out = out, .faults = faults};
    if (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        repair.at = 3; /* a byte order mark */
    }
    while (repair.at < len && is_space(bytes[repair.at])) {
        repair.at++;
    }
    if (repair.at == len || (bytes[repair.at] != '{' && bytes[repair.at] != '[')) {
        return false;
    }
    do {
        if (!step(&repair)) {
            return false;
        }
    } while (repair.depth > 0 && repair.at < len);
    if (repair.depth > 0) {
        return false;
    }
    look_behind(&repair);
    *out_len = repair.out_len;
    return true;
}
