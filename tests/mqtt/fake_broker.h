/* A badly behaved broker for tests: a thread that speaks just enough MQTT on a loopback port. */
#ifndef HB_TESTS_MQTT_FAKE_BROKER_H
#define HB_TESTS_MQTT_FAKE_BROKER_H

#include <stdint.h>

struct fake_broker;

enum fake_manner {
    FAKE_KNOWS_ONLY_311, /* answers MQTT 5 as old brokers do, passes 3.1.1 on to a real broker */
    FAKE_CLOSES_ON_5,    /* closes instead of answering MQTT 5, passes 3.1.1 on                */
    FAKE_DENIES,         /* speaks MQTT 5, denies every subscription                           */
    FAKE_SILENT,         /* accepts connections and never answers                              */
    FAKE_BABBLES,        /* answers with something that is not MQTT                            */
};

/* `upstream_port`: of the real broker on 127.0.0.1, where one is needed. */
struct fake_broker *fake_broker_start(enum fake_manner manner, uint16_t upstream_port);
void fake_broker_stop(struct fake_broker *fake);
uint16_t fake_broker_port(const struct fake_broker *fake);

#endif
