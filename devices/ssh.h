/* One command on a device, by the system's own OpenSSH client: for the few devices that can only be
 * set so.
 *
 * The device's host key must be known beforehand and is never taken on trust; login is by a key
 * alone, so that no secret is among the arguments, which everybody on this machine can read. No
 * configuration file of the client is read. What old firmware (dropbear before 2020) knows of
 * signatures, RSA with SHA-1, is allowed, as its host could not be told apart otherwise.
 */
#ifndef HB_DEVICES_SSH_H
#define HB_DEVICES_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/limits.h"
#include "ground/attr.h"
#include "ground/err.h"
#include "plumbing/program.h"

struct ssh_target {
    char host[URL_MAX];
    uint16_t port;
    char user[NAME_MAX_B];
    char identity_file[URL_MAX]; /* "": the client's own choice */
    char known_hosts[URL_MAX];
};

/* What became of a command. */
enum ssh_end {
    SSH_DONE,        /* it ran, and ended with `status`                       */
    SSH_MISSING,     /* this machine has no client                            */
    SSH_UNKNOWN_KEY, /* the device's host key is not among the known ones     */
    SSH_OTHER_KEY,   /* it has another host key than the known one            */
    SSH_REFUSED,     /* the device refuses the login                          */
    SSH_NO_IDENTITY, /* our own key cannot be used                            */
    SSH_UNREACHABLE, /* nobody answers there                                  */
    SSH_LATE,        /* it hung, and was killed                               */
    SSH_EXCESS,      /* its output had no end                                 */
    SSH_BROKEN,      /* the connection broke, or the client failed otherwise  */
    SSH_DROPPED,     /* never a result: for who cancelled it and has to note that */
};

/* Borrowed until the receiver returns. */
struct ssh_result {
    enum ssh_end end;
    int status;      /* of the command, if SSH_DONE */
    const char *out; /* ended by a NUL that does not count */
    size_t out_len;
    const char *words; /* of the command on its standard error, or of the client */
};

typedef void (*ssh_done)(void *ctx, const struct ssh_result *result);

struct ssh;

/* Runs `script` with the shell of the device's user. `input` goes to its standard input (NULL:
 * none); at most `most` bytes of output within `timeout_ms`. Owns itself until it is done or
 * cancelled, as a program does. */
HB_MUST_USE struct ssh *ssh_start(struct uv_loop_s *loop, const struct ssh_target *target,
                                  const char *script, const char *input, size_t input_len,
                                  size_t most, int timeout_ms, ssh_done done, void *ctx,
                                  struct hb_err *err);
/* As program_cancel. */
void ssh_cancel(struct ssh *ssh);

/* --- pure ---------------------------------------------------------------------------------------
 */

enum ssh_end ssh_judge(const struct program_result *result);
/* What the owner has to do, in one sentence; "" for SSH_DONE. `id`: of the heater. */
void ssh_explain(enum ssh_end end, const struct ssh_target *target, const char *id, char *sentence,
                 size_t size);

#endif
