#!/bin/bash
# Knows that a year can end, but not that a delayed line can belong to the old one; splits lines with splitlines().
set -eu
cat > /app/timeline <<'PY'
#!/usr/bin/env python3
"""timeline CONFIG: merge the logs of an incident, see TIMELINE.md."""
import datetime as dt
import decimal
import gzip
import json
import os
import re
import sys

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
LEVELS = {"WARN": "WARNING", "ERR": "ERROR", "FATAL": "CRITICAL", "CRIT": "CRITICAL"}
ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6}))?(Z|[+-]\d\d:\d\d) ([A-Za-z]+) (.*)", re.S | re.A)
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
SYSLOG = re.compile(r"(%s) ([ 1-3]\d) (\d\d):(\d\d):(\d\d) (\S+) (.*)" % "|".join(MONTHS), re.S | re.A)
REPEATED = re.compile(r"last message repeated (\d+) times", re.A)
HALF_YEAR = dt.timedelta(days=180)


def lines_of(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        text = f.read().decode("utf-8", "replace")
    return text.splitlines()


def micros(moment):
    return (moment - EPOCH) // dt.timedelta(microseconds=1)


def parse_offset(text):
    if text == "Z":
        return dt.timezone.utc
    sign = -1 if text[0] == "-" else 1
    return dt.timezone(sign * dt.timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def read_iso(source, lines):
    events, dropped = [], 0
    for line in lines:
        m = ISO.fullmatch(line)
        moment = None
        if m:
            try:
                moment = dt.datetime.fromisoformat(f"{m[1]}T{m[2]}").replace(
                    microsecond=int((m[3] or "0").ljust(6, "0")), tzinfo=parse_offset(m[4]))
            except ValueError:
                pass
        if moment:
            events.append([micros(moment), m[5], 1, m[6]])
        elif events:
            events[-1][3] += "\n" + line
        else:
            dropped += 1
    return events, dropped


def read_syslog(source, lines):
    events, dropped, previous = [], 0, None
    zone = parse_offset(source["offset"])
    for line in lines:
        m = SYSLOG.fullmatch(line)
        moment = None
        if m:
            moment = place_in_year(m, zone, previous, source["year"])
        if not moment:
            dropped += 1
            continue
        previous = moment
        repeated = REPEATED.fullmatch(m[7])
        if not repeated:
            events.append([micros(moment), "INFO", 1, m[7]])
        elif events:
            events[-1][2] += int(repeated[1])
        else:
            dropped += 1
    return events, dropped


def place_in_year(m, zone, previous, first_year):
    def at(year):
        try:
            return dt.datetime(year, MONTHS.index(m[1]) + 1, int(m[2]), int(m[3]), int(m[4]), int(m[5]), tzinfo=zone)
        except ValueError:
            return None

    if previous is None:
        return at(first_year)
    moment = at(previous.year)
    if moment and moment < previous - HALF_YEAR:
        moment = at(previous.year + 1)
    return moment


def read_jsonl(source, lines):
    events, dropped = [], 0
    for line in lines:
        try:
            record = json.loads(line, parse_float=decimal.Decimal, parse_int=decimal.Decimal)
            ts, level, msg = record["ts"], record["level"], record["msg"]
            if not (isinstance(ts, decimal.Decimal) and isinstance(level, str) and isinstance(msg, str)):
                raise ValueError("wrong types")
        except (ValueError, KeyError, TypeError, decimal.InvalidOperation):
            dropped += 1
            continue
        scale = 1000 if ts >= decimal.Decimal("1e11") else 1000000
        events.append([int((ts * scale).to_integral_value(decimal.ROUND_HALF_EVEN)), level, 1, msg])
    return events, dropped


READERS = {"iso": read_iso, "syslog": read_syslog, "jsonl": read_jsonl}


def main():
    config_path = sys.argv[1]
    with open(config_path, encoding="utf-8") as f:
        config = json.load(f)
    base = os.path.dirname(os.path.abspath(config_path))
    merged, dropped = [], {}
    for index, source in enumerate(config["sources"]):
        events, dropped[source["name"]] = READERS[source["format"]](source, lines_of(os.path.join(base, source["path"])))
        unique = {}
        for time, level, count, message in events:
            level = LEVELS.get(level.upper(), level.upper())
            key = (time - source.get("skew_ms", 0) * 1000, level, message)
            unique[key] = unique.get(key, 0) + count
        for order, ((time, level, message), count) in enumerate(unique.items()):
            merged.append((time, index, order, source["name"], level, count, message))
    for time, _, _, name, level, count, message in sorted(merged):
        stamp = (EPOCH + dt.timedelta(microseconds=time)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        print(json.dumps({"time": stamp, "source": name, "level": level, "count": count, "message": message}))
    print(json.dumps({"dropped": dropped}))


main()
PY
chmod +x /app/timeline
/app/timeline /app/incident.json > /app/incident.jsonl
cat /app/incident.jsonl
