#include "bridge/web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ground/text.h"

/* What libwebsockets would do when it listens, tried first because it does not tell what failed. */
static bool can_listen(const struct web_options *options, bool ip6, struct hb_err *err)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(options->port)};
    const int on = 1;
    const int sock = socket(ip6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)inet_pton(AF_INET, options->listen, &v4.sin_addr);
    (void)inet_pton(AF_INET6, options->listen, &v6.sin6_addr);
    const struct sockaddr *address =
        ip6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    const bool good = sock >= 0 &&
                      setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                      bind(sock, address, ip6 ? (socklen_t)sizeof v6 : (socklen_t)sizeof v4) == 0;
    const int why = errno;
    if (sock >= 0) {
        (void)close(sock);
    }
    return good || hb_fail(err, HB_ERR_SYSTEM, "cannot listen on %s port %u: %s", options->listen,
                           (unsigned)options->port, strerror(why));
}

static bool is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strcmp(listen, "::1") == 0;
}

static void fill_guard(struct guard *guard, const struct web_options *options)
{
    (void)text_copy(guard->listen, sizeof guard->listen, options->listen);
    (void)text_copy(guard->password, sizeof guard->password, options->password);
    guard->everywhere =
        strcmp(options->listen, "0.0.0.0") == 0 || strcmp(options->listen, "::") == 0;
    if (gethostname(guard->host_name, sizeof guard->host_name - 1) != 0) {
        guard->host_name[0] = '\0';
    }
}

bool listen_check(const struct web_options *options, struct guard *guard, bool *ip6,
                  struct hb_err *err)
{
    unsigned char address[16];
    fill_guard(guard, options);
    *ip6 = inet_pton(AF_INET6, options->listen, address) == 1;
    if (!*ip6 && inet_pton(AF_INET, options->listen, address) != 1) {
        return hb_fail(err, HB_ERR_USAGE, "web.listen: expected an IP address, got '%s'",
                       options->listen);
    }
    if (!is_loopback(options->listen) && options->password[0] == '\0') {
        return hb_fail(err, HB_ERR_USAGE,
                       "web.password: expected a password because web.listen is '%s', got none",
                       options->listen);
    }
    return can_listen(options, *ip6, err);
}
