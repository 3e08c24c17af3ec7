/* What Canaan's cgminer answers over port 4028, bytes to structs, and what it is told. Pure.
 *
 * The text form is spoken, as the JSON of this firmware is often not JSON. Sources: heater-apis A3
 * and B2. Unknown is NaN, "" or AVALON_NONE.
 */
#ifndef HB_DEVICES_AVALON_CODEC_H
#define HB_DEVICES_AVALON_CODEC_H

#include "devices/avalon_models.h"
#include "devices/reply.h"

enum { AVALON_COMMAND_MAX = 64 };

/* The numbers of PS that mean the same in all models but the Nano 3. */
enum { AVALON_PS_FAULTS, AVALON_PS_BOARDS_A = 3, AVALON_PS_BOARDS_W, AVALON_PS = 7 };

/* The STATUS section of every answer. */
struct avalon_head {
    char status;    /* S success, I information, W warning, E error, F fatal; 0: not cgminer */
    int code;       /* -1: unknown */
    int64_t when_s; /* its own clock; -1: unknown */
    char message[TEXT_MAX];
};

struct avalon_head avalon_read_head(const char *text);
/* Whether it did what it was told: information is how some firmware says so. */
bool avalon_accepted(const struct avalon_head *head);
/* It takes no other mode while it calibrates. */
bool avalon_calibrates(const struct avalon_head *head);

struct avalon_version {
    char product[NAME_MAX_B], model[NAME_MAX_B], firmware[NAME_MAX_B];
    char identity[NAME_MAX_B]; /* its MAC, else its DNA */
};

/* False if that is no answer to `version`. */
bool avalon_read_version(const char *text, struct avalon_version *version,
                         struct reply_faults *faults);

enum avalon_work {
    AVALON_WORK_UNKNOWN, /* this firmware does not say */
    AVALON_IN_INIT,
    AVALON_IN_WORK,
    AVALON_IN_IDLE,
    AVALON_IN_FAULT,
};

struct avalon_stats {
    enum avalon_work work;
    int soft_off; /* -1: unknown; 0: on */
    int mode, level;
    int calibrated; /* 1, 0 or -1 */
    double uptime_s, hashrate_ghs, chip_c, board_c, inlet_c, fan_percent;
    double ps[AVALON_PS]; /* its power supply's numbers */
    double wall_w;        /* only hall machines of late firmware */
    double limit_w;       /* of the mode it is in */
    double mode_limit_w[AVALON_LEVELS];
    double faults_board, faults_control; /* error words */
};

/* False if that is no answer to `estats`. */
bool avalon_read_stats(const char *text, struct avalon_stats *stats, struct reply_faults *faults);
bool avalon_is_off(const struct avalon_stats *stats);
/* The answer to a question for the mode, for firmware whose estats lack it; false, with `mode`
 * AVALON_NONE, if it does not say. */
bool avalon_read_mode(const struct avalon_head *head, int *mode);

struct avalon_power {
    double w;      /* NaN: unknown */
    bool computed; /* from what its supply gives to the boards */
};

/* At the wall, by the model's place for it; unknown if it does not say, or if it is off, as then a
 * power is told that is not drawn. */
struct avalon_power avalon_power(const struct avalon_model *model,
                                 const struct avalon_stats *stats);
/* What its power supply complains of, by the first number of PS; NULL if nothing. */
const char *avalon_supply_fault(const struct avalon_stats *stats, bool *hot);

struct avalon_pools {
    char pool[NAME_MAX_B], user[NAME_MAX_B]; /* in use, else the first */
    enum pool_link link;
    double accepted, rejected, stale; /* of all pools, since the miner started; NaN: unknown */
    double best_share;
};

/* False if that is no answer to `pools`. */
bool avalon_read_pools(const char *text, struct avalon_pools *pools, struct reply_faults *faults);

/* --- commands ---------------------------------------------------------------------------------*/

enum avalon_write {
    AVALON_WRITE_NONE,
    AVALON_WRITE_MODE,
    AVALON_WRITE_LEVEL,
    AVALON_WRITE_ON,
    AVALON_WRITE_OFF,
    AVALON_WRITE_CUT, /* off, as the first A10 did it: power to the hash boards is cut */
    AVALON_WRITE_REBOOT,
};

struct avalon_step {
    enum avalon_write write;
    int value; /* mode or level */
};

/* What is to be written next so that `stats` becomes the level of that index, or off if it is below
 * 0; AVALON_WRITE_NONE if it is that already. */
struct avalon_step avalon_next(const struct avalon_model *model, const struct avalon_stats *stats,
                               int level);
/* The command's text; `when_s` is the device's own time. */
void avalon_print(const struct avalon_model *model, struct avalon_step step, int64_t when_s,
                  char command[AVALON_COMMAND_MAX]);

#endif
