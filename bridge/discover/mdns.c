#include "bridge/discover/mdns.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "bridge/discover/range.h"
#include "devices/mdns_codec.h"

enum { FACES_MAX = 16, SERVICES_MAX = 16, ROUNDS = 4, ROUND_MS = 750, HOPS = 255 };

static const char *const types[] = {"_axeos._sub._http._tcp.local", "_http._tcp.local"};
enum { TYPES = sizeof types / sizeof types[0], TYPE_AXEOS = 0 };

/* A web server may be anybody's: only those are visited that call themselves one of these. */
static const char *const heater_words[] = {"bitaxe", "nerd",    "axeos", "avalon", "antminer",
                                           "miner",  "braiins", "ofen",  "mujina", "apollo"};

/* One network, by our own address in it. */
struct face {
    uv_udp_t socket;
    struct sockaddr_in own;
    struct mdns *mdns;
};

struct mdns {
    struct face faces[FACES_MAX];
    int count, open_handles, round;
    uv_timer_t timer;
    bool ended;
    uint8_t packet[MDNS_PACKET_MAX]; /* of which one is read at a time */
    mdns_found found;
    mdns_done done;
    void *ctx;
};

static uint32_t address_of(const struct sockaddr *socket_address)
{
    return ntohl(((const struct sockaddr_in *)socket_address)->sin_addr.s_addr);
}

/* --- answers ------------------------------------------------------------------------------------
 */

static bool has_word(const char *text, const char *word)
{
    const size_t len = strlen(word);
    for (; *text != '\0'; text++) {
        if (strncasecmp(text, word, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_heater(const struct mdns_service *service)
{
    bool heater =
        strcmp(service->type, types[TYPE_AXEOS]) == 0 || *mdns_txt(service, "asic") != '\0';
    for (size_t i = 0; !heater && i < sizeof heater_words / sizeof heater_words[0]; i++) {
        heater = has_word(service->instance, heater_words[i]);
    }
    return heater;
}

/* Nobody sends us to the public Internet, and from outside nobody to this machine itself. */
static void take(const struct mdns *mdns, const struct mdns_service *service, uint32_t sender)
{
    uint32_t address = sender;
    if (service->has_address) {
        const uint8_t *a = service->address;
        address = (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
    }
    if (address_is_private(address) && service->port != 0 &&
        (address_is_loopback(sender) || !address_is_loopback(address))) {
        mdns->found(mdns->ctx, address, service->port);
    }
}

static void on_packet(uv_udp_t *socket, ssize_t len, const uv_buf_t *buf,
                      const struct sockaddr *sender, unsigned flags)
{
    const struct face *face = socket->data;
    struct mdns_service services[SERVICES_MAX];
    if (len <= 0 || sender == NULL || (flags & UV_UDP_PARTIAL) != 0) {
        return;
    }
    const size_t count = mdns_read_services((const uint8_t *)buf->base, (size_t)len, types, TYPES,
                                            services, SERVICES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (is_heater(&services[i])) {
            take(face->mdns, &services[i], address_of(sender));
        }
    }
}

static void lend(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    (void)wanted;
    const struct face *face = handle->data;
    *buf = uv_buf_init((char *)face->mdns->packet, sizeof face->mdns->packet);
}

/* --- questions ----------------------------------------------------------------------------------
 */

static void on_closed(uv_handle_t *handle)
{
    struct mdns *mdns =
        handle->type == UV_TIMER ? handle->data : ((const struct face *)handle->data)->mdns;
    if (--mdns->open_handles == 0) {
        const mdns_done done = mdns->done;
        void *const ctx = mdns->ctx;
        free(mdns);
        done(ctx);
    }
}

void mdns_stop(struct mdns *mdns)
{
    if (mdns->ended) {
        return;
    }
    mdns->ended = true;
    uv_close((uv_handle_t *)&mdns->timer, on_closed);
    for (int i = 0; i < mdns->count; i++) {
        uv_close((uv_handle_t *)&mdns->faces[i].socket, on_closed);
    }
}

static void ask(struct face *face)
{
    uint8_t packet[256];
    const size_t len = mdns_write_query(packet, sizeof packet, types, TYPES);
    struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};
    (void)inet_pton(AF_INET, "224.0.0.251", &group.sin_addr);
    uv_buf_t buf = uv_buf_init((char *)packet, (unsigned)len);
    /* A network that takes no packet has no answers: nothing to tell anybody. */
    (void)uv_udp_try_send(&face->socket, &buf, 1, (const struct sockaddr *)&group);
}

static void on_round(uv_timer_t *timer)
{
    struct mdns *mdns = timer->data;
    if (mdns->round++ == ROUNDS) {
        mdns_stop(mdns);
        return;
    }
    for (int i = 0; mdns->round <= ROUNDS / 2 && i < mdns->count; i++) {
        ask(&mdns->faces[i]);
    }
}

/* A handle that was initialised must be closed, used or not: therefore it counts in any case. */
static void add_face(struct mdns *mdns, uv_loop_t *loop, const struct sockaddr_in *own)
{
    struct face *face = &mdns->faces[mdns->count];
    char text[ADDRESS_TEXT_MAX];
    if (uv_udp_init(loop, &face->socket) != 0) {
        return;
    }
    face->mdns = mdns;
    face->own = *own;
    face->own.sin_port = 0;
    face->socket.data = face;
    mdns->count++;
    mdns->open_handles++;
    address_print(ntohl(own->sin_addr.s_addr), text);
    if (uv_udp_bind(&face->socket, (const struct sockaddr *)&face->own, 0) == 0) {
        (void)uv_udp_set_multicast_interface(&face->socket, text);
        (void)uv_udp_set_multicast_ttl(&face->socket, HOPS);
        (void)uv_udp_recv_start(&face->socket, lend, on_packet);
    }
}

struct mdns *mdns_start(uv_loop_t *loop, mdns_found found, mdns_done done, void *ctx)
{
    struct mdns *mdns = calloc(1, sizeof *mdns);
    uv_interface_address_t *list = NULL;
    int count = 0;
    if (mdns == NULL) {
        return NULL;
    }
    mdns->found = found;
    mdns->done = done;
    mdns->ctx = ctx;
    if (uv_interface_addresses(&list, &count) == 0) {
        for (int i = 0; i < count && mdns->count < FACES_MAX; i++) {
            if (list[i].address.address4.sin_family == AF_INET &&
                address_is_private(ntohl(list[i].address.address4.sin_addr.s_addr))) {
                add_face(mdns, loop, &list[i].address.address4);
            }
        }
        uv_free_interface_addresses(list, count);
    }
    (void)uv_timer_init(loop, &mdns->timer); /* cannot fail */
    mdns->timer.data = mdns;
    mdns->open_handles++;
    (void)uv_timer_start(&mdns->timer, on_round, 0, ROUND_MS);
    return mdns;
}
