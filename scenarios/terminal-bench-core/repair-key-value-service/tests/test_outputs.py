import glob
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid

import pytest

LIVE = 7400
TAG = uuid.UUID(int=random.SystemRandom().getrandbits(128)).hex[:12]


class Conn:
    def __init__(self, port=LIVE, timeout=6):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.buf = b""

    def send(self, data):
        self.s.sendall(data)

    def line(self):
        while b"\r\n" not in self.buf:
            more = self.s.recv(65536)
            if not more:
                raise EOFError(self.buf)
            self.buf += more
        line, self.buf = self.buf.split(b"\r\n", 1)
        return line

    def exact(self, n):
        parts, have = [self.buf], len(self.buf)
        while have < n:
            more = self.s.recv(1 << 16)
            if not more:
                raise EOFError
            parts.append(more)
            have += len(more)
        data = b"".join(parts)
        self.buf = data[n:]
        return data[:n]

    def ask(self, data):
        self.send(data)
        return self.line()

    def set(self, key, value, end=b"\r\n"):
        return self.ask(b"SET %s %d\r\n%s" % (key, len(value), value) + end)

    def get(self, key):
        head = self.ask(b"GET %s\r\n" % key)
        if head == b"NONE":
            return None
        word, version, length = head.split(b" ")
        assert word == b"VALUE"
        data = self.exact(int(length) + 2)
        assert data.endswith(b"\r\n")
        return int(version), data[:-2]

    def keys(self, prefix):
        word, n = self.ask(b"KEYS %s\r\n" % prefix).split(b" ")
        assert word == b"LIST"
        return [self.line() for _ in range(int(n))]

    def closed(self):
        try:
            return self.buf == b"" and self.s.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.s.close()


def k(name):
    return f"t:{TAG}:{name}".encode()


def connect(port=LIVE):
    """A connection that has a place (places of clients that just went may take a moment to be free)."""
    until = time.monotonic() + 8
    while True:
        c = Conn(port)
        try:
            if c.ask(b"PING\r\n") == b"PONG":
                return c
        except (EOFError, ConnectionError):
            pass
        c.close()
        assert time.monotonic() < until, "no free place for a client"
        time.sleep(0.05)


@pytest.fixture
def c():
    conn = connect()
    yield conn
    conn.close()


@pytest.fixture
def own(tmp_path):
    """Further instances of /app/stashd.py with journals of their own."""
    procs = []

    def start(port, journal):
        p = subprocess.Popen([sys.executable, "/app/stashd.py", "--port", str(port), "--journal", str(journal)], cwd="/",
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        procs.append(p)
        until = time.monotonic() + 15
        while True:
            assert p.poll() is None, "stashd.py ended at start"
            try:
                conn = Conn(port)
                assert conn.ask(b"PING\r\n") == b"PONG"
                return p, conn
            except ConnectionRefusedError:
                assert time.monotonic() < until
                time.sleep(0.05)

    yield start
    for p in procs:
        if p.poll() is None:
            p.kill()
        p.wait(timeout=10)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def journal_state(data):
    """Reads a journal as PROTOCOL.md describes it; a cut-off record at the end is ignored."""
    state, pos = {}, 0
    while True:
        nl = data.find(b"\n", pos)
        if nl < 0:
            return state
        op, key, version, length = data[pos:nl].split(b" ")
        end = nl + 1 + int(length)
        if data[end:end + 1] != b"\n":
            assert end >= len(data)
            return state
        if op == b"S":
            state[key] = (int(version), data[nl + 1:end])
        else:
            assert op == b"D"
            state.pop(key, None)
        pos = end + 1


def test_the_service_is_stashd():
    inodes = set()
    for line in open("/proc/net/tcp").read().splitlines()[1:]:
        f = line.split()
        if f[3] == "0A" and int(f[1].split(":")[1], 16) == LIVE:
            inodes.add(f"socket:[{f[9]}]")
    assert inodes, "nothing listens on port 7400"
    owners = set()
    for fd in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(fd) in inodes:
                owners.add(open(f"/proc/{fd.split('/')[2]}/cmdline").read().split("\0")[1])
        except OSError:
            pass
    assert {os.path.realpath(os.path.join("/app", o)) for o in owners} == {"/app/stashd.py"}


def original_journal():
    rng, versions, state = random.Random(415), {}, {}
    for _ in range(200):
        key = f"sess:{rng.randrange(60):02d}"
        if key in versions and rng.random() < 0.2:
            del versions[key], state[key.encode()]
        else:
            versions[key] = versions.get(key, 0) + 1
            state[key.encode()] = (versions[key], bytes(rng.choice(b"abc \n\r\0\xff0123") for _ in range(rng.randrange(0, 40))))
    return state


def test_data_from_before_the_power_cut(c):
    want = original_journal()
    want[b"motd"] = (1, "Gr\u00fc\u00dfe\nD motd 0 0\n\nS x 1 1\n".encode())
    want[b"visits"] = (3, b"42")
    assert c.keys(b"sess:") == sorted(x for x in want if x.startswith(b"sess:"))
    assert {key: c.get(key) for key in want} == want


def test_set_get_delete_and_versions(c):
    assert c.get(k("a")) is None
    assert c.set(k("a"), b"one") == b"OK 1"
    assert c.set(k("a"), b"two two", end=b"\n") == b"OK 2"
    assert c.get(k("a")) == (2, b"two two")
    assert c.ask(b"DEL " + k("a") + b"\n") == b"OK"
    assert c.ask(b"DEL " + k("a") + b"\r\n") == b"NONE"
    assert c.get(k("a")) is None
    assert c.set(k("a"), b"again") == b"OK 1"
    assert c.ask(b"QUIT\r\n") == b"BYE" and c.closed()


def test_any_bytes_and_sizes(c):
    rng = random.Random(8)
    values = [b"", b"\r\n", b"\n", b"GET x\r\n", b" lead and trail ", bytes(range(256)), rng.randbytes(5000), rng.randbytes(70000), rng.randbytes(1048576)]
    for i, v in enumerate(values):
        assert c.set(k(f"v{i}"), v) == b"OK 1"
    for i, v in enumerate(values):
        assert c.get(k(f"v{i}")) == (1, v), i


def test_requests_in_small_pieces(c):
    c.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in (b"S", b"ET " + k("p"), b" 1", b"2\r", b"\nhel", b"lo\r", b"\nworld", b"\r", b"\nGE", b"T " + k("p") + b"\r", b"\n"):
        c.send(piece)
        time.sleep(0.03)
    assert c.line() == b"OK 1"
    assert c.line() == b"VALUE 1 12"
    assert c.exact(14) == b"hello\r\nworld\r\n"


def test_many_requests_at_once(c):
    n = 3000
    out = b"".join(b"SET %s %d\r\n%s\r\nGET %s\r\nINCR %s 2\n" % (k(f"m{i % 7}"), len(str(i)), str(i).encode(), k(f"m{i % 7}"), k("sum")) for i in range(n))
    threading.Thread(target=c.send, args=(out,), daemon=True).start()
    for i in range(n):
        version = i // 7 + 1
        assert c.line() == b"OK %d" % version
        assert c.line() == b"VALUE %d %d" % (version, len(str(i)))
        assert c.line() == str(i).encode()
        assert c.line() == b"INT %d" % (2 * i + 2)


def test_cas(c):
    assert c.ask(b"CAS %s 1 1\r\nx\r\n" % k("cas")) == b"CONFLICT 0"
    assert c.ask(b"CAS %s 0 1\r\nx\r\n" % k("cas")) == b"OK 1"
    assert c.ask(b"CAS %s 0 1\r\ny\r\n" % k("cas")) == b"CONFLICT 1"
    assert c.ask(b"CAS %s 1 2\nzz\n" % k("cas")) == b"OK 2"
    assert c.get(k("cas")) == (2, b"zz")


def test_incr(c):
    assert c.ask(b"INCR %s 5\r\n" % k("i")) == b"INT 5"
    assert c.ask(b"INCR %s -12\r\n" % k("i")) == b"INT -7"
    assert c.get(k("i")) == (2, b"-7")
    for bad in (b"x", b"+1", b"1_0", b"1.0", b"--1", b"", b"1234567890123456789", "\u0663".encode()):
        assert c.ask(b"INCR %s %s\r\n" % (k("i"), bad)) == b"ERR not-an-integer", bad
    for bad in (b"", b" 5", b"5\n", b"0x10", b"five", b"1_000"):
        c.set(k("i"), bad)
        assert c.ask(b"INCR %s 1\r\n" % k("i")) == b"ERR not-an-integer", bad
        assert c.get(k("i"))[1] == bad
    c.set(k("i"), b"999999999999999999")
    assert c.ask(b"INCR %s 999999999999999999\r\n" % k("i")) == b"INT 1999999999999999998"


def test_keys(c):
    names = [b"a", b"B", b"a0", b"~", b"a-long-one", b"!"]
    for n in names:
        c.set(k("ks:") + n, b"1")
    assert c.keys(k("ks:")) == sorted(k("ks:") + n for n in names)
    assert c.keys(k("ks:a")) == sorted(k("ks:") + n for n in names if n.startswith(b"a"))
    assert c.keys(k("nothing")) == []
    word, n = c.ask(b"KEYS\r\n").split(b" ")
    got = [c.line() for _ in range(int(n))]
    assert word == b"LIST" and got == sorted(got) and b"motd" in got and k("ks:~") in got


def test_errors_keep_the_connection_usable(c):
    cases = [(b"\r\n", b"unknown-command"), (b"get x\r\n", b"unknown-command"), (b"FOO a b c\n", b"unknown-command"), (b"\xff\xfe\r\n", b"unknown-command"),
             (b"RUN\r\n", b"unknown-command"), (b" PING\r\n", b"unknown-command"),
             (b"GET\r\n", b"bad-arguments"), (b"GET a b\r\n", b"bad-arguments"), (b"PING x\r\n", b"bad-arguments"), (b"PING \r\n", b"bad-arguments"), (b"SET a\r\n", b"bad-arguments"),
             (b"INCR a\r\n", b"bad-arguments"), (b"CAS a 1\r\n", b"bad-arguments"), (b"CAS a x 1\r\n", b"bad-arguments"), (b"CAS a -1 1\r\n", b"bad-arguments"), (b"KEYS a b\r\n", b"bad-arguments"),
             (b"QUIT now\r\n", b"bad-arguments"), (b"GET " + b"x" * 101 + b"\r\n", b"bad-key"), (b"GET \r\n", b"bad-key"), (b"GET k\xc3\xa4\r\n", b"bad-key"),
             (b"SET tab\there 5\r\nPING\n\r\n", b"bad-key"), (b"SET  4\r\nPING\r\n", b"bad-key"), (b"CAS \x7f 0 3\r\nabc\n", b"bad-key"), (b"KEYS \x01\r\n", b"bad-key"), (b"KEYS \r\n", b"bad-key"),
             (b"DEL \x00\r\n", b"bad-key"), (b"INCR a\rb 1\r\n", b"bad-key"), (b"INCR " + b"y" * 101 + b" x\r\n", b"bad-key")]
    for request, error in cases:
        assert c.ask(request) == b"ERR " + error, request
        assert c.ask(b"PING\r\n") == b"PONG", request
    longest = k("") + b"x" * (100 - len(k("")))
    assert c.set(longest, b"v") == b"OK 1"


CLOSING = {
    "negative": (b"SET x -1\r\n", b"bad-length"), "too-large": (b"SET x 1048577\r\n", b"bad-length"), "exponent": (b"SET x 1e3\r\n", b"bad-length"),
    "plus": (b"SET x +5\r\nhello\r\n", b"bad-length"), "empty": (b"SET x \r\n", b"bad-length"), "19-digits": (b"SET x 9999999999999999999\r\n", b"bad-length"),
    "cas-negative": (b"CAS x 0 -7\r\n", b"bad-length"), "length-before-key": (b"SET \x01 -1\r\n", b"bad-length"),
    "data-too-long": (b"SET x 3\r\nabcd\r\n", b"bad-data"), "lone-cr": (b"SET x 3\r\nabc\rd\n", b"bad-data"), "data-before-key": (b"SET \x01 1\r\nab\r\n", b"bad-data"),
    "endless-line": (b"A" * 1100, b"line-too-long"), "long-line": (b"GET " + b"a" * 2000 + b"\r\n", b"line-too-long"), "1025-bytes": (b"B" * 1024 + b"\n", b"line-too-long")}


@pytest.mark.parametrize("request_, error", CLOSING.values(), ids=CLOSING.keys())
def test_errors_that_close_the_connection(c, request_, error):
    request_ = request_.replace(b" x ", b" " + k("never") + b" ")
    assert c.ask(request_) == b"ERR " + error
    assert c.closed()
    other = connect()
    assert other.get(k("never")) is None
    other.close()


def test_longest_line_is_accepted(c):
    assert c.ask(b"GET " + b"a" * 1019 + b"\n") == b"ERR bad-key"
    assert c.ask(b"PING\r\n") == b"PONG"


def test_unfinished_requests_have_no_effect_and_block_nobody(c):
    c.set(k("u"), b"before")
    slow = [connect() for _ in range(4)]
    slow[0].send(b"SET %s 10\r\nhalf" % k("u"))
    slow[1].send(b"SET %s 3\r\nabc" % k("u"))
    slow[2].send(b"CAS %s 1 5\r\n" % k("u"))
    slow[3].send(b"INCR %s" % k("u"))
    time.sleep(0.2)
    assert c.get(k("u")) == (1, b"before")
    assert c.set(k("other"), b"1") == b"OK 1"
    for s in slow[:2]:
        s.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset
    for s in slow:
        s.close()
    time.sleep(0.1)
    assert c.ask(b"CAS %s 1 5\r\nafter\r\n" % k("u")) == b"OK 2"
    assert c.get(k("u")) == (2, b"after")


def test_client_that_does_not_read(c):
    c.set(k("big"), b"z" * 1000000)
    deaf = connect()
    deaf.send(b"GET %s\r\n" % k("big") * 40)
    time.sleep(0.3)
    assert c.set(k("big2"), b"1") == b"OK 1"
    assert c.set(k("big"), b"2") == b"OK 2"
    assert len(c.keys(k("big"))) == 2
    deaf.close()


def in_parallel(jobs):
    errors = []

    def guard(job):
        try:
            job()
        except BaseException as e:  # noqa: BLE001
            errors.append(repr(e))

    threads = [threading.Thread(target=guard, args=(j,), daemon=True) for j in jobs]
    for t in threads:
        t.start()
    until = time.monotonic() + 20
    for t in threads:
        t.join(max(0, until - time.monotonic()))
    assert not errors and not any(t.is_alive() for t in threads), errors[:3]


def test_parallel_increments_are_not_lost(c):
    def job():
        conn = connect()
        conn.send(b"INCR %s 1\r\n" % k("par") * 400)
        got = [int(conn.line().split()[1]) for _ in range(400)]
        assert got == sorted(set(got))
        conn.close()

    in_parallel([job] * 12)
    assert c.get(k("par")) == (4800, b"4800")


def test_parallel_cas_has_one_winner_per_version(c):
    wins = []

    def job():
        conn = connect()
        done = 0
        while done < 40:
            cur = conn.get(k("pc"))
            version, value = cur if cur else (0, b"0")
            new = b"%d" % (int(value) + 1)
            answer = conn.ask(b"CAS %s %d %d\r\n%s\r\n" % (k("pc"), version, len(new), new))
            if answer.startswith(b"OK"):
                assert answer == b"OK %d" % (version + 1)
                done += 1
            else:
                assert answer.startswith(b"CONFLICT ")
        wins.append(done)
        conn.close()

    in_parallel([job] * 6)
    assert c.get(k("pc")) == (240, b"240")


def test_keys_while_others_write(c):
    def writer(w):
        def job():
            conn = connect()
            for i in range(600):
                conn.set(k(f"w{w}:{i}"), b"x")
                if i % 3 == 0:
                    conn.ask(b"DEL %s\r\n" % k(f"w{w}:{i}"))
            conn.close()
        return job

    def reader():
        conn = connect()
        for _ in range(60):
            got = conn.keys(k("w"))
            assert got == sorted(got)
        conn.close()

    in_parallel([writer(0), writer(1), reader, reader, reader])
    assert len(c.keys(k("w"))) == 800


def test_limit_of_clients():
    conns = []
    try:
        conns = [connect() for _ in range(32)]
        extra = Conn()
        assert extra.line() == b"ERR too-many-clients"
        assert extra.closed()
        assert all(x.ask(b"PING\r\n") == b"PONG" for x in conns)
        conns.pop().close()
        conns.append(connect())
    finally:
        for x in conns:
            x.close()
    connect().close()


def test_places_and_files_come_back():
    def live_fds():
        for d in glob.glob("/proc/[0-9]*"):
            try:
                args = open(f"{d}/cmdline").read().split("\0")
                if len(args) > 1 and os.path.basename(args[1]) == "stashd.py":
                    return len(os.listdir(f"{d}/fd"))
            except OSError:
                pass
        return 0

    connect().close()
    time.sleep(0.3)
    before = live_fds()
    for i in range(150):
        s = connect()
        s.send([b"QUIT\r\n", b"SET x 50\r\nabc", b"SET x -5\r\n", b"\xff\xff\r\n", b"GET y", b"INCR a b c\r\n", b""][i % 7])
        if i % 2:
            s.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    until = time.monotonic() + 8
    while live_fds() > before + 3 and time.monotonic() < until:
        time.sleep(0.1)
    assert live_fds() <= before + 3
    conns = [connect() for _ in range(32)]
    for x in conns:
        x.close()


def test_live_journal_holds_all_changes(c):
    c.set(k("j"), b"a\nb")
    c.set(k("gone"), b"x")
    c.ask(b"DEL %s\r\n" % k("gone"))
    state = journal_state(open("/app/data/journal", "rb").read())
    assert state[k("j")] == (1, b"a\nb") and k("gone") not in state
    got = {key: c.get(key) for key in c.keys(b"s") + c.keys(k("j")) + c.keys(k("par"))}
    assert got == {key: state[key] for key in got}


def test_killed_and_started_again_on_the_same_port(own, tmp_path):
    port, journal = free_port(), tmp_path / "j"
    p, conn = own(port, journal)
    conn.set(b"a", b"1\n2\r\n")
    conn.set(b"a", b"")
    conn.set(b"b", b"S c 1 1\nx\n")
    conn.set(b"gone", b"x")
    conn.ask(b"DEL gone\r\n")
    conn.set(b"reborn", b"x")
    conn.set(b"reborn", b"y")
    conn.ask(b"DEL reborn\r\n")
    conn.set(b"reborn", b"z")
    conn.ask(b"INCR n 41\r\n")
    assert conn.ask(b"QUIT\r\n") == b"BYE" and conn.closed()
    p.send_signal(signal.SIGKILL)
    p.wait(timeout=10)
    p, conn = own(port, journal)
    assert conn.ask(b"KEYS\r\n") == b"LIST 4"
    assert [conn.line() for _ in range(4)] == [b"a", b"b", b"n", b"reborn"]
    assert conn.get(b"a") == (2, b"") and conn.get(b"b") == (1, b"S c 1 1\nx\n")
    assert conn.get(b"reborn") == (1, b"z") and conn.get(b"n") == (1, b"41")
    assert conn.ask(b"INCR n 1\r\n") == b"INT 42"


def test_journals_that_are_cut_off_anywhere(own, tmp_path):
    full = b"S a 3 4\nx\nyz\nD q 0 0\n\nS b 12 2\nhi\n"
    whole = b"S a 3 4\nx\nyz\nD q 0 0\n\n"
    for cut in (1, 3, 8, 9, 10, 11):
        data = full[:-cut]
        assert len(data) > len(whole) - 1
        journal = tmp_path / f"j{cut}"
        journal.write_bytes(data)
        port = free_port()
        p, conn = own(port, journal)
        assert conn.get(b"b") is None and conn.get(b"a") == (3, b"x\nyz")
        assert conn.set(b"new", b"n") == b"OK 1"
        p.kill()
        p.wait(timeout=10)
        state = journal_state(journal.read_bytes())
        assert state == {b"a": (3, b"x\nyz"), b"new": (1, b"n")}
        p, conn = own(port, journal)
        assert conn.get(b"new") == (1, b"n") and conn.get(b"a") == (3, b"x\nyz") and conn.get(b"b") is None
        p.kill()
        p.wait(timeout=10)


def test_service_still_works_in_the_end(c):
    assert c.set(k("end"), b"ok") == b"OK 1"
    assert c.get(k("end")) == (1, b"ok")
