#include "format.h"

#include <stdio.h>
#include <stdlib.h>

const char *format_fixed(int64_t value, int decimals)
{
    static char buffers[4][24];
    static int next;
    char *out = buffers[next++ % 4];
    int64_t unit = 1;
    for (int i = 0; i < decimals; i++)
        unit *= 10;
    snprintf(out, sizeof buffers[0], "%lld.%0*lld", (long long)(value / unit), decimals, llabs(value % unit));
    return out;
}
