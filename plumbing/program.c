#include "plumbing/program.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { ROOM_FIRST = 4096, WHY_MAX = 200 };
enum { IN, OUT, ERR, PIPES };
enum {
    ENDS = 3,       /* that make its end: its exit, and those of its two outputs */
    LOOK_MS = 1000, /* how often it is looked whether what was killed is gone     */
};

/* What it says on one of its two outputs. */
struct speech {
    char *bytes; /* with room for a NUL */
    size_t len, room, most;
    bool cut; /* what is beyond `most` is thrown away, and no reason to end it */
};

struct program {
    uv_loop_t *loop;
    program_done done;
    void *ctx;
    uv_process_t process;
    uv_pipe_t pipe[PIPES];
    uv_timer_t timer;
    uv_write_t write;
    struct speech out, err;
    char *input;
    size_t input_len;
    int timeout_ms;
    int failed;  /* what libuv said at the start, told from the loop; 0: nothing */
    int users;   /* handles and requests of libuv that still need this struct */
    int waiting; /* for how many of ENDS */
    bool open[PIPES];
    bool spawned, exited, over;
    enum program_end end;
    int64_t exit_status;
    int exit_signal;
};

/* --- life ---------------------------------------------------------------------------------------
 */

static void release(struct program *p)
{
    if (--p->users == 0) {
        free(p->out.bytes);
        free(p->err.bytes);
        free(p->input);
        free(p);
    }
}

static void on_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void close_pipe(struct program *p, int which)
{
    if (p->open[which]) {
        p->open[which] = false;
        uv_close((uv_handle_t *)&p->pipe[which], on_closed);
    }
}

/* It leads a session of its own, so that this reaches whatever it started, too. */
static void kill_all(const struct program *p)
{
    if (p->spawned && !p->exited) {
        (void)uv_kill(-p->process.pid, SIGKILL);
    }
}

static void put_why(const struct program *p, char why[WHY_MAX])
{
    switch (p->end) {
    case PROGRAM_EXITED:
        why[0] = '\0';
        break;
    case PROGRAM_KILLED:
        (void)snprintf(why, WHY_MAX, "it was ended by signal %d", p->exit_signal);
        break;
    case PROGRAM_MISSING:
        (void)snprintf(why, WHY_MAX, "there is no such program");
        break;
    case PROGRAM_FAILED:
        (void)snprintf(why, WHY_MAX, "%s", uv_strerror(p->failed));
        break;
    case PROGRAM_LATE:
        (void)snprintf(why, WHY_MAX, "it did not end within %d ms", p->timeout_ms);
        break;
    case PROGRAM_EXCESS:
        (void)snprintf(why, WHY_MAX, "it said more than %zu bytes", p->out.most);
        break;
    }
}

static const char *speech_text(const struct speech *speech)
{
    if (speech->bytes == NULL) {
        return "";
    }
    speech->bytes[speech->len] = '\0';
    return speech->bytes;
}

static void tell(struct program *p)
{
    char why[WHY_MAX];
    put_why(p, why);
    const struct program_result result = {.end = p->end,
                                          .status = p->end == PROGRAM_KILLED ? p->exit_signal
                                                                             : (int)p->exit_status,
                                          .out = speech_text(&p->out),
                                          .out_len = p->out.len,
                                          .words = speech_text(&p->err),
                                          .why = why};
    p->done(p->ctx, &result);
}

/* Nothing more will come of it. */
static void finish(struct program *p)
{
    for (int i = 0; i < PIPES; i++) {
        close_pipe(p, i);
    }
    uv_close((uv_handle_t *)&p->timer, on_closed);
    if (!p->over) {
        p->over = true;
        p->users++; /* the result is borrowed from it */
        tell(p);
        release(p);
    }
}

static void finish_if_ended(struct program *p)
{
    if (--p->waiting == 0) {
        finish(p);
    }
}

static void on_time(uv_timer_t *timer);

static void end_early(struct program *p, enum program_end end)
{
    if (p->end == PROGRAM_EXITED && !p->exited) {
        p->end = end;
    }
    kill_all(p);
    (void)uv_timer_start(&p->timer, on_time, LOOK_MS, 0);
}

/* --- what it says -------------------------------------------------------------------------------
 */

static struct speech *speech_of(struct program *p, const void *pipe)
{
    return pipe == &p->pipe[OUT] ? &p->out : &p->err;
}

/* Room for what may still come, and for one byte more, by which too much of it shows. */
static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct speech *speech = speech_of(handle->data, handle);
    (void)suggested;
    if (speech->len == speech->room) {
        size_t room = speech->room == 0 ? ROOM_FIRST : 2 * speech->room;
        room = room < speech->most + 1 ? room : speech->most + 1;
        char *bytes = realloc(speech->bytes, room + 1);
        if (bytes == NULL) {
            *buf = uv_buf_init(NULL, 0);
            return;
        }
        speech->bytes = bytes;
        speech->room = room;
    }
    *buf = uv_buf_init(speech->bytes + speech->len, (unsigned)(speech->room - speech->len));
}

static void hear(struct program *p, struct speech *speech, size_t count)
{
    speech->len += count;
    if (speech->len > speech->most) {
        speech->len = speech->most;
        if (!speech->cut) {
            end_early(p, PROGRAM_EXCESS);
        }
    }
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct program *p = stream->data;
    (void)buf;
    if (count > 0) {
        hear(p, speech_of(p, stream), (size_t)count);
    } else if (count < 0) {
        if (count == UV_ENOBUFS) {
            end_early(p, PROGRAM_EXCESS);
        }
        close_pipe(p, stream == (uv_stream_t *)&p->pipe[OUT] ? OUT : ERR);
        finish_if_ended(p);
    }
}

/* --- its course ---------------------------------------------------------------------------------
 */

static void on_exit_of_it(uv_process_t *process, int64_t status, int signal)
{
    struct program *p = process->data;
    p->exited = true;
    p->exit_status = status;
    p->exit_signal = signal;
    if (signal != 0 && p->end == PROGRAM_EXITED) {
        p->end = PROGRAM_KILLED;
    }
    /* What it left behind would keep its outputs open. */
    (void)uv_kill(-process->pid, SIGKILL);
    uv_close((uv_handle_t *)process, on_closed);
    finish_if_ended(p);
}

static void on_written(uv_write_t *write, int status)
{
    struct program *p = write->data;
    (void)status; /* whether it read its input is its own affair, and shows in how it ends */
    close_pipe(p, IN);
    release(p);
}

static void on_time(uv_timer_t *timer)
{
    struct program *p = timer->data;
    if (!p->spawned || p->exited) {
        /* Never begun; or what it left behind escaped into a session of its own. */
        finish(p);
    } else {
        end_early(p, PROGRAM_LATE);
    }
}

static void give_input(struct program *p)
{
    const uv_buf_t buf = uv_buf_init(p->input, (unsigned)p->input_len);
    if (p->input_len > 0 &&
        uv_write(&p->write, (uv_stream_t *)&p->pipe[IN], &buf, 1, on_written) == 0) {
        p->users++;
    } else {
        close_pipe(p, IN);
    }
}

/* Which changes nothing in it. */
static char **as_libuv_wants(const char *const *list)
{
    const union {
        const char *const *ours;
        char **libuvs;
    } both = {list};
    return both.libuvs;
}

static int spawn(struct program *p, const struct program_request *request)
{
    uv_stdio_container_t stdio[PIPES];
    for (int i = 0; i < PIPES; i++) {
        const int way = i == IN ? UV_READABLE_PIPE : UV_WRITABLE_PIPE;
        stdio[i].flags = (uv_stdio_flags)(UV_CREATE_PIPE | way);
        stdio[i].data.stream = (uv_stream_t *)&p->pipe[i];
    }
    uv_process_options_t options = {.exit_cb = on_exit_of_it,
                                    .file = request->argv[0],
                                    .args = as_libuv_wants(request->argv),
                                    .env = as_libuv_wants(request->env),
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = PIPES,
                                    .stdio = stdio};
    return uv_spawn(p->loop, &p->process, &options);
}

static void begin(struct program *p, const struct program_request *request)
{
    p->failed = spawn(p, request);
    p->users++; /* its handle counts even when it was not started */
    p->spawned = p->failed == 0;
    if (!p->spawned) {
        p->end = p->failed == UV_ENOENT ? PROGRAM_MISSING : PROGRAM_FAILED;
        uv_close((uv_handle_t *)&p->process, on_closed);
        (void)uv_timer_start(&p->timer, on_time, 0, 0);
        return;
    }
    p->waiting = ENDS;
    (void)uv_read_start((uv_stream_t *)&p->pipe[OUT], on_room_wanted, on_read);
    (void)uv_read_start((uv_stream_t *)&p->pipe[ERR], on_room_wanted, on_read);
    (void)uv_timer_start(&p->timer, on_time, (uint64_t)p->timeout_ms, 0);
    give_input(p);
}

/* --- from outside -------------------------------------------------------------------------------
 */

static bool copy_input(struct program *p, const struct program_request *request)
{
    p->input_len = request->input != NULL ? request->input_len : 0;
    if (p->input_len == 0) {
        return true;
    }
    p->input = malloc(p->input_len);
    if (p->input != NULL) {
        memcpy(p->input, request->input, p->input_len);
    }
    return p->input != NULL;
}

struct program *program_start(struct uv_loop_s *loop, const struct program_request *request,
                              program_done done, void *ctx, struct hb_err *err)
{
    struct program *p = calloc(1, sizeof *p);
    if (p == NULL || !copy_input(p, request)) {
        free(p);
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    p->loop = loop;
    p->done = done;
    p->ctx = ctx;
    p->timeout_ms = request->timeout_ms;
    p->out.most = request->most;
    p->err.most = PROGRAM_WORDS_MAX - 1;
    p->err.cut = true;
    p->process.data = p->timer.data = p->write.data = p;
    for (int i = 0; i < PIPES; i++) {
        (void)uv_pipe_init(loop, &p->pipe[i], 0);
        p->pipe[i].data = p;
        p->open[i] = true;
    }
    (void)uv_timer_init(loop, &p->timer);
    p->users = PIPES + 1;
    begin(p, request);
    return p;
}

void program_cancel(struct program *p)
{
    if (p == NULL) {
        return;
    }
    p->over = true;
    if (p->spawned) {
        end_early(p, PROGRAM_KILLED); /* and the rest follows when its end is noticed */
    } else {
        (void)uv_timer_start(&p->timer, on_time, 0, 0);
    }
}
