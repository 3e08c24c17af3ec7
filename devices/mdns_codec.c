#include "devices/mdns_codec.h"

#include <string.h>
#include <strings.h>

#include "ground/text.h"

enum {
    HEADER_B = 12,
    LABEL_MAX = 63,
    WIRE_NAME_MAX = 255, /* RFC 1035, section 2.3.4 */
    RECORDS_MAX = 128,   /* of one packet that are looked at */
    FLAG_ANSWER = 0x80,
    POINTER = 0xC0,
    CLASS_IN = 1,
    CLASS_UNIQUE = 0x8000, /* in answers: the cache-flush bit; in questions: answer to me alone */
};

struct view {
    const uint8_t *bytes;
    size_t len, at;
};

/* One resource record; names as text, with dots within labels escaped. */
struct record {
    char name[MDNS_NAME_MAX];
    unsigned type;
    size_t data, data_len; /* offsets in the packet */
};

/* --- writing ------------------------------------------------------------------------------------
 */

static size_t put16(uint8_t *packet, size_t at, unsigned value)
{
    packet[at] = (uint8_t)(value >> 8);
    packet[at + 1] = (uint8_t)value;
    return at + 2;
}

/* Returns the offset after the name, 0 if it does not fit or is none. */
static size_t put_name(uint8_t *packet, size_t size, size_t at, const char *name)
{
    while (*name != '\0') {
        const size_t len = strcspn(name, ".");
        if (len == 0 || len > LABEL_MAX || size - at < len + 2) {
            return 0;
        }
        packet[at++] = (uint8_t)len;
        memcpy(packet + at, name, len);
        at += len;
        name += len;
        name += *name == '.';
    }
    packet[at++] = 0;
    return at;
}

size_t mdns_write_query(uint8_t *packet, size_t size, const char *const *names, size_t count)
{
    if (size < HEADER_B || count > UINT16_MAX) {
        return 0;
    }
    memset(packet, 0, HEADER_B);
    (void)put16(packet, 4, (unsigned)count);
    size_t at = HEADER_B;
    for (size_t i = 0; i < count; i++) {
        at = put_name(packet, size, at, names[i]);
        if (at == 0 || size - at < 4) {
            return 0;
        }
        at = put16(packet, at, MDNS_PTR);
        at = put16(packet, at, CLASS_UNIQUE | CLASS_IN);
    }
    return at;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static bool get16(struct view *view, unsigned *value)
{
    if (view->len - view->at < 2) {
        return false;
    }
    *value = (unsigned)view->bytes[view->at] << 8 | view->bytes[view->at + 1];
    view->at += 2;
    return true;
}

/* Appends one label and a dot, unless it is the first. False if it does not fit. */
static bool add_label(char *name, size_t *used, const uint8_t *label, size_t len)
{
    size_t at = *used;
    if (at + 2 * len + 2 > MDNS_NAME_MAX) {
        return false;
    }
    if (at > 0) {
        name[at++] = '.';
    }
    for (size_t i = 0; i < len; i++) {
        if (label[i] == '.' || label[i] == '\\') {
            name[at++] = '\\';
        }
        name[at++] = label[i] == '\0' ? '?' : (char)label[i];
    }
    name[at] = '\0';
    *used = at;
    return true;
}

/* Reads a name and moves behind it. Each pointer must lead before everything read so far of this
 * name, so that there can be no loop. */
static bool get_name(struct view *view, char *name)
{
    size_t at = view->at;
    size_t limit = at; /* pointers must lead before this */
    size_t used = 0;
    size_t wire = 0;
    bool jumped = false;
    name[0] = '\0';
    for (;;) {
        if (at >= view->len) {
            return false;
        }
        const size_t len = view->bytes[at];
        if ((len & POINTER) == POINTER) {
            if (view->len - at < 2) {
                return false;
            }
            const size_t target = (len & ~(size_t)POINTER) << 8 | view->bytes[at + 1];
            if (!jumped) {
                view->at = at + 2;
            }
            if (target >= limit) {
                return false;
            }
            jumped = true;
            at = limit = target;
            continue;
        }
        wire += len + 1;
        if (len > LABEL_MAX || view->len - at < len + 1 || wire > WIRE_NAME_MAX) {
            return false;
        }
        at++;
        if (len == 0) {
            break;
        }
        if (!add_label(name, &used, view->bytes + at, len)) {
            return false;
        }
        at += len;
    }
    if (!jumped) {
        view->at = at;
    }
    return true;
}

static bool get_record(struct view *view, struct record *record)
{
    unsigned class;
    unsigned len;
    if (!get_name(view, record->name) || !get16(view, &record->type) || !get16(view, &class) ||
        view->len - view->at < 4) {
        return false;
    }
    view->at += 4; /* how long it is valid: it is used at once */
    if (!get16(view, &len) || view->len - view->at < len) {
        return false;
    }
    record->data = view->at;
    record->data_len = len;
    view->at += len;
    if ((class & ~(unsigned)CLASS_UNIQUE) != CLASS_IN) {
        record->type = 0; /* of no interest */
    }
    return true;
}

/* Moves to the first record; returns how many there are, 0 if the packet is no answer. */
static unsigned open_packet(struct view *view)
{
    unsigned count[4];
    char name[MDNS_NAME_MAX];
    if (view->len < HEADER_B || (view->bytes[2] & FLAG_ANSWER) == 0) {
        return 0;
    }
    view->at = 4;
    for (int i = 0; i < 4; i++) {
        (void)get16(view, &count[i]);
    }
    if (count[0] > RECORDS_MAX) {
        return 0;
    }
    for (unsigned i = 0; i < count[0]; i++) {
        if (!get_name(view, name) || view->len - view->at < 4) {
            return 0;
        }
        view->at += 4;
    }
    const unsigned records = count[1] + count[2] + count[3];
    return records < RECORDS_MAX ? records : RECORDS_MAX;
}

/* The first record of that type and name; false if there is none. */
static bool find_record(const uint8_t *packet, size_t len, unsigned type, const char *name,
                        struct record *record)
{
    struct view view = {packet, len, 0};
    const unsigned count = open_packet(&view);
    for (unsigned i = 0; i < count && get_record(&view, record); i++) {
        if (record->type == type && strcasecmp(record->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void read_srv(const uint8_t *packet, size_t len, const char *name,
                     struct mdns_service *service)
{
    struct record record;
    char target[MDNS_NAME_MAX];
    if (!find_record(packet, len, MDNS_SRV, name, &record) || record.data_len < 7) {
        return;
    }
    /* Priority, weight, port and target. */
    struct view view = {packet, len, record.data + 4};
    unsigned port = 0;
    if (!get16(&view, &port) || !get_name(&view, target)) {
        return;
    }
    service->port = (uint16_t)port;
    if (find_record(packet, len, MDNS_A, target, &record) && record.data_len == 4) {
        memcpy(service->address, packet + record.data, 4);
        service->has_address = true;
    }
}

static void read_txt(const uint8_t *packet, size_t len, const char *name,
                     struct mdns_service *service)
{
    struct record record;
    if (!find_record(packet, len, MDNS_TXT, name, &record)) {
        return;
    }
    size_t at = record.data;
    const size_t end = record.data + record.data_len;
    for (size_t i = 0; i < MDNS_TXT_MAX && at < end;) {
        const size_t text_len = packet[at++];
        if (text_len > end - at) {
            break;
        }
        text_copy_printable(service->txt[i], sizeof service->txt[i], (const char *)packet + at,
                            text_len);
        i += service->txt[i][0] != '\0';
        at += text_len;
    }
}

/* "Bitaxe\.1._http._tcp.local" is the instance "Bitaxe.1". */
static void read_instance(const char *name, char *instance, size_t size)
{
    char label[MDNS_NAME_MAX];
    size_t len = 0;
    while (*name != '\0' && *name != '.') {
        name += *name == '\\' && name[1] != '\0';
        label[len++] = *name++;
    }
    text_copy_printable(instance, size, label, len);
}

size_t mdns_read_services(const uint8_t *packet, size_t len, const char *const *names, size_t count,
                          struct mdns_service *services, size_t max)
{
    struct view view = {packet, len, 0};
    const unsigned records = open_packet(&view);
    struct record record;
    size_t found = 0;
    for (unsigned i = 0; i < records && found < max && get_record(&view, &record); i++) {
        for (size_t k = 0; record.type == MDNS_PTR && k < count; k++) {
            if (strcasecmp(record.name, names[k]) != 0) {
                continue;
            }
            struct view at_data = {packet, len, record.data};
            char target[MDNS_NAME_MAX];
            if (!get_name(&at_data, target)) {
                continue;
            }
            services[found] = (struct mdns_service){.port = 0};
            (void)text_copy(services[found].type, sizeof services[found].type, names[k]);
            read_instance(target, services[found].instance, sizeof services[found].instance);
            read_srv(packet, len, target, &services[found]);
            read_txt(packet, len, target, &services[found]);
            found++;
            break;
        }
    }
    return found;
}

const char *mdns_txt(const struct mdns_service *service, const char *key)
{
    const size_t len = strlen(key);
    for (size_t i = 0; i < MDNS_TXT_MAX && service->txt[i][0] != '\0'; i++) {
        if (strncasecmp(service->txt[i], key, len) == 0 && service->txt[i][len] == '=') {
            return service->txt[i] + len + 1;
        }
    }
    return "";
}
