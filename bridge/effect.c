#include "bridge/effect.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct effect *effects_add(struct effects *effects, enum effect_kind kind, uint16_t index)
{
    struct effect *effect;
    if (effects->count < effects->capacity) {
        effect = &effects->item[effects->count++];
    } else {
        effects->lost++;
        effect = &effects->scratch;
    }
    effect->kind = kind;
    effect->index = index;
    effect->level = 0;
    effect->command = (struct heater_command){0};
    effect->text[0] = '\0';
    return effect;
}

void effects_add_text(struct effects *effects, enum effect_kind kind, uint16_t index, int level,
                      const char *format, ...)
{
    struct effect *effect = effects_add(effects, kind, index);
    effect->level = level;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(effect->text, sizeof(effect->text), format, args);
    va_end(args);
}

void effect_format(const struct effect *effect, char *buf, size_t size)
{
    static const char *const words[] = {
        "command",     "publish-room", "publish-heater", "refuse",     "save-room",
        "save-heater", "block-found",  "refuse-heater",  "save-latch", "publish-circuit",
        "log"};
    int used = snprintf(buf, size, "%s %u", words[effect->kind], (unsigned)effect->index);
    if (used < 0 || (size_t)used >= size) {
        return;
    }
    if (effect->kind == EFFECT_HEATER_COMMAND) {
        const struct heater_command *command = &effect->command;
        (void)snprintf(buf + used, size - (size_t)used,
                       " seq=%llu issued=%lld expires=%lld w=%.17g why=%s",
                       (unsigned long long)command->seq, (long long)command->issued.ms,
                       (long long)command->expires.ms, command->power_w, reason_word(command->why));
    } else if (effect->text[0] != '\0') {
        (void)snprintf(buf + used, size - (size_t)used, " %d %s", effect->level, effect->text);
    }
}
