#!/bin/bash
set -eu
cat > /app/settle <<'PY'
#!/usr/bin/env python3
"""settle IN OUT FROM TO: see the task. All arithmetic is done with fractions."""
import csv
import glob
import json
import os
import re
import sys
from bisect import bisect_right
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction

AT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)", re.ASCII)


def number(text):
    return Fraction(text.strip().replace(",", "."))


def fixed(value, places):
    """Decimal comma, halves away from zero."""
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    text = str(whole).zfill(places + 1)
    return ("-" if value < 0 and whole else "") + text[:-places] + "," + text[-places:]


def rows(path):
    with open(path, encoding="utf-8-sig", newline="") as f:
        yield from csv.DictReader(f, delimiter=";")


def instant(text):
    """An exact instant as (UTC datetime in whole seconds, fraction of a second) or None."""
    m = AT.fullmatch(text)
    if not m:
        return None
    stamp, decimals, offset = m.groups()
    try:
        base = datetime.fromisoformat(stamp + ("+00:00" if offset == "Z" else offset))
        base = base.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return base, Fraction(int(decimals or 0), 10 ** len(decimals or ""))


def whole(x):
    return isinstance(x, int) and not isinstance(x, bool)


def parse(raw, meters):
    """(reason, None) or (None, reading)"""
    try:
        row = json.loads(raw.decode("utf-8"))
    except ValueError:
        return "json", None
    if not isinstance(row, dict):
        return "json", None
    meter, at, value, seq = (row.get(k) for k in ("meter", "at", "value", "seq"))
    if not (isinstance(meter, str) and isinstance(at, str) and whole(value) and whole(seq)):
        return "field", None
    when = instant(at)
    if when is None:
        return "time", None
    if meter not in meters:
        return "meter", None
    if not 0 <= value < 10 ** meters[meter]["digits"]:
        return "range", None
    return None, (meter, when, value, seq)


def write(path, header, lines):
    with open(path, "w", encoding="utf-8", newline="") as f:
        w = csv.writer(f, delimiter=";", lineterminator="\n")
        w.writerow(header.split(";"))
        w.writerows(lines)


def main():
    source, target, first, last = sys.argv[1:5]
    start, end = ((datetime.combine(date.fromisoformat(d), datetime.min.time(), timezone.utc), Fraction(0)) for d in (first, last))

    meters = {}
    for row in rows(os.path.join(source, "meters.csv")):
        meters[row["meter"]] = {**row, "digits": int(row["digits"]), "factor": number(row["factor"])}
    prices = defaultdict(list)
    for row in rows(os.path.join(source, "tariffs.csv")):
        prices[row["tariff"]].append((date.fromisoformat(row["valid_from"].strip()), number(row["price"])))
    for table in prices.values():
        table.sort()

    readings, rejects = defaultdict(dict), []
    for path in sorted(glob.glob(os.path.join(glob.escape(source), "readings*.jsonl")), key=os.path.basename):
        with open(path, "rb") as f:
            data = f.read().removeprefix(b"\xef\xbb\xbf")
        for n, raw in enumerate(data.split(b"\n"), 1):
            if not raw.strip():
                continue
            reason, reading = parse(raw, meters)
            if reason:
                rejects.append((os.path.basename(path), n, reason))
                continue
            meter, when, value, seq = reading
            old = readings[meter].get(when)
            if old is None or seq >= old[1]:
                readings[meter][when] = (value, seq)

    kwh = {m["customer"]: Fraction(0) for m in meters.values()}
    amount = dict(kwh)
    checks = []
    for name in sorted(meters):
        meter = meters[name]
        previous = None
        for when, (value, _) in sorted(readings[name].items()):
            if previous is not None and start < when <= end:
                count = value - previous
                if count < 0:
                    count += 10 ** meter["digits"]
                    if count * 10 > 10 ** meter["digits"]:
                        checks.append((name, when[0].strftime("%Y-%m-%dT%H:%M:%SZ"), previous, value))
                        count = None
                if count is not None:
                    table = prices[meter["tariff"]]
                    price = table[bisect_right(table, when[0].date(), key=lambda p: p[0]) - 1][1] if count else 0
                    kwh[meter["customer"]] += count * meter["factor"]
                    amount[meter["customer"]] += count * meter["factor"] * price
            previous = value

    os.makedirs(target, exist_ok=True)
    write(os.path.join(target, "bills.csv"), "customer;kwh;amount", [(c, fixed(kwh[c], 3), fixed(amount[c], 2)) for c in sorted(kwh)])
    write(os.path.join(target, "checks.csv"), "meter;at;previous;value", checks)
    write(os.path.join(target, "rejects.csv"), "file;line;reason", rejects)


main()
PY
sed -i '/^from datetime/s/, timedelta//' /app/settle
chmod +x /app/settle
/app/settle /app/sample /tmp/out 2024-03-01 2024-04-01
head /tmp/out/*
