/* libframe 1.0
 *
 * A 1.x frame is: length of the payload (2 bytes, big endian), the payload,
 * checksum of the payload (2 bytes, big endian).
 */
#ifndef FRAME_H
#define FRAME_H
#include <stdint.h>

struct frame_stat {
    uint32_t frames;            /* good frames */
    uint32_t bytes;             /* payload bytes in them */
};

/* Fletcher-16: two sums modulo 255, the second one in the high byte */
uint16_t frame_checksum(const void *data, uint32_t len);

/* Writes one frame (len + 4 bytes) to out. Returns the bytes written, -1 if len is above 65535. */
int frame_encode(const void *payload, uint32_t len, unsigned char *out);

/* Walks the frames in buf and fills in *st, in any case, with what was good so far.
 * Returns the number of good frames if buf ends with the end of a frame.
 * Stops at the first frame that is cut short or has a wrong checksum, and returns -1. */
int frame_scan(const unsigned char *buf, uint32_t len, struct frame_stat *st);

/* From now on, frame_scan calls fn with "frame N len L" for every good frame, N counting
 * from 1 within one call of frame_scan (bad frames do not count). NULL turns it off. */
void frame_set_trace(void (*fn)(const char *line));

#endif
