#!/bin/bash
# Handles the messy files, but with floats (binary rounding of halves), compares the
# time stamps as text when looking for duplicates, and prices by the local day.
set -eu
cat > /app/settle <<'PY'
#!/usr/bin/env python3
import csv, glob, json, os, sys
from datetime import datetime, timezone

src, dst, first, last = sys.argv[1:5]
utc = lambda d: datetime.fromisoformat(d + "T00:00:00+00:00")
num = lambda s: float(s.replace(",", "."))
rows = lambda n: csv.DictReader(open(os.path.join(src, n), encoding="utf-8-sig", newline=""), delimiter=";")
meters = {r["meter"]: r for r in rows("meters.csv")}
prices = {}
for r in rows("tariffs.csv"):
    prices.setdefault(r["tariff"], []).append((r["valid_from"], num(r["price"])))
readings, rejects = {}, []
for path in sorted(glob.glob(src + "/readings*.jsonl")):
    for n, line in enumerate(open(path, encoding="utf-8-sig", errors="surrogateescape"), 1):
        if not line.strip():
            continue
        def parse():
            try:
                line.encode("utf-8")
                o = json.loads(line)
                assert isinstance(o, dict)
            except (ValueError, AssertionError):
                return "json"
            if not all(type(o.get(k)) is t for k, t in (("meter", str), ("at", str), ("value", int), ("seq", int))):
                return "field"
            try:
                at = datetime.fromisoformat(o["at"])
                if at.tzinfo is None:
                    return "time"
            except ValueError:
                return "time"
            if o["meter"] not in meters:
                return "meter"
            if not 0 <= o["value"] < 10 ** int(meters[o["meter"]]["digits"]):
                return "range"
            slot = readings.setdefault(o["meter"], {})
            if o["at"] not in slot or slot[o["at"]][2] <= o["seq"]:
                slot[o["at"]] = (at, o["value"], o["seq"])
        reason = parse()
        if reason:
            rejects.append((os.path.basename(path), n, reason))
bills = {m["customer"]: [0.0, 0.0] for m in meters.values()}
checks = []
for name, m in sorted(meters.items()):
    prev = None
    full = 10 ** int(m["digits"])
    for at, value, _ in sorted(readings.get(name, {}).values(), key=lambda x: x[0]):
        if prev is not None and utc(first) < at <= utc(last):
            count = value - prev
            if count < 0:
                count += full
            if value < prev and count > full / 10:
                checks.append((name, at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), prev, value))
            else:
                price = max(p for p in prices[m["tariff"]] if p[0] <= at.date().isoformat())[1]
                k = count * num(m["factor"])
                bills[m["customer"]][0] += k
                bills[m["customer"]][1] += k * price
        prev = value
os.makedirs(dst, exist_ok=True)
def write(name, head, lines):
    with open(os.path.join(dst, name), "w", encoding="utf-8", newline="") as f:
        w = csv.writer(f, delimiter=";", lineterminator="\n")
        w.writerow(head.split(";"))
        w.writerows(lines)
write("bills.csv", "customer;kwh;amount", [(c, f"{k:.3f}".replace(".", ","), f"{a:.2f}".replace(".", ",")) for c, (k, a) in sorted(bills.items())])
write("checks.csv", "meter;at;previous;value", checks)
write("rejects.csv", "file;line;reason", rejects)
PY
chmod +x /app/settle
