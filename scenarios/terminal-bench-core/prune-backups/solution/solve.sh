#!/bin/bash
set -euo pipefail
cat > /app/prune <<'PY'
#!/usr/bin/env python3
"""prune [--delete] DIR: name (and delete) the backups nobody needs any more."""
import datetime
import os
import re
import sys

NAME = re.compile(r"backup-([0-9]{8}-[0-9]{6})\.tar\.gz")
NEWEST, MONTHS = 7, 6


def valid(name):
    m = NAME.fullmatch(name)
    if not m:
        return False
    try:
        datetime.datetime.strptime(m[1], "%Y%m%d-%H%M%S")
    except ValueError:
        return False
    return "60" > m[1][13:]  # strptime lets leap seconds 60 and 61 pass


def surplus(folder):
    names = sorted(e.name for e in os.scandir(folder) if valid(e.name) and e.is_file(follow_symlinks=False))
    last_of_month = {n[7:13]: n for n in names}  # the later name wins
    keep = set(names[-NEWEST:])
    keep.update(last_of_month[m] for m in sorted(last_of_month)[-MONTHS:])
    keep.update(n for n in names if os.path.lexists(os.path.join(folder, n + ".keep")))
    return [n for n in names if n not in keep]


def main(args):
    delete = "--delete" in args
    folders = [a for a in args if a != "--delete"]
    if len(folders) != 1 or not os.path.isdir(folders[0]):
        print("usage: prune [--delete] DIR", file=sys.stderr)
        return 2
    for name in surplus(folders[0]):
        if delete:
            path = os.path.join(folders[0], name)
            os.unlink(path)
            if os.path.lexists(path + ".sha256"):
                os.unlink(path + ".sha256")
        print(name)
    return 0


sys.exit(main(sys.argv[1:]))
PY
chmod 755 /app/prune
