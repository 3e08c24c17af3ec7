/* Programs that the demo runs beside itself on loopback: started, waited for, and never left
 * behind. */
#ifndef HB_BRIDGE_DEMO_CHILD_H
#define HB_BRIDGE_DEMO_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ground/attr.h"
#include "ground/err.h"

struct child {
    pid_t pid;  /* 0: not running                                              */
    int out_fd; /* its standard output, non-blocking; -1 if it was not wanted  */
};

/* Looks for a program in PATH and where Debian keeps daemons; its absolute path goes to `path`. */
HB_MUST_USE bool program_find(const char *name, char *path, size_t size);

/* Starts the program at `argv[0]`, an absolute path, which dies with this process. With `capture`
 * its output can be read from out_fd; otherwise it goes to `log_path`. To be called before any
 * thread exists. */
HB_MUST_USE bool child_start(struct child *child, char *const argv[], bool capture,
                             const char *log_path, struct hb_err *err);
/* SIGTERM, then SIGKILL after two seconds. A child that never ran is allowed. */
void child_stop(struct child *child);

/* Reads one line (without its end) within `deadline_ms`. */
HB_MUST_USE bool child_read_line(const struct child *child, char *line, size_t size,
                                 int deadline_ms);

/* A loopback TCP port that is free now; 0 if there is none. */
uint16_t loopback_free_port(void);
/* True as soon as something accepts on that loopback port, false after `deadline_ms`. */
HB_MUST_USE bool loopback_wait(uint16_t port, int deadline_ms);

#endif
