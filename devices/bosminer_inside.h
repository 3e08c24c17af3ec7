/* What the files of the driver `bosminer` share: nobody else includes it. */
#ifndef HB_DEVICES_BOSMINER_INSIDE_H
#define HB_DEVICES_BOSMINER_INSIDE_H

#include "devices/bosminer.h"
#include "devices/bosminer_codec.h"
#include "devices/bosminer_file.h"
#include "devices/errand.h"
#include "devices/ssh.h"

enum bosminer_request {
    READ_TUNER = 1, /* over port 4028 */
    READ_SUMMARY,
    READ_TEMPS,
    READ_FANS,
    READ_POOLS,
    READ_DETAILS,
    READ_DEVICE, /* over SSH */
    LOOK,        /* from here on for writing; the file, before it is written */
    WRITE,
    CHECK, /* what was written */
    UNDO,
    CHECK_UNDONE,
    RELOAD,
    START,
    STOP,
    PAUSE, /* over port 4028 again */
    RESUME,
};

enum bosminer_mode {
    MODE_UNKNOWN,
    MODE_RUNNING,
    MODE_PAUSED,   /* bosminer runs and waits                       */
    MODE_STOPPED,  /* it does not run                               */
    MODE_STARTING, /* it runs, or should, and does not answer yet   */
};

struct bosminer_heater {
    struct heater_env env;
    struct heater_caps caps;
    struct errand errand;
    struct reply_faults faults;

    struct bosminer reading;      /* under way */
    double limit_w;               /* as last read; NaN: unknown */
    double file_w;                /* in its file, as last read; NaN: unknown */
    enum bosminer_mode mode;      /* as last read, and then as it was told */
    bool api_down;                /* port 4028 is closed, in this round */
    hb_mono api_lost_at;          /* since when; unset: it is not       */
    char tuner_words[NAME_MAX_B]; /* as last logged */
    char model[NAME_MAX_B];

    struct ssh_target target;
    struct ssh *ssh; /* the command under way; NULL: none */
    int ssh_request; /* what it is for                    */
    enum ssh_end ssh_end;
    hb_mono ssh_tried_at;     /* for reading */
    bool known;               /* that it is this device, since it last began to answer */
    bool missed;              /* it did not answer the last time */
    char mac[18];             /* as SSH told; "" if it never did                       */
    char version[NAME_MAX_B]; /* the same */
    int running;              /* 1, 0, -1 for unknown; as SSH told last                */
    char obstacle[TEXT_MAX];  /* why its power cannot be set; "" if nothing is in the way */
    char told[TEXT_MAX];      /* that was told as trouble                              */

    char *before, *after; /* the file as it was found, and as it shall be; NULL: none */
    size_t before_len, after_len;
    struct bosminer_file file; /* read of `before` */
    bool looked;               /* `before` is of this command   */
    bool check_due;            /* it was written, or may have been */
    bool undo_due;             /* what is there is neither         */
    bool undone;               /* it was put back, or should have been */
    char found[BOSMINER_HASH]; /* of what is there, for undoing    */
    bool reload_due;           /* it does not go by the new file yet */
    unsigned attempts;         /* that failed, of this command     */
    hb_mono reloaded_at;
    bool pause_useless; /* it refused, or did not do it     */
    hb_mono paused_at;  /* when it was told to; unset: it was not */
    bool paused_by_us;  /* kept over a restart of ours      */
    double uptime_s;    /* of its miner, as last read       */
};

/* --- bosminer.c --- */

const struct bosminer_options *bosminer_options_of(const struct bosminer_heater *b);
enum errand_step bosminer_ask(struct bosminer_heater *b, enum bosminer_request request);
enum errand_step bosminer_command(struct bosminer_heater *b, enum bosminer_request request,
                                  const char *script, const char *input, size_t len);
/* Takes what bosminer_read_script said; false if nothing can be made of it, and `obstacle` says
 * why. */
bool bosminer_take_device(struct bosminer_heater *b, const struct remote_answer *answer,
                          struct bosminer_reading *reading);
void bosminer_note_pause(struct bosminer_heater *b, bool paused, hb_mono now);

/* --- bosminer_orders.c: for errand_rules --- */

enum errand_step bosminer_write(void *self, const struct heater_command *order, hb_mono now);
enum errand_step bosminer_wrote(void *self, const struct heater_command *order,
                                const struct remote_answer *answer, hb_mono now);
bool bosminer_unfinished(const void *self);
void bosminer_abandon(void *self);
void bosminer_drop_files(struct bosminer_heater *b);

#endif
