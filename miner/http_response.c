#include "miner/http_response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void http_response_init(struct http_response *response, size_t most)
{
    memset(response, 0, sizeof *response);
    response->most = most;
}

void http_response_fini(struct http_response *response)
{
    free(response->body);
    response->body = NULL;
}

static bool refuse(struct hb_err *err, const char *what)
{
    return hb_fail(err, HB_ERR_INPUT, "it does not speak HTTP: %s", what);
}

/* --- lines --------------------------------------------------------------------------------------
 */

/* "HTTP/1.1 200 OK" */
static bool read_status(struct http_response *response, struct hb_err *err)
{
    const char *line = response->line;
    if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12 || line[8] != ' ') {
        return refuse(err, "expected a status line");
    }
    response->status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9') {
            return refuse(err, "expected a status of three digits");
        }
        response->status = response->status * 10 + (line[i] - '0');
    }
    response->part = HTTP_HEADERS;
    return response->status >= 100 || refuse(err, "expected a status of 100 or more");
}

/* Digits of a base of 10 or 16 at the start of `text`; what may follow them is the caller's. */
static bool read_size(const char *text, unsigned base, uint64_t *size, const char **rest)
{
    uint64_t value = 0;
    const char *at = text;
    for (;; at++) {
        unsigned digit = base;
        if (*at >= '0' && *at <= '9') {
            digit = (unsigned)(*at - '0');
        } else if ((*at | 32) >= 'a' && (*at | 32) <= 'f') {
            digit = (unsigned)((*at | 32) - 'a') + 10;
        }
        if (digit >= base) {
            break;
        }
        if (value > UINT32_MAX) {
            return false;
        }
        value = value * base + digit;
    }
    *size = value;
    *rest = at + strspn(at, " \t");
    return at != text;
}

/* The value of a header of that name, NULL if the line is another one. */
static const char *header_value(const char *line, const char *name)
{
    const size_t len = strlen(name);
    if (strncasecmp(line, name, len) != 0 || line[len] != ':') {
        return NULL;
    }
    return line + len + 1 + strspn(line + len + 1, " \t");
}

static bool read_header(struct http_response *response, struct hb_err *err)
{
    const char *length = header_value(response->line, "Content-Length");
    const char *coding = header_value(response->line, "Transfer-Encoding");
    const char *rest = "";
    if (coding != NULL) {
        response->chunked = true;
        return strcasecmp(coding, "chunked") == 0 || refuse(err, "expected chunks");
    }
    if (length != NULL) {
        response->has_length = true;
        return (read_size(length, 10, &response->left, &rest) && *rest == '\0') ||
               refuse(err, "expected a number as Content-Length");
    }
    return true;
}

/* Behind the empty line. */
static bool begin_body(struct http_response *response, struct hb_err *err)
{
    if (response->status < 200) { /* provisional: the real one follows */
        response->part = HTTP_STATUS;
        response->chunked = response->has_length = false;
        return true;
    }
    if (response->chunked) {
        response->part = HTTP_CHUNK_SIZE;
    } else if (!response->has_length) {
        response->part = HTTP_BODY_TO_END;
    } else {
        response->part = response->left > 0 ? HTTP_BODY : HTTP_DONE;
    }
    return response->chunked || response->left <= response->most ||
           hb_fail(err, HB_ERR_INPUT, "the answer is too long");
}

static bool read_chunk_size(struct http_response *response, struct hb_err *err)
{
    const char *rest = "";
    if (!read_size(response->line, 16, &response->left, &rest) || (*rest != '\0' && *rest != ';')) {
        return refuse(err, "expected the size of a chunk");
    }
    response->lines = 0; /* chunks may be many; the body's length is what is bounded */
    response->part = response->left > 0 ? HTTP_CHUNK : HTTP_TRAILERS;
    return true;
}

static bool take_line(struct http_response *response, struct hb_err *err)
{
    const bool empty = response->line[0] == '\0';
    switch (response->part) {
    case HTTP_STATUS:
        return read_status(response, err);
    case HTTP_HEADERS:
        return empty ? begin_body(response, err) : read_header(response, err);
    case HTTP_CHUNK_SIZE:
        return read_chunk_size(response, err);
    case HTTP_CHUNK_END:
        response->part = HTTP_CHUNK_SIZE;
        return empty || refuse(err, "expected the end of a chunk");
    case HTTP_TRAILERS:
        response->part = empty ? HTTP_DONE : HTTP_TRAILERS;
        return true;
    case HTTP_BODY:
    case HTTP_BODY_TO_END:
    case HTTP_CHUNK:
    case HTTP_DONE:
        break;
    }
    return true;
}

/* Collects one line, without its end; `*used` bytes were taken. */
static bool feed_line(struct http_response *response, const char *data, size_t len, size_t *used,
                      struct hb_err *err)
{
    const char *end = memchr(data, '\n', len);
    const size_t part = end == NULL ? len : (size_t)(end - data);
    if (response->line_len + part >= sizeof response->line || response->lines >= HTTP_LINES_MAX) {
        return refuse(err, "expected less of a head");
    }
    memcpy(response->line + response->line_len, data, part);
    response->line_len += part;
    *used = end == NULL ? part : part + 1;
    if (end == NULL) {
        return true;
    }
    size_t whole = response->line_len;
    whole -= whole > 0 && response->line[whole - 1] == '\r' ? 1 : 0;
    response->line[whole] = '\0';
    response->line_len = 0;
    response->lines++;
    return take_line(response, err);
}

/* --- body ---------------------------------------------------------------------------------------
 */

static bool append(struct http_response *response, const char *data, size_t len, struct hb_err *err)
{
    if (len > response->most - response->len) {
        return hb_fail(err, HB_ERR_INPUT, "the answer is too long");
    }
    if (response->len + len + 1 > response->room) {
        const size_t room = 2 * (response->len + len) + 1024;
        char *body = realloc(response->body, room);
        if (body == NULL) {
            return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        }
        response->body = body;
        response->room = room;
    }
    memcpy(response->body + response->len, data, len);
    response->len += len;
    response->body[response->len] = '\0';
    return true;
}

static bool feed_body(struct http_response *response, const char *data, size_t len, size_t *used,
                      struct hb_err *err)
{
    const bool to_end = response->part == HTTP_BODY_TO_END;
    const size_t take = to_end || len < response->left ? len : (size_t)response->left;
    *used = take;
    if (!append(response, data, take, err)) {
        return false;
    }
    if (!to_end) {
        response->left -= take;
        if (response->left == 0) {
            response->part = response->part == HTTP_CHUNK ? HTTP_CHUNK_END : HTTP_DONE;
        }
    }
    return true;
}

bool http_response_feed(struct http_response *response, const char *data, size_t len,
                        struct hb_err *err)
{
    while (len > 0 && response->part != HTTP_DONE) {
        const bool in_body = response->part == HTTP_BODY || response->part == HTTP_CHUNK ||
                             response->part == HTTP_BODY_TO_END;
        size_t used = 0;
        if (!(in_body ? feed_body : feed_line)(response, data, len, &used, err)) {
            return false;
        }
        data += used;
        len -= used;
    }
    return true;
}

bool http_response_end(struct http_response *response)
{
    if (response->part == HTTP_BODY_TO_END) {
        response->part = HTTP_DONE;
    }
    return response->part == HTTP_DONE;
}
