/* Whatever answers at an address: the questions end, and what is told of it is printable. The first
 * byte are the open ports; answers follow, ended by NUL. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/identify.h"
#include "ground/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text)
{
    if (!text_is_utf8(text, strlen(text))) {
        abort();
    }
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7F) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { QUESTIONS_MAX = 32 };
    struct identify who;
    struct identify_ask ask;
    int asked = 0;
    char *text = malloc(size + 1);
    if (text == NULL || size == 0) {
        free(text);
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    identify_init(&who, data[0] & ((1u << IDENTIFY_PORTS) - 1));
    for (size_t at = 1; identify_next(&who, &ask);) {
        struct identify_answer answer = {.status = 0};
        if (at <= size) {
            answer.len = strlen(text + at);
            /* Its own memory, so that a read beyond its end is seen. */
            answer.body = strdup(text + at);
            answer.status = ask.path != NULL ? 200 : 0;
            at += answer.len + 1;
        }
        answer.realm = answer.location = answer.body;
        identify_take(&who, &answer);
        free((char *)(uintptr_t)answer.body);
        if (++asked > QUESTIONS_MAX) {
            abort();
        }
    }
    check(who.model);
    check(who.firmware);
    check(who.hostname);
    check(who.mac);
    free(text);
    return 0;
}
