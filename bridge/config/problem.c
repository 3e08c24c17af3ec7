#include "bridge/config/problem.h"

#include <stdarg.h>
#include <string.h>

#include "ground/text.h"

void problems_clear(struct config_problems *problems)
{
    problems->count = 0;
    problems->errors = 0;
    problems->warnings = 0;
}

bool problems_full(const struct config_problems *problems)
{
    return problems->count == CONFIG_PROBLEMS_MAX;
}

/* Text that grows at its end and is cut at its size. */
struct line {
    char *text;
    size_t size, used;
};

HB_PRINTF(2, 0) static void line_vadd(struct line *line, const char *format, va_list args)
{
    const int n = vsnprintf(line->text + line->used, line->size - line->used, format, args);
    if (n > 0) {
        const size_t room = line->size - line->used - 1;
        line->used += (size_t)n < room ? (size_t)n : room;
    }
}

HB_PRINTF(2, 3) static void line_add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line_vadd(line, format, args);
    va_end(args);
}

static void line_add_place(struct line *line, const struct place *place)
{
    if (place->up == NULL) {
        return;
    }
    line_add_place(line, place->up);
    if (place->name == NULL) {
        line_add(line, "[%zu]", place->index);
        return;
    }
    char shown[ID_MAX * 2];
    text_copy_printable(shown, sizeof shown, place->name, strlen(place->name));
    line_add(line, "%s%s", place->up->up == NULL ? "" : ".", shown);
}

HB_PRINTF(5, 0)
static void problem_add(struct config_problems *problems, bool warning, struct spot spot,
                        const struct place *place, const char *format, va_list args)
{
    (*(warning ? &problems->warnings : &problems->errors))++;
    if (problems_full(problems)) {
        return;
    }
    struct config_problem *problem = &problems->item[problems->count++];
    problem->warning = warning;
    problem->line = spot.line;
    problem->column = spot.column;
    struct line line = {problem->text, sizeof problem->text, 0};
    if (spot.line > 0) {
        line_add(&line, "%.160s:%d:%d: ", spot.file, spot.line, spot.column);
    } else {
        line_add(&line, "%.160s: ", spot.file);
    }
    if (warning) {
        line_add(&line, "warning: ");
    }
    if (place != NULL && place->up != NULL) {
        line_add_place(&line, place);
        line_add(&line, ": ");
    }
    line_vadd(&line, format, args);
}

bool problem_error(struct config_problems *problems, struct spot spot, const struct place *place,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problem_add(problems, false, spot, place, format, args);
    va_end(args);
    return false;
}

void problem_warn(struct config_problems *problems, struct spot spot, const struct place *place,
                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problem_add(problems, true, spot, place, format, args);
    va_end(args);
}

static bool stands_after(const struct config_problem *a, const struct config_problem *b)
{
    return a->line != b->line ? a->line > b->line : a->column > b->column;
}

void problems_sort(struct config_problems *problems)
{
    for (size_t i = 1; i < problems->count; i++) {
        const struct config_problem moved = problems->item[i];
        size_t at = i;
        for (; at > 0 && stands_after(&problems->item[at - 1], &moved); at--) {
            problems->item[at] = problems->item[at - 1];
        }
        problems->item[at] = moved;
    }
}

void config_problems_print(const struct config_problems *problems, FILE *out)
{
    for (size_t i = 0; i < problems->count; i++) {
        (void)fprintf(out, "%s\n", problems->item[i].text);
    }
    const size_t found = problems->errors + problems->warnings;
    if (found > problems->count) {
        (void)fprintf(out, "and %zu more\n", found - problems->count);
    }
}
