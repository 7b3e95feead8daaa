import os
import random
import re
import subprocess

import pytest

RECORD = re.compile(rb"(-?[0-9]{1,18})\t([^\t\n\0]{1,255})\t([+-]?)([0-9]{1,9})(?:\.([0-9]{1,3}))?", re.S)


@pytest.fixture(scope="module")
def meter(tmp_path_factory):
    copy = tmp_path_factory.mktemp("build") / "app"
    subprocess.run(["cp", "-r", "/app", str(copy)], check=True, timeout=60)
    for target in ("clean", "meter"):
        p = subprocess.run(["make", target], cwd=copy, capture_output=True, text=True, timeout=120)
        assert p.returncode == 0, p.stderr[-800:]
    head = (copy / "meter").read_bytes()[:4]
    assert head == b"\x7fELF"
    return str(copy / "meter")


def fixed(value, decimals):
    text = str(abs(value)).rjust(decimals + 1, "0")
    return ("-" if value < 0 else "") + text[:-decimals] + "." + text[-decimals:]


def expected(data, percent=50):
    keys, records, invalid = {}, 0, 0
    for line in data.split(b"\n"):
        if line == b"" or line.startswith(b"#"):
            continue
        m = RECORD.fullmatch(line)
        if not m:
            invalid += 1
            continue
        records += 1
        amount = int(m[4]) * 1000 + int((m[5] or b"0").ljust(3, b"0"))
        keys.setdefault(m[2], []).append((int(m[1]), -amount if m[3] == b"-" else amount))
    out = []
    for key in sorted(keys):
        values = keys[key]
        amounts = sorted(a for _, a in values)
        n, s, q = len(amounts), sum(amounts), sum(a * a for a in amounts)
        mean = (2 * abs(s) + n) // (2 * n) * (-1 if s < 0 else 1)
        variance = (2 * (n * q - s * s) + n * n) // (2 * n * n)
        best = values[0]
        for v in values:
            if v[0] >= best[0]:
                best = v
        numbers = [fixed(x, 3) for x in (s, amounts[0], amounts[-1], mean)] + [fixed(variance, 6), fixed(amounts[-(-percent * n // 100) - 1], 3), fixed(best[1], 3)]
        out.append(b"\t".join([key, str(n).encode()] + [x.encode() for x in numbers]) + b"\n")
    out.append(b"#total\t%d\t%d\t%d\n" % (records, invalid, len(keys)))
    return b"".join(out)


def run(meter, path, *options, env=None):
    # the stated limit is 20 s; twice that, for slow machines
    p = subprocess.run([meter, *map(str, options), str(path)], capture_output=True, timeout=40, env=env)
    assert p.returncode == 0, (p.returncode, p.stderr[-300:])
    return p.stdout


def same(got, want):
    if got != want:
        g, w = got.split(b"\n"), want.split(b"\n")
        diff = [(a[:300], b[:300]) for a, b in zip(g, w) if a != b][:2]
        pytest.fail(f"{len(g)} lines instead of {len(w)}; first differences (got, expected): {diff}")


def check(meter, tmp_path, data, threads=(1, 2, 3, 7), percents=(50,)):
    path = tmp_path / "usage.tsv"
    path.write_bytes(data)
    for percent in percents:
        want = expected(data, percent)
        for j in threads:
            same(run(meter, path, "-j", j, "-p", percent), want)


def random_file(rng, n, keys, digits=6, times=10**6, noise=0.02):
    out = []
    for _ in range(n):
        if rng.random() < noise:
            out.append(rng.choice([b"", b"# note", b"broken", b"1\tk\t", b"x\tk\t1", b"5\tk\t1.2345"]))
        amount = rng.choice(["", "-", "+"]) + str(rng.randrange(10**rng.randrange(1, digits + 1)))
        if rng.random() < 0.7:
            amount += "." + "".join(rng.choice("0123456789") for _ in range(rng.randrange(1, 4)))
        out.append(b"%d\t%s\t%s" % (rng.randrange(times), rng.choice(keys), amount.encode()))
    return b"\n".join(out) + b"\n"


def test_sample(meter):
    data = open("/app/sample.tsv", "rb").read()
    for j in (1, 4, 9):
        same(run(meter, "/app/sample.tsv", "-j", j), expected(data))
    same(run(meter, "/app/sample.tsv"), expected(data))
    same(run(meter, "/app/sample.tsv", "-p", 95), expected(data, 95))


def test_every_cut_of_a_small_file(meter, tmp_path):
    data = b"1\ta\t1\n22\tbb\t-22.5\n\n333\tccc\t3.25\n# x\n4\ta\t0.004\nbad\n5\tbb\t5\n"
    check(meter, tmp_path, data, threads=range(1, 65))
    check(meter, tmp_path, data[:-1], threads=range(1, 65))


def test_equal_lines_at_all_cuts(meter, tmp_path):
    check(meter, tmp_path, b"1\tk\t1\n" * 6400, threads=(1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64))


def test_empty_and_comment_only_files(meter, tmp_path):
    for data in (b"", b"\n", b"#", b"# only\n\n\n", b"x", b"\n\n7\tk\t1"):
        check(meter, tmp_path, data, threads=(1, 4, 64))


def test_end_of_file_at_a_page_end(meter, tmp_path):
    for pages in (1, 2, 5):
        line, tail = b"12345\tpage/%d\t1.5\n" % pages, b"9\tz\t77.125"
        data = line * ((4096 * pages - len(tail)) // len(line))
        data += b"#" * (4096 * pages - len(tail) - len(data) - 1) + b"\n" + tail
        assert len(data) == 4096 * pages
        check(meter, tmp_path, data)
        check(meter, tmp_path, data[:-1] + b".")


def test_amounts(meter, tmp_path):
    amounts = ["-0.5", "0.5", "-0.005", "1.05", "1.5", "1.50", "1.500", "+3", "+0.001", "-0", "-0.0", "000000007", "999999999.999", "-999999999.999", "12.010", "0.100", "0.02"]
    check(meter, tmp_path, "".join(f"1\tk{i}\t{a}\n" for i, a in enumerate(amounts)).encode())
    check(meter, tmp_path, "".join(f"1\tk\t{a}\n" for a in amounts).encode(), percents=(1, 30, 50, 100))


def test_invalid_lines(meter, tmp_path):
    bad = [b"1\tk\t", b"1\tk", b"1", b"\t", b"\tk\t1", b"1\t\t1", b"1\tk\t1\t", b"1\tk\t1\r", b"1\tk\t 1", b"1\tk\t1 ", b" 1\tk\t1", b"+1\tk\t1", b"1 \tk\t1", b"1\tk\t.5", b"1\tk\t5.",
           b"1\tk\t1.-5", b"1\tk\t1.+5", b"1\tk\t1. 5", b"1\tk\t--1", b"1\tk\t+-1", b"1\tk\t1234567890", b"1\tk\t0.1234", b"1\tk\t1e3", b"1\tk\t0x10", b"1\tk\tnan", b"1\tk\t1,5", b"--1\tk\t1",
           b"1234567890123456789\tk\t1", b"-\tk\t1", b"1\t" + b"x" * 256 + b"\t1", b"1\ta\0b\t1", b"0x1\tk\t1", b"1\tk\t\xb2", b"1\tk\t\0", b"1\tk\t1\0"]
    good = b"2\tk\t1\n"
    for b in bad:
        check(meter, tmp_path, good + b + b"\n" + b"3\tk\t4\n" + b"5\tk\t6\n", threads=(1, 3))
    check(meter, tmp_path, b"".join(b + b"\n" + good for b in bad))


def test_empty_amount_does_not_take_the_next_line(meter, tmp_path):
    check(meter, tmp_path, b"1\tk\t\n5\tk\t7\n1\tk\t1.\n5\tk\t7\n\n12\n\tk\t3\n", threads=(1, 2))


def test_order_of_keys(meter, tmp_path):
    keys = [b"a", b"A", b"ab", b"abc", b"a b", b"a\xc3\xa4", b"\xff", b"\x80", b"~", b"\x01", b" ", b"z\xe9", b"z", b"a#", b"b" * 255, b"b" * 254, b"\x0b", b"%s%n"]
    rng = random.Random(4)
    check(meter, tmp_path, b"".join(b"%d\t%s\t%d\n" % (i, rng.choice(keys), i) for i in range(400)))


def test_keys_with_a_long_common_beginning(meter, tmp_path):
    base = b"customer/0000000000000000000000000000/service/"
    keys = [base, base + b"a", base + b"ab", base + b"abc", base[:24], base[:25], base[:23], base + b"b"]
    rng = random.Random(5)
    check(meter, tmp_path, b"".join(b"%d\t%s\t%d\n" % (i, rng.choice(keys), i) for i in range(3000)), threads=(1, 2, 8))


def test_many_keys(meter, tmp_path):
    rng = random.Random(6)
    names = [b"region/eu-central-1/cluster/%06d" % i for i in range(100000)]
    data = b"".join(b"%d\t%s\t%d.%d\n" % (i, names[i % 100000] if i < 100000 else rng.choice(names), i % 977, i % 10) for i in range(200000))
    check(meter, tmp_path, data, threads=(1, 8))


def test_keys_that_take_turns(meter, tmp_path):
    rng = random.Random(16)
    names = [bytes([97 + i % 26]) * (1 + i // 26 % 9) + b"%d" % (i % 10) for i in range(900)]
    data = b"".join(b"%d\t%s\t%d\n" % (i, names[min(len(names) - 1, int(rng.expovariate(0.01)))], i % 31) for i in range(20000))
    check(meter, tmp_path, data, threads=(1, 2, 16))


def test_one_key_with_many_records(meter, tmp_path):
    rng = random.Random(7)
    data = b"".join(b"%d\tonly\t%d.%03d\n" % (rng.randrange(50), rng.randrange(10**6), rng.randrange(1000)) for _ in range(150000))
    check(meter, tmp_path, data, threads=(1, 5), percents=(50, 99))


def test_mean_rounding(meter, tmp_path):
    out = []
    for i, parts in enumerate([(1, 2), (-1, -2), (1, 0), (-1, 0), (1, 1, 0), (-1, -1, 0), (-1, 0, 0), (0, 0), (3, -3), (2, 2, 3), (-2, -2, -3), (-1, 2, -2, -1)]):
        out += [f"1\tm{i:02d}\t{'-' if p < 0 else ''}0.00{abs(p)}\n" for p in parts]
    check(meter, tmp_path, "".join(out).encode())


def test_variance_is_exact(meter, tmp_path):
    lines = []
    for i in range(1000):
        lines.append(f"1\tnear\t{999999000 + i % 3}.00{i % 10}\n1\tconst\t123456789.123\n1\twide\t{'-' if i % 2 else ''}999999999.99{i % 10}\n1\tneg\t-99999999{i % 7}.5\n1\tthird\t0.00{i % 3}\n")
    check(meter, tmp_path, "".join(lines).encode())


def test_sums_of_huge_files(meter, tmp_path):
    check(meter, tmp_path, b"1\tbig\t999999999.999\n1\tsmall\t-999999999.999\n" * 300000, threads=(4,))


def test_percentiles(meter, tmp_path):
    rng = random.Random(9)
    lines = []
    for n in (1, 2, 3, 10, 20, 25, 50, 100, 200, 300, 101):
        lines += [b"1\tn%03d\t%d\n" % (n, v) for v in rng.sample(range(-10**8, 10**9 - 1), n)]
    rng.shuffle(lines)
    check(meter, tmp_path, b"".join(lines), threads=(1, 3), percents=range(1, 101))


def test_last_by_time_then_by_place_in_file(meter, tmp_path):
    rng = random.Random(10)
    lines = [b"%d\tk%d\t%d\n" % (rng.choice([5, 5, 5, 4, -3]), i % 5, i) for i in range(30000)]
    lines += [b"-%d\tneg%d\t%d\n" % (10**17 + rng.randrange(3), i % 3, i) for i in range(3000)]
    lines += [b"%d\tfar\t%d\n" % (t, i) for i, t in enumerate((999999999999999999, -999999999999999999, 4294967296, 0))]
    data = b"".join(lines)
    check(meter, tmp_path, data, threads=(1, 2, 4, 8, 16, 64))
    check(meter, tmp_path, b"-5\tk\t1\n-7\tk\t2\n-5\tk\t3\n-6\tk\t4\n", threads=(1, 2, 4))


def test_result_never_depends_on_the_threads(meter, tmp_path):
    rng = random.Random(12)
    keys = [b"svc-%d/%s" % (i, b"x" * (i % 40)) for i in range(2000)]
    data = random_file(rng, 120000, keys, digits=9, times=50)
    path = tmp_path / "u.tsv"
    path.write_bytes(data)
    want = expected(data)
    for i in range(12):
        same(run(meter, path, "-j", (64, 16, 4, 2)[i % 4]), want)


def test_invalid_lines_are_all_counted_with_many_threads(meter, tmp_path):
    data = b"bad\n1\tk\t1\nworse\n" * 120000
    path = tmp_path / "u.tsv"
    path.write_bytes(data)
    for _ in range(5):
        same(run(meter, path, "-j", 16), b"k\t120000\t120000.000\t1.000\t1.000\t1.000\t0.000000\t1.000\t1.000\n#total\t120000\t240000\t1\n")


@pytest.mark.parametrize("seed", range(6))
def test_random_files(meter, tmp_path, seed):
    rng = random.Random(100 + seed)
    keys = [bytes(rng.choice([x for x in range(1, 256) if x not in (9, 10)]) for _ in range(rng.randrange(1, 60))) for _ in range(rng.choice([1, 5, 300]))]
    data = random_file(rng, rng.randrange(500, 6000), keys, digits=9, times=rng.choice([3, 10**15]), noise=0.1)
    check(meter, tmp_path, data if seed % 2 else data[:-1], threads=(1, 2, 5, 13), percents=(1, 7, 55, 90, 100))


def test_the_work_is_shared_by_threads(meter, tmp_path):
    shim = tmp_path / "shim.so"
    source = os.path.join(os.path.dirname(__file__), "count_threads.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(shim), source, "-ldl", "-pthread"], check=True, timeout=60)
    path, log = tmp_path / "u.tsv", tmp_path / "threads"
    path.write_bytes(random_file(random.Random(13), 400000, [b"k%d" % i for i in range(50)]))
    for j in (1, 3, 8):
        log.unlink(missing_ok=True)
        run(meter, path, "-j", j, env={**os.environ, "LD_PRELOAD": str(shim), "THREAD_LOG": str(log), "THREAD_COUNT": str(j)})
        times = [int(x) for x in log.read_text().split()]
        assert len(times) == j and min(times) >= 0, times
        assert min(times) * j * 6 > sum(times), times


def test_usage_errors(meter, tmp_path):
    ok = tmp_path / "ok"
    ok.write_bytes(b"1\tk\t1\n")
    for args in ([], ["-j", "0", ok], ["-j", "65", ok], ["-p", "0", ok], ["-p", "101", ok], [ok, ok], ["-x", ok], [tmp_path / "missing"], [tmp_path]):
        p = subprocess.run([meter, *map(str, args)], capture_output=True, timeout=20)
        assert p.returncode == 2 and p.stdout == b"", args
