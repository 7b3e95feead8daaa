import gzip
import random
import subprocess

TOOL = "/app/report"
HEAD = "method\tendpoint\trequests\terrors\tp95_ms\n"


def entry(method="GET", target="/x", status=200, ms=1, agent="curl/8", referer="-", user="-", size="5"):
    return (f'192.0.2.7 - {user} [02/Mar/2024:10:00:00 +0100] "{method} {target} HTTP/1.1" {status} {size} '
            f'"{referer}" "{agent}" rt={ms // 1000}.{ms % 1000:03d}')


def run(folder):
    p = subprocess.run([TOOL, str(folder)], capture_output=True, timeout=60, cwd="/tmp")
    assert p.returncode == 0, p.stderr[-500:]
    return p.stdout.decode("utf-8", "surrogateescape")


def report(tmp_path, lines):
    (tmp_path / "access.log").write_text("".join(x + "\n" for x in lines))
    return run(tmp_path)


def table(rows, skipped=0):
    return HEAD + "".join("\t".join(map(str, r)) + "\n" for r in rows) + f"#skipped\t{skipped}\n"


def rank95(values):
    values, k = sorted(values), 1
    while 100 * k < 95 * len(values):
        k += 1
    return values[k - 1]


def test_given_logs_report_file():
    got = open("/app/report.tsv", newline="").read()
    assert got == run("/app/logs")
    lines = got.splitlines()
    assert lines[0] + "\n" == HEAD and lines[-1] == "#skipped\t3"
    assert sum(int(x.split("\t")[2]) for x in lines[1:-1]) == 5997
    assert {x.split("\t")[1] for x in lines[1:-1]} == {
        "/", "/api/orders", "/api/orders/:id", "/api/orders/:id/items/:id", "/api/users/:uuid", "/healthz", "/search", "/static/app.js"}
    assert len(lines) == 2 + 24


def test_percentile_is_nearest_rank(tmp_path):
    rng = random.Random(5)
    for n in (1, 2, 19, 20, 21, 40, 99, 100, 101, 260):
        values = rng.sample(range(10, 90000), n)
        got = report(tmp_path, [entry(ms=v) for v in values])
        assert got == table([("GET", "/x", n, 0, rank95(values))]), n


def test_endpoints_are_normalised(tmp_path):
    u = "3F2504e0-4f89-11d3-9a0c-0305e82c3301"
    targets = {"/a/1/b/22?x=/3/4": "/a/:id/b/:id", f"/u/{u}": "/u/:uuid", f"/u/{u}x": f"/u/{u}x", "/v2/items": "/v2/items", "/a/": "/a/",
               "/7": "/:id", "/?q=1": "/", "//5": "//:id", "/a/1.5": "/a/1.5", "/a/007": "/a/:id", "/e?": "/e"}
    got = report(tmp_path, [entry(target=t) for t in targets])
    assert got == table(sorted(("GET", e, 1, 0, 1) for e in targets.values()))


def test_methods_are_separate_and_errors_counted(tmp_path):
    lines = [entry("GET", "/p", 200, 9), entry("GET", "/p", 500, 9), entry("GET", "/p", 503, 9), entry("GET", "/p", 499, 9),
             entry("POST", "/p", 599, 9), entry("POST", "/p", 404, 9)]
    assert report(tmp_path, lines) == table([("GET", "/p", 4, 2, 9), ("POST", "/p", 2, 1, 9)])


def test_order_of_rows(tmp_path):
    lines = [entry("GET", "/slow", ms=2000), entry("GET", "/fast", ms=9), entry("GET", "/mid", ms=100), entry("GET", "/mid", ms=100),
             entry("GET", "/b", ms=100), entry("PUT", "/a", ms=100), entry("DELETE", "/a", ms=100), entry("GET", "/Z", ms=100), entry("GET", "/slower", ms=10000)]
    assert report(tmp_path, lines) == table([
        ("GET", "/slower", 1, 0, 10000), ("GET", "/slow", 1, 0, 2000), ("GET", "/mid", 2, 0, 100), ("GET", "/Z", 1, 0, 100),
        ("DELETE", "/a", 1, 0, 100), ("PUT", "/a", 1, 0, 100), ("GET", "/b", 1, 0, 100), ("GET", "/fast", 1, 0, 9)])


def test_quotes_in_referer_and_agent(tmp_path):
    lines = [entry(agent=r"a \"b\" c", ms=5), entry(agent=r'x\" 500 7 \"-\" \"-\" rt=9.000', ms=6), entry(referer=r"http://e/\"GET /y HTTP/1.1\" 500", ms=7),
             entry(agent="", ms=8), entry(agent=r"tail\\", ms=4), entry(agent="rt=77.000 done", ms=3), entry(agent="Gr\u00fc\u00dfe", ms=2)]
    assert report(tmp_path, lines) == table([("GET", "/x", 7, 0, 8)])


def test_other_lines_are_skipped_and_counted(tmp_path):
    good = entry(ms=12)
    bad = ["", " ", good[:40], good[:-1], good + " ", " " + good, good.replace("rt=0.012", "rt=0.12"), good.replace("rt=0.012", "rt=-"),
           good.replace('"GET /x HTTP/1.1"', '"-"'), good.replace('"GET /x HTTP/1.1"', r'"\x16\x03"'), good.replace('"curl/8" ', ""),
           good.replace("GET /x", "GET x"), good.replace(" 200 ", " 2000 "), good.replace(" 200 ", " - "), good.replace("GET /x", "get /x"),
           good.replace('"curl/8"', '"un"quoted"')]
    assert report(tmp_path, [good, *bad, good]) == table([("GET", "/x", 2, 0, 12)], len(bad))


def test_user_names_and_dash_size(tmp_path):
    lines = [entry(user="alice", size="-", ms=3), entry(user="bob@example", size="0", ms=4)]
    assert report(tmp_path, lines) == table([("GET", "/x", 2, 0, 4)])


def test_rotated_and_compressed_files(tmp_path):
    (tmp_path / "access.log").write_text(entry(ms=1))  # no newline at the end
    (tmp_path / "access.log.1").write_text(entry(ms=2) + "\n")
    (tmp_path / "access.log.2.gz").write_bytes(gzip.compress((entry(ms=3) + "\n" + entry(ms=4) + "\n").encode()))
    (tmp_path / "access.log-20240101.gz").write_bytes(gzip.compress(entry(ms=50).encode()))
    (tmp_path / "error.log").write_text("x\n")
    (tmp_path / "old-access.log").write_text(entry(ms=60) + "\n")
    assert run(tmp_path) == table([("GET", "/x", 5, 0, 50)])


def test_no_requests_at_all(tmp_path):
    assert report(tmp_path, []) == table([])
    assert report(tmp_path, ["nonsense"]) == table([], 1)


def test_large_mixed_log(tmp_path):
    rng = random.Random(99)
    seen, bad, lines = {}, {}, []
    for _ in range(30000):
        m, k, n = rng.choice(["GET", "POST"]), rng.choice("abcdefgh"), rng.randrange(10**6)
        status, ms = rng.choice([200, 204, 404, 500]), int(rng.paretovariate(1.2) * 10)
        lines.append(entry(m, f"/{k}/{n}?t={n}", status, ms))
        seen.setdefault((m, f"/{k}/:id"), []).append(ms)
        bad[m, f"/{k}/:id"] = bad.get((m, f"/{k}/:id"), 0) + (status == 500)
    rows = [(m, e, len(v), bad[m, e], rank95(v)) for (m, e), v in seen.items()]
    rows.sort(key=lambda r: (-r[4], -r[2], r[1], r[0]))
    assert report(tmp_path, lines) == table(rows)
