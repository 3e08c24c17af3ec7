#include "ground/suggest.h"

#include <stdbool.h>
#include <string.h>

enum { WORD_MAX = 63 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A capital letter is no mistake worth counting. */
static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Optimal string alignment: Levenshtein's distance in which a swap of neighbours is one step. */
size_t suggest_distance(const char *a, const char *b, size_t limit)
{
    const size_t a_len = strlen(a);
    const size_t b_len = strlen(b);
    if (a_len > WORD_MAX || b_len > WORD_MAX) {
        return limit + 1;
    }
    size_t rows[3][WORD_MAX + 1]; /* the row before the last one, the last one, this one */
    for (size_t j = 0; j <= b_len; j++) {
        rows[1][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        rows[2][0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            const size_t change = fold(a[i - 1]) == fold(b[j - 1]) ? 0 : 1;
            size_t best = least(rows[1][j - 1] + change, least(rows[1][j], rows[2][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = least(best, rows[0][j - 2] + 1);
            }
            rows[2][j] = best;
        }
        memcpy(rows[0], rows[1], sizeof rows[0]);
        memcpy(rows[1], rows[2], sizeof rows[1]);
    }
    return least(rows[1][b_len], limit + 1);
}

void suggest_offer(struct suggestion *suggestion, const char *candidate)
{
    const size_t len = strlen(suggestion->word);
    size_t limit = len / 3;
    if (limit < 2) {
        limit = len < 4 ? 1 : 2;
    }
    const size_t distance = suggest_distance(suggestion->word, candidate, limit);
    /* A word of which nothing is left would be no suggestion. */
    const bool near = distance <= limit && distance < strlen(candidate);
    if (near && (suggestion->best == NULL || distance < suggestion->distance)) {
        suggestion->best = candidate;
        suggestion->distance = distance;
    }
}
