/* What was found, as YAML for the configuration and as JSON for programs. Pure but for the stream.
 */
#ifndef HB_BRIDGE_DISCOVER_SUGGEST_H
#define HB_BRIDGE_DISCOVER_SUGGEST_H

#include <stddef.h>
#include <stdio.h>

#include "bridge/discover/visit.h"

/* The `heaters:` part of a configuration, in the given order; comments tell what else is known. */
void suggest_yaml(const struct finding *findings, size_t count, FILE *out);
/* One line. */
void suggest_json(const struct finding *finding, FILE *out);

#endif
