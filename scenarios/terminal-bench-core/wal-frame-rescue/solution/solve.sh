#!/bin/bash
set -eu
cat > /app/walrescue <<'PY'
#!/usr/bin/env python3
"""walrescue DB WAL OUT

The checksum of a log is a running state (s0, s1) that takes in two words (a, b) at a time:
    s0 += a + s1;  s1 += b + s0
Every frame stores the state after itself, and each step can be undone. For a frame k whose
header is lost, the stored state of frame k+1 is therefore wound back through frame k+1, then
through the page of frame k, which gives the state after the 8 bytes of its header that are
part of the sum. The state before them is known from frame k-1: the difference is the header.
"""
import os
import struct
import sys

MASK = 0xFFFFFFFF
LIMIT = 1_000_000
HEAD, FRAME = 32, 24


def forward(data, state, order):
    s0, s1 = state
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    pairs = iter(words)
    for a, b in zip(pairs, pairs):
        s0 = (s0 + a + s1) & MASK
        s1 = (s1 + b + s0) & MASK
    return s0, s1


def backward(data, state, order):
    s0, s1 = state
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    pairs = iter(words[::-1])
    for b, a in zip(pairs, pairs):
        s1 = (s1 - b - s0) & MASK
        s0 = (s0 - a - s1) & MASK
    return s0, s1


def numbers(before, after, order):
    """The two header words that lead from one state to the other."""
    a = (after[0] - before[0] - before[1]) & MASK
    b = (after[1] - before[1] - after[0]) & MASK
    return struct.unpack(">II", struct.pack(f"{order}II", a, b))


class Wal:
    def __init__(self, data, page_size):
        self.step = FRAME + page_size
        self.data = data
        self.count = max(0, (len(data) - HEAD) // self.step)

    def frame(self, k):
        start = HEAD + k * self.step
        return self.data[start:start + FRAME], self.data[start + FRAME:start + self.step]

    def valid_frames(self, order, salts, state, trust_first):
        """[(page number, size after commit, page)] as far as the frames are valid."""
        found = []
        for k in range(self.count):
            head, page = self.frame(k)
            if head != bytes(FRAME):
                pgno, size, *_, c0, c1 = struct.unpack(">6I", head)
                if head[8:16] != salts:
                    break
                if not (k == 0 and trust_first) and forward(page, forward(head[:8], state, order), order) != (c0, c1):
                    break
                state = c0, c1
            else:
                if k + 1 >= self.count:
                    break
                head2, page2 = self.frame(k + 1)
                if head2 == bytes(FRAME) or head2[8:16] != salts:
                    break
                after = backward(head2[:8], backward(page2, struct.unpack(">II", head2[16:]), order), order)
                pgno, size = numbers(state, backward(page, after, order), order)
                if not 1 <= pgno <= LIMIT or size > LIMIT:
                    break
                state = after
            found.append((pgno, size, page))
        return found


def read_log(data, page_size):
    wal = Wal(data, page_size)
    if wal.count == 0:
        return []
    head = data[:HEAD]
    if head == bytes(HEAD):
        salts = wal.frame(0)[0][8:16]
        return max((wal.valid_frames(order, salts, (0, 0), True) for order in "<>"), key=len)
    magic = struct.unpack(">I", head[:4])[0]
    order = {0x377F0682: "<", 0x377F0683: ">"}[magic]
    return wal.valid_frames(order, head[16:24], struct.unpack(">II", head[24:]), False)


def main():
    db_path, wal_path, out = sys.argv[1:4]
    with open(db_path, "rb") as f:
        db = bytearray(f.read())
    with open(wal_path, "rb") as f:
        log = f.read()
    page_size = struct.unpack(">H", db[16:18])[0]
    page_size = 65536 if page_size == 1 else page_size

    frames = read_log(log, page_size)
    commits = [i for i, (_, size, _) in enumerate(frames) if size]
    if commits:
        frames = frames[:commits[-1] + 1]
        length = frames[-1][1] * page_size
        for pgno, _, page in frames:
            start = (pgno - 1) * page_size
            if len(db) < start:
                db.extend(bytes(start - len(db)))
            db[start:start + page_size] = page
        del db[length:]

    for suffix in ("-wal", "-shm", "-journal"):
        if os.path.exists(out + suffix):
            os.unlink(out + suffix)
    with open(out + ".tmp", "wb") as f:
        f.write(db)
    os.replace(out + ".tmp", out)


main()
PY
chmod +x /app/walrescue
/app/walrescue /app/incident/orders.db /app/incident/orders.db-wal /app/recovered.db
sqlite3 -readonly "file:/app/recovered.db?immutable=1" 'PRAGMA integrity_check; SELECT count(*) FROM orders;'
