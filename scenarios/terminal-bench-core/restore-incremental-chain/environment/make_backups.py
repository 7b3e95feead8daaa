"""A small sample backup folder: two chains, one of them damaged."""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

root = sys.argv[1]
os.makedirs(root)
shas = {}


def backup(seq, parent, members, deleted=()):
    kind = "full" if parent is None else "incr"
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, what, mode, mtime in members:
            info = tarfile.TarInfo(name)
            info.mode, info.mtime = mode, mtime
            if what is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            elif isinstance(what, tuple):
                info.type = tarfile.SYMTYPE if what[0] == "sym" else tarfile.LNKTYPE
                info.linkname = what[1]
                tar.addfile(info)
            else:
                info.size = len(what)
                tar.addfile(info, io.BytesIO(what))
    data = gzip.compress(raw.getvalue(), mtime=0)
    name = f"{seq:03d}-{kind}.tar.gz"
    shas[seq] = hashlib.sha256(data).hexdigest()
    with open(f"{root}/{name}", "wb") as f:
        f.write(data)
    with open(f"{root}/{seq:03d}.json", "w") as f:
        json.dump({"seq": seq, "kind": kind, "archive": name, "sha256": shas[seq],
                   "parent": shas.get(parent), "deleted": list(deleted)}, f, indent=1)


T = 1704067200
backup(0, None, [("etc", None, 0o755, T), ("etc/app.conf", b"port=80\n", 0o644, T), ("etc/app.conf.bak", ("link", "etc/app.conf"), 0o644, T),
                 ("data", None, 0o750, T), ("data/a.txt", b"a\n", 0o644, T), ("current", ("sym", "data/a.txt"), 0o777, T)])
backup(1, 0, [("data/b.txt", b"b\n", 0o600, T + 100)], ["data/a.txt"])
backup(2, 1, [("data/c.txt", b"c\n", 0o600, T + 200), ("etc/app.conf", b"port=8080\n", 0o640, T + 200)])
backup(3, 1, [("data/d.txt", b"d\n", 0o600, T + 300)])
with open(f"{root}/002-incr.tar.gz", "r+b") as f:
    f.seek(60)
    f.write(b"\0\0\0\0")
backup(4, 2, [("data/e.txt", b"e\n", 0o600, T + 400)])
