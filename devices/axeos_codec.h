/* What AxeOS says and is told, pure: answers of its web interface to structs, settings to bodies.
 *
 * Covers the Bitaxe family (ESP-Miner) and the Nerd family (NerdAxe, NerdQAxe, NerdOctaxe), whose
 * answers are alike. Facts: ESP-Miner's openapi.yaml and system_api_json.c, NerdQAxe's
 * handler_system.cpp.
 */
#ifndef HB_DEVICES_AXEOS_CODEC_H
#define HB_DEVICES_AXEOS_CODEC_H

#include "devices/reply.h"

enum { AXEOS_OPTIONS = 32, AXEOS_TOKEN = 256 };

/* How the device can be switched off. */
enum axeos_kind {
    AXEOS_PLAIN,  /* not at all: firmware before 2.14                            */
    AXEOS_PAUSES, /* by a pause that costs no flash and is forgotten at a restart */
    AXEOS_NERD,   /* by a shutdown that only a restart ends                       */
};

/* Unknown: NaN, -1 or "". */
struct axeos_info {
    enum axeos_kind kind;
    int paused, shut_down, overheated, auto_fan, otp, overclock; /* 1, 0, -1 */
    double frequency_mhz, voltage_mv;                            /* as set                        */
    double actual_mhz; /* as it runs; the ramp shows here */
    double power_w, max_power_w;
    double hashrate_hs, expected_hs;
    double chip_c, regulator_c;
    double fan_ratio, manual_fan_ratio;
    double uptime_s;
    double best_difficulty;
    double asic_count;
    bool counted; /* the two below are known; they begin at 0 when the device starts */
    uint64_t accepted, rejected;
    int pool_connected;
    char asic[NAME_MAX_B];  /* "BM1370" */
    char board[NAME_MAX_B]; /* "602" */
    char model[NAME_MAX_B]; /* "NerdQAxe++"; Bitaxes say it elsewhere, see struct axeos_asic */
    char firmware[NAME_MAX_B];
    char mac[18];
    char pool[NAME_MAX_B], pool_user[NAME_MAX_B];
    char fault[TEXT_MAX]; /* of its hardware, in its own words */
};

/* Settings that the device offers. */
struct axeos_asic {
    double default_mhz, default_mv;
    double eco_mhz, eco_mv; /* NaN without */
    size_t mhz_count, mv_count;
    double mhz[AXEOS_OPTIONS], mv[AXEOS_OPTIONS]; /* ascending */
    double asic_count;
    char model[NAME_MAX_B]; /* "Gamma" */
};

/* GET /api/system/info. False if it is no answer of such a device. */
HB_MUST_USE bool axeos_read_info(const char *body, size_t len, struct axeos_info *info,
                                 struct reply_faults *faults);
/* GET /api/system/asic. False if it offers no settings. */
HB_MUST_USE bool axeos_read_asic(const char *body, size_t len, struct axeos_asic *asic,
                                 struct reply_faults *faults);
/* POST /api/v2/otp/session: the token that stands for one-time passwords until the next restart. */
HB_MUST_USE bool axeos_read_session(const char *body, size_t len, char token[AXEOS_TOKEN],
                                    struct reply_faults *faults);

/* The number of a difficulty as old firmware writes it: "483k", "2.57G", "0"; NaN if it is none. */
double axeos_difficulty(const char *text);

enum axeos_key { AXEOS_FREQUENCY, AXEOS_VOLTAGE };
/* Body of PATCH /api/system for one setting, as a whole number: the Nerd family ignores others
 * without a word. */
void axeos_write_setting(char *body, size_t size, enum axeos_key key, double value);
/* Body that ends what an overheating left behind: the fan fixed at full speed, and the mark. */
void axeos_write_overheat_over(char *body, size_t size, bool fan, bool mark);

#endif
