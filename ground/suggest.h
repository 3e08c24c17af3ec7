/* "did you mean": the known word nearest to a mistyped one. Pure. */
#ifndef HB_GROUND_SUGGEST_H
#define HB_GROUND_SUGGEST_H

#include <stddef.h>

/* Looks for the best word among those offered one by one. Begin with {.word = typed}. */
struct suggestion {
    const char *word;
    const char *best; /* borrowed; NULL: nothing near enough */
    size_t distance;
};

/* Offers a candidate; it is kept when it is the nearest so far and no more than a third of the
 * letters (at least one, two from four letters on) are wrong. */
void suggest_offer(struct suggestion *suggestion, const char *candidate);

/* Letters to insert, remove, replace or swap with their neighbour to make `b` of `a`, capitals
 * aside; `limit` + 1 when it is more than `limit`, or when one is longer than 63 bytes. */
size_t suggest_distance(const char *a, const char *b, size_t limit);

#endif
