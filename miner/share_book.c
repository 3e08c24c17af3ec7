#define _GNU_SOURCE /* strcasestr */
#include "miner/share_book.h"

#include <string.h>

bool share_book_is_new(struct share_book *book, const uint8_t hash[32])
{
    const size_t width = sizeof book->sent[0];
    for (size_t i = 0; i < SHARE_BOOK_SENT; i++) {
        if (memcmp(book->sent[i], hash, width) == 0) {
            return false;
        }
    }
    memcpy(book->sent[book->sent_next], hash, width);
    book->sent_next = (book->sent_next + 1) % SHARE_BOOK_SENT;
    return true;
}

bool share_book_may_send(struct share_book *book, hb_mono now)
{
    if (mono_age_ms(now, book->second) >= 1000) {
        book->second = now;
        book->in_second = 0;
    }
    return book->in_second++ < SHARE_BOOK_PER_SECOND;
}

void share_book_sent(struct share_book *book, int64_t id)
{
    book->pending[book->pending_next] = id;
    book->pending_next = (book->pending_next + 1) % SHARE_BOOK_PENDING;
}

bool share_book_answered(struct share_book *book, int64_t id)
{
    for (size_t i = 0; i < SHARE_BOOK_PENDING; i++) {
        if (id != 0 && book->pending[i] == id) {
            book->pending[i] = 0;
            return true;
        }
    }
    return false;
}

static const struct words {
    const char *part;
    enum share_reject kind;
} words[] = {
    {"duplicate", REJECT_DUPLICATE},
    {"stale", REJECT_STALE},
    {"job not found", REJECT_STALE},
    {"unknown-work", REJECT_STALE},
    {"unknown job", REJECT_STALE},
    {"invalid jobid", REJECT_STALE},
    {"invalid job", REJECT_STALE},
    {"above target", REJECT_LOW_DIFFICULTY},
    {"low difficulty", REJECT_LOW_DIFFICULTY},
    {"low-difficulty", REJECT_LOW_DIFFICULTY},
    {"difficulty too low", REJECT_LOW_DIFFICULTY},
    {"high-hash", REJECT_LOW_DIFFICULTY},
    {"unauthor", REJECT_UNAUTHORIZED},
    {"not subscribed", REJECT_UNAUTHORIZED},
    {"worker mismatch", REJECT_UNAUTHORIZED},
};

enum share_reject share_reject_kind(int code, const char *text)
{
    switch (code) {
    case 21:
        return REJECT_STALE;
    case 22:
        return REJECT_DUPLICATE;
    case 23:
        return REJECT_LOW_DIFFICULTY;
    case 24:
    case 25:
        return REJECT_UNAUTHORIZED;
    default:
        break;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasestr(text, words[i].part) != NULL) {
            return words[i].kind;
        }
    }
    return REJECT_OTHER;
}
