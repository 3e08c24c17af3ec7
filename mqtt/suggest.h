/* "Did you mean ...?" for words that people type. Pure. */
#ifndef HB_MQTT_SUGGEST_H
#define HB_MQTT_SUGGEST_H

#include <stddef.h>

/* The one of `count` words that `typed` most likely stands for; NULL if none is near. */
const char *suggest_word(const char *typed, const char *const *words, size_t count);

#endif
