/* tool11 encode < text, tool11 decode < frames, tool11 scan < frames */
#include "frame-1.1.h"
#include <stdio.h>
#include <string.h>

static unsigned char in[1 << 17], out[1 << 17];

int main(int argc, char **argv)
{
    int n = fread(in, 1, sizeof in, stdin), r;
    struct frame_stat st;
    if (argc < 2)
        return 2;
    if (strcmp(argv[1], "encode") == 0) {
        r = frame_encode(in, n, out);
        if (r < 0)
            return 1;
        fwrite(out, 1, r, stdout);
    } else if (strcmp(argv[1], "decode") == 0) {
        r = frame_decode(in, n, out, 1000);
        if (r < 0)
            return -r;
        fwrite(out, 1, r, stdout);
    } else {
        r = frame_scan(in, n, &st);
        printf("%d %u %u %u\n", r, st.frames, st.bytes, st.bad);
    }
    return 0;
}
