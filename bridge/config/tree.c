#include "bridge/config/tree.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "bridge/config/arena.h"
#include "ground/text.h"

struct tree {
    struct arena arena;
    const struct node *root;
};

/* One reading of a text; `event` is the one looked at, owned until the next step. */
struct builder {
    yaml_parser_t parser;
    yaml_event_t event;
    struct arena *arena;
    const char *text, *file;
    size_t len;
    struct config_problems *problems;
};

/* --- the raw text ------------------------------------------------------------------------------
 */

/* Bytes of the character at `s` if it may stand in a configuration, else 0. */
static size_t character_len(const char *s, size_t left)
{
    const unsigned char c = (unsigned char)s[0];
    if (c < 0x80) {
        return (c >= 0x20 && c != 0x7F) || c == '\t' || c == '\n' || c == '\r' ? 1 : 0;
    }
    for (size_t n = 2; n <= 4 && n <= left; n++) {
        if (text_is_utf8(s, n)) {
            return n;
        }
    }
    return 0;
}

static struct spot spot_of_offset(const struct builder *b, size_t offset)
{
    struct spot spot = {b->file, 1, 1};
    for (size_t i = 0; i < offset && i < b->len;) {
        const size_t n = character_len(b->text + i, b->len - i);
        spot.column++;
        if (b->text[i] == '\n') {
            spot.line++;
            spot.column = 1;
        }
        i += n == 0 ? 1 : n;
    }
    return spot;
}

static bool text_is_clean(const struct builder *b)
{
    for (size_t i = 0; i < b->len;) {
        const size_t n = character_len(b->text + i, b->len - i);
        if (n == 0) {
            const unsigned byte = (unsigned char)b->text[i];
            return problem_error(b->problems, spot_of_offset(b, i), NULL,
                                 "expected UTF-8 text without control characters, got the byte "
                                 "0x%02x",
                                 byte);
        }
        i += n;
    }
    return true;
}

/* --- events -------------------------------------------------------------------------------------
 */

static struct spot spot_of(const struct builder *b, yaml_mark_t mark)
{
    return (struct spot){b->file, (int)mark.line + 1, (int)mark.column + 1};
}

static bool out_of_memory(const struct builder *b)
{
    return problem_error(b->problems, (struct spot){b->file, 0, 0}, NULL, "out of memory");
}

/* A mark counts characters, of which only those of its line have to be walked over. */
static bool starts_with_tab(const struct builder *b, yaml_mark_t mark)
{
    const char *at = b->text;
    const char *end = b->text + b->len;
    for (size_t line = 0; line < mark.line && at != NULL; line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at == NULL ? NULL : at + 1;
    }
    for (size_t column = 0; at != NULL && at < end && column < mark.column; column++) {
        at += character_len(at, (size_t)(end - at));
    }
    return at != NULL && at < end && *at == '\t';
}

/* libyaml's complaint in our form. */
static bool syntax_error(const struct builder *b)
{
    const yaml_parser_t *parser = &b->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "not understood";
    if (parser->error == YAML_MEMORY_ERROR) {
        return out_of_memory(b);
    }
    if (parser->error == YAML_READER_ERROR) {
        return problem_error(b->problems, spot_of_offset(b, parser->problem_offset), NULL,
                             "expected UTF-8 text without control characters, got: %s", problem);
    }
    const struct spot spot = spot_of(b, parser->problem_mark);
    if (starts_with_tab(b, parser->problem_mark)) {
        return problem_error(b->problems, spot, NULL, "expected spaces to indent, got a tab");
    }
    if (parser->context != NULL && parser->context_mark.line != parser->problem_mark.line) {
        return problem_error(b->problems, spot, NULL, "expected YAML, got: %s (%s from line %d)",
                             problem, parser->context, (int)parser->context_mark.line + 1);
    }
    return problem_error(b->problems, spot, NULL, "expected YAML, got: %s", problem);
}

/* Goes to the next event. */
static bool step(struct builder *b)
{
    yaml_event_delete(&b->event);
    return yaml_parser_parse(&b->parser, &b->event) == 1 || syntax_error(b);
}

static bool refuse_tag(const struct builder *b, const yaml_char_t *tag)
{
    char shown[64];
    text_copy_printable(shown, sizeof shown, (const char *)tag, strlen((const char *)tag));
    return problem_error(b->problems, spot_of(b, b->event.start_mark), NULL,
                         "expected no tag other than !secret, got '%s'", shown);
}

static bool refuse_anchor(const struct builder *b)
{
    return problem_error(b->problems, spot_of(b, b->event.start_mark), NULL,
                         "expected no anchors and no aliases, got one; write the value out");
}

/* --- nodes --------------------------------------------------------------------------------------
 */

/* Refuses what an escape in double quotes can bring in: NUL, line feeds, controls. */
static bool scalar_is_clean(const struct builder *b, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        /* U+0080 to U+009F are controls too; in UTF-8 they begin with 0xC2. */
        const bool c1 = c == 0xC2 && i + 1 < len && (unsigned char)text[i + 1] < 0xA0;
        if (c < 0x20 || c == 0x7F || c1) {
            return problem_error(b->problems, spot_of(b, b->event.start_mark), NULL,
                                 "expected text on one line without control characters, got one "
                                 "with the byte 0x%02x",
                                 c1 ? (unsigned char)text[i + 1] : c);
        }
    }
    return true;
}

static bool fill_scalar(struct builder *b, struct node *node)
{
    const char *value = (const char *)b->event.data.scalar.value;
    const size_t len = b->event.data.scalar.length;
    const yaml_char_t *tag = b->event.data.scalar.tag;
    if (b->event.data.scalar.anchor != NULL) {
        return refuse_anchor(b);
    }
    node->secret = tag != NULL && strcmp((const char *)tag, "!secret") == 0;
    if (tag != NULL && !node->secret) {
        return refuse_tag(b, tag);
    }
    if (!scalar_is_clean(b, value, len)) {
        return false;
    }
    node->plain = b->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = arena_text(b->arena, value, len);
    return node->text != NULL || out_of_memory(b);
}

static bool fill_node(struct builder *b, struct node *node, int depth);

/* Takes a new node for the event looked at. */
static struct node *new_node(struct builder *b)
{
    struct node *node = arena_take(b->arena, sizeof *node);
    if (node == NULL) {
        (void)out_of_memory(b);
        return NULL;
    }
    const struct spot spot = spot_of(b, b->event.start_mark);
    node->line = spot.line;
    node->column = spot.column;
    return node;
}

static bool fill_list(struct builder *b, struct node *list, int depth)
{
    const struct node **tail = &list->first;
    list->kind = NODE_LIST;
    while (step(b)) {
        if (b->event.type == YAML_SEQUENCE_END_EVENT) {
            return true;
        }
        struct node *item = new_node(b);
        if (item == NULL || !fill_node(b, item, depth + 1)) {
            return false;
        }
        *tail = item;
        tail = &item->next;
        list->count++;
    }
    return false;
}

/* A key; its text goes to the member's name. */
static bool fill_key(struct builder *b, struct node *member)
{
    if (b->event.type == YAML_ALIAS_EVENT) {
        return refuse_anchor(b);
    }
    if (b->event.type != YAML_SCALAR_EVENT) {
        return problem_error(b->problems, spot_of(b, b->event.start_mark), NULL,
                             "expected a key that is a plain text, got a mapping or a list");
    }
    struct node key = {.kind = NODE_SCALAR};
    if (!fill_scalar(b, &key)) {
        return false;
    }
    if (key.secret) {
        return refuse_tag(b, b->event.data.scalar.tag);
    }
    member->name = key.text;
    member->name_line = member->line;
    member->name_column = member->column;
    return true;
}

static int compare_members(const void *left, const void *right)
{
    const struct node *const *a = left;
    const struct node *const *b = right;
    const int order = strcmp((*a)->name, (*b)->name);
    if (order != 0) {
        return order;
    }
    const int lines = ((*a)->name_line > (*b)->name_line) - ((*a)->name_line < (*b)->name_line);
    return lines != 0 ? lines : (*a)->name_column - (*b)->name_column;
}

/* Sorted rather than compared pair by pair: a hostile file may hold 100,000 keys. */
static bool members_are_distinct(struct builder *b, const struct node *map)
{
    const struct node **sorted = arena_take(b->arena, (map->count + 1) * sizeof(struct node *));
    if (sorted == NULL) {
        return out_of_memory(b);
    }
    size_t n = 0;
    for (const struct node *m = map->first; m != NULL; m = m->next) {
        sorted[n++] = m;
    }
    qsort(sorted, n, sizeof(struct node *), compare_members);
    bool distinct = true;
    for (size_t i = 1; i < n; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
            const struct spot spot = {b->file, sorted[i]->name_line, sorted[i]->name_column};
            char shown[64];
            text_copy_printable(shown, sizeof shown, sorted[i]->name, strlen(sorted[i]->name));
            distinct = problem_error(b->problems, spot, NULL,
                                     "expected each key once, got '%s' again (first in line %d)",
                                     shown, sorted[i - 1]->name_line);
        }
    }
    return distinct;
}

static bool fill_map(struct builder *b, struct node *map, int depth)
{
    const struct node **tail = &map->first;
    map->kind = NODE_MAP;
    while (step(b)) {
        if (b->event.type == YAML_MAPPING_END_EVENT) {
            /* A duplicate is told, but the rest is still read: all mistakes at once. */
            (void)members_are_distinct(b, map);
            return true;
        }
        struct node *member = new_node(b);
        if (member == NULL || !fill_key(b, member) || !step(b)) {
            return false;
        }
        const struct spot spot = spot_of(b, b->event.start_mark);
        member->line = spot.line;
        member->column = spot.column;
        if (!fill_node(b, member, depth + 1)) {
            return false;
        }
        *tail = member;
        tail = &member->next;
        map->count++;
    }
    return false;
}

/* Fills a node from the event looked at and those that belong to it. */
static bool fill_node(struct builder *b, struct node *node, int depth)
{
    if (depth > TREE_DEPTH_MAX) {
        return problem_error(b->problems, spot_of(b, b->event.start_mark), NULL,
                             "expected at most %d levels of nesting, got more",
                             (int)TREE_DEPTH_MAX);
    }
    if (b->event.type == YAML_SCALAR_EVENT) {
        return fill_scalar(b, node);
    }
    if (b->event.type == YAML_ALIAS_EVENT) {
        return refuse_anchor(b);
    }
    const bool list = b->event.type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *tag =
        list ? b->event.data.sequence_start.tag : b->event.data.mapping_start.tag;
    const yaml_char_t *anchor =
        list ? b->event.data.sequence_start.anchor : b->event.data.mapping_start.anchor;
    if (anchor != NULL) {
        return refuse_anchor(b);
    }
    if (tag != NULL) {
        return refuse_tag(b, tag);
    }
    return list ? fill_list(b, node, depth) : fill_map(b, node, depth);
}

/* --- documents ----------------------------------------------------------------------------------
 */

static bool build(struct builder *b, struct tree *tree)
{
    const bool started = step(b); /* the stream's start; then a document, or the end if empty */
    if (!started || !step(b)) {
        return false;
    }
    if (b->event.type == YAML_STREAM_END_EVENT) {
        return true;
    }
    if (!step(b)) {
        return false;
    }
    struct node *root = new_node(b);
    /* After the content come the end of the document and the end of the stream. */
    if (root == NULL || !fill_node(b, root, 1) || !step(b) || !step(b)) {
        return false;
    }
    if (b->event.type != YAML_STREAM_END_EVENT) {
        return problem_error(b->problems, spot_of(b, b->event.start_mark), NULL,
                             "expected the end of the file, got a second document");
    }
    tree->root = root;
    return true;
}

struct tree *tree_parse(const char *text, size_t len, const char *file,
                        struct config_problems *problems)
{
    struct tree *tree = calloc(1, sizeof *tree);
    struct builder b = {.text = text, .len = len, .file = file, .problems = problems};
    if (tree == NULL || yaml_parser_initialize(&b.parser) != 1) {
        (void)out_of_memory(&b);
        free(tree);
        return NULL;
    }
    b.arena = &tree->arena;
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
    if (!text_is_clean(&b) || !build(&b, tree)) {
        tree_free(tree);
        tree = NULL;
    }
    yaml_event_delete(&b.event);
    yaml_parser_delete(&b.parser);
    return tree;
}

void tree_free(struct tree *tree)
{
    if (tree != NULL) {
        arena_free(&tree->arena);
        free(tree);
    }
}

const struct node *tree_root(const struct tree *tree)
{
    return tree->root;
}

const struct node *node_get(const struct node *map, const char *name)
{
    if (map == NULL || map->kind != NODE_MAP) {
        return NULL;
    }
    for (const struct node *m = map->first; m != NULL; m = m->next) {
        if (strcmp(m->name, name) == 0) {
            return m;
        }
    }
    return NULL;
}
