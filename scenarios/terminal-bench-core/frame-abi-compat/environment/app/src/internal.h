#ifndef INTERNAL_H
#define INTERNAL_H
#include <stddef.h>
#include <stdint.h>

uint32_t crc_update(uint32_t crc, const unsigned char *p, size_t len);
void put32(unsigned char *p, uint32_t v);
uint32_t get32(const unsigned char *p);
void frame_check(int ok, const char *file, int line);

#define CHECK(x) frame_check((x) != 0, __FILE__, __LINE__)

#endif
