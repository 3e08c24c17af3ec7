#include "bridge/trace_file.h"

#include <errno.h>
#include <string.h>

#include "bridge/trace.h"

bool trace_begin(FILE *file, struct hb_err *err)
{
    if (fputs(TRACE_HEADER "\n", file) < 0) {
        return hb_fail(err, HB_ERR_SYSTEM, "trace: cannot write: %s", strerror(errno));
    }
    return true;
}

bool trace_write(FILE *file, const struct event *event, struct hb_err *err)
{
    char line[TRACE_LINE_MAX];
    const size_t len = trace_format(event, line);
    line[len] = '\n';
    if (fwrite(line, 1, len + 1, file) != len + 1) {
        return hb_fail(err, HB_ERR_SYSTEM, "trace: cannot write: %s", strerror(errno));
    }
    return true;
}

static bool read_line(struct trace_reader *reader, char line[TRACE_LINE_MAX], size_t *len)
{
    if (fgets(line, TRACE_LINE_MAX, reader->file) == NULL) {
        return false;
    }
    reader->line++;
    *len = strcspn(line, "\n");
    line[*len] = '\0';
    return true;
}

bool trace_open(struct trace_reader *reader, FILE *file, struct hb_err *err)
{
    char line[TRACE_LINE_MAX];
    size_t len;
    *reader = (struct trace_reader){.file = file};
    if (!read_line(reader, line, &len) || strcmp(line, TRACE_HEADER) != 0) {
        return hb_fail(err, HB_ERR_INPUT, "trace: expected '%s' in the first line", TRACE_HEADER);
    }
    return true;
}

bool trace_read(struct trace_reader *reader, struct event *event, struct hb_err *err)
{
    char line[TRACE_LINE_MAX];
    size_t len;
    if (!read_line(reader, line, &len)) {
        return false;
    }
    if (!trace_parse(line, len, event, err)) {
        hb_err_prefix(err, "trace: line %zu", reader->line);
        return false;
    }
    return true;
}
