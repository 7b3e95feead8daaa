#!/bin/bash
set -eu
cd /app

# One file holds everything that programs of 1.0 and 1.1 need, under names of its own.
cat > src/compat.c <<'C'
/* FRAME_1.0 and FRAME_1.1: see ../abi. Only part of the shared library. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define OLD(symbol, version) __attribute__((symver(symbol "@" version), used))

struct stat10 { uint32_t frames, bytes; };
struct stat11 { uint32_t frames, bytes, bad; };

static void (*trace)(const char *line);

OLD("frame_set_trace", "FRAME_1.0")
void old_set_trace(void (*fn)(const char *line))
{
    trace = fn;
}

OLD("frame_checksum", "FRAME_1.0")
uint16_t old_checksum(const void *data, uint32_t len)
{
    const unsigned char *p = data;
    unsigned a = 0, b = 0;
    while (len--) {
        a = (a + *p++) % 255;
        b = (b + a) % 255;
    }
    return b << 8 | a;
}

OLD("frame_encode", "FRAME_1.0")
int old_encode(const void *payload, uint32_t len, unsigned char *out)
{
    uint16_t sum;
    if (len > 65535)
        return -1;
    sum = old_checksum(payload, len);
    out[0] = len >> 8;
    out[1] = len;
    memcpy(out + 2, payload, len);
    out[2 + len] = sum >> 8;
    out[3 + len] = sum;
    return len + 4;
}

static int sum_ok(const unsigned char *buf, uint32_t n)
{
    return old_checksum(buf + 2, n) == (buf[2 + n] << 8 | buf[3 + n]);
}

static int scan(const unsigned char *buf, uint32_t len, struct stat11 *st, int stop_at_bad)
{
    memset(st, 0, sizeof *st);
    while (len > 0) {
        uint32_t n;
        if (len < 4)
            return -1;
        n = buf[0] << 8 | buf[1];
        if (len - 4 < n)
            return -1;
        if (!sum_ok(buf, n)) {
            if (stop_at_bad)
                return -1;
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

OLD("frame_scan", "FRAME_1.0")
int old_scan10(const unsigned char *buf, uint32_t len, struct stat10 *st)
{
    struct stat11 full;
    int result = scan(buf, len, &full, 1);
    st->frames = full.frames;
    st->bytes = full.bytes;
    return result;
}

OLD("frame_scan", "FRAME_1.1")
int old_scan11(const unsigned char *buf, uint32_t len, struct stat11 *st)
{
    return scan(buf, len, st, 0);
}

OLD("frame_decode", "FRAME_1.1")
int old_decode(const unsigned char *buf, uint32_t len, unsigned char *out, uint32_t cap)
{
    uint32_t n;
    if (len < 4)
        return -1;
    n = buf[0] << 8 | buf[1];
    if (len - 4 < n)
        return -1;
    if (!sum_ok(buf, n))
        return -2;
    if (n > cap)
        return -3;
    memcpy(out, buf + 2, n);
    return n;
}
C

cat > src/frame.map <<'C'
# The old names carry their version themselves (symver in compat.c); a "local: *" in
# an old node would hide them.
FRAME_1.0 { };
FRAME_1.1 { } FRAME_1.0;
FRAME_2.0 {
    global: frame_checksum; frame_encode; frame_scan; frame_decode; frame_strerror; frame_build_date;
    local: *;
} FRAME_1.1;
C

sed -i 's/return BUILD_DATE;/return __DATE__ " " __TIME__;/' src/info.c
sed -i 's/ (built by %s)//; s/, line, BUILT_BY);/, line);/' src/bytes.c

cat > Makefile <<'M'
export LC_ALL = C
CC     = gcc
CORE   = bytes crc frame info
CFLAGS = -O2 -g -Wall -fPIC -Isrc -ffile-prefix-map=$(CURDIR)=.
HDR    = src/frame.h src/internal.h
API    = frame_checksum frame_encode frame_scan frame_decode frame_strerror frame_build_date

all: build/libframe.so build/libframe.a

build/%.o: src/%.c $(HDR)
	@mkdir -p build
	$(CC) $(CFLAGS) -c $< -o $@

build/libframe.so.1: $(CORE:%=build/%.o) build/compat.o src/frame.map
	$(CC) -shared -Wl,-soname,libframe.so.1 -Wl,--version-script=src/frame.map -o $@ $(filter %.o,$^)

build/libframe.so: build/libframe.so.1
	ln -sf libframe.so.1 $@

# one object in which only the interface is global
build/libframe.a: $(CORE:%=build/%.o)
	$(CC) -r -nostdlib -o build/all.o $^
	objcopy $(API:%=--keep-global-symbol=%) build/all.o build/libframe.o
	rm -f $@
	ar rcD $@ build/libframe.o

clean:
	rm -rf build

.PHONY: all clean
M
rm -rf build
make
