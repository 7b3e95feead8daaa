#!/bin/bash
# Repairs most of it, but a torn journal record is skipped and not removed, and the data behind a bad key is taken for requests.
cat > /app/stashd.py <<'PY'
#!/usr/bin/env python3
"""stashd: a small key-value store with a journal, see PROTOCOL.md."""
import argparse
import re
import socket
import threading

MAX_VALUE = 1048576
MAX_CLIENTS = 32
MAX_LINE = 1024
KEY = re.compile(rb"[\x21-\x7e]{1,100}")
DIGITS = re.compile(rb"[0-9]{1,18}")
INTEGER = re.compile(rb"-?[0-9]{1,18}")
HEAD = re.compile(rb"([SD]) ([\x21-\x7e]{1,100}) ([0-9]+) ([0-9]+)\n")


class CloseConnection(Exception):
    pass


class BadRequest(Exception):
    pass


class Store:
    """The caller holds the lock."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.data = {}
        self.journal = open(path, "a+b")
        self.journal.seek(0)
        self.replay()

    def replay(self):
        good = 0
        while True:
            head = HEAD.fullmatch(self.journal.readline())
            if not head:
                break
            op, key, version, length = head.groups()
            value = self.journal.read(int(length))
            if len(value) < int(length) or self.journal.read(1) != b"\n":
                break
            if op == b"S":
                self.data[key] = (int(version), value)
            else:
                self.data.pop(key, None)
            good = self.journal.tell()

    def write(self, op, key, version, value):
        self.journal.write(b"%s %s %d %d\n%s\n" % (op, key, version, len(value), value))
        self.journal.flush()

    def get(self, key):
        return self.data.get(key, (0, None))

    def put(self, key, value):
        version = self.get(key)[0] + 1
        self.write(b"S", key, version, value)
        self.data[key] = (version, value)
        return version

    def delete(self, key):
        if key not in self.data:
            return False
        self.write(b"D", key, 0, b"")
        del self.data[key]
        return True

    def keys(self, prefix):
        return sorted(key for key in self.data if key.startswith(prefix))


class Client:
    def __init__(self, sock, store):
        self.sock = sock
        self.store = store
        self.rest = bytearray()

    def receive(self):
        data = self.sock.recv(65536)
        if not data:
            raise CloseConnection
        self.rest += data

    def take(self, length):
        data = bytes(self.rest[:length])
        del self.rest[:length]
        return data

    def fail(self, text):
        self.reply(text)
        raise CloseConnection

    def read_line(self):
        while True:
            end = self.rest.find(b"\n", 0, MAX_LINE)
            if end >= 0:
                line = self.take(end + 1)[:-1]
                return line[:-1] if line.endswith(b"\r") else line
            if len(self.rest) >= MAX_LINE:
                self.fail(b"ERR line-too-long")
            self.receive()

    def read_data(self, length):
        if not DIGITS.fullmatch(length) or int(length) > MAX_VALUE:
            self.fail(b"ERR bad-length")
        length = int(length)
        while len(self.rest) < length + 1 or self.rest[length:] == b"\r":
            self.receive()
        data = self.take(length)
        if self.rest.startswith(b"\r\n"):
            self.take(2)
        elif self.rest.startswith(b"\n"):
            self.take(1)
        else:
            self.fail(b"ERR bad-data")
        return data

    def reply(self, text):
        self.sock.sendall(text + b"\r\n")

    def check_key(self, key):
        if not KEY.fullmatch(key):
            raise BadRequest("bad-key")

    COMMANDS = {b"PING": (0, 0), b"SET": (2, 2), b"GET": (1, 1), b"CAS": (3, 3), b"DEL": (1, 1), b"INCR": (2, 2), b"KEYS": (0, 1), b"QUIT": (0, 0)}

    def run(self):
        while True:
            name, *args = self.read_line().split(b" ")
            try:
                if name not in self.COMMANDS:
                    raise BadRequest("unknown-command")
                low, high = self.COMMANDS[name]
                if not low <= len(args) <= high:
                    raise BadRequest("bad-arguments")
                answer = getattr(self, "do_" + name.decode().lower())(*args)
            except BadRequest as error:
                answer = b"ERR " + str(error).encode()
            self.reply(answer)
            if name == b"QUIT" and answer == b"BYE":
                raise CloseConnection

    def do_ping(self):
        return b"PONG"

    def do_set(self, key, length):
        self.check_key(key)
        value = self.read_data(length)
        with self.store.lock:
            return b"OK %d" % self.store.put(key, value)

    def do_cas(self, key, version, length):
        if not DIGITS.fullmatch(version):
            raise BadRequest("bad-arguments")
        value = self.read_data(length)
        self.check_key(key)
        with self.store.lock:
            current = self.store.get(key)[0]
            if current != int(version):
                return b"CONFLICT %d" % current
            return b"OK %d" % self.store.put(key, value)

    def do_get(self, key):
        self.check_key(key)
        with self.store.lock:
            version, value = self.store.get(key)
        return b"NONE" if value is None else b"VALUE %d %d\r\n%s" % (version, len(value), value)

    def do_del(self, key):
        self.check_key(key)
        with self.store.lock:
            return b"OK" if self.store.delete(key) else b"NONE"

    def do_incr(self, key, delta):
        self.check_key(key)
        with self.store.lock:
            old = self.store.get(key)[1]
            old = b"0" if old is None else old
            if not (INTEGER.fullmatch(old) and INTEGER.fullmatch(delta)):
                raise BadRequest("not-an-integer")
            new = int(old) + int(delta)
            self.store.put(key, b"%d" % new)
            return b"INT %d" % new

    def do_keys(self, prefix=None):
        if prefix is not None:
            self.check_key(prefix)
        with self.store.lock:
            keys = self.store.keys(prefix or b"")
        return b"\r\n".join([b"LIST %d" % len(keys), *keys])

    def do_quit(self):
        return b"BYE"


class Server:
    def __init__(self, port, store):
        self.store = store
        self.places = threading.BoundedSemaphore(MAX_CLIENTS)
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(64)

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except ConnectionError:
                continue
            if not self.places.acquire(blocking=False):
                try:
                    sock.settimeout(0.1)
                    sock.sendall(b"ERR too-many-clients\r\n")
                except OSError:
                    pass
                sock.close()
                continue
            threading.Thread(target=self.handle, args=(sock,), daemon=True).start()

    def handle(self, sock):
        try:
            Client(sock, self.store).run()
        except (CloseConnection, OSError):
            pass
        finally:
            sock.close()
            self.places.release()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=7400)
    parser.add_argument("--journal", default="/app/data/journal")
    options = parser.parse_args()
    Server(options.port, Store(options.journal)).serve()


if __name__ == "__main__":
    main()
PY
setsid python3 /app/stashd.py > /app/stashd.log 2>&1 < /dev/null &
sleep 1
printf 'PING\nQUIT\n' | nc -w 2 127.0.0.1 7400
