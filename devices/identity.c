#include "devices/identity.h"

#include <ctype.h>

static bool is_separator(char c)
{
    return c == ':' || c == '-' || c == '.' || c == ' ';
}

static const char *skip(const char *text)
{
    while (is_separator(*text)) {
        text++;
    }
    return text;
}

bool identity_same(const char *a, const char *b)
{
    a = skip(a);
    b = skip(b);
    bool any = *a != '\0';
    while (*a != '\0' && tolower((unsigned char)*a) == tolower((unsigned char)*b)) {
        a = skip(a + 1);
        b = skip(b + 1);
    }
    return any && *a == '\0' && *b == '\0';
}
