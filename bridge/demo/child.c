#define _GNU_SOURCE /* pipe2, strsep */
#include "bridge/demo/child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plumbing/clock.h"

enum { POLL_MS = 20, TERM_MS = 2000 };

static void pause_ms(long ms)
{
    const struct timespec nap = {ms / 1000, (ms % 1000) * 1000000L};
    (void)nanosleep(&nap, NULL);
}

/* In the new process; only async-signal-safe calls, and exec at the end. */
static void become(char *const argv[], int out, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(1); /* the parent died before the line above */
    }
    (void)setpgid(0,
                  0); /* Ctrl-C in the terminal is for the demo, which ends its children itself */
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(out, STDERR_FILENO);
    (void)execv(argv[0], argv);
    _exit(127);
}

bool program_find(const char *name, char *path, size_t size)
{
    const char *search = getenv("PATH");
    char folders[4096];
    (void)snprintf(folders, sizeof folders, "%s:/usr/local/sbin:/usr/sbin:/sbin",
                   search == NULL ? "/usr/bin:/bin" : search);
    char *rest = folders;
    const char *folder;
    while ((folder = strsep(&rest, ":")) != NULL) {
        (void)snprintf(path, size, "%s/%s", folder, name);
        if (folder[0] == '/' && access(path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

bool child_start(struct child *child, char *const argv[], bool capture, const char *log_path,
                 struct hb_err *err)
{
    *child = (struct child){.out_fd = -1};
    int pipe_fd[2] = {-1, -1};
    if (capture
            ? pipe2(pipe_fd, O_CLOEXEC) != 0
            : (pipe_fd[1] = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0) {
        return hb_fail(err, HB_ERR_SYSTEM, "cannot prepare '%s': %s", argv[0], strerror(errno));
    }
    const pid_t parent = getpid();
    child->pid = fork();
    if (child->pid == 0) {
        become(argv, pipe_fd[1], parent);
    }
    (void)close(pipe_fd[1]);
    child->out_fd = pipe_fd[0];
    if (child->out_fd >= 0) {
        (void)fcntl(child->out_fd, F_SETFL, O_NONBLOCK);
    }
    if (child->pid < 0) {
        child->pid = 0;
        return hb_fail(err, HB_ERR_SYSTEM, "cannot start '%s': %s", argv[0], strerror(errno));
    }
    return true;
}

void child_stop(struct child *child)
{
    if (child->pid > 0) {
        (void)kill(child->pid, SIGTERM);
        for (int waited_ms = 0; waitpid(child->pid, NULL, WNOHANG) == 0; waited_ms += POLL_MS) {
            if (waited_ms >= TERM_MS) {
                (void)kill(child->pid, SIGKILL);
                (void)waitpid(child->pid, NULL, 0);
                break;
            }
            pause_ms(POLL_MS);
        }
    }
    if (child->out_fd >= 0) {
        (void)close(child->out_fd);
    }
    *child = (struct child){.out_fd = -1};
}

bool child_read_line(const struct child *child, char *line, size_t size, int deadline_ms)
{
    const hb_mono start = clock_mono();
    size_t used = 0;
    while (used + 1 < size) {
        const int64_t left_ms = deadline_ms - mono_age_ms(clock_mono(), start);
        struct pollfd ready = {.fd = child->out_fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&ready, 1, (int)left_ms) <= 0 ||
            read(child->out_fd, line + used, 1) != 1) {
            return false;
        }
        if (line[used] == '\n') {
            line[used] = '\0';
            return true;
        }
        used++;
    }
    return false;
}

static int loopback_socket(uint16_t port, struct sockaddr_in *address)
{
    *address = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
    };
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

uint16_t loopback_free_port(void)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    const int fd = loopback_socket(0, &address);
    uint16_t port = 0;
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, len) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        port = ntohs(address.sin_port);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return port;
}

bool loopback_wait(uint16_t port, int deadline_ms)
{
    const hb_mono start = clock_mono();
    do {
        struct sockaddr_in address;
        const int fd = loopback_socket(port, &address);
        const bool open =
            fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
        if (fd >= 0) {
            (void)close(fd);
        }
        if (open) {
            return true;
        }
        pause_ms(POLL_MS);
    } while (mono_age_ms(clock_mono(), start) < deadline_ms);
    return false;
}
