#define _GNU_SOURCE /* pipe2, F_SETPIPE_SZ, mkdtemp */
#include "tests/mqtt/broker.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plumbing/clock.h"
#include "tests/support/test.h"

enum { START_MS = 20000 };

struct broker {
    pid_t pid; /* 0: halted */
    uint16_t port;
    int log_fd;
    char directory[64];
    char config[96];
    char line[1024]; /* what was read of the log's current line */
    size_t line_len;
};

uint16_t broker_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

/* Replaces the calling process, which must be a fresh child. */
static void become(const char *const argv[], int output_fd)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)dup2(output_fd, STDOUT_FILENO);
    (void)dup2(output_fd, STDERR_FILENO);
    union {
        const char *const *given;
        char *const *wanted; /* exec takes, but does not change, them */
    } arguments = {.given = argv};
    (void)execvp(argv[0], arguments.wanted);
    _exit(127);
}

bool broker_run(const char *const argv[])
{
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        become(argv, open("/dev/null", O_WRONLY));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void write_file(const struct broker *broker, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", broker->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void write_password(const struct broker *broker, const struct broker_options *options)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/passwords", broker->directory);
    const char *const argv[] = {"mosquitto_passwd", "-b", "-c", path, options->username,
                                options->password,  NULL};
    assert_true(broker_run(argv));
}

static void write_config(const struct broker *broker, const struct broker_options *options)
{
    FILE *file = fopen(broker->config, "w");
    assert_non_null(file);
    if (options->websockets) {
        /* Mosquitto 2.0.11 does not start with WebSocket listeners alone. */
        (void)fprintf(file, "listener %u 127.0.0.1\n", broker_free_port());
    }
    (void)fprintf(file, "listener %u 127.0.0.1\n", broker->port);
    (void)fprintf(file, "protocol %s\n", options->websockets ? "websockets" : "mqtt");
    (void)fprintf(file, "allow_anonymous %s\n", options->username == NULL ? "true" : "false");
    (void)fprintf(file, "persistence false\nlog_dest stderr\nlog_timestamp false\nlog_type all\n");
    if (geteuid() == 0) {
        (void)fprintf(file, "user root\n"); /* else it could not read its own directory */
    }
    if (options->username != NULL) {
        write_password(broker, options);
        (void)fprintf(file, "password_file %s/passwords\n", broker->directory);
    }
    if (options->acl != NULL) {
        write_file(broker, "acl", options->acl);
        (void)fprintf(file, "acl_file %s/acl\n", broker->directory);
    }
    if (options->cert_file != NULL) {
        (void)fprintf(file, "certfile %s\nkeyfile %s\n", options->cert_file, options->key_file);
    }
    if (options->client_ca_file != NULL) {
        (void)fprintf(file, "cafile %s\nrequire_certificate true\n", options->client_ca_file);
    }
    assert_int_equal(fclose(file), 0);
}

static const char *program(void)
{
    return access("/usr/sbin/mosquitto", X_OK) == 0 ? "/usr/sbin/mosquitto" : "mosquitto";
}

void broker_resume(struct broker *broker)
{
    int log[2];
    assert_int_equal(pipe2(log, O_CLOEXEC), 0);
    (void)fcntl(log[0], F_SETPIPE_SZ, 1 << 20); /* nobody reads it most of the time */
    broker->pid = fork();
    assert_true(broker->pid >= 0);
    if (broker->pid == 0) {
        const char *const argv[] = {program(), "-c", broker->config, NULL};
        become(argv, log[1]);
    }
    (void)close(log[1]);
    broker->log_fd = log[0];
    broker->line_len = 0;
    assert_true(broker_logs(broker, "running", START_MS));
}

struct broker *broker_start(const struct broker_options *options)
{
    static const struct broker_options plain;
    struct broker *broker = calloc(1, sizeof *broker);
    assert_non_null(broker);
    (void)snprintf(broker->directory, sizeof broker->directory, "/tmp/hb-broker-XXXXXX");
    assert_non_null(mkdtemp(broker->directory));
    (void)snprintf(broker->config, sizeof broker->config, "%s/mosquitto.conf", broker->directory);
    broker->port = broker_free_port();
    write_config(broker, options != NULL ? options : &plain);
    broker_resume(broker);
    return broker;
}

void broker_halt(struct broker *broker)
{
    if (broker->pid > 0) {
        (void)kill(broker->pid, SIGKILL);
        (void)waitpid(broker->pid, NULL, 0);
        (void)close(broker->log_fd);
        broker->pid = 0;
    }
}

static void remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    assert_non_null(directory);
    const struct dirent *entry = NULL;
    while ((entry = readdir(directory)) != NULL) {
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    (void)closedir(directory);
    (void)rmdir(path);
}

void broker_stop(struct broker *broker)
{
    if (broker != NULL) {
        broker_halt(broker);
        remove_directory(broker->directory);
        free(broker);
    }
}

uint16_t broker_port(const struct broker *broker)
{
    return broker->port;
}

const char *broker_directory(const struct broker *broker)
{
    return broker->directory;
}

void broker_freeze(struct broker *broker)
{
    int status = 0;
    assert_int_equal(kill(broker->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(broker->pid, &status, WUNTRACED), broker->pid);
    assert_true(WIFSTOPPED(status));
}

void broker_thaw(struct broker *broker)
{
    assert_int_equal(kill(broker->pid, SIGCONT), 0);
}

/* Reads one byte of the log; false at the deadline or if the broker has ended. */
static bool read_byte(struct broker *broker, hb_mono deadline, char *byte)
{
    struct pollfd ready = {.fd = broker->log_fd, .events = POLLIN};
    const int64_t left_ms = mono_age_ms(deadline, clock_mono());
    return left_ms > 0 && poll(&ready, 1, (int)left_ms) > 0 && read(broker->log_fd, byte, 1) == 1;
}

bool broker_logs(struct broker *broker, const char *text, int deadline_ms)
{
    const hb_mono deadline = mono_add_ms(clock_mono(), deadline_ms);
    char byte;
    while (read_byte(broker, deadline, &byte)) {
        if (byte == '\n') {
            broker->line[broker->line_len] = '\0';
            broker->line_len = 0;
            if (strstr(broker->line, text) != NULL) {
                return true;
            }
        } else if (broker->line_len < sizeof broker->line - 1) {
            broker->line[broker->line_len++] = byte;
        }
    }
    return false;
}
