/* The files of the page, embedded at build time from bridge/web/page/ by embed.cmake. */
#ifndef HB_BRIDGE_WEB_PAGES_H
#define HB_BRIDGE_WEB_PAGES_H

#include <stddef.h>

struct page_file {
    const char *path; /* as in the URL, "/" for index.html */
    const char *type; /* Content-Type */
    const unsigned char *data;
    size_t len;
};

extern const struct page_file page_files[];
extern const size_t page_file_count;

#endif
