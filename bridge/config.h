/* The whole configuration as typed data, filled and checked by config_load; read-only afterwards.
 *
 * Every number is finite, in range and in the unit of its name; every reference (a room's heaters,
 * a schedule's presets) resolves. Which keys fill what: the table in bridge/config/table.c.
 */
#ifndef HB_BRIDGE_CONFIG_H
#define HB_BRIDGE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/limits.h"
#include "ground/attr.h"
#include "ground/err.h"

enum mqtt_backend { MQTT_BACKEND_MOSQUITTO, MQTT_BACKEND_PAHO };
enum mqtt_protocol { MQTT_PROTOCOL_AUTO, MQTT_PROTOCOL_5, MQTT_PROTOCOL_311 };
enum discovery_form { DISCOVERY_DEVICE, DISCOVERY_SINGLE, DISCOVERY_OFF };
enum no_pool_policy { NO_POOL_HEAT, NO_POOL_PAUSE };
enum exit_policy { ON_EXIT_OFF, ON_EXIT_KEEP };
enum temperature_unit { UNIT_CELSIUS, UNIT_FAHRENHEIT, UNIT_KELVIN };

struct config_mqtt {
    char url[URL_MAX]; /* mqtt:// mqtts:// ws:// wss:// */
    enum mqtt_backend client;
    enum mqtt_protocol protocol;
    char username[NAME_MAX_B], password[TEXT_MAX];
    char client_id[NAME_MAX_B];  /* "" : heatbridge-<base topic> */
    char base_topic[NAME_MAX_B]; /* "heatbridge" */
    char ca_file[TEXT_MAX], cert_file[TEXT_MAX], key_file[TEXT_MAX];
    bool tls_verify;
    int32_t keepalive_s;
};

struct config_homeassistant {
    enum discovery_form discovery;
    char prefix[NAME_MAX_B];      /* "homeassistant"        */
    char status_topic[TOPIC_MAX]; /* "homeassistant/status" */
};

struct config_web {
    char listen[NAME_MAX_B]; /* "127.0.0.1" */
    uint16_t port;           /* 0: no page; default 8377 */
    char password[TEXT_MAX]; /* needed to listen on anything but loopback */
};

struct config_pool {
    char url[URL_MAX]; /* stratum+tcp:// stratum+ssl:// stratum+tls:// solo+http:// solo+https:// */
    char user[TEXT_MAX], password[TEXT_MAX];
    char ca_file[TEXT_MAX];
    bool tls_verify;
    char tls_pin[TEXT_MAX]; /* "" : none */
    char proxy[URL_MAX], proxy_user[TEXT_MAX], proxy_password[TEXT_MAX];
    int64_t silence_ms;
    /* Of one's own node. */
    char cookie_file[TEXT_MAX], rpc_user[TEXT_MAX], rpc_password[TEXT_MAX];
    double fee_percent;
};

struct config_proxy {
    char listen[NAME_MAX_B]; /* "127.0.0.1" */
    uint16_t port;
};

struct config_mining {
    struct config_pool *pools;
    size_t pool_count;
    int32_t threads;     /* 0: one per CPU                                 */
    int32_t spare_cores; /* physical cores that never hash                 */
    int64_t ramp_ms;     /* from nothing to full                           */
    double max_cpu_c;    /* the processor is kept below this               */
    char sysfs_root[TEXT_MAX];
    char kernel[NAME_MAX_B]; /* "": the fastest */
    enum no_pool_policy no_pool;
    struct config_proxy proxy;          /* of heaters with the driver stratum_proxy */
    char (*redirect_hosts)[NAME_MAX_B]; /* "host" or "host:port" that client.reconnect may name */
    size_t redirect_host_count;
};

/* A value on an MQTT topic. */
struct config_source {
    char topic[TOPIC_MAX];  /* "" : not configured */
    char value[NAME_MAX_B]; /* JSON path; "" : the payload is the value */
    enum temperature_unit unit;
    int64_t stale_after_ms;
};

enum demand_unit { DEMAND_WATT, DEMAND_PERCENT };

/* A power that another program asks for, in watts or in percent of what the heaters can give. */
struct config_demand {
    struct config_source source; /* stale_after_ms <= 0: no demand is taken; topic "": only on the
                                    room's own topic */
    enum demand_unit unit;
};

struct config_preset {
    char name[ID_MAX];
    double target_c;
};

/* From this minute of the week on (Monday 00:00 local time is 0), this preset. */
struct config_slot {
    int32_t week_minute;
    uint16_t preset;
};

struct config_room {
    char id[ID_MAX], name[NAME_MAX_B], area[NAME_MAX_B];
    struct config_source temperature, humidity, window;
    struct config_demand demand;
    struct config_preset presets[ROOM_PRESETS];
    size_t preset_count;
    struct config_slot schedule[SCHEDULE_SLOTS]; /* ascending */
    size_t schedule_count;                       /* 0: mode auto is not offered an own schedule */
    double min_target_c, max_target_c, step_c, initial_target_c;
    double band_below_c,
        band_above_c;               /* comfort band around the target, for the view and control  */
    double frost_c;                 /* heated to this whatever the mode; NaN: no protection      */
    double too_hot_c;               /* safety: no heat at or above                               */
    double heat_loss_w_per_k;       /* for the feed-forward; 0: not known                        */
    double power_limit_w;           /* 0: no limit from the configuration                        */
    int64_t window_delay_ms;        /* open for this long before the heat stops                  */
    uint16_t heaters[ROOM_HEATERS]; /* indices into config.heaters                               */
    size_t heater_count;
};

/* A value of another device that must stay within limits, or the heater is stopped. */
struct config_interlock {
    char id[ID_MAX];
    struct config_source source; /* stale_after_ms 0: silence is no cause */
    double min, max;             /* NaN: no such limit; at least one is there */
    int64_t hold_ms;             /* it must be outside for so long */
};

/* A fuse that several heaters share. */
struct config_circuit {
    char id[ID_MAX], name[NAME_MAX_B];
    double max_w; /* 0: not given, the fuse is */
    double fuse_a, voltage_v, load_percent;
    double limit_w;             /* of either */
    struct config_source meter; /* "": none; its value is watts */
};

struct config_heater {
    char id[ID_MAX], name[NAME_MAX_B];
    char driver[ID_MAX];
    uint16_t room; /* index; INDEX_NONE: in no room, never switched on                      */
    char circuit_id[ID_MAX]; /* "": none */
    uint16_t circuit;        /* its index; INDEX_NONE: none limits it */
    double min_w, max_w; /* narrow the driver's abilities; 0: as the driver says                  */
    int64_t min_on_ms, min_off_ms; /* -1: as the driver says */
    double too_hot_c; /* chip or board; no heat at or above                                    */
    int64_t lease_ms; /* a command holds this long unless renewed                              */
    enum exit_policy on_exit;
    int32_t max_writes_per_day;   /* 0: as the driver says                                        */
    char identity[NAME_MAX_B];    /* MAC or serial number that it must have; "": the first seen */
    char expected_pool[TEXT_MAX]; /* "host:port", several with spaces; "": the first seen */
    struct config_source power_meter;    /* "" : none; its value is watts */
    struct config_interlock *interlocks; /* owned by the config; at most HEATER_INTERLOCKS */
    size_t interlock_count;
    void *options; /* of the driver's own table, devices/driver.h; owned by the config      */
    size_t options_size;
};

struct config {
    struct config_mqtt mqtt;
    struct config_homeassistant homeassistant;
    struct config_web web;
    struct config_mining mining;
    struct config_source outdoor;
    char state_dir[TEXT_MAX];
    int log_level; /* of enum log_level */
    struct config_room *rooms;
    size_t room_count;
    struct config_heater *heaters;
    size_t heater_count;
    struct config_circuit *circuits;
    size_t circuit_count;
    const void **hidden; /* fields whose text came from a secrets file: never shown */
    size_t hidden_count;
};

#endif
