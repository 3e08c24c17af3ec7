/* What an Antminer with Bitmain's own firmware says and is told by its CGI programs. Pure.
 *
 * Known from recorded answers of an S19 Pro and an S21 published by asic-rs, and from what
 * miningos and pyasic send. The configuration is one document of which only the work mode is ours;
 * it holds the passwords of the pools, so no text made here contains any of its values.
 */
#ifndef HB_DEVICES_ANTMINER_CODEC_H
#define HB_DEVICES_ANTMINER_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/reply.h"
#include "ground/err.h"

enum antminer_mode {
    ANTMINER_UNKNOWN = -1,
    ANTMINER_NORMAL = 0,
    ANTMINER_SLEEP = 1,
    ANTMINER_HIGH = 2,
    ANTMINER_LOW = 3
};

/* Each takes one answer; a field that is not there stays unknown. */
void antminer_system(const struct json *answer, struct heater_state *state,
                     struct reply_faults *faults);
/* Empty while it sleeps. */
void antminer_stats(const struct json *answer, struct heater_state *state,
                    struct reply_faults *faults);
/* Its own findings ("fan lost") become the problem of the state. */
void antminer_summary(const struct json *answer, struct heater_state *state,
                      struct reply_faults *faults);
void antminer_pools(const struct json *answer, struct heater_state *state,
                    struct reply_faults *faults);

/* Power by the data sheet, W; NaN for a model that is not in the table. */
double antminer_rated_w(const char *model);

/* Parses a configuration; NULL, counted without showing any of it, if it is none. Owned. */
HB_MUST_USE struct json *antminer_conf_parse(const char *bytes, size_t len,
                                             struct reply_faults *faults);
enum antminer_mode antminer_conf_mode(const struct json *conf);
/* Whether it may be written back without losing anything: false if it has no work mode, or hides
 * the pools' passwords. */
HB_MUST_USE bool antminer_conf_writable(const struct json *conf, struct hb_err *err);
/* The whole configuration as set_miner_conf.cgi takes it, with another mode, as a text or a number.
 * ANTMINER_UNKNOWN keeps the one it has. Owned, free with free(). */
HB_MUST_USE char *antminer_conf_with(const struct json *conf, enum antminer_mode mode,
                                     bool as_text);
/* Whether all but the mode is the same, strings byte for byte; else the path of the first
 * difference, as in "pools[0].url". */
HB_MUST_USE bool antminer_conf_same(const struct json *before, const struct json *after,
                                    char path[NAME_MAX_B]);
/* Whether set_miner_conf.cgi says that it took it; else its code. */
HB_MUST_USE bool antminer_taken(const struct json *answer, char code[NAME_MAX_B],
                                struct reply_faults *faults);

#endif
