/* libframe 1.1
 *
 * The format of frames is that of 1.0. frame_checksum, frame_encode and
 * frame_set_trace are the ones of 1.0 (FRAME_1.0); new are the larger
 * structure with another frame_scan, and frame_decode (FRAME_1.1).
 */
#ifndef FRAME_H
#define FRAME_H
#include <stdint.h>

struct frame_stat {
    uint32_t frames;            /* good frames */
    uint32_t bytes;             /* payload bytes in them */
    uint32_t bad;               /* new: frames with a wrong checksum */
};

uint16_t frame_checksum(const void *data, uint32_t len);
int frame_encode(const void *payload, uint32_t len, unsigned char *out);

/* Walks the frames in buf and fills in *st in any case.
 * Since 1.1 a frame with a wrong checksum is counted as bad and skipped.
 * Returns the number of good frames, or -1 if the last frame is cut short. */
int frame_scan(const unsigned char *buf, uint32_t len, struct frame_stat *st);

/* As in 1.0; works for both forms of frame_scan, and is one setting for both. */
void frame_set_trace(void (*fn)(const char *line));

/* Decodes the first frame of buf. Returns the length of the payload; -1 if the frame is
 * cut short, -2 if its checksum is wrong, -3 if cap is too small; out is then untouched. */
int frame_decode(const unsigned char *buf, uint32_t len, unsigned char *out, uint32_t cap);

#endif
