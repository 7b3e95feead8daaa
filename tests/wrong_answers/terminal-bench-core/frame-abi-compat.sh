#!/bin/bash
# Versions the symbols properly, but sends 1.0 programs to the frame_scan of 1.1
# (a larger structure, other result), builds the archive from the plain objects,
# and forgets that -g stores the directory.
set -eu
cd /app
sed -e 's/frame-1.1.h/..\/abi\/frame-1.1.h/' -e 's/\bframe_\(set_trace\|checksum\|encode\|scan\|decode\)\b/old_\1/g' attic/frame-1.1.c > src/compat.c
sed -i 's/#include "..*frame-1.1.h"/#include <stdint.h>\nstruct frame_stat { uint32_t frames, bytes, bad; };/' src/compat.c
cat >> src/compat.c <<'C'
__asm__(".symver old_set_trace,frame_set_trace@FRAME_1.0");
__asm__(".symver old_checksum,frame_checksum@FRAME_1.0");
__asm__(".symver old_encode,frame_encode@FRAME_1.0");
__asm__(".symver old_scan,frame_scan@FRAME_1.1");
__asm__(".symver old_decode,frame_decode@FRAME_1.1");
int old_scan10(const unsigned char *buf, uint32_t len, struct frame_stat *st) { return old_scan(buf, len, st); }
__asm__(".symver old_scan10,frame_scan@FRAME_1.0");
C
cat > frame.map <<'C'
FRAME_1.0 { };
FRAME_1.1 { } FRAME_1.0;
FRAME_2.0 { global: frame_checksum; frame_encode; frame_scan; frame_decode; frame_strerror; frame_build_date; local: *; } FRAME_1.1;
C
sed -i 's/BUILD_DATE/__DATE__ " " __TIME__/' src/info.c
cat > Makefile <<'M'
CORE = bytes crc frame info
CFLAGS = -O2 -g -fPIC -Isrc -DBUILT_BY='"us"'
all: build/libframe.so.1 build/libframe.a
build/%.o: src/%.c
	@mkdir -p build
	gcc $(CFLAGS) -c $< -o $@
build/libframe.so.1: $(CORE:%=build/%.o) build/compat.o
	gcc -shared -Wl,-soname,libframe.so.1 -Wl,--version-script=frame.map -o $@ $^
	ln -sf libframe.so.1 build/libframe.so
build/libframe.a: $(CORE:%=build/%.o)
	ar rcD $@ $^
clean:
	rm -rf build
M
make
