#include "plumbing/log.h"

#include <stdarg.h>
#include <stdio.h>

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    return names[level];
}

void hb_log(const struct hb_log *log, enum log_level level, const char *part, const char *format,
            ...)
{
    if (log == NULL || log->write == NULL || level > log->level) {
        return;
    }
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log->write(log->ctx, level, part, text);
}

static void write_plain(void *ctx, enum log_level level, const char *part, const char *text)
{
    (void)ctx;
    (void)fprintf(stderr, "%-5s %s: %s\n", log_level_name(level), part, text);
}

static void write_journal(void *ctx, enum log_level level, const char *part, const char *text)
{
    (void)ctx;
    static const int priority[] = {3, 4, 6, 7}; /* syslog(3) numbers, see sd-daemon(3) */
    (void)fprintf(stderr, "<%d>%s: %s\n", priority[level], part, text);
}

struct hb_log log_to_stderr(enum log_level level, bool journal)
{
    return (struct hb_log){.write = journal ? write_journal : write_plain, .level = level};
}
