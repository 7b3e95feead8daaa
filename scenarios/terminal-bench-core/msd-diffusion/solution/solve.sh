#!/bin/bash
set -euo pipefail
cp "$(dirname "$0")/msd.py" /app/msd
chmod 755 /app/msd
/app/msd /app/sample.traj --max-lag 10 --fit 3 8 > /tmp/mine.json
python3 - <<'PY'
import json
a, b = json.load(open("/tmp/mine.json")), json.load(open("/app/sample.json"))
assert a["frames"] == b["frames"]
for s in b["species"]:
    for k in ("msd", "alpha2"):
        assert all(abs(x - y) <= 1e-6 * abs(y) + 1e-12 for x, y in zip(a["species"][s][k], b["species"][s][k])), (s, k)
print("the sample agrees")
PY
