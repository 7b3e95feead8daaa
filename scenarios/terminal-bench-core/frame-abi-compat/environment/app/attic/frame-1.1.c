/* rescued from a backup: libframe 1.1, without the parts for programs of 1.0 */
#include "frame-1.1.h"

#include <stdio.h>
#include <string.h>

static void (*trace)(const char *line);

void frame_set_trace(void (*fn)(const char *line))
{
    trace = fn;
}

uint16_t frame_checksum(const void *data, uint32_t len)
{
    const unsigned char *p = data;
    unsigned a = 0, b = 0;
    while (len--) {
        a = (a + *p++) % 255;
        b = (b + a) % 255;
    }
    return b << 8 | a;
}

int frame_encode(const void *payload, uint32_t len, unsigned char *out)
{
    uint16_t sum = frame_checksum(payload, len);
    if (len > 65535)
        return -1;
    out[0] = len >> 8;
    out[1] = len;
    memcpy(out + 2, payload, len);
    out[2 + len] = sum >> 8;
    out[3 + len] = sum;
    return len + 4;
}

int frame_scan(const unsigned char *buf, uint32_t len, struct frame_stat *st)
{
    memset(st, 0, sizeof *st);
    while (len > 0) {
        uint32_t n;
        if (len < 4)
            return -1;
        n = buf[0] << 8 | buf[1];
        if (len - 4 < n)
            return -1;
        if (frame_checksum(buf + 2, n) != (buf[2 + n] << 8 | buf[3 + n])) {
            st->bad++;
        } else {
            st->frames++;
            st->bytes += n;
            if (trace) {
                char line[64];
                snprintf(line, sizeof line, "frame %u len %u", st->frames, n);
                trace(line);
            }
        }
        buf += n + 4;
        len -= n + 4;
    }
    return st->frames;
}

int frame_decode(const unsigned char *buf, uint32_t len, unsigned char *out, uint32_t cap)
{
    uint32_t n;
    if (len < 4)
        return -1;
    n = buf[0] << 8 | buf[1];
    if (len - 4 < n)
        return -1;
    if (frame_checksum(buf + 2, n) != (buf[2 + n] << 8 | buf[3 + n]))
        return -2;
    if (n > cap)
        return -3;
    memcpy(out, buf + 2, n);
    return n;
}
