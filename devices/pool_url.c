#include "devices/pool_url.h"

#include <string.h>

#include "ground/text.h"

void pool_url_address(const char *url, char *address, size_t size)
{
    const char *scheme_end = strstr(url, "://");
    const char *begin = scheme_end != NULL ? scheme_end + strlen("://") : url;
    text_copy_printable(address, size, begin, strcspn(begin, "/?# "));
}
