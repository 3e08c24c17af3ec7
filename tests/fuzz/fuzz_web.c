/* What a browser, or something that pretends to be one, may put into the headers and the body of a
 * request to the page. Fields are separated by line ends: Host, Origin, Authorization, path, body.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/web/answer.h"
#include "bridge/web/guard.h"

enum { FIELDS = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was let in must be what the core was promised. */
static void check_request(const struct web_request *request)
{
    if (request->len == 0 || request->len > WEB_REQUEST_MAX ||
        request->json[request->len] != '\0' || strlen(request->room) >= ID_MAX) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct guard guard = {
        .listen = "0.0.0.0", .host_name = "attic", .password = "secret", .everywhere = true};
    char *text = malloc(size + 1);
    const char *field[FIELDS] = {"", "", "", "", ""};
    const char *why = NULL;
    char room[ID_MAX];
    memcpy(text, data, size);
    text[size] = '\0';
    char *at = text;
    for (int i = 0; i < FIELDS && at != NULL; i++) {
        field[i] = at;
        at = i < FIELDS - 1 ? strchr(at, '\n') : NULL;
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    const struct guard_ask ask = {
        .host = field[0], .origin = field[1], .authorization = field[2], .has_mark = size % 2 == 0};
    for (int rule = GUARD_READ; rule <= GUARD_SOCKET; rule++) {
        const unsigned status = guard_refuses(&guard, &ask, (enum guard_rule)rule, true, &why);
        if (status != 0 && why == NULL) {
            abort();
        }
    }
    const struct answer head = answer_post(field[3], field[4], room);
    free(head.owned);
    if (guard_path_room(field[3], room)) {
        struct web_request request;
        const size_t body_len = strlen(field[4]);
        const struct answer answer = answer_body(room, field[4], body_len, &request);
        if (answer.status == 202) {
            check_request(&request);
        }
        free(answer.owned);
    }
    free(text);
    return 0;
}
