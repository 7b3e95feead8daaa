/* libframe 2.0
 *
 * A 2.0 frame is: length of the payload (4 bytes, big endian), the payload,
 * CRC-32 of the payload as in zip and PNG (4 bytes, big endian).
 */
#ifndef FRAME_H
#define FRAME_H
#include <stddef.h>
#include <stdint.h>

#define FRAME_E_SHORT (-1)      /* frame is cut short */
#define FRAME_E_SUM   (-2)      /* wrong checksum */
#define FRAME_E_SPACE (-3)      /* output does not fit */

struct frame_stat {
    uint64_t frames;            /* good frames */
    uint64_t bytes;             /* payload bytes in them */
    uint64_t bad;               /* frames with a wrong checksum, skipped */
    uint32_t largest;           /* longest good payload */
};

uint32_t frame_checksum(const void *data, size_t len);

/* The number of bytes written, or FRAME_E_SPACE */
int64_t frame_encode(const void *payload, size_t len, unsigned char *out, size_t cap);

/* The number of good frames, or FRAME_E_SHORT; *st is filled in in any case */
int64_t frame_scan(const void *buf, size_t len, struct frame_stat *st);

/* The length of the first frame's payload, or one of FRAME_E_*; out is then untouched */
int64_t frame_decode(const void *buf, size_t len, unsigned char *out, size_t cap);

const char *frame_strerror(int64_t code);

/* When the library was built */
const char *frame_build_date(void);

#endif
