#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>

void test_near(double actual, double expected, double tolerance, const char *what, const char *file,
               int line)
{
    if (!(fabs(actual - expected) <= tolerance)) {
        print_error("%s is %.12g, expected %.12g +- %g\n", what, actual, expected, tolerance);
        _fail(file, line);
    }
}

char *test_read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("cannot open '%s'", path);
    }
    size_t used = 0;
    size_t room = 4096;
    char *text = malloc(room);
    for (;;) {
        used += fread(text + used, 1, room - used - 1, file);
        if (used < room - 1) {
            break;
        }
        room *= 2;
        text = realloc(text, room);
    }
    (void)fclose(file);
    text[used] = '\0';
    if (len != NULL) {
        *len = used;
    }
    return text;
}
