#include "bridge/reason.h"

#include <stddef.h>

static const struct {
    const char *word, *sentence;
} table[] = {
#define REASON_ROW(suffix, word, sentence) {word, sentence},
    REASON_TABLE(REASON_ROW)
#undef REASON_ROW
};

const char *reason_word(enum reason reason)
{
    return (size_t)reason < REASON_COUNT ? table[reason].word : "unknown";
}

const char *reason_sentence(enum reason reason)
{
    return (size_t)reason < REASON_COUNT ? table[reason].sentence : "unknown";
}
