#!/bin/bash
# Hasty: one recv() is taken for the whole hello in one record, and the first
# side that ends closes both directions. Fine with an ordinary TLS client.
cat > /app/router.py <<'PY'
#!/usr/bin/env python3
import json, socket, threading

def sni(data):
    p = 5 + 4 + 34
    p += 1 + data[p]
    p += 2 + int.from_bytes(data[p:p+2], "big")
    p += 1 + data[p]
    end = p + 2 + int.from_bytes(data[p:p+2], "big")
    p += 2
    while p + 4 <= end:
        kind, size = int.from_bytes(data[p:p+2], "big"), int.from_bytes(data[p+2:p+4], "big")
        if kind == 0:
            n = int.from_bytes(data[p+7:p+9], "big")
            return data[p+9:p+9+n].decode().lower()
        p += 4 + size
    return None

last = None
def routes():
    global last
    try:
        last = json.load(open("/app/routes.json"))
    except ValueError:
        pass
    return last

def pick(name):
    r = routes()
    if name is None:
        return r["default"]
    table = {x["name"].lower(): x["backend"] for x in r["routes"]}
    return table.get(name) or table.get("*." + name.partition(".")[2])

def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try: s.shutdown(socket.SHUT_RDWR)
        except OSError: pass

def handle(c):
    try:
        c.settimeout(5)
        data = c.recv(16384)
        if not data or data[0] != 0x16:
            return c.close()
        name = sni(data)
        to = pick(name)
        if not to:
            if name: c.sendall(bytes([21, 3, 3, 0, 2, 2, 112]))
            return c.close()
        host, port = to.split(":")
        b = socket.create_connection((host, int(port)), 5)
        c.settimeout(None); b.settimeout(None)
        b.sendall(data)
        threading.Thread(target=pump, args=(b, c), daemon=True).start()
        pump(c, b)
    except Exception:
        c.close()

s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 8443)); s.listen(200)
while True:
    c, _ = s.accept()
    threading.Thread(target=handle, args=(c,), daemon=True).start()
PY
chmod +x /app/router.py
setsid /app/router.py >/dev/null 2>&1 </dev/null &
sleep 1
