"""The journal as it was found after the power cut: the last record is cut off."""
import os
import random
import sys

path = sys.argv[1]
os.makedirs(os.path.dirname(path))
rng = random.Random(415)
versions = {}
with open(path, "wb") as f:
    def put(key, value):
        versions[key] = versions.get(key, 0) + 1
        f.write(b"S %s %d %d\n%s\n" % (key.encode(), versions[key], len(value), value))

    for i in range(200):
        key = f"sess:{rng.randrange(60):02d}"
        if key in versions and rng.random() < 0.2:
            f.write(b"D %s 0 0\n\n" % key.encode())
            del versions[key]
        else:
            put(key, bytes(rng.choice(b"abc \n\r\0\xff0123") for _ in range(rng.randrange(0, 40))))
    put("motd", "Gr\u00fc\u00dfe\nD motd 0 0\n\nS x 1 1\n".encode())
    for _ in range(3):
        put("visits", str(40 + versions.get("visits", 0)).encode())
    f.write(b"S visits 4 2000\n4")
