/* Compiler attributes used throughout, with portable spellings. */
#ifndef HB_GROUND_ATTR_H
#define HB_GROUND_ATTR_H

/* The caller must look at the result. */
#define HB_MUST_USE __attribute__((warn_unused_result))
/* printf-like: argument F is the format, arguments from A on are checked against it. */
#define HB_PRINTF(F, A) __attribute__((format(printf, F, A)))

#endif
