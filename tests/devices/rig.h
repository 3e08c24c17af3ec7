/* A heater's host in virtual time, with a scripted device or any driver behind it. */
#ifndef HB_TESTS_DEVICES_RIG_H
#define HB_TESTS_DEVICES_RIG_H

#include "devices/host.h"
#include "tests/support/test.h"

enum { RIG_OUTCOMES = 64, RIG_LINES = 32 };

/* A device whose behaviour a test sets as it goes; the fake driver's options point to it. */
struct fake {
    struct heater_caps caps;
    bool refuse_init;
    bool silent;                /* answers no poll                                   */
    bool deaf;                  /* carries no command out                            */
    bool no_set_point;          /* does not say what it is set to                */
    bool refuse;                /* test() says no                                    */
    enum provenance power_from; /* PROVENANCE_UNKNOWN: no power reading */
    double set_w;               /* what it is set to                                 */
    double power_w;             /* NaN: as set                                      */
    bool wears;     /* a change of its set-point costs it a flash write, which it counts    */
    bool pulled;    /* no power: silent and deaf                                        */
    double boot_w;  /* what it is set to after a power cut; NaN: as before              */
    hb_mono booted; /* unset: it tells no uptime                                        */
    char identity[NAME_MAX_B], pool[NAME_MAX_B], pool_user[NAME_MAX_B];
    enum heater_health health; /* as it says itself                                      */
    double chip_c;             /* 0: it does not say */
    double hash_per_j;         /* 0: it does not mine; else it claims so much of its set-point */
    bool flatline;             /* claims to hash, and finds no share */
    double share_every_s;      /* at full power */
    double shares;             /* whole ones are accepted */
    hb_mono mined_at;
    unsigned inits, finis, polls, commits, writes, recoveries;
    struct heater_command last;
    hb_mono last_poll, last_commit;
};

extern const struct heater_driver fake_driver;
/* The same, but with a restart of its own. */
extern const struct heater_driver fake_restarting_driver;
/* Mains are cut, and are back: it boots. */
void fake_pull(struct fake *fake);
void fake_plug_in(struct fake *fake, hb_mono now);

struct rig {
    struct host *host;
    struct host_options options;
    struct config_heater config;
    struct hb_log log;
    struct hb_err err;
    hb_mono now;
    uint64_t seq;
    struct heater_caps caps; /* as last told, and how often */
    unsigned told_caps;
    struct heater_state state; /* latest, and how many */
    unsigned states;
    struct {
        hb_mono at;
        uint64_t seq;
        enum command_outcome result;
        char why[TEXT_MAX];
    } outcome[RIG_OUTCOMES];
    size_t outcome_count;
    char line[RIG_LINES][TEXT_MAX]; /* logged at warning or above */
    size_t line_count;
};

/* Prepares a rig at an uptime of one hour; `options` as the driver's table fills them. Nothing is
 * created yet: change `config` first, if need be. */
void rig_prepare(struct rig *rig, const struct heater_driver *driver, void *options);
/* host_create; fails the test if that fails. */
void rig_create(struct rig *rig);
void rig_destroy(struct rig *rig);

/* A fake of 100 to 1000 W, stepless, which settles in 5 s and reports a set-point. */
struct fake fake_make(void);

/* Lets time pass, with the ticks that the host asks for and one a second. */
void rig_run(struct rig *rig, int64_t duration_ms);
/* Orders a power for a lease of `lease_ms`; its seq. */
uint64_t rig_order(struct rig *rig, double power_w, int64_t lease_ms);
/* How often this was told of that command. */
unsigned rig_told(const struct rig *rig, uint64_t seq, enum command_outcome result);
/* Whether a warning contained the text. */
bool rig_warned(const struct rig *rig, const char *text);
struct host_stats rig_stats(const struct rig *rig);

/* Fills an options struct from a driver's table with its defaults, as the configuration does; what
 * is required is the largest number allowed.
 * Owned by the caller. */
void *rig_default_options(const struct heater_driver *driver);

#endif
