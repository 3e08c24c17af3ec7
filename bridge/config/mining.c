#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/config/parts.h"
#include "bridge/config/value.h"
#include "ground/suggest.h"
#include "ground/text.h"
#include "miner/kernel/kernel_choice.h"
#include "miner/solo/address.h"

enum { POOLS_MAX = 16, HOSTS_MAX = 32 };

/* Length of the list at `at`, at most `max`; 0 with an error for anything else. */
static size_t count_items(struct reader *reader, const struct cursor *at, const char *expected,
                          size_t max)
{
    if (!reader_is(reader, at, NODE_LIST, expected)) {
        return 0;
    }
    if (at->node->count > max) {
        (void)reader_error(reader, at, "expected at most %zu, got %zu", max, at->node->count);
        return 0;
    }
    return at->node->count;
}

/* A node needs an address to pay and a way in; a pool knows neither. */
static void check_pool(struct reader *reader, const struct cursor *at,
                       const struct config_pool *pool)
{
    static const char scheme[] = "solo+";
    const bool solo = strncasecmp(pool->url, scheme, strlen(scheme)) == 0;
    const bool cookie = pool->cookie_file[0] != '\0';
    const bool user = pool->rpc_user[0] != '\0';
    static const char *const pool_keys[] = {"silence", "password"};
    struct address address;
    for (size_t i = 0; solo && i < sizeof pool_keys / sizeof pool_keys[0]; i++) {
        const struct cursor pool_key = cursor_member(at, pool_keys[i]);
        if (pool_key.node != NULL) {
            (void)reader_error(reader, &pool_key, "expected a pool's url beside it, got a node's");
        }
    }
    struct cursor key = cursor_member(at, cookie ? "cookie_file" : "rpc_user");
    if (!solo && (cookie || user || pool->rpc_password[0] != '\0')) {
        key = cursor_member(at, cookie ? "cookie_file" : user ? "rpc_user" : "rpc_password");
        (void)reader_error(reader, &key,
                           "expected a url with solo+http:// or solo+https:// beside "
                           "it, got a pool's");
    } else if (solo && cookie && user) {
        (void)reader_error(reader, &key, "expected either cookie_file or rpc_user, got both");
    } else if (solo && !cookie && !user) {
        key = cursor_member(at, "cookie_file");
        (void)reader_error(reader, &key,
                           "expected cookie_file, or rpc_user and rpc_password, got "
                           "nothing");
    }
    if (solo && pool->user[0] != '\0' && !address_parse(pool->user, &address, NULL)) {
        key = cursor_member(at, "user");
        (void)reader_expected(reader, &key, "a Bitcoin address", NULL);
    }
}

/* As openssl prints it, with colons, or without. */
static bool is_sha256(const char *text)
{
    size_t digits = 0;
    for (; *text != '\0'; text++) {
        if (*text != ':' && strchr("0123456789abcdefABCDEF", *text) == NULL) {
            return false;
        }
        digits += *text != ':' ? 1 : 0;
    }
    return digits == 64;
}

/* "…/abc.onion:3333" */
static bool is_onion(const char *url)
{
    static const char end[] = ".onion";
    const char *at = strstr(url, "://");
    const size_t host = at == NULL ? 0 : strcspn(at + 3, ":/");
    return host >= sizeof end &&
           strncasecmp(at + 3 + host - (sizeof end - 1), end, sizeof end - 1) == 0;
}

/* Keys that only a pool, or only some pools, can make use of. */
static void check_way(struct reader *reader, const struct cursor *at,
                      const struct config_pool *pool)
{
    const bool encrypted = strncasecmp(pool->url, "stratum+ssl", 11) == 0 ||
                           strncasecmp(pool->url, "stratum+tls", 11) == 0;
    const struct cursor pin = cursor_member(at, "tls_pin");
    const struct cursor proxy = cursor_member(at, "proxy");
    const struct cursor user = cursor_member(at, "proxy_user");
    if (pool->tls_pin[0] != '\0' && !is_sha256(pool->tls_pin)) {
        (void)reader_expected(reader, &pin, "the 64 hex digits of a certificate's SHA-256", NULL);
    } else if (pool->tls_pin[0] != '\0' && !encrypted) {
        (void)reader_error(reader, &pin,
                           "expected a url with stratum+ssl:// or stratum+tls:// beside it");
    }
    if (pool->proxy[0] == '\0' && is_onion(pool->url)) {
        (void)reader_error(reader, &proxy,
                           "expected one, such as socks5://127.0.0.1:9050, because only Tor "
                           "reaches an onion service, got nothing");
    }
    if ((pool->proxy_user[0] == '\0') != (pool->proxy_password[0] == '\0')) {
        (void)reader_error(reader, &user, "expected both proxy_user and proxy_password, got one");
    } else if (pool->proxy_user[0] != '\0' && pool->proxy[0] == '\0') {
        (void)reader_error(reader, &user, "expected a proxy beside it, got none");
    }
}

static void read_pools(struct reader *reader, const struct cursor *mining_at)
{
    struct config_mining *mining = &reader->config->mining;
    const struct cursor at = cursor_member(mining_at, "pools");
    const size_t count = count_items(reader, &at, "a list of pools", POOLS_MAX);
    mining->pools = count > 0 ? calloc(count, sizeof *mining->pools) : NULL;
    if (mining->pools == NULL) {
        if (count > 0) {
            (void)reader_error(reader, &at, "out of memory");
        }
        return;
    }
    for (const struct node *item = at.node->first; item != NULL; item = item->next) {
        const struct cursor pool_at = cursor_item(&at, item, mining->pool_count);
        struct config_pool *pool = &mining->pools[mining->pool_count++];
        reader_shape(reader, &pool_at, &config_shape_pool, NULL, true, pool);
        check_pool(reader, &pool_at, pool);
        check_way(reader, &pool_at, pool);
    }
}

static void read_hosts(struct reader *reader, const struct cursor *mining_at)
{
    static const char expected[] = "a host or host:port";
    struct config_mining *mining = &reader->config->mining;
    const struct cursor at = cursor_member(mining_at, "redirect_hosts");
    const size_t count = count_items(reader, &at, "a list of hosts", HOSTS_MAX);
    mining->redirect_hosts = count > 0 ? calloc(count, sizeof *mining->redirect_hosts) : NULL;
    if (mining->redirect_hosts == NULL) {
        if (count > 0) {
            (void)reader_error(reader, &at, "out of memory");
        }
        return;
    }
    for (const struct node *item = at.node->first; item != NULL; item = item->next) {
        const size_t index = mining->redirect_host_count++;
        const struct cursor host_at = cursor_item(&at, item, index);
        const char *text = reader_text(reader, &host_at, expected);
        if (text != NULL && (!value_is_host(text, strlen(text), false) ||
                             !text_copy(mining->redirect_hosts[index],
                                        sizeof mining->redirect_hosts[index], text))) {
            (void)reader_expected(reader, &host_at, expected, NULL);
        }
    }
}

static void check_kernel(struct reader *reader, const struct cursor *mining_at)
{
    const char *name = reader->config->mining.kernel;
    const struct cursor at = cursor_member(mining_at, "kernel");
    if (name[0] != '\0' && kernel_named(name) == NULL) {
        struct suggestion near = {.word = name};
        for (size_t i = 0; kernel_at(i) != NULL; i++) {
            suggest_offer(&near, kernel_at(i)->name);
        }
        (void)reader_expected(reader, &at, "the name of a kernel of this kind of processor",
                              near.best);
    }
}

void read_mining(struct reader *reader, const struct cursor *root)
{
    const struct cursor at = cursor_member(root, "mining");
    read_pools(reader, &at);
    read_hosts(reader, &at);
    check_kernel(reader, &at);
}
