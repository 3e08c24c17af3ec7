#include "mqtt/suggest.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MAX = 33 };

static size_t least(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance, upper and lower case alike; of two rows only the last is kept. */
static size_t distance(const char *a, const char *b)
{
    const size_t width = strlen(b);
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= width; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            const size_t differs = tolower((unsigned char)a[i]) != tolower((unsigned char)b[j]);
            const size_t here = least(row[j] + 1, row[j + 1] + 1, diagonal + differs);
            diagonal = row[j + 1];
            row[j + 1] = here;
        }
    }
    return row[width];
}

const char *suggest_word(const char *typed, const char *const *words, size_t count)
{
    const char *best = NULL;
    const size_t len = strlen(typed);
    /* A third of the letters wrong is a slip, more is another word. */
    size_t limit = len / 3 + 1;
    if (len > 2 * WORD_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const size_t d = strlen(words[i]) < WORD_MAX ? distance(typed, words[i]) : len;
        if (d <= limit && d < strlen(words[i])) {
            best = words[i];
            limit = d > 0 ? d - 1 : 0;
            if (d == 0) {
                return best;
            }
        }
    }
    return best;
}
