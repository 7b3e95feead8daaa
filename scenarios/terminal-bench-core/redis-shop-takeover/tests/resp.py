"""A small Redis client, and the data the snapshot was made from."""
import random
import socket


class Error(str):
    pass


class Redis:
    def __init__(self, port=6390, user=None, password=None, timeout=10):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.file = self.sock.makefile("rb")
        if user:
            assert self("AUTH", user, password) == "OK"

    def send(self, *args):
        parts = [a if isinstance(a, bytes) else str(a).encode() for a in args]
        self.sock.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))

    def read(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return Error(rest.decode())
        if kind == b":":
            return int(rest)
        n = int(rest)
        if n < 0:
            return None
        if kind == b"$":
            return self.file.read(n + 2)[:-2].decode()
        return [self.read() for _ in range(n)]

    def __call__(self, *args):
        self.send(*args)
        return self.read()


FAR = 4102444800000     # 2100-01-01


def snapshot():
    """{db: {key: (type, value, expiry or None)}} of the old machine; streams are (entries, groups)"""
    r = random.Random(20240607)
    skus = [f"{r.choice(['TEE', 'MUG', 'CAP', 'BAG', 'PEN: blue'])}-{r.randrange(1000, 9999)}" for _ in range(160)]
    db0 = {}
    users = [f"u{r.randrange(10**6)}" for _ in range(120)] + ["anna:2", "guest: 4 July", "Zoë", "cart:x", ""]
    for i, user in enumerate(users):
        items = [r.choice(skus[:40]) for _ in range(r.choice([1, 2, 3, 8, 30]))]
        db0[f"cart:{user}"] = ("list", items, FAR + r.randrange(10**9) if i % 3 == 0 else None)
        if i % 10 == 0 or user == "Zoë":
            have = {s: str(r.randrange(1, 5)) for s in r.sample(skus[:40], 6)}
            db0[f"shop:cart:{user}"] = ("hash", have, FAR + r.randrange(10**9) if i % 20 == 0 else None)
    db0["shop:cart:only-new"] = ("hash", {skus[0]: "2"}, FAR + 5)
    for i, sku in enumerate(skus):
        db0[f"stock:{sku}"] = ("string", r.choice(["0", "007", "-3", str(r.randrange(500)), "n/a"]), None)
    for i in range(300):
        db0[f"shop:session:{r.getrandbits(64):016x}"] = ("string", f'{{"user": "{r.choice(users)}", "n": {i}}}', FAR + r.randrange(10**10))
    for name in ("week", "month", "year"):
        db0[f"shop:rank:{name}"] = ("zset", {s: str(r.randrange(1, 900)) for s in r.sample(skus, 50)}, None)
    db0["shop:tags"] = ("set", set(r.sample(skus, 30)), None)
    db0["shop:queue"] = ("list", [f"job {i}" for i in range(70)], None)
    db0["stocktaking"] = ("string", "2024-05-31", None)
    db0["carts"] = ("set", {"a", "b"}, None)
    db0["shop:orders"] = ("stream", ([(f"{1700000000000 + i}-{i % 2}", ["order", f"O{i}", "sku", r.choice(skus)]) for i in range(40)],
                                     {"billing": (25, 5), "mail": (0, 0)}), None)
    db3 = {"cart:old": ("list", ["a", "a", "b"], None), "stock:old": ("string", "5", FAR + 77), "shop:stock": ("string", "no hash", None)}
    return {0: db0, 3: db3}


def migrated():
    dbs = snapshot()
    db0 = dbs[0]
    for key in [k for k in db0 if k.startswith("cart:")]:
        _, items, expiry = db0.pop(key)
        new = "shop:" + key
        _, counts, expiry = db0.get(new, ("hash", {}, expiry))
        counts = {k: int(v) for k, v in counts.items()}
        for sku in items:
            counts[sku] = counts.get(sku, 0) + 1
        db0[new] = ("hash", {k: str(v) for k, v in counts.items()}, expiry)
    stock = [k for k in db0 if k.startswith("stock:")]
    db0["shop:stock"] = ("hash", {k.removeprefix("stock:"): db0.pop(k)[1] for k in stock}, None)
    return dbs


def read_all(r, db):
    """What a running server holds, in the form of snapshot()."""
    assert r("SELECT", db) == "OK"
    found, cursor = {}, "0"
    while True:
        cursor, keys = r("SCAN", cursor, "COUNT", 500)
        for key in keys:
            kind = r("TYPE", key)
            expiry = r("PEXPIRETIME", key)
            if kind == "string":
                value = r("GET", key)
            elif kind == "list":
                value = r("LRANGE", key, 0, -1)
            elif kind == "set":
                value = set(r("SMEMBERS", key))
            elif kind == "hash":
                flat = r("HGETALL", key)
                value = dict(zip(flat[::2], flat[1::2]))
            elif kind == "zset":
                flat = r("ZRANGE", key, 0, -1, "WITHSCORES")
                value = dict(zip(flat[::2], flat[1::2]))
            elif kind == "stream":
                entries = [(i, f) for i, f in r("XRANGE", key, "-", "+")]
                groups = {}
                for g in r("XINFO", "GROUPS", key):
                    g = dict(zip(g[::2], g[1::2]))
                    groups[g["name"]] = (g["entries-read"] or 0, g["pending"])
                value = (entries, groups)
            found[key] = (kind, value, None if expiry == -1 else expiry)
        if cursor == "0":
            return found
