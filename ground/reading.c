#include "ground/reading.h"

const char *provenance_name(enum provenance from)
{
    switch (from) {
    case PROVENANCE_MODELLED:
        return "modelled";
    case PROVENANCE_REPORTED:
        return "reported";
    case PROVENANCE_METERED:
        return "metered";
    case PROVENANCE_UNKNOWN:
        break;
    }
    return "unknown";
}
