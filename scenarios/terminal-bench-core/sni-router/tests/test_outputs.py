"""The router over its socket, with backends that only this check knows."""
import hashlib
import json
import os
import secrets
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

ROUTER = ("127.0.0.1", 8443)
ROUTES = "/app/routes.json"
ALERT = bytes([2, 112])  # fatal, unrecognized_name


# ---------------------------------------------------------------- TLS hellos

def u16(n):
    return n.to_bytes(2, "big")


def extension(kind, body):
    return u16(kind) + u16(len(body)) + body


def hello(name, pad=0, session=32, sni_last=True):
    """A ClientHello handshake message (no record header)."""
    exts = [extension(0x2A2A, b""), extension(10, u16(4) + u16(29) + u16(23)),
            extension(13, u16(4) + u16(0x0403) + u16(0x0804)), extension(43, b"\x04\x03\x04\x03\x03")]
    if pad:
        exts.append(extension(21, bytes(pad)))
    if name is not None:
        host = name.encode()
        sni = extension(0, u16(len(host) + 3) + b"\x00" + u16(len(host)) + host)
        exts.append(sni) if sni_last else exts.insert(0, sni)
    exts = b"".join(exts)
    body = (b"\x03\x03" + secrets.token_bytes(32) + bytes([session]) + secrets.token_bytes(session)
            + u16(6) + u16(0x1301) + u16(0xC02B) + u16(0xC02F) + b"\x01\x00" + u16(len(exts)) + exts)
    return b"\x01" + len(body).to_bytes(3, "big") + body


def records(message, size=16000):
    return b"".join(b"\x16\x03\x01" + u16(len(message[i:i + size])) + message[i:i + size]
                    for i in range(0, len(message), size))


def read_all(sock, timeout=10):
    sock.settimeout(timeout)
    got = bytearray()
    try:
        while chunk := sock.recv(65536):
            got += chunk
    except ConnectionResetError:
        pass
    return bytes(got)


# ---------------------------------------------------------------- backends

class Backend:
    """Accepts connections and gives each to `serve` in a thread."""

    def __init__(self, serve, port=0):
        self.serve = serve
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", port))
        self.sock.listen(256)
        self.addr = "127.0.0.1:%d" % self.sock.getsockname()[1]
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(conn,), daemon=True).start()

    def one(self, conn):
        conn.settimeout(20)
        try:
            self.serve(conn)
        except OSError:
            pass
        finally:
            conn.close()


def digest_backend(tag, port=0):
    """Reads to the end of file, then answers tag and digest of all it got."""
    def serve(conn):
        data = read_all(conn, 20)
        conn.sendall(f"{tag} {len(data)} {hashlib.sha256(data).hexdigest()}".encode())
    return Backend(serve, port)


def ask(raw, chunks=None, pause=0.0):
    """Send raw (in chunks), end our side, return what comes back."""
    with socket.create_connection(ROUTER, 5) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.settimeout(10)
        try:
            for part in chunks or [raw]:
                s.sendall(part)
                if pause:
                    time.sleep(pause)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return read_all(s)


def expect(tag, raw):
    return f"{tag} {len(raw)} {hashlib.sha256(raw).hexdigest()}".encode()


def is_refusal(data):
    return len(data) == 7 and data[:2] == b"\x15\x03" and data[3:5] == u16(2) and data[5:] == ALERT


def set_routes(doc):
    text = doc if isinstance(doc, str) else json.dumps(doc)
    with open(ROUTES + ".new", "w") as f:
        f.write(text)
    os.replace(ROUTES + ".new", ROUTES)
    time.sleep(2.3)


def word():
    return "h" + secrets.token_hex(5)


# ---------------------------------------------------------------- fixtures

@pytest.fixture(scope="module")
def idle():
    """Clients that say nothing, or half a hello; open from the start."""
    socks = []
    part = records(hello("shop.example.test"))[:40]
    for n in range(60):
        s = socket.create_connection(ROUTER, 5)
        if n % 2:
            s.sendall(part)
        socks.append(s)
    start = time.monotonic()
    ends = {}

    def watch(n, s):
        try:
            s.settimeout(30)
            data = s.recv(100)
        except ConnectionResetError:
            data = b""
        except OSError:
            data = None
        ends[n] = (time.monotonic() - start, data)

    threads = [threading.Thread(target=watch, args=(n, s), daemon=True) for n, s in enumerate(socks)]
    for t in threads:
        t.start()
    yield ends, threads
    for s in socks:
        s.close()


@pytest.fixture(scope="module")
def world(idle, tmp_path_factory):
    """Own certificate, hidden names, hidden backends, and the routes for them."""
    d = tmp_path_factory.mktemp("tls")
    w = {k: word() for k in ("plain", "tls", "zone", "vip", "dead", "stream")}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-days", "3650", "-subj", f"/CN={w['tls']}", "-keyout", d / "key", "-out", d / "cert"],
                   check=True, capture_output=True, timeout=30)
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(d / "cert", d / "key")
    w["der"] = ssl.PEM_cert_to_DER_cert((d / "cert").read_text())

    def tls(conn):
        with ctx.wrap_socket(conn, server_side=True) as s:
            while data := s.recv(65536):
                s.sendall(data[::-1])

    def stream(conn):
        """Send 6 MiB without waiting, read all the while."""
        def sender():
            block = bytes(range(256)) * 256
            for _ in range(96):
                conn.sendall(block)
            conn.shutdown(socket.SHUT_WR)
        t = threading.Thread(target=sender, daemon=True)
        t.start()
        read_all(conn, 20)
        t.join(20)

    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
    backends = {"plain": digest_backend("plain"), "tls": Backend(tls), "zone": digest_backend("zone"),
                "vip": digest_backend("vip"), "stream": Backend(stream), "default": digest_backend("default")}
    dead_addr = "127.0.0.1:%d" % dead.getsockname()[1]
    w["backends"], w["dead_socket"] = backends, dead
    original = open(ROUTES).read()
    w["doc"] = {"routes": [
        {"name": f"*.{w['zone']}.test", "backend": backends["zone"].addr},
        {"name": f"vip.{w['zone']}.test", "backend": backends["vip"].addr},
        {"name": f"Mixed.{w['plain']}.Test", "backend": backends["plain"].addr},
        {"name": f"{w['plain']}.test", "backend": backends["plain"].addr},
        {"name": f"{w['tls']}.test", "backend": backends["tls"].addr},
        {"name": f"{w['stream']}.test", "backend": backends["stream"].addr},
        {"name": f"{w['dead']}.test", "backend": dead_addr}], "default": None}
    set_routes(w["doc"])
    yield w
    with open(ROUTES, "w") as f:
        f.write(original)


# ---------------------------------------------------------------- the checks

def test_routes_as_delivered(idle):
    """Before anything is changed: the file that came with the machine."""
    with open(ROUTES) as f:
        assert json.load(f)["routes"][0] == {"name": "shop.example.test", "backend": "127.0.0.1:9101"}
    one, two = digest_backend("one", 9101), digest_backend("two", 9102)
    try:
        for name, tag in [("shop.example.test", "one"), ("a.tenant.example.test", "two"), ("vip.tenant.example.test", "one")]:
            raw = records(hello(name))
            assert ask(raw) == expect(tag, raw), name
        assert is_refusal(ask(records(hello("example.test"))))
        assert ask(records(hello(None))) == b""
    finally:
        one.sock.close()
        two.sock.close()


def test_tls_is_passed_through_not_ended(world):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        ctx.minimum_version = ctx.maximum_version = version
        with socket.create_connection(ROUTER, 5) as raw:
            raw.settimeout(10)
            with ctx.wrap_socket(raw, server_hostname=f"{world['tls']}.test") as s:
                assert s.getpeercert(True) == world["der"]
                msg = secrets.token_bytes(300)
                s.sendall(msg)
                got = b""
                while len(got) < len(msg):
                    got += s.recv(1000)
                assert got == msg[::-1]


@pytest.mark.parametrize("kind", ["sni_first", "sni_last", "no_session", "padded_9000"])
def test_shapes_of_hello(world, kind):
    name = f"{world['plain']}.test"
    msg = {"sni_first": lambda: hello(name, sni_last=False), "sni_last": lambda: hello(name),
           "no_session": lambda: hello(name, session=0), "padded_9000": lambda: hello(name, pad=9000)}[kind]()
    raw = records(msg) + secrets.token_bytes(5000)
    assert ask(raw) == expect("plain", raw)


def test_hello_in_many_small_segments(world):
    raw = records(hello(f"{world['plain']}.test"))
    assert ask(raw, [raw[i:i + 1] for i in range(len(raw))], 0.002) == expect("plain", raw)
    raw = records(hello(f"{world['plain']}.test", pad=6000)) + b"tail" * 100
    assert ask(raw, [raw[:3], raw[3:2500], raw[2500:]], 0.2) == expect("plain", raw)


@pytest.mark.parametrize("size", [1, 3, 50, 120])
def test_hello_across_several_records(world, size):
    raw = records(hello(f"{world['plain']}.test"), size) + secrets.token_bytes(1000)
    assert ask(raw) == expect("plain", raw)


def test_names_ignore_case(world):
    for name in (f"{world['plain']}.TEST".upper(), f"mixed.{world['plain']}.test", f"MIXED.{world['plain']}.tesT"):
        raw = records(hello(name))
        assert ask(raw) == expect("plain", raw), name


def test_wildcards(world):
    zone = world["zone"]
    for name, tag in [(f"{word()}.{zone}.test", "zone"), (f"X-{word()}.{zone}.TEST", "zone"),
                      (f"vip.{zone}.test", "vip"), (f"VIP.{zone}.test", "vip")]:
        raw = records(hello(name))
        assert ask(raw) == expect(tag, raw), name
    for name in (f"{zone}.test", f"a.b.{zone}.test", f"a.vip.{zone}.test", f"a{zone}.test", f"x.{zone}.test.evil"):
        assert is_refusal(ask(records(hello(name)))), name


def test_unknown_name_gets_the_alert(world):
    for name in (f"{word()}.test", "shop.example.test", f"{world['plain']}.tes", f"a{world['plain']}.test"):
        assert is_refusal(ask(records(hello(name)))), name


def test_not_tls_is_closed_without_a_word(world):
    for raw in (b"GET / HTTP/1.1\r\nHost: " + world["plain"].encode() + b".test\r\n\r\n", b"SSH-2.0-x\r\n", bytes(64),
                b"\x17\x03\x03\x00\x10" + bytes(16)):
        with socket.create_connection(ROUTER, 5) as s:
            s.sendall(raw)
            start = time.monotonic()
            assert read_all(s, 4) == b""  # our side stays open: the router must not wait
            assert time.monotonic() - start < 3


def test_backend_that_is_down(world):
    assert ask(records(hello(f"{world['dead']}.test"))) == b""
    raw = records(hello(f"{world['plain']}.test"))
    assert ask(raw) == expect("plain", raw)


def test_client_that_ends_first_still_gets_the_answer(world):
    """Half-close, with 4 MiB to forward first."""
    raw = records(hello(f"{world['plain']}.test")) + secrets.token_bytes(4 << 20)
    assert ask(raw) == expect("plain", raw)


def test_backend_that_ends_first_still_gets_data(world):
    done = {}

    def serve(conn):
        conn.sendall(b"bye")
        conn.shutdown(socket.SHUT_WR)
        done["data"] = read_all(conn, 10)

    b = Backend(serve)
    name = word() + ".test"
    doc = dict(world["doc"], routes=world["doc"]["routes"] + [{"name": name, "backend": b.addr}])
    set_routes(doc)
    raw = records(hello(name))
    more = secrets.token_bytes(200_000)
    with socket.create_connection(ROUTER, 5) as s:
        s.sendall(raw)
        assert read_all(s) == b"bye"
        time.sleep(0.3)
        s.sendall(more)
        s.shutdown(socket.SHUT_WR)
        end = time.monotonic() + 10
        while "data" not in done and time.monotonic() < end:
            time.sleep(0.05)
    assert done.get("data") == raw + more


def test_large_answer_to_a_slow_reader(world):
    with socket.create_connection(ROUTER, 5) as s:
        s.sendall(records(hello(f"{world['stream']}.test")))
        time.sleep(1)
        for _ in range(5):  # others get through meanwhile
            raw = records(hello(f"{world['plain']}.test"))
            assert ask(raw) == expect("plain", raw)
        got = read_all(s)
    assert got == bytes(range(256)) * 256 * 96


def test_a_hundred_at_once(world):
    """All connected and past their hello before the first one goes on."""
    gate = threading.Barrier(100, timeout=20)

    def one(n):
        tag, name = [("plain", f"{world['plain']}.test"), ("zone", f"t{n}.{world['zone']}.test"), ("vip", f"vip.{world['zone']}.test")][n % 3]
        raw, tail = records(hello(name)), secrets.token_bytes(20_000 + n)
        with socket.create_connection(ROUTER, 10) as s:
            s.sendall(raw)
            gate.wait()
            s.sendall(tail)
            s.shutdown(socket.SHUT_WR)
            return read_all(s, 20) == expect(tag, raw + tail)

    with ThreadPoolExecutor(100) as pool:
        assert all(pool.map(one, range(100)))


def test_default_route_and_bad_file(world):
    """A default only serves hellos without a name; a broken file changes nothing; open connections live on."""
    with socket.create_connection(ROUTER, 5) as old:
        first = records(hello(f"{world['plain']}.test"))
        old.sendall(first)
        time.sleep(0.2)
        new = word() + ".test"
        set_routes({"routes": [{"name": new, "backend": world["backends"]["vip"].addr}],
                    "default": world["backends"]["default"].addr})
        bare, named = records(hello(None)), records(hello(new))
        for _ in range(2):
            assert ask(bare) == expect("default", bare)
            assert ask(named) == expect("vip", named)
            assert is_refusal(ask(records(hello(f"{world['plain']}.test"))))
            set_routes('{"routes": [{"name": "half')
        old.sendall(b"late")
        old.shutdown(socket.SHUT_WR)
        assert read_all(old) == expect("plain", first + b"late")


def test_silent_clients_were_dropped(idle):
    ends, threads = idle
    for t in threads:
        t.join(20)
    assert len(ends) == 60
    assert all(data == b"" for _, data in ends.values())
    assert all(3.5 <= took <= 12 for took, _ in ends.values()), sorted(t for t, _ in ends.values())[::20]


def test_router_process_is_router_py():
    """It is the program the work asked for that listens."""
    inode = None
    for line in open("/proc/net/tcp").read().splitlines()[1:]:
        f = line.split()
        if f[1] == "0100007F:%04X" % 8443 and f[3] == "0A":
            inode = f[9]
    assert inode, "nobody listens on 127.0.0.1:8443"
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.readlink(f"/proc/{pid}/fd/{n}") == f"socket:[{inode}]" for n in os.listdir(f"/proc/{pid}/fd")):
                assert b"/app/router.py" in open(f"/proc/{pid}/cmdline", "rb").read()
                return
        except OSError:
            continue
    pytest.fail("the listening process was not found")
