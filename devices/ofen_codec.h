/* What a 21energy Ofen and a 21energy 21port say over their local interfaces, and what is said to
 * them; pure.
 *
 * Facts: the maker's own Home Assistant integration (2.0.1), which is all that is published. No
 * recorded answer exists; the blocks of a newer Ofen's summary have the shapes of Braiins OS, which
 * runs inside.
 */
#ifndef HB_DEVICES_OFEN_CODEC_H
#define HB_DEVICES_OFEN_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/heater.h"
#include "devices/reply.h"

enum { OFEN_LEVELS = 5, OFEN_LEVEL_OFF = -1, OFEN_LEVEL_UNKNOWN = -2, OFEN_BODY_MAX = 160 };

/* What was read in one round. */
struct ofen {
    struct heater_state state;
    int operational; /* 1, 0, or -1 for unknown */
    int enabled;     /* likewise */
    int paired;      /* likewise */
    int level;       /* 0 to 4, or OFEN_LEVEL_UNKNOWN */
    double told_w;   /* the watts that it gives for its level, taken at its word; NaN: none */
};

void ofen_forget(struct ofen *seen, hb_mono now);

/* Each reads one answer; false if it is of no use at all. */
typedef bool (*ofen_reader)(const char *body, size_t len, struct ofen *seen,
                            struct reply_faults *faults);
bool ofen_read_system(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults);
bool ofen_read_status(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults);
bool ofen_read_level(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults);
bool ofen_read_watt(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults);
bool ofen_read_summary(const char *body, size_t len, struct ofen *seen,
                       struct reply_faults *faults);
bool ofen_read_pools(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults);

/* Of a 21port. `miner` is the id of one of its devices, or "" for all together. */
bool port21_read_configuration(const char *body, size_t len, struct ofen *seen,
                               struct reply_faults *faults);
bool port21_read_summary(const char *body, size_t len, const char *miner, struct ofen *seen,
                         struct reply_faults *faults);
bool port21_read_pools(const char *body, size_t len, struct ofen *seen,
                       struct reply_faults *faults);

/* The level that it is set to and heats at, OFEN_LEVEL_OFF, or OFEN_LEVEL_UNKNOWN. */
int ofen_applied(const struct ofen *seen);

/* In the order in which they are made. The level comes first, so that it does not start at the old
 * one; whether a device that is off takes it is not known. */
enum ofen_write { OFEN_SET_LEVEL, OFEN_ENABLE, OFEN_DISABLE, OFEN_WRITES };

/* Whether that write is needed to have `level`, which may be OFEN_LEVEL_OFF. `early_refused`: it
 * takes no level while it is off, so that waits until it is on. */
bool ofen_needs(const struct ofen *seen, enum ofen_write write, int level, bool early_refused);

/* The POST of that write; `body` is "" for none. */
struct ofen_call {
    char path[64];
    char body[OFEN_BODY_MAX];
};
struct ofen_call ofen_call(enum ofen_write write, int level, const char *miner);
struct ofen_call port21_call(enum ofen_write write, int level, const char *miner);

#endif
