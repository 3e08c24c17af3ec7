#include "miner/heat/sysfs.h"

#include <errno.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"

bool sysfs_line(const char *folder, const char *file, char line[SYSFS_LINE_B])
{
    char path[SYSFS_PATH_B];
    const int len = snprintf(path, sizeof path, "%s/%s", folder, file);
    if (len < 0 || (size_t)len >= sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return false;
    }
    const bool good = fgets(line, SYSFS_LINE_B, in) != NULL;
    const int why = ferror(in) != 0 ? errno : ENODATA;
    (void)fclose(in);
    if (!good) {
        errno = why;
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    return true;
}

double sysfs_number(const char *folder, const char *file)
{
    char line[SYSFS_LINE_B];
    double number = NAN;
    if (!sysfs_line(folder, file, line) || !text_to_number(line, strlen(line), &number)) {
        return NAN;
    }
    return number;
}

void sysfs_each(const char *root, const char *pattern, bool (*visit)(void *ctx, const char *folder),
                void *ctx)
{
    char full[SYSFS_PATH_B];
    glob_t found = {0};
    (void)snprintf(full, sizeof full, "%s/%s", root, pattern);
    if (glob(full, 0, NULL, &found) == 0) {
        bool more = true;
        for (size_t i = 0; i < found.gl_pathc && more; i++) {
            more = visit(ctx, found.gl_pathv[i]);
        }
    }
    globfree(&found);
}
