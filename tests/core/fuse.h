/* A circuit whose heaters do as the test says: what is allowed is told, and obeyed when it likes.
 */
#ifndef HB_TESTS_CORE_FUSE_H
#define HB_TESTS_CORE_FUSE_H

#include "bridge/control/circuit.h"

enum { FUSE_HEATERS = 5 };

extern const struct heater_caps mini; /* an Avalon Mini 3 as people know it: 400, 650 and 850 W */
extern const struct heater_caps stepless;

extern struct circuit circuit;
extern struct circuit_heater heaters[FUSE_HEATERS];
extern size_t count;
extern hb_mono now;

/* So many equal heaters, all off and known to be. */
void begin(double limit_w, size_t how_many, const struct heater_caps *caps);
void decide(void);
void pass(int64_t ms);
void all_wish(double power_w);
/* What is allowed is told. */
void tell(size_t i);
/* It does what it was told, and says so. */
void obey(size_t i);
double sum_w(void); /* that they were told */
/* A second passes, and each is told; what is possible stays within the limit. */
void second(void);
/* Seconds in which they obey at every third. */
void run_s(int seconds);
size_t at_level(double power_w); /* how many were told that */

#endif
