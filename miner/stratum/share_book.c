#define _GNU_SOURCE /* strcasestr */
#include "miner/stratum/share_book.h"

#include <string.h>

/* The low end of a hash is as good as random; 0 means a free slot. */
static uint64_t mark_of(const uint8_t hash[32])
{
    uint64_t mark = 0;
    memcpy(&mark, hash, sizeof mark);
    return mark == 0 ? 1 : mark;
}

/* Where the mark is, or belongs: the table is never more than half full. */
static size_t find_slot(const struct share_generation *generation, uint64_t mark)
{
    size_t slot = mark % SHARE_BOOK_SLOTS;
    while (generation->marks[slot] != 0 && generation->marks[slot] != mark) {
        slot = (slot + 1) % SHARE_BOOK_SLOTS;
    }
    return slot;
}

bool share_book_knows(const struct share_book *book, const uint8_t hash[32])
{
    const uint64_t mark = mark_of(hash);
    for (size_t i = 0; i < 2; i++) {
        const struct share_generation *generation = &book->generations[i];
        if (generation->marks[find_slot(generation, mark)] == mark) {
            return true;
        }
    }
    return false;
}

static void remember(struct share_book *book, uint64_t mark)
{
    if (book->generations[book->young].count >= SHARE_BOOK_SENT) {
        book->young = 1 - book->young;
        memset(&book->generations[book->young], 0, sizeof book->generations[0]);
    }
    struct share_generation *generation = &book->generations[book->young];
    const size_t slot = find_slot(generation, mark);
    generation->count += generation->marks[slot] == 0 ? 1 : 0;
    generation->marks[slot] = mark;
}

bool share_book_may_send(struct share_book *book, hb_mono now)
{
    if (mono_age_ms(now, book->second) >= 1000) {
        book->second = now;
        book->in_second = 0;
    }
    return book->in_second++ < SHARE_BOOK_PER_SECOND;
}

void share_book_sent(struct share_book *book, const uint8_t hash[32],
                     const struct share_pending *pending)
{
    remember(book, mark_of(hash));
    book->pending[book->pending_next] = *pending;
    book->pending_next = (book->pending_next + 1) % SHARE_BOOK_PENDING;
}

bool share_book_answered(struct share_book *book, int64_t id, struct share_pending *pending)
{
    for (size_t i = 0; i < SHARE_BOOK_PENDING; i++) {
        if (id != 0 && book->pending[i].id == id) {
            *pending = book->pending[i];
            book->pending[i].id = 0;
            return true;
        }
    }
    return false;
}

void share_book_disconnected(struct share_book *book)
{
    memset(book->pending, 0, sizeof book->pending);
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
