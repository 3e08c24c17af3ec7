/* A mining heater that only lets its owner set a pool: it points to heatbridge and is watched by
 * its shares. It takes no commands. */
#ifndef HB_DEVICES_STRATUM_PROXY_H
#define HB_DEVICES_STRATUM_PROXY_H

#include "bridge/limits.h"
#include "devices/driver.h"

/* Config value of `driver:`. */
#define STRATUM_PROXY_DRIVER "stratum_proxy"

struct stratum_proxy_options {
    char worker[TEXT_MAX];    /* it logs in with; "": the heater's id       */
    char password[TEXT_MAX];  /* "": any, on loopback only                  */
    char pool_user[TEXT_MAX]; /* at the pools; "": that of each pool        */
    double power;             /* W while it hashes at `hashrate`            */
    double idle_power;        /* W while it does not                        */
    double hashrate;          /* TH/s                                       */
};

extern const struct heater_driver stratum_proxy_heater;

/* The name that a heater with these options logs in with. */
static inline const char *stratum_proxy_worker(const struct stratum_proxy_options *options,
                                               const char *id)
{
    return options->worker[0] != '\0' ? options->worker : id;
}

#endif
