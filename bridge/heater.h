/* What every part of the house means by a heater: its abilities, its state, and a command to it. */
#ifndef HB_BRIDGE_HEATER_H
#define HB_BRIDGE_HEATER_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/limits.h"
#include "bridge/reason.h"
#include "ground/reading.h"
#include "ground/time.h"

/* Abilities, as declared by the driver for this device and narrowed by the configuration. */
struct heater_caps {
    double min_w, max_w; /* smallest and largest power it can hold while on; 0 < min_w <= max_w */
    double step_w;    /* resolution between them; 0: stepless                                    */
    double standby_w; /* drawn while off                                                         */
    double tier_w[HEATER_TIERS]; /* ascending fixed levels, if tier_count > 0 */
    uint8_t tier_count;
    int32_t settle_ms; /* until a new power shows in its readings                                */
    int32_t min_on_ms, min_off_ms; /* dwell after switching on or off */
    int32_t min_write_ms;          /* least time between two writes to the device          */
    int32_t max_writes_per_day;    /* of writes that wear it out; 0: as many as needed     */
    bool restarts_on_change;       /* every change of power costs a restart       */
    bool self_reverting;           /* falls back to off by itself when commands stop           */
    bool has_fan;
    bool sees_work;      /* it tells struct heater_work: what it earns, and blocks that it finds  */
    bool shares_meter;   /* its power includes what others draw: no proof that it obeys          */
    bool switches_relay; /* it tells struct heater_relay                                       */
    bool observe_only; /* it is never commanded: its power is what it is, and counts as given    */
};

enum heater_link {
    HEATER_LINK_UNKNOWN, /* not asked yet                       */
    HEATER_LINK_OK,
    HEATER_LINK_LOST, /* does not answer within its deadline */
};

enum pool_link {
    POOL_NONE, /* this heater does not mine               */
    POOL_CONNECTING,
    POOL_OK,
    POOL_LOST, /* no configured pool answers              */
};

/* Why a pool refused shares. */
enum refusal {
    REFUSAL_STALE,
    REFUSAL_DUPLICATE,
    REFUSAL_LOW_DIFFICULTY,
    REFUSAL_UNAUTHORIZED,
    REFUSAL_OTHER,
    REFUSAL_COUNT
};

enum { HEATER_POOLS = 4 };

/* One pool of a heater that chooses among several; counts since the driver started. */
struct heater_pool {
    char pool[NAME_MAX_B]; /* host:port */
    uint64_t accepted, refused[REFUSAL_COUNT];
    double answer_p50_ms, answer_p95_ms; /* of the answers to shares; NaN without any */
};

/* What such a heater tells about its choice; all empty for others. */
struct heater_pools {
    char reason[TEXT_MAX]; /* why that pool, or none, is in use */
    uint64_t changes;      /* of the pool in use                */
    uint8_t count;
    struct heater_pool list[HEATER_POOLS]; /* the first, in order of preference */
};

/* How the reward of a block is known; a higher value is better evidence. */
enum revenue_source {
    REVENUE_UNKNOWN,
    REVENUE_SUBSIDY, /* by the block's height alone: fees come on top */
    REVENUE_JOB,     /* by what the pool's job pays                   */
};

/* Whether accepted shares and counted hashes tell the same story. */
enum work_check {
    WORK_CHECK_UNKNOWN, /* too little work yet to tell      */
    WORK_CHECK_AGREES,
    WORK_CHECK_BELOW, /* shares are missing               */
    WORK_CHECK_ABOVE, /* more shares than counted hashes  */
};

/* A hash that makes a block. */
struct heater_block {
    char hash[65];     /* as people write it: most significant digit first */
    double difficulty; /* that it reaches                                  */
    uint32_t height;   /* 0: not known                                     */
};

/* What a heater can tell that sees its jobs and counts its hashes; all unknown for others. */
struct heater_work {
    struct reading sat_per_hour; /* expected, in satoshi                            */
    enum revenue_source revenue_from;
    struct reading network_difficulty;
    struct reading average_hs;            /* counted, over the last quarter of an hour       */
    struct reading proven_hs;             /* by accepted shares of the last hour             */
    double proven_low_hs, proven_high_hs; /* 95 % interval, while proven_hs is known      */
    enum work_check check;
    uint64_t blocks_found;     /* since the driver started                        */
    struct heater_block block; /* the last of them                                */
};

/* Why a field of a device's answer was not used. */
enum reply_fault {
    REPLY_MISSING,    /* a field that this firmware should have             */
    REPLY_TYPE,       /* another type than documented                       */
    REPLY_RANGE,      /* not finite, or impossible                          */
    REPLY_TEXT,       /* invalid UTF-8                                      */
    REPLY_DUPLICATE,  /* the same name twice                                */
    REPLY_UNREADABLE, /* the whole answer: truncated, or not what was asked */
    REPLY_FAULT_COUNT
};

/* What is the matter with a heater, by evidence rather than by its own word. */
enum heater_health {
    HEATER_HEALTHY,
    HEATER_STALLED,      /* says that it hashes, but shares or watts disagree */
    HEATER_OVERHEATED,   /* it protects itself from its own heat              */
    HEATER_NOT_OBEYING,  /* commands are not carried out                      */
    HEATER_POOL_LOST,    /* its pool does not answer                          */
    HEATER_CONFIG_DRIFT, /* its pool was changed behind our back              */
    HEATER_WRONG_DEVICE, /* another device answers at its address             */
    HEATER_HEALTH_COUNT
};

/* The relay of a heater that is switched by one; all zero for others. */
struct heater_relay {
    bool known;
    uint64_t cycles;     /* closings, ever             */
    uint32_t cycles_day; /* of those, in the last 24 h */
};

const char *heater_health_word(enum heater_health health); /* "healthy", "stalled", ... */

/* What a command waits for before it is written to the device. */
enum heater_wait {
    HEATER_WAIT_NOTHING,
    HEATER_WAIT_WRITES,   /* the writes of today are nearly spent      */
    HEATER_WAIT_DWELL,    /* the last write is too fresh               */
    HEATER_WAIT_IDENTITY, /* the device has not yet said which it is   */
};

const char *heater_wait_sentence(enum heater_wait wait); /* for people; "" for nothing */

/* What the supervisor of a heater knows of it, and the device itself does not. */
struct heater_care {
    uint32_t writes_today, wearing_today; /* all, and those that wear the device out; local day */
    uint64_t writes, flash_writes;        /* the same over its whole life with us               */
    int32_t max_writes_per_day;           /* of those that wear it out; 0: no limit             */
    double calibration; /* metered power over the heater's own figure; 0: not learnt yet   */
    enum heater_wait waits_for; /* of its last command */
    uint32_t recoveries; /* that were tried today on the heater's own account               */
};

/* State of a heater as last read from the device. Unknown readings are unset, never zero. */
struct heater_state {
    enum heater_link link;
    hb_mono at; /* when this state was read                                            */
    struct reading power_w; /* electrical power now */
    struct reading hashrate_hs;
    struct reading chip_c, board_c, inlet_c;
    struct reading fan_ratio; /* 0 to 1 of full speed */
    double applied_w; /* power the device says it is set to; NaN if it does not say          */
    uint64_t shares_accepted, shares_rejected, shares_stale; /* since the driver started */
    double best_difficulty; /* best share ever seen by the driver; 0: none */
    char model[NAME_MAX_B]; /* what the device calls itself, "" if it does not say */
    char firmware[NAME_MAX_B];
    /* What never changes about the device: its MAC ("aa:bb:cc:dd:ee:ff") or serial number; "" if it
     * does not say. */
    char identity[NAME_MAX_B];
    struct reading uptime_s;    /* of the device: less than before means that it was restarted */
    enum heater_health health;  /* as far as the device itself can tell */
    char pool_user[NAME_MAX_B]; /* worker name at the pool, "" if the device does not say */
    uint64_t
        faults[REPLY_FAULT_COUNT]; /* fields of its answers not used, since the driver started */
    enum pool_link pool_link;
    char pool[NAME_MAX_B]; /* "host:port" in use, "" if none                                      */
    uint64_t writes;       /* writes to the device since the driver started                       */
    struct heater_care care; /* the supervisor's; drivers leave it alone */
    struct heater_pools pools;
    struct heater_work work;
    struct heater_relay relay;
    bool problem;
    char problem_text[TEXT_MAX]; /* one sentence while `problem` */
};

/* An absolute order to a heater. power_w is 0 (off) or within the caps. */
struct heater_command {
    uint64_t seq;
    hb_mono issued, expires; /* not acted on at or after `expires`; must be renewed before */
    double power_w;
    enum reason why;
};

/* What a device calls itself and its software, for people to read; "" : not known yet. */
struct heater_about {
    char model[NAME_MAX_B], firmware[NAME_MAX_B];
};

/* What is kept of a heater over a restart, so that it is known before it was asked. */
struct heater_record {
    char driver[ID_MAX]; /* whose memory it is; another driver begins anew */
    char identity[NAME_MAX_B], model[NAME_MAX_B], firmware[NAME_MAX_B];
    char pool[NAME_MAX_B],
        pool_user[NAME_MAX_B]; /* as first seen: what drift is measured against */
    bool caps_known;           /* the device told its abilities                 */
    struct heater_caps caps;   /* as it told them, before the configuration     */
    int64_t day;               /* local day that the counts of today are of */
    uint32_t writes_today, wearing_today;
    uint64_t writes, flash_writes; /* over its whole life with us */
    uint32_t recovered;         /* bit per enum heater_health: a recovery was tried on that day */
    double calibration;         /* metered over the heater's own figure; 0: not learnt          */
    uint32_t calibration_count; /* readings that it was learnt from                             */
};

/* What became of a command, after the device was read back. */
enum command_outcome { COMMAND_PENDING, COMMAND_CONFIRMED, COMMAND_FAILED, COMMAND_EXPIRED };

#endif
