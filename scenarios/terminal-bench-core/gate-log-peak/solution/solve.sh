#!/bin/bash
set -eu
cat > /app/peak <<'PY'
#!/usr/bin/env python3
import csv
import re
import sys
from datetime import datetime


def parse(row):
    """The event (id, time, is_in, count) or None if the line is invalid."""
    ident, time, way, count = ((row.get(k) or "") for k in ("id", "time", "direction", "count"))
    way, count = way.strip().lower(), count or "1"
    if not ident or way not in ("in", "out"):
        return None
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", time) or not re.fullmatch("[0-9]+", count):
        return None
    try:
        datetime.strptime(time, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return None
    if time.endswith(":60") or time.endswith(":61") or int(count) < 1:
        return None
    return ident, time, way == "in", int(count)


events, skipped = {}, 0
for name in sys.argv[1:]:
    with open(name, encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            event = parse(row)
            if event is None:
                skipped += 1
            else:
                events.setdefault(event[0], event)

days = {}
for _, time, is_in, count in sorted(events.values(), key=lambda e: (e[1], e[2])):
    day, clock = time.split(" ")
    state = days.setdefault(day, {"now": 0, "peak": 0, "at": clock})
    state["now"] = max(0, state["now"] + (count if is_in else -count))
    if state["now"] > state["peak"]:
        state["peak"], state["at"] = state["now"], clock

print("day,peak,reached_at")
for day, state in days.items():
    print(f"{day},{state['peak']},{state['at']}")
print(f"skipped {skipped}", file=sys.stderr)
PY
chmod +x /app/peak
/app/peak /app/samples/*.csv
