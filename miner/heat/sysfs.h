/* Reads the small files in which Linux tells about its hardware. What cannot be read is NaN. */
#ifndef HB_MINER_SYSFS_H
#define HB_MINER_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/attr.h"

enum { SYSFS_PATH_B = 512, SYSFS_LINE_B = 256 };

/* First line of `folder`/`file` without its end; false, with errno, if it cannot be read. */
HB_MUST_USE bool sysfs_line(const char *folder, const char *file, char line[SYSFS_LINE_B]);
/* That line as a number; NaN, with errno set if it cannot be read, if it is none. */
double sysfs_number(const char *folder, const char *file);
/* Calls `visit` with each folder below `root` that matches the glob `pattern`, in order of names,
 * until it returns false. */
void sysfs_each(const char *root, const char *pattern, bool (*visit)(void *ctx, const char *folder),
                void *ctx);

#endif
