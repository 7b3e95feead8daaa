#include "internal.h"

uint32_t crc_table[256];

static void fill(void)
{
    uint32_t i, c;
    int k;
    for (i = 0; i < 256; i++) {
        for (c = i, k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        crc_table[i] = c;
    }
}

uint32_t crc_update(uint32_t crc, const unsigned char *p, size_t len)
{
    if (crc_table[1] == 0)
        fill();
    crc = ~crc;
    while (len--)
        crc = crc_table[(crc ^ *p++) & 255] ^ (crc >> 8);
    return ~crc;
}
