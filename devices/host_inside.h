/* Inside of the host, shared by host.c, host_report.c and host_record.c only. */
#ifndef HB_DEVICES_HOST_INSIDE_H
#define HB_DEVICES_HOST_INSIDE_H

#include "devices/calibration.h"
#include "devices/health.h"
#include "devices/host.h"
#include "devices/watch.h"

struct host {
    struct host_options options;
    void *instance; /* the driver's */
    void *retired;  /* an instance whose driver was stopped, until its handles are surely closed */
    void *own_options; /* the configuration's with another address; NULL: the configuration's */
    struct heater_caps told;   /* abilities as the driver declared or the device told them */
    struct heater_caps caps;   /* of these, what the configuration and an overheating leave */
    double ceiling_w;          /* until tomorrow, after it overheated; 0: none           */
    struct heater_state state; /* as last delivered by the driver, with the meter's power */
    struct reading metered_w;  /* of the user's meter */
    struct watch watch;
    struct health health;
    struct heater_record record;
    bool record_changed;
    bool day_is_given; /* by the owner, who knows the local day */
    bool recover_due;
    hb_mono moved_at; /* to another address; unset: never */
    struct host_stats stats;
    hb_mono now; /* of the call in progress, for reports that carry no time */
    bool running;
    char part[ID_MAX + 8];       /* who speaks in the log              */
    char last_refusal[TEXT_MAX]; /* the same refusal is logged once    */
    char trouble[TEXT_MAX];      /* why it cannot be read, "" if that is not known */
    char stranger[NAME_MAX_B];   /* another device that answers in its place, "" : none */
};

/* host_report.c: what the driver delivers, and what the rules ask for. */
void host_on_report(void *ctx, const struct heater_state *state);
void host_on_trouble(void *ctx, const char *sentence);
void host_on_refused(void *ctx, uint64_t seq, const char *sentence);
void host_carry_out(struct host *host, const struct watch_todo *todo);
/* Delivers the state as the owner should see it. */
void host_tell_state(struct host *host);
void host_tell_outcome(struct host *host, uint64_t seq, enum command_outcome result,
                       const char *why);
/* Logs a refusal, unless it is the same as the last. */
void host_note_refusal(struct host *host, const char *sentence);
/* Makes the attempt to recover that is due, if it is certain which device would get it. */
void host_recover(struct host *host);

/* host_record.c: what is kept, learnt and counted. */
void host_begin_record(struct host *host);
void host_on_abilities(void *ctx, const struct heater_caps *caps);
void host_on_wrote(void *ctx, enum write_kind kind);
/* Counts begin anew with a local day. */
void host_new_day(struct host *host, int64_t day, double gone);
/* Takes what is worth to be kept from a state of the right device. */
void host_learn(struct host *host, const struct heater_state *state);
/* Puts the figures of the supervisor into a state. */
void host_fill_care(const struct host *host, struct heater_state *state);
/* Applies the configuration to the abilities and lets the rules know. False with `err` if nothing
 * is left. */
bool host_narrow(struct host *host, struct hb_err *err);
/* The same, told to the owner. */
void host_tell_abilities(struct host *host);

#endif
