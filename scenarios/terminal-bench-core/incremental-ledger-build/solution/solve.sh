#!/bin/bash
set -eu
cd /app
rm -f src/lib/Makefile src/sum/Makefile src/fmt/Makefile
rm -rf build
find . -name '*.o' -delete
cat > Makefile <<'MK'
CC       = gcc
CFLAGS   = -O1 -Wall
PREFIX   = /usr/local
DESTDIR  =
B       := build

CPPFLAGS_ALL = -Isrc/lib -I$(B)/gen -MMD -MP
RUNPATH      = -Wl,-rpath,'$$ORIGIN/../lib'

LIB_SRC := $(sort $(wildcard src/lib/*.c))
LIB_OBJ := $(LIB_SRC:src/%.c=$(B)/obj/%.o) $(B)/obj/gen/codes.o
SUM_OBJ := $(B)/obj/sum/main.o
FMT_OBJ := $(B)/obj/fmt/main.o
OBJ     := $(LIB_OBJ) $(SUM_OBJ) $(FMT_OBJ)
LIB     := $(B)/lib/libledger.so.2
GEN     := $(B)/gen/codes.h $(B)/gen/codes.c

.DELETE_ON_ERROR:
.PHONY: all clean install

all: $(B)/bin/ledger-sum $(B)/bin/ledger-fmt $(B)/lib/libledger.so

# one run of the generator makes both files
$(B)/gen/codes.h $(B)/gen/codes.c &: src/codes.def tools/gencodes.py
	@mkdir -p $(B)/gen
	@rm -f $(GEN)
	python3 tools/gencodes.py src/codes.def $(GEN) || { rm -f $(GEN); exit 1; }

# the generated header must exist before anything is compiled for the first
# time; afterwards the .d files know who really needs it
$(B)/obj/%.o: src/%.c | $(GEN)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS) -fPIC -c $< -o $@

$(B)/obj/gen/codes.o: $(B)/gen/codes.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS) -fPIC -c $< -o $@

$(B)/obj/lib/version.o: VERSION
$(B)/obj/lib/version.o: CPPFLAGS_ALL += -DLEDGER_VERSION='"$(shell cat VERSION)"'

$(LIB): $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-soname,$(@F) -Wl,-z,defs -o $@ $^ -lm

$(B)/lib/libledger.so: $(LIB)
	ln -sf $(<F) $@

$(B)/bin/ledger-sum: $(SUM_OBJ) $(LIB) | $(B)/lib/libledger.so
	@mkdir -p $(@D)
	$(CC) -o $@ $(SUM_OBJ) $(LIB) $(RUNPATH)

$(B)/bin/ledger-fmt: $(FMT_OBJ) $(LIB) | $(B)/lib/libledger.so
	@mkdir -p $(@D)
	$(CC) -o $@ $(FMT_OBJ) $(LIB) $(RUNPATH)

install: all
	mkdir -p $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(B)/bin/ledger-sum $(B)/bin/ledger-fmt $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(LIB) $(DESTDIR)$(PREFIX)/lib
	ln -sf libledger.so.2 $(DESTDIR)$(PREFIX)/lib/libledger.so

clean:
	rm -rf $(B)

-include $(OBJ:.o=.d)
MK
make -j4
