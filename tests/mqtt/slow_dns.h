/* A name server that hangs: this program's own getaddrinfo, which the MQTT libraries call too. */
#ifndef HB_TESTS_MQTT_SLOW_DNS_H
#define HB_TESTS_MQTT_SLOW_DNS_H

#include <stdbool.h>

/* From now on each look-up of "slow.test" hangs for `hang_ms` and then fails, or, with 0, gives
 * 127.0.0.1 at once. Other names are looked up as ever. */
void slow_dns_set(int hang_ms);
/* Ends the hanging of look-ups under way, and of those whose thread has yet to get there. */
void slow_dns_release(void);
/* Waits until a look-up hangs. */
bool slow_dns_hanging(int deadline_ms);
/* Waits until none does. */
bool slow_dns_idle(int deadline_ms);

#endif
