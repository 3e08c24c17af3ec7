/* A node of one's own as a source of work: solo+http:// and solo+https://. Joins the calls to the
 * node and the session; found headers pass the OpenSSL check in here. */
#ifndef HB_MINER_SOLO_SOURCE_H
#define HB_MINER_SOLO_SOURCE_H

#include "miner/work_source.h"

extern const struct work_source_kind solo_source_kind;

#endif
