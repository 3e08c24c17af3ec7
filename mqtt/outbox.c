#include "mqtt/outbox.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next, *prev; /* in the list of those waiting, or of those in flight */
    struct entry *chain;       /* next in the same bucket; waiting entries only */
    struct outbox_message message;
    char data[]; /* topic with its terminator, then the payload */
};

struct list {
    struct entry *first, *last;
    size_t count;
};

struct outbox {
    size_t topics, bucket_count; /* a power of two */
    struct list waiting, flying;
    struct entry *buckets[];
};

struct outbox *outbox_create(size_t topics)
{
    size_t bucket_count = 16;
    while (bucket_count < topics) {
        bucket_count *= 2;
    }
    struct outbox *outbox = calloc(1, sizeof *outbox + bucket_count * sizeof(struct entry *));
    if (outbox != NULL) {
        outbox->topics = topics;
        outbox->bucket_count = bucket_count;
    }
    return outbox;
}

static void free_all(struct list *list)
{
    for (struct entry *entry = list->first; entry != NULL;) {
        struct entry *next = entry->next;
        free(entry);
        entry = next;
    }
}

void outbox_destroy(struct outbox *outbox)
{
    if (outbox != NULL) {
        free_all(&outbox->waiting);
        free_all(&outbox->flying);
        free(outbox);
    }
}

static void insert(struct list *list, struct entry *entry, struct entry *before)
{
    entry->next = before;
    entry->prev = before != NULL ? before->prev : list->last;
    *(entry->prev != NULL ? &entry->prev->next : &list->first) = entry;
    *(before != NULL ? &before->prev : &list->last) = entry;
    list->count++;
}

static void extract(struct list *list, struct entry *entry)
{
    *(entry->prev != NULL ? &entry->prev->next : &list->first) = entry->next;
    *(entry->next != NULL ? &entry->next->prev : &list->last) = entry->prev;
    list->count--;
}

/* The link that points, or would point, at the waiting entry for `topic`. FNV-1a spreads topics. */
static struct entry **find(struct outbox *outbox, const char *topic)
{
    uint32_t hash = 2166136261U;
    for (const char *c = topic; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    }
    struct entry **at = &outbox->buckets[hash & (outbox->bucket_count - 1)];
    while (*at != NULL && strcmp((*at)->message.topic, topic) != 0) {
        at = &(*at)->chain;
    }
    return at;
}

static struct entry *copy(const struct outbox_message *message)
{
    const size_t topic_size = strlen(message->topic) + 1;
    struct entry *entry = malloc(sizeof *entry + topic_size + message->len);
    if (entry == NULL) {
        return NULL;
    }
    *entry = (struct entry){.message = *message};
    memcpy(entry->data, message->topic, topic_size);
    if (message->len > 0) {
        memcpy(entry->data + topic_size, message->payload, message->len);
    }
    entry->message.topic = entry->data;
    entry->message.payload = entry->data + topic_size;
    return entry;
}

enum outbox_put outbox_put(struct outbox *outbox, const struct outbox_message *message)
{
    struct entry **at = find(outbox, message->topic);
    struct entry *old = *at;
    if (message->len > OUTBOX_PAYLOAD_MAX ||
        (old == NULL && outbox->waiting.count >= outbox->topics)) {
        return OUTBOX_REFUSED;
    }
    struct entry *entry = copy(message);
    if (entry == NULL) {
        return OUTBOX_REFUSED;
    }
    *at = entry;
    if (old == NULL) {
        insert(&outbox->waiting, entry, NULL);
        return OUTBOX_ADDED;
    }
    entry->chain = old->chain;
    insert(&outbox->waiting, entry, old);
    extract(&outbox->waiting, old);
    free(old);
    return OUTBOX_REPLACED;
}

const struct outbox_message *outbox_take(struct outbox *outbox)
{
    struct entry *entry = outbox->waiting.first;
    if (entry == NULL) {
        return NULL;
    }
    *find(outbox, entry->message.topic) = entry->chain;
    extract(&outbox->waiting, entry);
    insert(&outbox->flying, entry, NULL);
    return &entry->message;
}

void outbox_untake(struct outbox *outbox)
{
    struct entry *entry = outbox->flying.last;
    if (entry == NULL) {
        return;
    }
    assert(entry->next == NULL);
    extract(&outbox->flying, entry);
    struct entry **at = find(outbox, entry->message.topic);
    if (*at != NULL) { /* a newer one waits already */
        free(entry);
        return;
    }
    entry->chain = NULL;
    *at = entry;
    insert(&outbox->waiting, entry, outbox->waiting.first);
}

void outbox_forget(struct outbox *outbox)
{
    struct entry *entry = outbox->flying.last;
    if (entry != NULL) {
        extract(&outbox->flying, entry);
        free(entry);
    }
}

void outbox_acknowledged(struct outbox *outbox, size_t unacknowledged)
{
    struct entry *entry = outbox->flying.first;
    while (entry != NULL && outbox->flying.count > unacknowledged) {
        struct entry *next = entry->next;
        extract(&outbox->flying, entry);
        free(entry);
        entry = next;
    }
}

void outbox_lost(struct outbox *outbox)
{
    while (outbox->flying.count > 0) {
        outbox_untake(outbox);
    }
}

size_t outbox_waiting(const struct outbox *outbox)
{
    return outbox->waiting.count;
}

size_t outbox_in_flight(const struct outbox *outbox)
{
    return outbox->flying.count;
}
