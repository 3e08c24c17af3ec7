#include "devices/bosminer_file.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "devices/reply.h"
#include "ground/text.h"

/* --- TOML, as much as it takes to find one key -------------------------------------------------
 */

struct scan {
    const char *text;
    size_t at, len;
};

/* A stretch of the text. */
struct part {
    size_t begin, end;
};

enum { SEGMENTS = 2 };

/* A key with its dots: the first segments of it, and how many there are. */
struct key {
    struct part segment[SEGMENTS];
    size_t count;
};

static char here(const struct scan *s)
{
    return s->at < s->len ? s->text[s->at] : '\0';
}

static bool is_at(const struct scan *s, const char *word)
{
    const size_t len = strlen(word);
    return s->len - s->at >= len && memcmp(s->text + s->at, word, len) == 0;
}

static void skip_blanks(struct scan *s)
{
    while (here(s) == ' ' || here(s) == '\t' || here(s) == '\r') {
        s->at++;
    }
}

static void skip_comment(struct scan *s)
{
    while (s->at < s->len && here(s) != '\n') {
        s->at++;
    }
}

/* To what the next statement begins with, or the end. */
static void skip_empty(struct scan *s)
{
    for (;;) {
        skip_blanks(s);
        if (here(s) == '#') {
            skip_comment(s);
        } else if (here(s) == '\n') {
            s->at++;
        } else {
            return;
        }
    }
}

/* Over a text in quotes of whatever kind; false if it has no end. */
static bool skip_string(struct scan *s)
{
    const char quote = here(s);
    const char triple[] = {quote, quote, quote, '\0'};
    const bool many_lines = is_at(s, triple);
    s->at += many_lines ? 3 : 1;
    while (s->at < s->len) {
        if (quote == '"' && here(s) == '\\') {
            s->at += 2;
        } else if (many_lines ? is_at(s, triple) : here(s) == quote) {
            s->at += many_lines ? 3 : 1;
            /* The text may end with one or two quotes of its own. */
            while (many_lines && here(s) == quote) {
                s->at++;
            }
            return s->at <= s->len;
        } else if (!many_lines && here(s) == '\n') {
            return false;
        } else {
            s->at++;
        }
    }
    return false;
}

/* Over an array or inline table with all that is in it. */
static bool skip_nested(struct scan *s)
{
    size_t depth = 0;
    do {
        const char c = here(s);
        if (c == '"' || c == '\'') {
            if (!skip_string(s)) {
                return false;
            }
            continue;
        }
        if (c == '#') {
            skip_comment(s);
            continue;
        }
        depth += c == '[' || c == '{' ? 1 : 0;
        depth -= c == ']' || c == '}' ? 1 : 0;
        s->at++;
    } while (depth > 0 && s->at < s->len);
    return depth == 0;
}

static bool skip_value(struct scan *s, struct part *value)
{
    bool fine = true;
    value->begin = s->at;
    if (here(s) == '"' || here(s) == '\'') {
        fine = skip_string(s);
    } else if (here(s) == '[' || here(s) == '{') {
        fine = skip_nested(s);
    } else {
        while (s->at < s->len && strchr(" \t\r\n#,]}", here(s)) == NULL) {
            s->at++;
        }
    }
    value->end = s->at;
    return fine && value->end > value->begin;
}

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static bool read_segment(struct scan *s, struct part *segment)
{
    segment->begin = s->at;
    if (here(s) == '"' || here(s) == '\'') {
        segment->begin++;
        if (!skip_string(s)) {
            return false;
        }
        segment->end = s->at - 1;
        return segment->end >= segment->begin;
    }
    while (is_bare(here(s))) {
        s->at++;
    }
    segment->end = s->at;
    return segment->end > segment->begin;
}

static bool read_key(struct scan *s, struct key *key)
{
    *key = (struct key){0};
    for (;;) {
        struct part segment;
        skip_blanks(s);
        if (!read_segment(s, &segment)) {
            return false;
        }
        if (key->count < SEGMENTS) {
            key->segment[key->count] = segment;
        }
        key->count++;
        skip_blanks(s);
        if (here(s) != '.') {
            return true;
        }
        s->at++;
    }
}

static bool is_word(const struct scan *s, struct part part, const char *word)
{
    return part.end - part.begin == strlen(word) &&
           memcmp(s->text + part.begin, word, strlen(word)) == 0;
}

static bool is_key(const struct scan *s, const struct key *key, const char *word)
{
    return key->count == 1 && is_word(s, key->segment[0], word);
}

static bool end_of_line(struct scan *s)
{
    skip_blanks(s);
    if (here(s) == '#') {
        skip_comment(s);
    }
    return s->at >= s->len || here(s) == '\n';
}

/* --- what it says of power ----------------------------------------------------------------------
 */

struct findings {
    size_t keys;
    bool old_name, enabled, other_mode;
    struct part watts; /* of the last of the keys */
};

/* [name] or [[name]]; `*inside` says whether its keys are those of autotuning. */
static bool read_header(struct scan *s, bool *inside)
{
    struct key key;
    s->at++;
    const bool array = here(s) == '[';
    s->at += array ? 1 : 0;
    if (!read_key(s, &key) || here(s) != ']') {
        return false;
    }
    s->at++;
    if (array) {
        if (here(s) != ']') {
            return false;
        }
        s->at++;
    }
    *inside = !array && is_key(s, &key, "autotuning");
    return end_of_line(s);
}

static void note(const struct scan *s, const struct key *key, struct part value,
                 struct findings *found)
{
    const bool old_name = is_key(s, key, "psu_power_limit");
    if (old_name || is_key(s, key, "power_target")) {
        found->keys++;
        found->old_name = old_name;
        found->watts = value;
    } else if (is_key(s, key, "enabled")) {
        found->enabled = is_word(s, value, "true");
    } else if (is_key(s, key, "mode")) {
        found->other_mode =
            !is_word(s, value, "'power_target'") && !is_word(s, value, "\"power_target\"");
    }
}

static bool read_pair(struct scan *s, bool inside, struct findings *found)
{
    struct key key;
    struct part value;
    if (!read_key(s, &key) || here(s) != '=') {
        return false;
    }
    s->at++;
    skip_blanks(s);
    if (!skip_value(s, &value) || !end_of_line(s)) {
        return false;
    }
    if (inside) {
        note(s, &key, value, found);
    }
    return true;
}

static bool read_all(struct scan *s, struct findings *found)
{
    bool inside = false;
    bool fine = true;
    skip_empty(s);
    while (fine && s->at < s->len) {
        fine = here(s) == '[' ? read_header(s, &inside) : read_pair(s, inside, found);
        skip_empty(s);
    }
    return fine;
}

/* Digits alone, as TOML writes a whole number, without a sign or a group. */
static bool read_watts(const char *text, struct part part, unsigned *watts)
{
    unsigned value = 0;
    const size_t len = part.end - part.begin;
    if (len == 0 || len > 6 || (len > 1 && text[part.begin] == '0')) {
        return false;
    }
    for (size_t i = part.begin; i < part.end; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = 10 * value + (unsigned)(text[i] - '0');
    }
    *watts = value;
    return value <= BOSMINER_WATTS_MAX;
}

struct bosminer_file bosminer_file_read(const char *text, size_t len)
{
    struct scan scan = {.text = text, .len = len};
    struct findings found = {0};
    struct bosminer_file file = {.fault = BOSMINER_NO_TOML};
    if (len > BOSMINER_FILE_MAX || memchr(text, '\0', len) != NULL || !text_is_utf8(text, len) ||
        !read_all(&scan, &found)) {
        return file;
    }
    file.begin = found.watts.begin;
    file.end = found.watts.end;
    file.old_name = found.old_name;
    if (found.keys != 1) {
        file.fault = found.keys == 0 ? BOSMINER_NO_KEY : BOSMINER_TWO_KEYS;
    } else if (!read_watts(text, found.watts, &file.watts)) {
        file.fault = BOSMINER_NO_NUMBER;
    } else if (!found.enabled) {
        file.fault = BOSMINER_TUNER_OFF;
    } else {
        file.fault = found.other_mode ? BOSMINER_OTHER_MODE : BOSMINER_FINE;
    }
    return file;
}

const char *bosminer_fault_sentence(enum bosminer_fault fault)
{
    static const char *const sentences[] = {
        [BOSMINER_FINE] = "",
        [BOSMINER_NO_KEY] = "its file bosminer.toml has no power_target or psu_power_limit in "
                            "[autotuning]: save a power target on its web page once",
        [BOSMINER_TWO_KEYS] = "its file bosminer.toml has more than one power target in "
                              "[autotuning]: save a power target on its web page once",
        [BOSMINER_NO_NUMBER] = "its file bosminer.toml has a power target that is no whole number "
                               "of watts: save a power target on its web page once",
        [BOSMINER_TUNER_OFF] = "its autotuning is off, so it has no power target: enable it on its "
                               "web page",
        [BOSMINER_OTHER_MODE] = "its autotuning does not go by power: set it to a power target on "
                                "its web page",
        [BOSMINER_NO_TOML] = "its file bosminer.toml cannot be understood, so nothing is written: "
                             "save its settings on its web page once",
    };
    return sentences[fault];
}

bool bosminer_file_patch(const char *text, size_t len, unsigned watts, char *patched, size_t size,
                         size_t *patched_len)
{
    const struct bosminer_file file = bosminer_file_read(text, len);
    char digits[16];
    if (file.fault != BOSMINER_FINE || watts > BOSMINER_WATTS_MAX) {
        return false;
    }
    const size_t count = (size_t)snprintf(digits, sizeof digits, "%u", watts);
    const size_t rest = len - file.end;
    if (file.begin + count + rest > size) {
        return false;
    }
    memcpy(patched, text, file.begin);
    memcpy(patched + file.begin, digits, count);
    memcpy(patched + file.begin + count, text + file.end, rest);
    *patched_len = file.begin + count + rest;
    return true;
}

bool bosminer_file_alike(const char *a, size_t a_len, const char *b, size_t b_len)
{
    const struct bosminer_file one = bosminer_file_read(a, a_len);
    const struct bosminer_file two = bosminer_file_read(b, b_len);
    return one.fault == BOSMINER_FINE && two.fault == BOSMINER_FINE && one.begin == two.begin &&
           a_len - one.end == b_len - two.end && memcmp(a, b, one.begin) == 0 &&
           memcmp(a + one.end, b + two.end, a_len - one.end) == 0;
}

/* --- commands -----------------------------------------------------------------------------------
 */

void bosminer_hash(const char *bytes, size_t len, char hash[BOSMINER_HASH])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned sum_len = 0;
    hash[0] = '\0';
    if (EVP_Digest(bytes, len, sum, &sum_len, EVP_sha256(), NULL) != 1 ||
        sum_len * 2 + 1 != BOSMINER_HASH) {
        return; /* no hash is that of anything */
    }
    for (unsigned i = 0; i < sum_len; i++) {
        hash[2 * i] = digits[sum[i] >> 4];
        hash[2 * i + 1] = digits[sum[i] & 15];
    }
    hash[2 * sum_len] = '\0';
}

const char *const bosminer_read_script = "echo \"mac $(cat /sys/class/net/eth0/address)\"\n"
                                         "echo \"version $(cat /etc/bos_version)\"\n"
                                         "pidof bosminer >/dev/null\n"
                                         "echo \"pidof $?\"\n"
                                         "sha256sum </etc/bosminer.toml && cat /etc/bosminer.toml";

/* Its own words would keep the connection open for as long as the miner runs. */
#define QUIETLY " </dev/null >/dev/null 2>&1"
const char *const bosminer_stop_script = "/etc/init.d/bosminer stop" QUIETLY;
const char *const bosminer_start_script = "/etc/init.d/bosminer start" QUIETLY;
const char *const bosminer_reload_script = "/etc/init.d/bosminer reload" QUIETLY;

/* The new file is whole and on the flash before it takes the old one's name, so that whoever reads,
 * and whenever the power fails, finds the one or the other. It is made as a copy of the old one, so
 * that it has the same owner and mode. */
void bosminer_write_script(const char before[BOSMINER_HASH], const char after[BOSMINER_HASH],
                           char script[BOSMINER_SCRIPT_MAX])
{
    (void)snprintf(script, BOSMINER_SCRIPT_MAX,
                   "f=/etc/bosminer.toml\n"
                   "n=/etc/bosminer.toml.heatbridge\n"
                   "quit() { rm -f $n; exit $1; }\n"
                   "[ -f $f ] && [ ! -L $f ] || exit %d\n"
                   "cp -p $f $n && cat >$n || quit %d\n"
                   "[ \"$(sha256sum <$n)\" = \"%s  -\" ] || quit %d\n"
                   "sync\n"
                   "[ \"$(sha256sum <$f)\" = \"%s  -\" ] || quit %d\n"
                   "mv $n $f || quit %d\n"
                   "sync",
                   BOSMINER_ABSENT, BOSMINER_NO_ROOM, after, BOSMINER_CUT, before, BOSMINER_CHANGED,
                   BOSMINER_NO_ROOM);
}

/* The line that begins at `*at`, without its end, and the place after it; false if there is none.
 */
static bool next_line(const char *out, size_t len, size_t *at, char *line, size_t size)
{
    const char *end = memchr(out + *at, '\n', len - *at);
    if (end == NULL) {
        return false;
    }
    const size_t count = (size_t)(end - (out + *at));
    text_copy_printable(line, size, out + *at, count);
    *at += count + 1;
    return true;
}

bool bosminer_read_output(const char *out, size_t len, struct bosminer_reading *reading)
{
    char mac[64], version[NAME_MAX_B + 16], pidof[64], sum[128];
    char hash[BOSMINER_HASH];
    size_t at = 0;
    *reading = (struct bosminer_reading){.running = -1};
    if (!next_line(out, len, &at, mac, sizeof mac) || strncmp(mac, "mac ", 4) != 0 ||
        !next_line(out, len, &at, version, sizeof version) ||
        strncmp(version, "version ", 8) != 0 || !next_line(out, len, &at, pidof, sizeof pidof) ||
        strncmp(pidof, "pidof ", 6) != 0) {
        return false;
    }
    if (!reply_mac(mac + 4, reading->mac)) {
        reading->mac[0] = '\0';
    }
    (void)text_copy(reading->version, sizeof reading->version, version + 8);
    reading->running = strcmp(pidof + 6, "0") == 0 ? 1 : strcmp(pidof + 6, "1") == 0 ? 0 : -1;
    if (!next_line(out, len, &at, sum, sizeof sum)) {
        return true; /* it has no such file */
    }
    bosminer_hash(out + at, len - at, hash);
    if (strncmp(sum, hash, BOSMINER_HASH - 1) == 0 && strcmp(sum + BOSMINER_HASH - 1, "  -") == 0) {
        reading->text = out + at;
        reading->len = len - at;
        memcpy(reading->hash, hash, sizeof hash);
    }
    return true;
}
