/* A private Mosquitto for tests: started on a free loopback port with a generated configuration in
 * a directory of its own, stopped, restarted, frozen. Fails the running test if anything goes
 * wrong.
 */
#ifndef HB_TESTS_MQTT_BROKER_H
#define HB_TESTS_MQTT_BROKER_H

#include <stdbool.h>
#include <stdint.h>

struct broker;

/* All zero: plain MQTT for anybody. Texts are copied. */
struct broker_options {
    bool websockets;                  /* the port speaks WebSocket instead of plain MQTT        */
    const char *username, *password;  /* the only user that is let in                          */
    const char *cert_file, *key_file; /* the port speaks TLS with this certificate            */
    const char *client_ca_file;       /* and demands a client certificate from this authority */
    const char *acl;                  /* contents of an acl_file                              */
};

/* Starts the broker and returns when it accepts connections. NULL options mean all zero. */
struct broker *broker_start(const struct broker_options *options);
/* Stops the broker and removes its directory. NULL is allowed. */
void broker_stop(struct broker *broker);

uint16_t broker_port(const struct broker *broker);
/* The directory of its configuration, for further files of the test; removed with it. */
const char *broker_directory(const struct broker *broker);

/* Ends the process and leaves the rest; broker_resume starts it again on the same port. Retained
 * messages are lost. */
void broker_halt(struct broker *broker);
void broker_resume(struct broker *broker);

/* SIGSTOP and SIGCONT: connections stay open, nobody answers. */
void broker_freeze(struct broker *broker);
void broker_thaw(struct broker *broker);

/* Waits until the broker logs a line that contains `text`; lines are consumed. */
bool broker_logs(struct broker *broker, const char *text, int deadline_ms);

/* A TCP port of 127.0.0.1 that nobody listens on now. */
uint16_t broker_free_port(void);
/* Runs a program from PATH to its end, its output discarded; true if it exits with 0. `argv` ends
 * with NULL. */
bool broker_run(const char *const argv[]);

#endif
