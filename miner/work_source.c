#include "miner/work_source.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ground/text.h"
#include "miner/solo/solo_source.h"
#include "miner/stratum/pool_link.h"

/* Every scheme that a pool's URL may have. Without any, host:port is a pool over plain TCP. */
static const struct scheme {
    const char *prefix;
    const struct work_source_kind *kind;
} schemes[] = {
    {"stratum+tcp://", &pool_link_kind},  {"stratum+ssl://", &pool_link_kind},
    {"stratum+tls://", &pool_link_kind},  {"solo+http://", &solo_source_kind},
    {"solo+https://", &solo_source_kind},
};

enum { SCHEME_COUNT = sizeof schemes / sizeof schemes[0] };

static const struct work_source_kind *find_kind(const char *url)
{
    for (size_t i = 0; i < SCHEME_COUNT; i++) {
        if (strncasecmp(url, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
            return schemes[i].kind;
        }
    }
    return strstr(url, "://") == NULL ? &pool_link_kind : NULL;
}

static bool refuse_scheme(const char *url, struct hb_err *err)
{
    char list[200] = "";
    char shown[32];
    size_t used = 0;
    for (size_t i = 0; i < SCHEME_COUNT && used < sizeof list; i++) {
        const char *between = i == 0 ? "" : i + 1 < SCHEME_COUNT ? ", " : " or ";
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%s", between, schemes[i].prefix);
    }
    /* The scheme alone: what follows may be a secret. */
    text_copy_printable(shown, sizeof shown, url, strcspn(url, ":"));
    return hb_fail(err, HB_ERR_USAGE, "pool url: expected %s, got '%s://'", list, shown);
}

struct work_source *work_source_create(const struct work_source_options *options,
                                       struct uv_loop_s *loop, const struct work_handler *handler,
                                       struct hb_err *err)
{
    const char *url = options->pool->url == NULL ? "" : options->pool->url;
    const struct work_source_kind *kind = find_kind(url);
    if (kind == NULL) {
        (void)refuse_scheme(url, err);
        return NULL;
    }
    return kind->create(options, loop, handler, err);
}
