/* How `heatbridge mine` looks on a terminal: the status line and its messages. Pure.
 *
 * The line holds what fits its width; when it is narrow the least needed figures give way, and the
 * rest keeps its order. Nothing that is unknown is shown as a number.
 */
#ifndef HB_BRIDGE_MINE_VIEW_H
#define HB_BRIDGE_MINE_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "miner/engine.h"
#include "plumbing/log.h"

enum { MINE_LINE_MAX = 2048 };

struct mine_look {
    int width;   /* columns of the terminal; 0: no limit      */
    bool colour; /* SGR sequences may be used                 */
    bool utf8;   /* the terminal shows more than ASCII        */
};

/* The status line, without a line end. */
void mine_view_line(const struct miner_stats *stats, double uptime_s, const struct mine_look *look,
                    char line[MINE_LINE_MAX]);
/* A share was accepted; likewise one line. */
void mine_view_accepted(const struct miner_accepted *share, const struct mine_look *look,
                        char line[MINE_LINE_MAX]);
/* A message of the log, its level in colour; likewise one line. */
void mine_view_message(enum log_level level, const char *part, const char *text,
                       const struct mine_look *look, char line[MINE_LINE_MAX]);

/* What both the line and the JSON stream are made of. */
unsigned long long mine_rejected(const struct miner_stats *stats);
/* What is drawn, if a sensor says so or taught the model; a mere assumption is NaN. */
double mine_power_w(const struct miner_stats *stats);
/* "reported", "metered", "modelled", or NULL where the power is NaN. */
const char *mine_power_word(const struct miner_stats *stats);
/* Joules per 10^12 hashes; NaN unless power and hash rate are known. */
double mine_joules_per_th(const struct miner_stats *stats);
/* Counted over the last minute, a little steadier than the last two seconds. */
double mine_recent_hs(const struct miner_stats *stats);
/* Expected from now on, by that hash rate; NaN where unknown. */
double mine_sat_per_hour(const struct miner_stats *stats);

/* A number with four digits, a prefix (k, M, G...) and a unit: "68.12 MH/s", "0.05". */
void mine_print_si(double value, const char *unit, char *text, size_t size);
/* A number as small as it may be, with three digits: "0.00295". */
void mine_print_small(double value, char *text, size_t size);

#endif
