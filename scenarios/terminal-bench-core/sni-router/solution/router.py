#!/usr/bin/env python3
"""Route TLS connections by the server name in the ClientHello, untouched."""
import asyncio
import json
import os
import socket

ROUTES = "/app/routes.json"
HELLO_SECONDS = 5
HELLO_MAX = 64 * 1024
UNRECOGNIZED_NAME = bytes([0x15, 3, 3, 0, 2, 2, 112])


class NotTLS(Exception):
    pass


class Table:
    """The routes; read again when the file has changed, kept when it is bad."""

    def __init__(self):
        self.seen, self.exact, self.wild, self.default = None, {}, {}, None

    def refresh(self):
        try:
            st = os.stat(ROUTES)
            stamp = (st.st_ino, st.st_mtime_ns, st.st_size)
            if stamp == self.seen:
                return
            with open(ROUTES) as f:
                doc = json.load(f)
            exact, wild = {}, {}
            for r in doc["routes"]:
                name, where = r["name"].lower(), self.address(r["backend"])
                if name.startswith("*."):
                    wild[name[2:]] = where
                else:
                    exact[name] = where
            default = self.address(doc["default"]) if doc.get("default") else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return
        self.seen, self.exact, self.wild, self.default = stamp, exact, wild, default

    @staticmethod
    def address(text):
        host, port = text.rsplit(":", 1)
        return host, int(port)

    def find(self, name):
        name = name.lower()
        if name in self.exact:
            return self.exact[name]
        first, _, rest = name.partition(".")
        return self.wild.get(rest) if first else None


def server_name(hello):
    """The host name in a ClientHello body, or None."""
    at = 2 + 32                                             # version, random
    at += 1 + hello[at]                                     # session id
    at += 2 + int.from_bytes(hello[at:at + 2], "big")       # cipher suites
    at += 1 + hello[at]                                     # compression
    if at + 2 > len(hello):
        return None                                         # no extensions
    end = at + 2 + int.from_bytes(hello[at:at + 2], "big")
    at += 2
    while at + 4 <= min(end, len(hello)):
        kind = int.from_bytes(hello[at:at + 2], "big")
        size = int.from_bytes(hello[at + 2:at + 4], "big")
        body = hello[at + 4:at + 4 + size]
        at += 4 + size
        if kind != 0:
            continue
        pos = 2
        while pos + 3 <= len(body):
            n = int.from_bytes(body[pos + 1:pos + 3], "big")
            if body[pos] == 0:
                return body[pos + 3:pos + 3 + n].decode("latin-1")
            pos += 3 + n
    return None


async def read_hello(reader):
    """Raw bytes up to the end of the record that completes the ClientHello, and its body."""
    raw, message = b"", b""
    while True:
        kind = await reader.readexactly(1)
        if kind != b"\x16":
            raise NotTLS
        rest = await reader.readexactly(4)
        if rest[0] != 3:
            raise NotTLS
        payload = await reader.readexactly(int.from_bytes(rest[2:4], "big"))
        raw += kind + rest + payload
        message += payload
        if message and message[0] != 1 or len(raw) > HELLO_MAX:
            raise NotTLS
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big"):
            return raw, message[4:4 + int.from_bytes(message[1:4], "big")]


async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


# The loop holds tasks by weak references only. One whose client has ended its side waits for an answer that comes in
# through objects which nothing else holds either: the garbage collector would take all of them in the middle.
connections = set()


async def handle(table, reader, writer):
    task = asyncio.current_task()
    connections.add(task)
    task.add_done_callback(connections.discard)
    out = None
    try:
        raw, hello = await asyncio.wait_for(read_hello(reader), HELLO_SECONDS)
        name = server_name(hello)
        table.refresh()
        where = table.default if name is None else table.find(name)
        if where is None:
            if name is not None:
                writer.write(UNRECOGNIZED_NAME)
                await writer.drain()
            return
        back, out = await asyncio.wait_for(asyncio.open_connection(*where), HELLO_SECONDS)
        out.write(raw)
        pumps = [asyncio.ensure_future(pump(reader, out)), asyncio.ensure_future(pump(back, writer))]
        try:
            await asyncio.gather(*pumps)
        finally:
            for p in pumps:
                p.cancel()
    except (OSError, EOFError, NotTLS, IndexError, asyncio.TimeoutError):
        pass
    finally:
        for w in (out, writer):
            if w is not None:
                w.close()


async def main():
    table = Table()
    table.refresh()
    server = await asyncio.start_server(lambda r, w: handle(table, r, w), "127.0.0.1", 8443,
                                        backlog=512, family=socket.AF_INET)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
