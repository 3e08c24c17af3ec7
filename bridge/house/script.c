#include "bridge/house/script.h"

static const struct script_event story[] = {
    {.at_s = 0, .act = SCRIPT_OUTDOOR, .outdoor_c = -2},
    {.at_s = 0,
     .act = SCRIPT_PRESET,
     .preset = "home",
     .story = "somebody comes home: the room is cold and heating starts"},
    {.at_s = 360, .act = SCRIPT_WINDOW, .window_open = true, .story = "the window is opened"},
    {.at_s = 420, .act = SCRIPT_WINDOW, .window_open = false, .story = "the window is closed"},
    {.at_s = 500,
     .act = SCRIPT_PRESET,
     .preset = "away",
     .story = "everybody leaves: the preset becomes away"},
    {.at_s = 570, .act = SCRIPT_OUTDOOR, .outdoor_c = -2},
    {.at_s = 570,
     .act = SCRIPT_PRESET,
     .preset = "home",
     .story = "they are back: the preset becomes home"},
    {.at_s = 1800, .act = SCRIPT_OUTDOOR, .outdoor_c = -4},
};
enum { STORY_COUNT = sizeof(story) / sizeof(story[0]) };

const struct script_event *script_between(double from_s, double to_s, size_t *count)
{
    size_t first = 0;
    while (first < STORY_COUNT && story[first].at_s < from_s) {
        first++;
    }
    size_t last = first;
    while (last < STORY_COUNT && story[last].at_s < to_s) {
        last++;
    }
    *count = last - first;
    return &story[first < STORY_COUNT ? first : STORY_COUNT - 1];
}

double script_outdoor_c(double at_s)
{
    const struct script_event *before = &story[0];
    for (size_t i = 1; i < STORY_COUNT; i++) {
        const struct script_event *next = &story[i];
        if (next->act != SCRIPT_OUTDOOR) {
            continue;
        }
        if (next->at_s >= at_s) {
            const double share = (at_s - before->at_s) / (next->at_s - before->at_s);
            return before->outdoor_c +
                   (share > 0 ? share : 0) * (next->outdoor_c - before->outdoor_c);
        }
        before = next;
    }
    return before->outdoor_c;
}

double script_start_c(void)
{
    return 19;
}
