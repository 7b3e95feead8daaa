"""Makes pairs of database and log with real SQLite, knows what is in them, and damages the log."""
import random
import sqlite3
import struct
from pathlib import Path


def dump(conn):
    """Everything that can be asked of a database, in a form that can be compared."""
    tables = [r[0] for r in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    schema = conn.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    return schema, {t: conn.execute(f'SELECT rowid, * FROM "{t}" ORDER BY rowid').fetchall() for t in tables}


def dump_file(path):
    conn = sqlite3.connect(f"file:{path}?mode=rw", uri=True)
    try:
        return dump(conn), conn.execute("PRAGMA integrity_check").fetchall(), conn.execute("PRAGMA page_count").fetchone()[0]
    finally:
        conn.close()


def checksum(data, state, order):
    s0, s1 = state
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for i in range(0, len(words), 2):
        s0 = (s0 + words[i] + s1) & 0xFFFFFFFF
        s1 = (s1 + words[i + 1] + s0) & 0xFFFFFFFF
    return s0, s1


class Log:
    """A sound log, as SQLite wrote it, with fixed salts and the byte order asked for."""

    def __init__(self, data, page_size, r, order):
        self.page_size, self.step = page_size, page_size + 24
        frames = [data[i:i + self.step] for i in range(32, len(data) - self.step + 1, self.step)]
        salts = struct.unpack(">II", data[16:24])
        fixed = (r.getrandbits(32), r.getrandbits(32))
        older = (fixed[0] - 1 & 0xFFFFFFFF, r.getrandbits(32))
        seq = struct.unpack(">I", data[12:16])[0]
        head = struct.pack(">IIIIII", 0x377F0683 if order == ">" else 0x377F0682, 3007000, page_size, seq, *fixed)
        state = checksum(head, (0, 0), order)
        self.head = head + struct.pack(">II", *state)
        self.frames, self.current, self.commits = [], 0, []
        for f in frames:
            # in an open transaction SQLite leaves salts and checksum for later, where it wrote a page twice
            ours = struct.unpack(">II", f[8:16]) == salts or (f[8:24] == bytes(16) and f[:4] != bytes(4))
            if self.current == len(self.frames) and ours:
                state = checksum(f[24:], checksum(f[:8], state, order), order)
                self.frames.append(f[:8] + struct.pack(">IIII", *fixed, *state) + f[24:])
                self.current += 1
                self.commits.append(f[4:8] != b"\0\0\0\0")
            else:
                self.frames.append(f[:8] + struct.pack(">II", *older) + f[16:])

    def damaged(self, r, head=False, lost=(), rot=(), cut=None):
        frames = [bytearray(f) for f in self.frames]
        for k in rot:
            for _ in range(3):
                frames[k][24 + r.randrange(self.page_size)] ^= 1 << r.randrange(8)
        for k in lost:
            frames[k][:24] = bytes(24)
        data = (bytes(32) if head else self.head) + b"".join(frames)
        return data[:cut] if cut is not None else data

    def surviving_commits(self, lost=(), rot=(), cut=None):
        """By the rules of the task, from what is known about the damage (not from the bytes)."""
        whole = len(self.frames) if cut is None else max(0, (cut - 32) // self.step)
        def sound(k):
            return k < min(self.current, whole) and k not in lost and k not in rot
        k = commits = 0
        while k < min(self.current, whole):
            if not (sound(k) or (k in lost and k not in rot and sound(k + 1))):
                break
            commits += self.commits[k]
            k += 1
        return commits


class Pair:
    def __init__(self, where, seed, page_size=1024, order="<", leftovers=True, transactions=8, open_tail=False, vacuum=False, rows=25,
                 checkpoint_at=None):
        r = self.r = random.Random(seed)
        path = Path(where) / f"make{seed}.db"
        conn = sqlite3.connect(path, isolation_level=None)
        self.snapshots = []

        def text(n):
            return "".join(r.choice("abcdefghij klmnop") for _ in range(n))

        def order_rows(n):
            conn.executemany("INSERT INTO orders(customer, total, note) VALUES (?, ?, ?)",
                             [(text(12), r.randrange(10**6), text(r.choice([0, 10, 80]))) for _ in range(n)])
        for sql in (f"PRAGMA page_size = {page_size}", "PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0", "PRAGMA synchronous = OFF"):
            conn.execute(sql)
        conn.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, customer TEXT, total INTEGER, note TEXT)")
        conn.execute("CREATE TABLE files(id INTEGER PRIMARY KEY, body BLOB)")
        conn.execute("CREATE INDEX by_customer ON orders(customer)")
        for _ in range(5 + (3 * transactions if leftovers else 0)):
            conn.execute("BEGIN")
            order_rows(rows)
            conn.execute("INSERT INTO files(body) VALUES (?)", [r.randbytes(r.randrange(8 * min(page_size, 4096)))])
            if leftovers:
                conn.execute("UPDATE orders SET total = total + 1")
            conn.execute("COMMIT")
        done = conn.execute(f"PRAGMA wal_checkpoint({'RESTART' if leftovers else 'TRUNCATE'})").fetchone()
        assert done[0] == 0
        self.snapshots.append(dump(conn))
        reader = None
        for i in range(transactions):
            if i == checkpoint_at:      # a reader keeps the log from being restarted
                reader = sqlite3.connect(path, isolation_level=None)
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM orders").fetchone()
                conn.execute("PRAGMA wal_checkpoint(PASSIVE)")
            if vacuum and i == transactions // 2:
                conn.execute("DELETE FROM files")
                self.snapshots.append(dump(conn))
                conn.execute("VACUUM")
                self.snapshots.append(dump(conn))
                continue
            conn.execute("BEGIN")
            kind = i % 4
            if kind == 0:
                order_rows(rows)
            elif kind == 1:
                conn.execute("UPDATE orders SET total = total + 1, customer = customer || 'x' WHERE id % 5 = ?", [r.randrange(5)])
            elif kind == 2:
                conn.execute(f"CREATE TABLE t{i}(a, b)")
                conn.execute(f"INSERT INTO t{i} SELECT id, note FROM orders LIMIT 40")
                conn.execute("DELETE FROM orders WHERE id % 7 = ?", [r.randrange(7)])
            else:
                conn.execute("INSERT INTO files(body) VALUES (?)", [r.randbytes(r.randrange(6 * min(page_size, 4096)))])
                order_rows(3)
            conn.execute("COMMIT")
            self.snapshots.append(dump(conn))
        if open_tail:
            conn.execute("PRAGMA cache_size = 3")
            conn.execute("BEGIN")
            order_rows(20 * rows)
            conn.execute("UPDATE orders SET note = 'never committed'")
        self.db = path.read_bytes()
        self.log = Log(Path(f"{path}-wal").read_bytes(), page_size, r, order)
        if reader:
            reader.close()
        conn.close()
        assert sum(self.log.commits) == len(self.snapshots) - 1
        assert (len(self.log.frames) > self.log.current) == leftovers or open_tail and leftovers
        assert self.log.commits[-1] != open_tail
