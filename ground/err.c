#include "ground/err.h"

#include <stdarg.h>
#include <stdio.h>

bool hb_fail(struct hb_err *err, enum hb_code code, const char *format, ...)
{
    if (err == NULL) {
        return false;
    }
    va_list args;
    va_start(args, format);
    err->code = code;
    (void)vsnprintf(err->msg, sizeof err->msg, format, args);
    va_end(args);
    return false;
}

void hb_err_prefix(struct hb_err *err, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    struct hb_err old = *err;
    va_list args;
    va_start(args, format);
    const int used = vsnprintf(err->msg, sizeof err->msg, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof err->msg) {
        (void)snprintf(err->msg + used, sizeof err->msg - (size_t)used, ": %s", old.msg);
    }
}
