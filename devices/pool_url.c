#include "devices/pool_url.h"

#include <string.h>

#include "ground/text.h"

void pool_url_place(const char *url, char place[NAME_MAX_B])
{
    const char *scheme = strstr(url, "://");
    const char *begin = scheme != NULL ? scheme + 3 : url;
    const size_t len = strcspn(begin, "/?# ");
    const char *at = memchr(begin, '@', len);
    const char *host = at != NULL ? at + 1 : begin;
    text_copy_printable(place, NAME_MAX_B, host, (size_t)(begin + len - host));
}
