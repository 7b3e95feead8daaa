"""What the crash did to the repository."""
import glob
import os
import subprocess
import sys

os.chdir("/app/ledger")
pack_a = sys.argv[1]


def git(*args):
    return subprocess.run(["git", *args], check=True, capture_output=True, text=True).stdout.strip()


def loose(oid):
    return f".git/objects/{oid[:2]}/{oid[2:]}"


empty = [
    git("rev-parse", "v1.1:ledger/about.py"),
    git("rev-parse", "feature/export~1"),
    git("rev-parse", "feature/export~1:ledger/formats.py"),
    git("rev-parse", "feature/export^{tree}"),
]
broken = {git("rev-parse", x) for x in ("v1.0~1", "v1.0:docs/accounts.txt", "main~6:ledger", "v1.0^{tree}")}
offsets = {}
for line in git("verify-pack", "-v", pack_a).splitlines():
    fields = line.split()
    if fields and fields[0] in broken:
        offsets[fields[0]] = (int(fields[4]), int(fields[3]))
assert set(offsets) == broken, (offsets, broken)
os.chmod(pack_a, 0o644)
with open(pack_a, "r+b") as f:
    for start, size in offsets.values():
        f.seek(start + size // 2)
        f.write(b"\0" * 8)
os.chmod(pack_a, 0o444)
(pack_b,) = set(glob.glob(".git/objects/pack/*.pack")) - {pack_a}
for name in glob.glob(pack_b[:-4] + "*"):
    if not name.endswith(".pack"):
        os.unlink(name)
for oid in empty:
    assert os.path.exists(loose(oid)), oid
    os.chmod(loose(oid), 0o644)
    open(loose(oid), "w").close()

open(".git/HEAD", "w").close()
open(".git/refs/heads/main", "w").close()
with open(".git/refs/heads/release/1.x", "wb") as f:
    f.write(b"\0" * 41)
for name in ("refs/heads/feature/export", "logs/refs/heads/feature/export", "refs/tags/v1.1", "refs/stash", "ORIG_HEAD"):
    if os.path.exists(f".git/{name}"):
        os.unlink(f".git/{name}")
for name in ("index.lock", "HEAD.lock", "refs/heads/main.lock"):
    open(f".git/{name}", "w").close()
