#!/bin/bash
set -eu
cat > /app/unpack <<'PY'
#!/usr/bin/env python3
"""unpack SRC DEST: unpack every file of SRC by what it is, not by what it is called."""
import bz2
import gzip
import io
import lzma
import os
import shutil
import stat
import sys
import tarfile
import zipfile

COMPRESSORS = [("gz", b"\x1f\x8b", gzip), ("bz2", b"BZh", bz2), ("xz", b"\xfd7zXZ\x00", lzma)]


def safe(name):
    return not name.startswith("/") and ".." not in name.split("/")


def try_tar(data):
    try:
        return tarfile.open(fileobj=io.BytesIO(data), mode="r:")
    except tarfile.TarError:
        return None


def place(folder, name, data, mode=None):
    target = os.path.join(folder, name)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as f:
        f.write(data)
    if mode is not None:
        os.chmod(target, mode)


def unpack_tar(tar, folder):
    os.makedirs(folder, exist_ok=True)
    modes = []
    for m in tar.getmembers():
        if not safe(m.name):
            continue
        if m.isdir():
            os.makedirs(os.path.join(folder, m.name), exist_ok=True)
            modes.append((os.path.join(folder, m.name), m.mode))
        elif m.isreg():
            place(folder, m.name, tar.extractfile(m).read(), stat.S_IMODE(m.mode))
    for path, mode in reversed(modes):
        os.chmod(path, stat.S_IMODE(mode))


def unpack_zip(z, folder):
    os.makedirs(folder, exist_ok=True)
    for m in z.infolist():
        if not safe(m.filename):
            continue
        if m.is_dir():
            os.makedirs(os.path.join(folder, m.filename), exist_ok=True)
        else:
            place(folder, m.filename, z.read(m))


def handle(path, name, dest):
    with open(path, "rb") as f:
        data = f.read()
    folder = os.path.join(dest, name)
    tar = try_tar(data)
    if tar:
        unpack_tar(tar, folder)
        return "tar"
    for kind, magic, module in COMPRESSORS:
        if data.startswith(magic):
            try:
                inner = module.decompress(data)
            except (OSError, EOFError, lzma.LZMAError, ValueError):
                break
            tar = try_tar(inner)
            if tar:
                unpack_tar(tar, folder)
                return "tar." + kind
            place(folder, "content", inner)
            return kind
    if data.startswith(b"PK") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as z:
            unpack_zip(z, folder)
        return "zip"
    os.makedirs(os.path.join(dest, "_unrecognized"), exist_ok=True)
    shutil.copyfile(path, os.path.join(dest, "_unrecognized", name))
    return "unknown"


def main():
    src, dest = sys.argv[1:]
    os.makedirs(dest, exist_ok=True)
    for name in sorted(os.listdir(src), key=os.fsencode):
        path = os.path.join(src, name)
        if os.path.isfile(path) and not os.path.islink(path):
            print(f"{handle(path, name, dest)}\t{name}")


main()
PY
chmod +x /app/unpack
/app/unpack /app/drop /app/unpacked
