#!/usr/bin/env python3
"""stashd: a small key-value store with a journal, see PROTOCOL.md."""
import argparse
import socket
import threading

MAX_VALUE = 1048576
MAX_CLIENTS = 32
MAX_LINE = 1024


class CloseConnection(Exception):
    pass


class Store:
    def __init__(self, path):
        self.lock = threading.Lock()
        self.data = {}
        self.journal = open(path, "a+b")
        self.journal.seek(0)
        self.replay()

    def replay(self):
        while True:
            head = self.journal.readline()
            if not head:
                break
            op, key, version, length = head.split()
            value = self.journal.read(int(length))
            assert self.journal.read(1) == b"\n", "journal is damaged"
            if op == b"S":
                self.data[key] = (int(version), value)
            else:
                del self.data[key]

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
        return self.data.pop(key, None) is not None

    def increment(self, key, delta):
        value = int(self.get(key)[1] or 0) + int(delta)
        self.put(key, b"%d" % value)
        return value

    def keys(self, prefix):
        return sorted(key for key in self.data if key.startswith(prefix))


class Client:
    def __init__(self, sock, store):
        self.sock = sock
        self.store = store
        self.rest = b""

    def read_line(self):
        data = self.sock.recv(MAX_LINE)
        if not data:
            raise CloseConnection
        line, _, self.rest = data.partition(b"\n")
        return line.strip()

    def read_data(self, length):
        if length > MAX_VALUE:
            self.reply(b"ERR bad-length")
            raise CloseConnection
        data = self.rest
        while len(data) < length:
            data += self.sock.recv(length - len(data))
        self.rest = data[length:]
        return data[:length]

    def reply(self, text):
        self.sock.send(text + b"\r\n")

    def run(self):
        while True:
            words = self.read_line().split(b" ")
            method = getattr(self, "do_" + words[0].decode().lower(), None)
            if method is None:
                self.reply(b"ERR unknown-command")
                continue
            try:
                method(*words[1:])
            except TypeError:
                self.reply(b"ERR bad-arguments")

    def do_ping(self):
        self.reply(b"PONG")

    def do_set(self, key, length):
        self.store.lock.acquire()
        value = self.read_data(int(length))
        version = self.store.put(key, value)
        self.store.lock.release()
        self.reply(b"OK %d" % version)

    def do_cas(self, key, version, length):
        current = self.store.get(key)[0]
        value = self.read_data(int(length))
        if current != int(version):
            self.reply(b"CONFLICT %d" % current)
            return
        with self.store.lock:
            version = self.store.put(key, value)
        self.reply(b"OK %d" % version)

    def do_get(self, key):
        version, value = self.store.get(key)
        if not value:
            self.reply(b"NONE")
        else:
            self.reply(b"VALUE %d %d\r\n%s" % (version, len(value), value))

    def do_del(self, key):
        with self.store.lock:
            found = self.store.delete(key)
        self.reply(b"OK" if found else b"NONE")

    def do_incr(self, key, delta):
        try:
            self.reply(b"INT %d" % self.store.increment(key, delta))
        except ValueError:
            self.reply(b"ERR not-an-integer")

    def do_keys(self, prefix=b""):
        keys = self.store.keys(prefix)
        self.reply(b"LIST %d" % len(keys))
        for key in keys:
            self.reply(key)

    def do_quit(self):
        self.reply(b"BYE")
        raise CloseConnection


class Server:
    def __init__(self, port, store):
        self.store = store
        self.clients = []
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(64)

    def serve(self):
        while True:
            sock, _ = self.listener.accept()
            if len(self.clients) >= MAX_CLIENTS:
                sock.send(b"ERR too-many-clients\r\n")
                continue
            client = Client(sock, self.store)
            self.clients.append(client)
            threading.Thread(target=self.handle, args=(client,), daemon=True).start()

    def handle(self, client):
        try:
            client.run()
        except CloseConnection:
            client.sock.close()
            self.clients.remove(client)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=7400)
    parser.add_argument("--journal", default="/app/data/journal")
    options = parser.parse_args()
    Server(options.port, Store(options.journal)).serve()


if __name__ == "__main__":
    main()
