#include "internal.h"

#include <stdio.h>
#include <stdlib.h>

void put32(unsigned char *p, uint32_t v)
{
    p[0] = v >> 24;
    p[1] = v >> 16;
    p[2] = v >> 8;
    p[3] = v;
}

uint32_t get32(const unsigned char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

void frame_check(int ok, const char *file, int line)
{
    if (!ok) {
        fprintf(stderr, "libframe: check failed at %s:%d (built by %s)\n", file, line, BUILT_BY);
        abort();
    }
}
