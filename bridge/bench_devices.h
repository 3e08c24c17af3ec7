/* What it costs to poll a fleet of heaters over the network: real hosts and drivers, emulated
 * devices in a process of their own. */
#ifndef HB_BRIDGE_BENCH_DEVICES_H
#define HB_BRIDGE_BENCH_DEVICES_H

#include <stdbool.h>

struct bench_devices_options {
    double seconds;
    int count; /* of devices */
    bool hold; /* the devices stay until standard input ends, for others to poll them too */
};

int bench_devices(const struct bench_devices_options *options);

#endif
