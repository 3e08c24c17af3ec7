/* Whole small files into memory. */
#ifndef HB_BRIDGE_CONFIG_FILE_H
#define HB_BRIDGE_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/err.h"

/* Contents of the file, terminated; the caller wipes and frees them. NULL with `err` if it cannot
 * be read or is larger than `max` bytes. `*public` (may be NULL) tells whether everybody may read
 * it. */
HB_MUST_USE char *file_read(const char *path, size_t max, size_t *len, bool *public,
                            struct hb_err *err);
/* "<folder>/<name>", or `name` if it is absolute. False if it does not fit. */
HB_MUST_USE bool file_join(char *buf, size_t size, const char *folder, const char *name);

#endif
