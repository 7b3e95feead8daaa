import csv
import os
import random
import subprocess
from datetime import datetime, timedelta

import pytest

HEAD = "day,peak,reached_at\n"


def peak(*files):
    p = subprocess.run(["/app/peak", *map(str, files)], capture_output=True, text=True, timeout=20, cwd="/")
    assert p.returncode == 0, p.stderr
    return p.stdout, p.stderr


@pytest.fixture
def log(tmp_path):
    def write(*rows, columns="id,time,direction,count", name="log.csv"):
        path = tmp_path / name
        with open(path, "w", newline="", encoding="utf-8") as f:
            w = csv.writer(f, lineterminator="\n")
            w.writerow(columns.split(","))
            w.writerows(r.split("|") for r in rows)
        return path
    return write


def test_is_an_executable():
    assert os.access("/app/peak", os.X_OK)


def test_small_day(log):
    out, err = peak(log("1|2024-01-05 08:00:00|in|2", "2|2024-01-05 08:05:00|in|3", "3|2024-01-05 08:06:00|out|1",
                        "4|2024-01-05 09:00:00|in|1"))
    assert out == HEAD + "2024-01-05,5,08:05:00\n"
    assert err == "skipped 0\n"


def test_order_of_lines_does_not_matter(log):
    out, _ = peak(log("4|2024-01-06 09:00:00|in|7", "3|2024-01-05 18:06:00|out|5", "2|2024-01-05 08:05:00|in|3",
                      "5|2024-01-06 08:00:00|out|1", "1|2024-01-05 08:00:00|in|2"))
    assert out == HEAD + "2024-01-05,5,08:05:00\n2024-01-06,7,09:00:00\n"


def test_out_before_in_within_a_second(log):
    out, _ = peak(log("1|2024-01-05 08:00:00|in|5", "2|2024-01-05 08:01:00|in|4", "3|2024-01-05 08:01:00|out|4",
                      "4|2024-01-05 08:01:00|in|1"))
    assert out == HEAD + "2024-01-05,6,08:01:00\n"


def test_each_day_starts_empty(log):
    out, _ = peak(log("1|2024-02-28 23:59:59|in|9", "2|2024-02-29 00:00:00|in|1", "3|2024-03-01 00:00:00|out|2"))
    assert out == HEAD + "2024-02-28,9,23:59:59\n2024-02-29,1,00:00:00\n2024-03-01,0,00:00:00\n"


def test_never_below_zero(log):
    out, _ = peak(log("1|2024-01-05 08:00:00|in|2", "2|2024-01-05 08:30:00|out|50", "3|2024-01-05 09:00:00|in|3"))
    assert out == HEAD + "2024-01-05,3,09:00:00\n"


def test_day_with_peak_zero_gives_its_first_event(log):
    out, _ = peak(log("2|2024-01-05 19:30:00|out|1", "1|2024-01-05 18:00:07|out|3"))
    assert out == HEAD + "2024-01-05,0,18:00:07\n"


def test_peak_reached_twice_gives_the_first_time(log):
    out, _ = peak(log("1|2024-01-05 08:00:00|in|4", "2|2024-01-05 09:00:00|out|4", "3|2024-01-05 10:00:00|in|4"))
    assert out == HEAD + "2024-01-05,4,08:00:00\n"


def test_direction_and_empty_count(log):
    out, err = peak(log("1|2024-01-05 08:00:00| In |", "2|2024-01-05 08:01:00|IN|", "3|2024-01-05 08:02:00|oUT|",
                        "4|2024-01-05 08:03:00|in  |10"))
    assert (out, err) == (HEAD + "2024-01-05,11,08:03:00\n", "skipped 0\n")


def test_columns_in_any_order_with_quotes(log):
    path = log('x, "y"|3|2024-01-05 08:00:00|a,b|in', 'two\nlines|2|2024-01-05 08:10:00|c|in', columns="note,count,time,id,direction")
    assert peak(path) == (HEAD + "2024-01-05,5,08:10:00\n", "skipped 0\n")


def test_invalid_lines_are_skipped_and_counted(log):
    good = "g|2024-01-05 08:00:00|in|2"
    bad = ["|2024-01-05 08:00:01|in|1", "a|2024-02-30 08:00:00|in|1", "b|2024-01-05 24:00:00|in|1", "c|2024-01-05 08:00|in|1",
           "d|2024-1-5 08:00:00|in|1", "e|2024-01-05T08:00:00|in|1", "f|2024-01-05 08:00:00|inside|1", "h|2024-01-05 08:00:00||1",
           "i|2024-01-05 08:00:00|in|0", "j|2024-01-05 08:00:00|in|-3", "k|2024-01-05 08:00:00|in|1.5",
           "l|2024-01-05 08:00:00|in|two", "m||in|1"]
    assert peak(log(*bad[:6], good, *bad[6:])) == (HEAD + "2024-01-05,2,08:00:00\n", f"skipped {len(bad)}\n")


def test_repeated_events_count_once_in_all_files(log):
    a = log("1|2024-01-05 08:00:00|in|2", "2|2024-01-05 08:10:00|in|2", "1|2024-01-05 08:00:00|in|2", name="a.csv")
    b = log("2|2024-01-05 08:10:00|in|2", "3|2024-01-05 08:20:00|in|1", "1|2024-01-05 08:00:00|in|2", name="b.csv")
    assert peak(a, b) == (HEAD + "2024-01-05,5,08:20:00\n", "skipped 0\n")


def test_first_valid_line_of_an_id_counts(log):
    a = log("1|2024-01-05 08:00:00|in|none", "2|2024-01-05 09:00:00|in|2", name="a.csv")
    b = log("1|2024-01-05 08:00:00|in|4", "2|2024-01-05 09:30:00|in|5", name="b.csv")
    assert peak(a, b) == (HEAD + "2024-01-05,6,09:00:00\n", "skipped 1\n")
    assert peak(b, a) == (HEAD + "2024-01-05,9,09:30:00\n", "skipped 1\n")


def test_no_events_at_all(log):
    assert peak(log()) == (HEAD, "skipped 0\n")


def reference(events):
    days = {}
    for time, way, count in sorted(events, key=lambda e: (e[0], e[1] == "in")):
        days.setdefault(time.date(), []).append((time, count if way == "in" else -count))
    text = HEAD
    for day in sorted(days):
        best, at, now = 0, days[day][0][0], 0
        for time, change in days[day]:
            now = max(now + change, 0)
            if now > best:
                best, at = now, time
        text += f"{day},{best},{at:%H:%M:%S}\n"
    return text


@pytest.mark.parametrize("seed", range(6))
def test_random_logs(log, seed):
    r = random.Random(seed)
    start = datetime(2023, 12, 29)
    # few distinct seconds, so that many events share one
    events = [(start + timedelta(days=r.randrange(5), seconds=r.randrange(400) * 100), r.choice(["in", "in", "out"]),
               r.randrange(1, 6)) for _ in range(1500)]
    rows = [f"E{i}|{t}|{w}|{'' if c == 1 else c}" for i, (t, w, c) in enumerate(events)]
    parts = [rows[:500], rows[500:1100] + r.sample(rows, 80), rows[1100:] + r.sample(rows, 80)]
    for part in parts:
        r.shuffle(part)
    files = [log(*part, name=f"{i}.csv") for i, part in enumerate(parts)]
    assert peak(*files) == (reference(events), "skipped 0\n")
