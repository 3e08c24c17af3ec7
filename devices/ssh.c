#include "devices/ssh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"

enum { ARGUMENTS = 64, MADE = 4, ARGUMENT_MAX = URL_MAX + 32, FAILED_STATUS = 255 };

struct ssh {
    struct program *program;
    ssh_done done;
    void *ctx;
};

/* --- the client's arguments --------------------------------------------------------------------
 */

struct arguments {
    char own[MADE][ARGUMENT_MAX]; /* texts that had to be made */
    size_t made;
    const char *argv[ARGUMENTS];
    size_t count;
};

static void add(struct arguments *a, const char *text)
{
    if (a->count < ARGUMENTS - 1) {
        a->argv[a->count++] = text;
        a->argv[a->count] = NULL;
    }
}

static void add_made(struct arguments *a, const char *name, const char *value)
{
    char *text = a->own[a->made++];
    (void)snprintf(text, ARGUMENT_MAX, "%s%s", name, value);
    add(a, text);
}

/* One row for each "-o". */
static const char *const fixed[] = {
    "BatchMode=yes", /* it asks nobody anything                     */
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=none",
    "UpdateHostKeys=no",
    "CheckHostIP=no",
    "PreferredAuthentications=publickey",
    "IdentityAgent=none",
    "HostKeyAlgorithms=+ssh-rsa",      /* of dropbear before 2020.79                */
    "PubkeyAcceptedKeyTypes=+ssh-rsa", /* its name since OpenSSH 8.5 is another, this one is kept */
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "ControlPath=none",
    "LogLevel=INFO", /* which is why it fails, see `sayings` */
};

static void build(struct arguments *a, const struct ssh_target *target, const char *script)
{
    char port[8];
    (void)snprintf(port, sizeof port, "%u", target->port);
    add(a, "ssh");
    add(a, "-F");
    add(a, "none");
    add(a, "-T");
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        add(a, "-o");
        add(a, fixed[i]);
    }
    add_made(a, "-oUserKnownHostsFile=", target->known_hosts);
    if (target->identity_file[0] != '\0') {
        add(a, "-oIdentitiesOnly=yes");
        add_made(a, "-oIdentityFile=", target->identity_file);
    }
    add_made(a, "-oPort=", port);
    add_made(a, "-oUser=", target->user);
    add(a, "--");
    add(a, target->host);
    add(a, script);
}

/* --- what became of it ---------------------------------------------------------------------------
 */

/* What the client says, in no language but English, when it fails by itself. */
static const struct {
    const char *words;
    enum ssh_end end;
} sayings[] = {
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", SSH_OTHER_KEY},
    {"host key is known for ", SSH_UNKNOWN_KEY},
    {"Host key verification failed", SSH_UNKNOWN_KEY},
    {"Load key ", SSH_NO_IDENTITY},
    {"no such identity", SSH_NO_IDENTITY},
    {"UNPROTECTED PRIVATE KEY FILE", SSH_NO_IDENTITY},
    {"Permission denied (", SSH_REFUSED},
    {"Too many authentication failures", SSH_REFUSED},
    {"Could not resolve hostname", SSH_UNREACHABLE},
    {"connect to host ", SSH_UNREACHABLE},
};

static enum ssh_end judge_words(const char *words)
{
    for (size_t i = 0; i < sizeof sayings / sizeof sayings[0]; i++) {
        if (strstr(words, sayings[i].words) != NULL) {
            return sayings[i].end;
        }
    }
    return SSH_BROKEN;
}

enum ssh_end ssh_judge(const struct program_result *result)
{
    switch (result->end) {
    case PROGRAM_EXITED:
        return result->status != FAILED_STATUS ? SSH_DONE : judge_words(result->words);
    case PROGRAM_MISSING:
        return SSH_MISSING;
    case PROGRAM_LATE:
        return SSH_LATE;
    case PROGRAM_EXCESS:
        return SSH_EXCESS;
    case PROGRAM_KILLED:
    case PROGRAM_FAILED:
        break;
    }
    return SSH_BROKEN;
}

void ssh_explain(enum ssh_end end, const struct ssh_target *target, const char *id, char *sentence,
                 size_t size)
{
    char port[16] = "";
    if (target->port != 22) {
        (void)snprintf(port, sizeof port, " -p %u", target->port);
    }
    sentence[0] = '\0';
    switch (end) {
    case SSH_DONE:
    case SSH_DROPPED:
        break;
    case SSH_MISSING:
        (void)snprintf(sentence, size,
                       "its power cannot be set, as this machine has no SSH client: install the "
                       "package openssh-client");
        break;
    case SSH_UNKNOWN_KEY:
        (void)snprintf(sentence, size,
                       "its SSH host key is not known: check it, then add it with ssh-keyscan%s "
                       "%.60s >>%.100s",
                       port, target->host, target->known_hosts);
        break;
    case SSH_OTHER_KEY:
        (void)snprintf(sentence, size,
                       "its SSH host key is another than the known one, so it may be another "
                       "device: check it, then replace its line in %.120s",
                       target->known_hosts);
        break;
    case SSH_REFUSED:
        (void)snprintf(sentence, size,
                       "it refuses the SSH login of %.40s: add the public key of "
                       "heaters.%s.identity_file to its /etc/dropbear/authorized_keys",
                       target->user, id);
        break;
    case SSH_NO_IDENTITY:
        (void)snprintf(sentence, size,
                       "the key %.120s cannot be used: heaters.%s.identity_file must name a "
                       "private key that only heatbridge may read, without a passphrase",
                       target->identity_file, id);
        break;
    case SSH_UNREACHABLE:
        (void)snprintf(sentence, size,
                       "it does not answer SSH on port %u: switch SSH on on its web page, or "
                       "correct heaters.%s.ssh_port",
                       target->port, id);
        break;
    case SSH_LATE:
        (void)snprintf(sentence, size, "its SSH hangs: restart it if that goes on");
        break;
    case SSH_EXCESS:
    case SSH_BROKEN:
        (void)snprintf(sentence, size, "its SSH connection breaks off: restart it if that goes on");
        break;
    }
}

/* --- one command ---------------------------------------------------------------------------------
 */

static void on_program(void *ctx, const struct program_result *from)
{
    struct ssh *ssh = ctx;
    const struct ssh_result result = {.end = ssh_judge(from),
                                      .status = from->status,
                                      .out = from->out,
                                      .out_len = from->out_len,
                                      .words = from->words};
    ssh->done(ssh->ctx, &result);
    free(ssh);
}

struct ssh *ssh_start(struct uv_loop_s *loop, const struct ssh_target *target, const char *script,
                      const char *input, size_t input_len, size_t most, int timeout_ms,
                      ssh_done done, void *ctx, struct hb_err *err)
{
    struct arguments a = {0};
    char path[1024];
    const char *const environment[] = {path, "LC_ALL=C", NULL};
    const char *from = getenv("PATH");
    (void)snprintf(path, sizeof path, "PATH=%s",
                   from != NULL ? from : "/usr/local/bin:/usr/bin:/bin");
    struct ssh *ssh = calloc(1, sizeof *ssh);
    if (ssh == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    build(&a, target, script);
    const struct program_request request = {.argv = a.argv,
                                            .env = environment,
                                            .input = input,
                                            .input_len = input_len,
                                            .most = most,
                                            .timeout_ms = timeout_ms};
    ssh->done = done;
    ssh->ctx = ctx;
    ssh->program = program_start(loop, &request, on_program, ssh, err);
    if (ssh->program == NULL) {
        free(ssh);
        return NULL;
    }
    return ssh;
}

void ssh_cancel(struct ssh *ssh)
{
    if (ssh != NULL) {
        program_cancel(ssh->program);
        free(ssh);
    }
}
