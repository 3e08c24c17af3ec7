/* Logging through a sink that the caller hands down; no global logger.
 *
 * One line per transition at LOG_INFO, counters for the rest. Secrets never reach a log call.
 */
#ifndef HB_PLUMBING_LOG_H
#define HB_PLUMBING_LOG_H

#include <stdbool.h>

#include "ground/attr.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Where messages go. `write` may be called from any thread and must not block for long; `part` says
 * who speaks ("mqtt", "miner", "heater miner"), `text` is one line without a line end. */
struct hb_log {
    void (*write)(void *ctx, enum log_level level, const char *part, const char *text);
    void *ctx;
    enum log_level level; /* messages above this level are not formatted at all */
};

/* Formats and writes one message; `log` may be NULL, which drops it. */
void hb_log(const struct hb_log *log, enum log_level level, const char *part, const char *format,
            ...) HB_PRINTF(4, 5);

/* "error", "warn", "info", "debug". */
const char *log_level_name(enum log_level level);

/* A sink that writes "<level> <part>: <text>" lines to standard error, with systemd's "<3>"
 * priority prefixes when `journal` is true. Valid forever; two bits of state, no allocation. */
struct hb_log log_to_stderr(enum log_level level, bool journal);

#endif
