/* The file /etc/bosminer.toml of old Braiins OS: what it says of power, the same file with that one
 * number replaced, and the commands that read and write it on the device. Pure.
 *
 * Known: [autotuning] with `enabled` and `psu_power_limit` up to 21.x (Braiins' documentation of
 * 20.09; format 1.1+), with `enabled`, `power_target` and perhaps `mode = "power_target"` in 22.08,
 * the last for the S9 (files quoted in hass-miner issues 380, 466 and 476; format 2.0). A key that
 * a version does not know makes it throw the whole file away and mine with its defaults: so nothing
 * is ever added.
 */
#ifndef HB_DEVICES_BOSMINER_FILE_H
#define HB_DEVICES_BOSMINER_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/limits.h"
#include "ground/attr.h"

enum {
    BOSMINER_FILE_MAX = 64 * 1024,
    BOSMINER_HASH = 65,         /* SHA-256 in hexadecimal digits, ended by a NUL */
    BOSMINER_SCRIPT_MAX = 2048, /* of a command for the device */
    BOSMINER_WATTS_MAX = 100000,
};

/* What stands in the way of replacing the number. */
enum bosminer_fault {
    BOSMINER_FINE,
    BOSMINER_NO_KEY,     /* there is no power in it                          */
    BOSMINER_TWO_KEYS,   /* there is more than one                           */
    BOSMINER_NO_NUMBER,  /* it is no whole number of watts                   */
    BOSMINER_TUNER_OFF,  /* autotuning is not enabled                        */
    BOSMINER_OTHER_MODE, /* the tuner goes by something else, as by hashrate */
    BOSMINER_NO_TOML,    /* it cannot be read, or is too long                */
};

struct bosminer_file {
    enum bosminer_fault fault;
    unsigned watts;    /* that it is set to, if BOSMINER_FINE         */
    size_t begin, end; /* where the digits are                         */
    bool old_name;     /* `psu_power_limit` rather than `power_target` */
};

/* Reads all of it; the text needs no NUL. */
struct bosminer_file bosminer_file_read(const char *text, size_t len);
/* One sentence that says what to do; "" for BOSMINER_FINE. */
const char *bosminer_fault_sentence(enum bosminer_fault fault);
/* The same text with other watts, all other bytes as they are: `len` plus or minus a few. False,
 * with nothing changed, if the file has a fault, or it does not fit into `size`. */
HB_MUST_USE bool bosminer_file_patch(const char *text, size_t len, unsigned watts, char *patched,
                                     size_t size, size_t *patched_len);
/* Whether they differ in nothing but the digits of the watts. */
bool bosminer_file_alike(const char *a, size_t a_len, const char *b, size_t b_len);

/* --- commands for its shell (busybox) -----------------------------------------------------------
 */

void bosminer_hash(const char *bytes, size_t len, char hash[BOSMINER_HASH]);

/* Tells the MAC address, the version, whether bosminer runs, and the file with its hash. */
extern const char *const bosminer_read_script;
/* Stops it, starts it, and makes it take the file's power; each ends with 0 if that went well. */
extern const char *const bosminer_stop_script, *const bosminer_start_script,
                                                   *const bosminer_reload_script;

/* Takes the place of the file whose hash is `before` by what comes on standard input, whose hash is
 * `after`: in one step, and only if both are as said. Its status is one of enum bosminer_written.
 */
void bosminer_write_script(const char before[BOSMINER_HASH], const char after[BOSMINER_HASH],
                           char script[BOSMINER_SCRIPT_MAX]);

enum bosminer_written {
    BOSMINER_WRITTEN = 0,
    BOSMINER_ABSENT = 10,  /* there is no such plain file                  */
    BOSMINER_NO_ROOM = 11, /* it could not be written: see its words        */
    BOSMINER_CUT = 12,     /* not all of it arrived                        */
    BOSMINER_CHANGED = 13, /* somebody else changed the file meanwhile      */
};

/* What bosminer_read_script said. `text` points into it. */
struct bosminer_reading {
    char mac[18]; /* "aa:bb:cc:dd:ee:ff", "" if it did not say */
    char version[NAME_MAX_B];
    int running;      /* 1, 0, or -1 for unknown */
    const char *text; /* of the file; NULL: it could not be read whole */
    size_t len;
    char hash[BOSMINER_HASH];
};

/* False if it is not what that script says. */
bool bosminer_read_output(const char *out, size_t len, struct bosminer_reading *reading);

#endif
