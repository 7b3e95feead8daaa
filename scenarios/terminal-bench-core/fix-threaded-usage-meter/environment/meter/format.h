#ifndef FORMAT_H
#define FORMAT_H
#include <stdint.h>

/* The number value / 10^decimals as text, in one of a few static buffers, so that some calls can be used in one printf. */
const char *format_fixed(int64_t value, int decimals);
#endif
