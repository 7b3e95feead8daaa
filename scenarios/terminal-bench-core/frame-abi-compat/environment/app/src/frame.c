#include "frame.h"
#include "internal.h"

#include <string.h>

uint32_t frame_checksum(const void *data, size_t len)
{
    return crc_update(0, data, len);
}

int64_t frame_encode(const void *payload, size_t len, unsigned char *out, size_t cap)
{
    CHECK(len <= 0xffffffffu);
    if (cap < 8 || cap - 8 < len)
        return FRAME_E_SPACE;
    put32(out, len);
    memcpy(out + 4, payload, len);
    put32(out + 4 + len, frame_checksum(payload, len));
    return len + 8;
}

int64_t frame_scan(const void *buf, size_t len, struct frame_stat *st)
{
    const unsigned char *p = buf;
    memset(st, 0, sizeof *st);
    while (len > 0) {
        uint32_t n;
        if (len < 8)
            return FRAME_E_SHORT;
        n = get32(p);
        if (len - 8 < n)
            return FRAME_E_SHORT;
        if (frame_checksum(p + 4, n) != get32(p + 4 + n)) {
            st->bad++;
        } else {
            st->frames++;
            st->bytes += n;
            if (n > st->largest)
                st->largest = n;
        }
        p += (size_t) n + 8;
        len -= (size_t) n + 8;
    }
    return st->frames;
}

int64_t frame_decode(const void *buf, size_t len, unsigned char *out, size_t cap)
{
    const unsigned char *p = buf;
    uint32_t n;
    if (len < 8)
        return FRAME_E_SHORT;
    n = get32(p);
    if (len - 8 < n)
        return FRAME_E_SHORT;
    if (frame_checksum(p + 4, n) != get32(p + 4 + n))
        return FRAME_E_SUM;
    if (n > cap)
        return FRAME_E_SPACE;
    memcpy(out, p + 4, n);
    return n;
}
