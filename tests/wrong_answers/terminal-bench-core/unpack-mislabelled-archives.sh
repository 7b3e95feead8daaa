#!/bin/bash
# Finds the type by content, but trusts the archives' member paths (and zipfile's idea of what a zip is).
cat > /app/unpack <<'PY'
#!/usr/bin/env python3
import bz2, gzip, lzma, os, shutil, sys, tarfile, zipfile
src, dest = sys.argv[1:]
os.makedirs(dest, exist_ok=True)
for name in sorted(os.listdir(src), key=os.fsencode):
    path = os.path.join(src, name)
    if not os.path.isfile(path):
        continue
    out = os.path.join(dest, name)
    kind = None
    if zipfile.is_zipfile(path):
        kind = "zip"
        zipfile.ZipFile(path).extractall(out)
    for k, mode in (("tar", "r:"), ("tar.gz", "r:gz"), ("tar.bz2", "r:bz2"), ("tar.xz", "r:xz")):
        if kind:
            break
        try:
            with tarfile.open(path, mode) as t:
                t.extractall(out)
            kind = k
        except (tarfile.TarError, EOFError, lzma.LZMAError):
            pass
    for k, mod in (("gz", gzip), ("bz2", bz2), ("xz", lzma)):
        if kind:
            break
        try:
            data = mod.open(path).read()
            if os.path.getsize(path) == 0:
                break
            os.makedirs(out, exist_ok=True)
            open(os.path.join(out, "content"), "wb").write(data)
            kind = k
        except (OSError, EOFError, lzma.LZMAError):
            pass
    if not kind:
        kind = "unknown"
        os.makedirs(os.path.join(dest, "_unrecognized"), exist_ok=True)
        shutil.copyfile(path, os.path.join(dest, "_unrecognized", name))
    print(f"{kind}\t{name}")
PY
chmod +x /app/unpack
/app/unpack /app/drop /app/unpacked
