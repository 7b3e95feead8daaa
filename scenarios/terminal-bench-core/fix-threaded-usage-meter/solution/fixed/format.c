#include "format.h"

const char *format_fixed(char *out, __int128 value, int decimals)
{
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    char *p = out + FIXED_SIZE;
    *--p = '\0';
    for (int i = 0; i <= decimals || rest; i++) {
        if (i == decimals)
            *--p = '.';
        *--p = (char)('0' + (int)(rest % 10));
        rest /= 10;
    }
    if (value < 0)
        *--p = '-';
    return p;
}
