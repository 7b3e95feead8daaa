#!/bin/bash
set -eu
cat > /app/report <<'PY'
#!/usr/bin/env python3
"""report DIR: 95th percentile of the response times per endpoint, from DIR/access.log*"""
import collections
import gzip
import os
import re
import sys

LINE = re.compile(
    rb'\S+ \S+ \S+ \[[^\]]*\] "([A-Z]+) (/[^ "]*) HTTP/[0-9.]+" ([0-9]{3}) ([0-9]+|-) '
    rb'"(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*" rt=([0-9]+)\.([0-9]{3})')
UUID = re.compile(rb"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
NUMBER = re.compile(rb"[0-9]+")


def endpoint(target):
    parts = target.split(b"?", 1)[0].split(b"/")
    return b"/".join(b":uuid" if UUID.fullmatch(p) else b":id" if NUMBER.fullmatch(p) else p for p in parts)


def main():
    folder = sys.argv[1]
    times, errors, skipped = collections.defaultdict(list), collections.Counter(), 0
    for name in os.listdir(folder):
        if not name.startswith("access.log"):
            continue
        opener = gzip.open if name.endswith(".gz") else open
        with opener(os.path.join(folder, name), "rb") as f:
            for line in f:
                m = LINE.fullmatch(line.rstrip(b"\n"))
                if not m:
                    skipped += 1
                    continue
                key = (m[1], endpoint(m[2]))
                times[key].append(int(m[5]) * 1000 + int(m[6]))
                errors[key] += m[3].startswith(b"5")
    rows = []
    for (method, path), values in times.items():
        values.sort()
        p95 = values[(95 * len(values) + 99) // 100 - 1]
        rows.append((-p95, -len(values), path, method, errors[method, path]))
    out = sys.stdout.buffer
    out.write(b"method\tendpoint\trequests\terrors\tp95_ms\n")
    for p95, n, path, method, bad in sorted(rows):
        out.write(b"%s\t%s\t%d\t%d\t%d\n" % (method, path, -n, bad, -p95))
    out.write(b"#skipped\t%d\n" % skipped)


main()
PY
chmod +x /app/report
/app/report /app/logs > /app/report.tsv
cat /app/report.tsv
