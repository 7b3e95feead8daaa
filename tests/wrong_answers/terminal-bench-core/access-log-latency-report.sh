#!/bin/bash
# Right in almost everything, but the percentile is sorted[int(0.95 * n)].
cat > /app/report <<'PY'
#!/usr/bin/env python3
import collections, gzip, glob, os, re, sys
LINE = re.compile(r'\S+ \S+ \S+ \[[^\]]*\] "([A-Z]+) (/[^ "]*) HTTP/[0-9.]+" (\d{3}) (?:\d+|-) "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*" rt=(\d+)\.(\d{3})')
UUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
times, errors, skipped = collections.defaultdict(list), collections.Counter(), 0
for path in glob.glob(os.path.join(sys.argv[1], "access.log*")):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="latin-1", newline="\n") as f:
        for line in f:
            m = LINE.fullmatch(line.rstrip("\n"))
            if not m:
                skipped += 1
                continue
            ep = "/".join(":uuid" if UUID.fullmatch(p) else ":id" if p.isdigit() else p for p in m[2].split("?")[0].split("/"))
            times[m[1], ep].append(int(m[4]) * 1000 + int(m[5]))
            errors[m[1], ep] += m[3][0] == "5"
rows = []
for (m, ep), v in times.items():
    v.sort()
    rows.append((-v[int(0.95 * len(v))], -len(v), ep, m, errors[m, ep]))
print("method\tendpoint\trequests\terrors\tp95_ms")
for p, n, ep, m, e in sorted(rows):
    print(f"{m}\t{ep}\t{-n}\t{e}\t{-p}")
print(f"#skipped\t{skipped}")
PY
chmod +x /app/report
/app/report /app/logs > /app/report.tsv
