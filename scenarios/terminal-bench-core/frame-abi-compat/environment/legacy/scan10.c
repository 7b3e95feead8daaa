/* scan10 [-t] FILE: statistics of a file of frames */
#include "frame-1.0.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(const char *line)
{
    printf("# %s\n", line);
}

int main(int argc, char **argv)
{
    unsigned char *buf = malloc(1 << 22);
    struct { struct frame_stat st; unsigned char guard[32]; } s;
    FILE *f;
    size_t n;
    int r;
    unsigned i;
    if (argc > 2 && strcmp(argv[1], "-t") == 0) {
        frame_set_trace(show);
        argv++;
    }
    f = fopen(argv[1], "rb");
    if (!f)
        return 2;
    n = fread(buf, 1, 1 << 22, f);
    memset(&s, 0xa5, sizeof s);
    r = frame_scan(buf, n, &s.st);
    for (i = 0; i < sizeof s.guard; i++)
        if (s.guard[i] != 0xa5)
            abort();
    printf("result %d frames %u bytes %u whole %04x\n", r, s.st.frames, s.st.bytes, frame_checksum(buf, n));
    return 0;
}
