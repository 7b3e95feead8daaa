#ifndef FORMAT_H
#define FORMAT_H

#define FIXED_SIZE 48

/* Writes value / 10^decimals as text into out (FIXED_SIZE bytes) and returns it. */
const char *format_fixed(char *out, __int128 value, int decimals);
#endif
