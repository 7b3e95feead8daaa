import datetime as dt
import gzip
import json
import random
import subprocess

TOOL = "/app/timeline"


def call(config):
    p = subprocess.run([TOOL, str(config)], capture_output=True, timeout=60, cwd="/")
    assert p.returncode == 0, p.stderr[-500:]
    return [json.loads(x) for x in p.stdout.decode().split("\n") if x]


def run(tmp_path, sources, config="c.json"):
    listed = []
    for i, (data, settings) in enumerate(sources):
        data = data if isinstance(data, bytes) else data.encode()
        name = f"log {i}.gz" if settings.pop("gz", False) else f"log {i}"
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        listed.append({"name": f"s{i}", "path": name, **settings})
    (tmp_path / config).write_text(json.dumps({"sources": listed}))
    lines = call(tmp_path / config)
    assert set(lines[-1]) == {"dropped"}
    assert list(lines[-1]["dropped"]) == [s["name"] for s in listed]
    events = []
    for e in lines[:-1]:
        assert set(e) == {"time", "source", "level", "count", "message"}
        events.append((e["time"], e["source"], e["level"], e["count"], e["message"]))
    return events, list(lines[-1]["dropped"].values())


def iso(text, **k):
    return text, {"format": "iso", **k}


def syslog(text, year=2024, offset="+00:00", **k):
    return text, {"format": "syslog", "year": year, "offset": offset, **k}


def jsonl(*records, **k):
    return "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records), {"format": "jsonl", **k}


def test_given_incident():
    lines = [json.loads(x) for x in open("/app/incident.jsonl", encoding="utf-8")]
    want = [
        ("2023-12-31T22:59:59.000000Z", "mail", "INFO", 1, "cron: this line was delayed by a slow pipe"),
        ("2023-12-31T23:59:57.000000Z", "mail", "INFO", 1, "postfix[771]: connect from api[10.0.0.5]"),
        ("2023-12-31T23:59:58.250000Z", "api", "INFO", 1, "order 8812 accepted"),
        ("2023-12-31T23:59:58.450000Z", "db", "WARNING", 1, "replica lag 4 s"),
        ("2023-12-31T23:59:59.000000Z", "mail", "INFO", 42, "postfix[771]: queue is full"),
        ("2023-12-31T23:59:59.900000Z", "api", "ERROR", 1,
         'payment failed\nTraceback:\n  File "pay.py", line 30, in charge\n\nTimeoutError: no answer from mail gateway'),
        ("2024-01-01T00:00:00.000000Z", "db", "CRITICAL", 2, "deadlock detected\nDETAIL: process 41 waits"),
        ("2024-01-01T00:00:01.000000Z", "api", "WARNING", 1, "retrying order 8812"),
        ("2024-01-01T00:00:05.000000Z", "mail", "INFO", 1, "postfix[771]: queue drained"),
    ]
    assert [tuple(e[k] for k in ("time", "source", "level", "count", "message")) for e in lines[:-1]] == want
    assert lines[-1] == {"dropped": {"api": 1, "mail": 0, "db": 1}}
    assert call("/app/incident.json") == lines


def test_iso_times(tmp_path):
    events, dropped = run(tmp_path, [iso(
        "2024-03-01T00:30:00+05:30 INFO a\n2024-02-29 18:00:00,5-01:00 Info b\n2024-02-29T23:59:59.000001Z DEBUG c\n2024-02-29T12:00:00.1234Z err d\n")])
    assert events == [("2024-02-29T12:00:00.123400Z", "s0", "ERROR", 1, "d"), ("2024-02-29T19:00:00.000000Z", "s0", "INFO", 1, "a"),
                      ("2024-02-29T19:00:00.500000Z", "s0", "INFO", 1, "b"), ("2024-02-29T23:59:59.000001Z", "s0", "DEBUG", 1, "c")]
    assert dropped == [0]


def test_continuation_lines(tmp_path):
    events, dropped = run(tmp_path, [iso(
        "lost\n\n2024-01-01T00:00:00Z INFO first\n\n  indented\n2024-01-01T00:00:00 INFO without offset\n2024-01-01T00:00:01Z INFO \nsecond\n 2024-01-01T00:00:02Z INFO x\n\n2024-01-01T00:00:03Z INFO end")])
    assert events == [("2024-01-01T00:00:00.000000Z", "s0", "INFO", 1, "first\n\n  indented\n2024-01-01T00:00:00 INFO without offset"),
                      ("2024-01-01T00:00:01.000000Z", "s0", "INFO", 1, "\nsecond\n 2024-01-01T00:00:02Z INFO x\n"),
                      ("2024-01-01T00:00:03.000000Z", "s0", "INFO", 1, "end")]
    assert dropped == [2]


def test_line_ends_and_bytes(tmp_path):
    events, dropped = run(tmp_path, [iso("2024-01-01T00:00:00Z INFO a\u2028b\x0bc\x85d\r\nnext\rpart\r\r\n".encode() + b"bad \xff\xc3 bytes\n"),
                                     iso("2024-01-01T00:00:00Z INFO gr\u00fcn", gz=True)])
    assert events == [("2024-01-01T00:00:00.000000Z", "s0", "INFO", 1, "a\u2028b\x0bc\x85d\nnext\rpart\r\nbad \ufffd\ufffd bytes"),
                      ("2024-01-01T00:00:00.000000Z", "s1", "INFO", 1, "gr\u00fcn")]
    assert dropped == [0, 0]


def test_levels(tmp_path):
    levels = {"warn": "WARNING", "Warning": "WARNING", "ERR": "ERROR", "error": "ERROR", "fatal": "CRITICAL", "Crit": "CRITICAL", "notice": "NOTICE", "info": "INFO"}
    events, _ = run(tmp_path, [iso("".join(f"2024-01-01T00:00:{i:02d}Z {x} m\n" for i, x in enumerate(levels))),
                               jsonl(*[{"ts": 1704067300 + i, "level": x, "msg": "m"} for i, x in enumerate(levels)])])
    assert [e[2] for e in events] == list(levels.values()) * 2


def test_syslog_years_go_forward(tmp_path):
    events, dropped = run(tmp_path, [syslog("Nov 30 10:00:00 h a\nDec 31 23:59:59 h b\nJan  1 00:00:00 h c\nMay  5 00:00:00 h d\nOct 20 00:00:00 h e\nJan  2 00:00:00 h f\nFeb 29 12:00:00 h g\n",
                                            year=2022, offset="-02:00")])
    assert [e[0] for e in events] == ["2022-11-30T12:00:00.000000Z", "2023-01-01T01:59:59.000000Z", "2023-01-01T02:00:00.000000Z",
                                      "2023-05-05T02:00:00.000000Z", "2023-10-20T02:00:00.000000Z", "2024-01-02T02:00:00.000000Z", "2024-02-29T14:00:00.000000Z"]
    assert [e[4] for e in events] == list("abcdefg") and dropped == [0]


def test_syslog_delayed_lines(tmp_path):
    events, _ = run(tmp_path, [syslog("Dec 31 23:59:58 h a\nJan  1 00:00:01 h b\nDec 31 23:59:59 h c\nJan  1 00:00:02 h d\nJan  1 00:00:01 h e\n", year=2019)])
    assert [(e[0], e[4]) for e in events] == [
        ("2019-12-31T23:59:58.000000Z", "a"), ("2019-12-31T23:59:59.000000Z", "c"), ("2020-01-01T00:00:01.000000Z", "b"),
        ("2020-01-01T00:00:01.000000Z", "e"), ("2020-01-01T00:00:02.000000Z", "d")]


def test_syslog_repeats(tmp_path):
    events, dropped = run(tmp_path, [syslog(
        "Mar  1 00:00:00 h last message repeated 5 times\nMar  1 00:00:01 h x: one\nMar  1 00:00:02 h last message repeated 2 times\nnonsense\n"
        "Mar  1 00:00:09 h last message repeated 3 times\nMar  1 00:00:10 h y: last message repeated 2 times\nMar 1 00:00:11 h bad day\nmar  1 00:00:11 h z\n")])
    assert events == [("2024-03-01T00:00:01.000000Z", "s0", "INFO", 6, "x: one"), ("2024-03-01T00:00:10.000000Z", "s0", "INFO", 1, "y: last message repeated 2 times")]
    assert dropped == [4]


def test_repeat_lines_count_for_the_years(tmp_path):
    events, _ = run(tmp_path, [syslog("Oct  1 00:00:00 h a\nFeb  1 00:00:00 h last message repeated 1 times\nJul  1 00:00:00 h b\n", year=2020)])
    assert [(e[0], e[3], e[4]) for e in events] == [("2020-10-01T00:00:00.000000Z", 2, "a"), ("2021-07-01T00:00:00.000000Z", 1, "b")]


def test_jsonl_times(tmp_path):
    events, _ = run(tmp_path, [jsonl({"ts": 99999999999, "level": "a", "msg": "s"}, {"ts": 100000000000, "level": "a", "msg": "ms"},
                                     '{"ts": 1704067200.123457, "level": "a", "msg": "frac"}', '{"ts": 1704067200123.4567, "level": "a", "msg": "msfrac"}',
                                     '{"ts": 1.7040672e9, "level": "a", "msg": "exp"}', {"ts": 0, "level": "a", "msg": "zero", "more": [1]})][:1])
    assert [(e[0], e[4]) for e in events] == [
        ("1970-01-01T00:00:00.000000Z", "zero"), ("1973-03-03T09:46:40.000000Z", "ms"), ("2024-01-01T00:00:00.000000Z", "exp"),
        ("2024-01-01T00:00:00.123457Z", "frac"), ("2024-01-01T00:00:00.123457Z", "msfrac"), ("5138-11-16T09:46:39.000000Z", "s")]


def test_jsonl_bad_lines(tmp_path):
    good = {"ts": 1704067200, "level": "info", "msg": "ok"}
    bad = ["", "{", "[1]", "7", '"x"', "null", '{"ts": "1704067200", "level": "info", "msg": "x"}', '{"ts": true, "level": "info", "msg": "x"}',
           '{"ts": 1, "level": 3, "msg": "x"}', '{"ts": 1, "level": "info", "msg": null}', '{"level": "info", "msg": "x"}', '{"ts": 1, "level": "info"}']
    events, dropped = run(tmp_path, [jsonl(good, *bad)])
    assert events == [("2024-01-01T00:00:00.000000Z", "s0", "INFO", 1, "ok")]
    assert dropped == [len(bad)]


def test_doubles_are_one_event(tmp_path):
    events, dropped = run(tmp_path, [
        iso("2024-01-01T00:00:01Z WARN x\n2024-01-01T00:00:00Z INFO y\n2024-01-01T01:00:01+01:00 warning x\n2024-01-01T00:00:01Z ERROR x\n2024-01-01T00:00:01Z WARN x\nmore\n"),
        syslog("Jan  1 00:00:01 h x\nJan  1 00:00:01 h last message repeated 2 times\nJan  1 00:00:01 other x\nJan  1 00:00:02 h last message repeated 4 times\n"),
        jsonl({"ts": 1704067201, "level": "INFO", "msg": "x"})])
    t0, t1 = "2024-01-01T00:00:00.000000Z", "2024-01-01T00:00:01.000000Z"
    assert events == [(t0, "s0", "INFO", 1, "y"), (t1, "s0", "WARNING", 2, "x"), (t1, "s0", "ERROR", 1, "x"), (t1, "s0", "WARNING", 1, "x\nmore"),
                      (t1, "s1", "INFO", 8, "x"), (t1, "s2", "INFO", 1, "x")]
    assert dropped == [0, 0, 0]


def test_skew_and_ties(tmp_path):
    events, _ = run(tmp_path, [
        iso("2024-01-01T00:00:00.750Z INFO z1\n2024-01-01T00:00:00.750Z INFO a2\n", skew_ms=-250),
        iso("2024-01-01T00:00:01Z INFO m\n"),
        syslog("Jan  1 00:00:03 h n\nJan  1 00:00:01 h early\n", skew_ms=2000),
        jsonl({"ts": 1704067201.0, "level": "I", "msg": "b"})])
    t1 = "2024-01-01T00:00:01.000000Z"
    assert events == [("2023-12-31T23:59:59.000000Z", "s2", "INFO", 1, "early"), (t1, "s0", "INFO", 1, "z1"), (t1, "s0", "INFO", 1, "a2"),
                      (t1, "s1", "INFO", 1, "m"), (t1, "s2", "INFO", 1, "n"), (t1, "s3", "I", 1, "b")]


def test_empty_logs_and_no_sources(tmp_path):
    assert run(tmp_path, [iso(""), syslog(""), jsonl()]) == ([], [0, 0, 0])
    assert run(tmp_path, []) == ([], [])


def test_large_merge(tmp_path):
    rng = random.Random(3)
    base = dt.datetime(2024, 5, 1)
    lines, want = [[], []], []
    for i in range(12000):
        s, t = i % 2, base + dt.timedelta(milliseconds=rng.randrange(4 * 10**6))
        if s == 0:
            lines[0].append((t + dt.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + f"+02:00 INFO m{i}\n")
        else:
            lines[1].append(json.dumps({"ts": round((t - dt.datetime(1970, 1, 1)) / dt.timedelta(milliseconds=1)), "level": "info", "msg": f"m{i}"}) + "\n")
        want.append((t.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), f"s{s}", "INFO", 1, f"m{i}"))
    events, _ = run(tmp_path, [iso("".join(lines[0])), ("".join(lines[1]), {"format": "jsonl"})])
    want.sort(key=lambda e: (e[0], e[1], int(e[4][1:])))
    assert events == want
