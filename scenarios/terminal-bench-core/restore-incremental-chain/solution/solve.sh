#!/bin/bash
set -eu
cat > /app/restore <<'PY'
#!/usr/bin/env python3
"""restore BACKUPS N DEST: see FORMAT.md."""
import hashlib
import json
import os
import shutil
import stat
import sys
import tarfile
import tempfile


def fail(code, text):
    print(text, file=sys.stderr)
    sys.exit(code)


def load_chain(folder, number):
    by_seq, by_sha = {}, {}
    for name in os.listdir(folder):
        if name.endswith(".json"):
            with open(os.path.join(folder, name)) as f:
                record = json.load(f)
            by_seq[record["seq"]] = by_sha[record["sha256"]] = record
    if number not in by_seq:
        fail(2, f"no backup {number}")
    chain = [by_seq[number]]
    while chain[-1]["parent"] is not None:
        parent = by_sha.get(chain[-1]["parent"])
        if parent is None:
            fail(3, f"{chain[-1]['archive']}: its parent is missing")
        chain.append(parent)
    for record in chain:
        path = os.path.join(folder, record["archive"])
        try:
            with open(path, "rb") as f:
                digest = hashlib.sha256(f.read()).hexdigest()
        except FileNotFoundError:
            digest = None
        if digest != record["sha256"]:
            fail(3, f"{record['archive']}: damaged or missing")
    return chain[::-1]


def remove(path):
    if os.path.islink(path) or not os.path.isdir(path):
        if os.path.lexists(path):
            os.unlink(path)
    else:
        shutil.rmtree(path)


def apply(folder, record, root, attributes):
    def at(name):
        return os.path.join(root, name)

    def forget(name):
        for known in [k for k in attributes if k == name or k.startswith(name + "/")]:
            del attributes[known]

    for name in record["deleted"]:
        name = os.path.normpath(name)
        remove(at(name))
        forget(name)
    with tarfile.open(os.path.join(folder, record["archive"])) as tar:
        for m in tar:
            name = os.path.normpath(m.name)
            if name == ".":
                continue
            path = at(name)
            if m.isdir():
                if os.path.islink(path) or not os.path.isdir(path):
                    remove(path)
                    forget(name)
                    os.mkdir(path)
            else:
                remove(path)
                forget(name)
                if m.issym():
                    os.symlink(m.linkname, path)
                    continue
                if m.islnk():
                    source = os.path.normpath(m.linkname)
                    os.link(at(source), path)
                    attributes[name] = attributes[source]
                    continue
                with open(path, "xb") as f:
                    shutil.copyfileobj(tar.extractfile(m), f)
            attributes[name] = (stat.S_IMODE(m.mode), int(m.mtime))


def main():
    folder, number, dest = sys.argv[1:]
    if os.path.lexists(dest):
        fail(4, f"{dest} exists already")
    chain = load_chain(folder, int(number))
    parent = os.path.dirname(os.path.abspath(dest))
    root = tempfile.mkdtemp(prefix=".restore-", dir=parent)
    try:
        attributes = {}
        for record in chain:
            apply(folder, record, root, attributes)
        for name in sorted(attributes, reverse=True):  # children before their folder
            mode, mtime = attributes[name]
            path = os.path.join(root, name)
            os.chmod(path, mode)
            os.utime(path, (mtime, mtime))
        os.chmod(root, 0o755)
        os.rename(root, dest)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise


main()
PY
chmod +x /app/restore
/app/restore /app/backups 3 /tmp/sample && ls -lR /tmp/sample
