/* One AxeOS device in conversation: the instance that the driver's parts share. Private to
 * devices/axeos.c and devices/axeos_orders.c. */
#ifndef HB_DEVICES_AXEOS_INSTANCE_H
#define HB_DEVICES_AXEOS_INSTANCE_H

#include "devices/axeos.h"
#include "devices/axeos_device.h"
#include "devices/axeos_totp.h"
#include "devices/remote.h"

enum axeos_request { AXEOS_ASK_INFO, AXEOS_ASK_ASIC, AXEOS_ASK_SESSION, AXEOS_WRITE };

struct axeos {
    struct heater_env env;
    struct remote *remote;
    struct reply_faults faults;
    struct axeos_device device;
    uint8_t key[TOTP_SECRET];
    size_t key_len;
    char token[AXEOS_TOKEN];    /* of the one-time password session, "" without */
    hb_mono signed_at;          /* when a password was last used */
    hb_mono hold_until;         /* no write before, while the device restarts */
    char settings_of[TEXT_MAX]; /* which device and firmware the points are of */
    char writing[48];           /* what the last write said, for messages */
    size_t remembered;          /* points whose watts are kept over a restart */
    unsigned unreadable;
};

/* The order that stands is not carried out, and the host is told why. */
void axeos_refuse(struct axeos *a, const char *sentence);
/* Abilities, if they changed by more than they wander. */
void axeos_tell_caps(struct axeos *a, hb_mono now);
/* What follows from a state that was just read: at most one write. */
void axeos_act(struct axeos *a, hb_mono now);
/* Asks for a session in exchange for a one-time password. */
void axeos_ask_session(struct axeos *a, hb_mono now);
/* Sends a restart. */
void axeos_restart(struct axeos *a, hb_mono now);

#endif
