#include "bridge/config/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bridge/config/wipe.h"

/* Reads to the end or to one byte beyond `max`. Pipes are welcome, so the size is not asked for. */
static char *read_all(FILE *stream, size_t max, size_t *len)
{
    size_t size = 8192;
    char *text = malloc(size);
    *len = 0;
    while (text != NULL) {
        *len += fread(text + *len, 1, size - 1 - *len, stream);
        if (*len < size - 1 || *len > max) {
            text[*len] = '\0';
            return text;
        }
        char *larger = malloc(2 * size);
        if (larger != NULL) {
            memcpy(larger, text, *len);
        }
        wipe(text, *len);
        free(text);
        text = larger;
        size *= 2;
    }
    return NULL;
}

char *file_read(const char *path, size_t max, size_t *len, bool *public, struct hb_err *err)
{
    FILE *stream = fopen(path, "rbe");
    if (stream == NULL) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "cannot be opened: %s", strerror(errno));
        return NULL;
    }
    struct stat info = {0};
    if (public != NULL) {
        *public = fstat(fileno(stream), &info) == 0 && S_ISREG(info.st_mode) &&
                  (info.st_mode & S_IROTH) != 0;
    }
    errno = 0;
    char *text = read_all(stream, max, len);
    if (text != NULL && (ferror(stream) != 0 || *len > max)) {
        if (*len > max) {
            (void)hb_fail(err, HB_ERR_INPUT, "expected at most %zu bytes, got more", max);
        } else {
            (void)hb_fail(err, HB_ERR_SYSTEM, "cannot be read: %s", strerror(errno));
        }
        wipe(text, *len);
        free(text);
        text = NULL;
    } else if (text == NULL) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    (void)fclose(stream);
    return text;
}

bool file_join(char *buf, size_t size, const char *folder, const char *name)
{
    const bool absolute = name[0] == '/';
    const int n = snprintf(buf, size, "%s%s%s", absolute ? "" : folder, absolute ? "" : "/", name);
    return n >= 0 && (size_t)n < size;
}
