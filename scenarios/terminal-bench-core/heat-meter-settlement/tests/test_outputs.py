import json
import random
import subprocess
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal, getcontext

import pytest

getcontext().prec = 60
METERS = "meter;customer;tariff;digits;factor"
TARIFFS = "tariff;valid_from;price"
PRICE = TARIFFS + "\nT;2000-01-01;1\n"
UTC = timezone.utc


def reading(meter, at, value, seq=1, **more):
    return json.dumps({"meter": meter, "at": at, "value": value, "seq": seq, **more})


@pytest.fixture
def settle(tmp_path):
    def run(meters, tariffs, *files, start="2024-03-01", end="2024-04-01", newline="\n", bom=False, out=None):
        source, target = tmp_path / "in", out or tmp_path / "a" / "out"
        source.mkdir(exist_ok=True)
        texts = {"meters.csv": meters, "tariffs.csv": tariffs}
        for i, lines in enumerate(files):
            texts[f"readings{i}.jsonl"] = lines if isinstance(lines, (str, bytes)) else "\n".join(lines) + "\n"
        for name, text in texts.items():
            if isinstance(text, str):
                text = ("\ufeff" if bom else "").encode() + text.replace("\n", newline).encode()
            (source / name).write_bytes(text)
        p = subprocess.run(["/app/settle", source, target, start, end], capture_output=True, text=True, timeout=30, cwd="/")
        assert p.returncode == 0, p.stderr
        got = {n: (target / f"{n}.csv").read_bytes().decode("utf-8") for n in ("bills", "checks", "rejects")}
        for name, head in (("bills", "customer;kwh;amount\n"), ("checks", "meter;at;previous;value\n"), ("rejects", "file;line;reason\n")):
            assert got[name].startswith(head), got[name]
            got[name] = got[name][len(head):]
        return got
    return run


def one(settle, *lines, factor="1", digits=5, tariffs=PRICE, **k):
    return settle(f"{METERS}\nM;C;T;{digits};{factor}\n", tariffs, list(lines), **k)


def test_plain_consumption(settle):
    got = one(settle, reading("M", "2024-03-20T00:00:00Z", 150), reading("M", "2024-03-02T00:00:00Z", 100),
              reading("M", "2024-03-30T12:00:00Z", 175))
    assert got == {"bills": "C;75,000;75,00\n", "checks": "", "rejects": ""}


def test_bounds_of_the_period(settle):
    lines = [reading("M", at, v) for at, v in (("2024-02-28T00:00:00Z", 0), ("2024-03-01T00:00:00Z", 10),
             ("2024-03-01T00:00:00.001Z", 110), ("2024-04-01T01:00:00+01:00", 1110), ("2024-04-01T00:00:00.5Z", 21110))]
    assert one(settle, *lines)["bills"] == "C;1100,000;1100,00\n"


def test_predecessor_before_the_period(settle):
    got = one(settle, reading("M", "2023-03-20T00:00:00Z", 100), reading("M", "2024-03-30T12:00:00Z", 130))
    assert got["bills"] == "C;30,000;30,00\n"


def test_same_instant_with_other_offsets(settle):
    lines = [reading("M", "2024-03-02T00:00:00Z", 100), reading("M", "2024-03-10T10:00:00Z", 150, 7),
             reading("M", "2024-03-10T12:00:00+02:00", 160, 9), reading("M", "2024-03-10T05:30:00.000-04:30", 170, 8),
             reading("M", "2024-03-12T00:00:00Z", 400)]
    assert one(settle, *lines, tariffs=TARIFFS + "\nT;2024-03-11;10\nT;2024-01-01;1\n")["bills"] == "C;300,000;2460,00\n"


def test_equal_seq_last_one_read_counts(settle):
    base = reading("M", "2024-03-02T00:00:00Z", 100)
    a, b = reading("M", "2024-03-10T10:00:00Z", 150, 7), reading("M", "2024-03-10T11:00:00+01:00", 160, 7)
    end = reading("M", "2024-03-12T00:00:00Z", 160)
    tariffs = TARIFFS + "\nT;2024-03-12;10\nT;2024-01-01;1\n"
    meters = f"{METERS}\nM;C;T;5;1\n"
    assert settle(meters, tariffs, [base, a, end], [b])["bills"] == "C;60,000;60,00\n"
    assert settle(meters, tariffs, [base, b, end], [a])["bills"] == "C;60,000;150,00\n"


def test_price_by_utc_day_of_the_later_reading(settle):
    tariffs = TARIFFS + "\nT;2024-03-10;100\nT;2024-03-20;10000\nT;2020-01-01;1\nX;2024-03-01;7\n"
    got = one(settle, reading("M", "2024-03-02T00:00:00Z", 0), reading("M", "2024-03-10T00:30:00+01:00", 1),
              reading("M", "2024-03-10T00:00:00Z", 3), reading("M", "2024-03-19T23:00:00-02:00", 7), tariffs=tariffs)
    assert got["bills"] == "C;7,000;40201,00\n"


@pytest.mark.parametrize("previous,value,billed", [
    (99990, 5, 15), (95000, 5000, 10000), (95000, 5001, None), (50000, 49999, None), (99999, 0, 1), (90001, 0, 9999), (89999, 0, None)])
def test_rollover_or_doubt(settle, previous, value, billed):
    got = one(settle, reading("M", "2024-03-02T00:00:00Z", previous), reading("M", "2024-03-03T23:30:00.75-01:00", value),
              reading("M", "2024-03-05T00:00:00Z", value + 7))
    total = 7 + (billed or 0)
    assert got["bills"] == f"C;{total},000;{total},00\n"
    assert got["checks"] == ("" if billed else f"M;2024-03-04T00:30:00Z;{previous};{value}\n")


def test_doubt_outside_the_period_is_not_listed(settle):
    got = one(settle, reading("M", "2024-02-02T00:00:00Z", 500), reading("M", "2024-02-03T00:00:00Z", 400),
              reading("M", "2024-03-05T00:00:00Z", 410), reading("M", "2024-04-05T00:00:00Z", 100))
    assert got == {"bills": "C;10,000;10,00\n", "checks": "", "rejects": ""}


@pytest.mark.parametrize("factor,price,count,kwh,amount", [
    ("0,0005", "1", 1, "0,001", "0,00"), ("1", "0,005", 1, "1,000", "0,01"), ("1", "1,005", 1, "1,000", "1,01"),
    ("0,0015", "1000", 1, "0,002", "1,50"), ("1", "0,145", 1, "1,000", "0,15"), ("0,1", "0,35", 3, "0,300", "0,11"),
    ("2,675", "1", 1, "2,675", "2,68"), ("0,3335", "3", 7, "2,335", "7,00"), ("1", "0,004999", 1, "1,000", "0,00")])
def test_exact_rounding(settle, factor, price, count, kwh, amount):
    got = one(settle, reading("M", "2024-03-02T00:00:00Z", 5), reading("M", "2024-03-03T00:00:00Z", 5 + count),
              factor=factor, tariffs=f"{TARIFFS}\nT;2024-01-01;{price}\n")
    assert got["bills"] == f"C;{kwh};{amount}\n"


def test_rounded_only_at_the_end(settle):
    meters = METERS + "\n" + "".join(f"M{i};C;T;5;0,0004\n" for i in range(10))
    lines = [reading(f"M{i}", f"2024-03-0{d}T00:00:00Z", d) for i in range(10) for d in (1, 2, 3)]
    assert settle(meters, TARIFFS + "\nT;2024-01-01;0,63\n", lines)["bills"] == "C;0,008;0,01\n"


def test_customers_quotes_order_and_nothing_to_pay(settle):
    meters = (METERS + '\nA;"Hof; Nord";T;5;1\nB;"The ""Inn""";T;5;1\nC;Zoo;T;5;1\nD;Ähre;T;5;1\nE;apple;T;5;1\nF;Zoo;T;5;2\n'
              'G;"Two\nLines";T;5;1\n')
    lines = [reading(m, f"2024-03-0{d}T00:00:00Z", d * 10) for m in "ABCF" for d in (2, 4)]
    want = ('"Hof; Nord";20,000;20,00\n"The ""Inn""";20,000;20,00\n"Two\nLines";0,000;0,00\nZoo;60,000;60,00\n'
            "apple;0,000;0,00\nÄhre;0,000;0,00\n")
    assert settle(meters, PRICE, lines)["bills"] == want


def test_meter_listed_again(settle):
    meters = METERS + "\nA;Old owner;T;5;1\nB;Other;T;5;1\nA;New owner;U;3;0,5\n"
    got = settle(meters, PRICE + "U;2000-01-01;4\n", [reading("A", "2024-03-02T00:00:00Z", 990), reading("A", "2024-03-03T00:00:00Z", 10),
                                                      reading("A", "2024-03-03T00:00:01Z", 1000)])
    assert got == {"bills": "New owner;10,000;40,00\nOther;0,000;0,00\n", "checks": "", "rejects": "readings0.jsonl;3;range\n"}


def test_byte_order_mark_and_crlf(settle):
    lines = [reading("M", "2024-03-02T00:00:00Z", 10), "", reading("M", "2024-03-03T00:00:00Z", 15), "[1]"]
    got = settle(f"{METERS}\nM;C;T;5;1,5\n", PRICE, lines, newline="\r\n", bom=True)
    assert got == {"bills": "C;7,500;7,50\n", "checks": "", "rejects": "readings0.jsonl;4;json\n"}


def test_reasons(settle):
    good = reading("M", "2024-03-02T00:00:00Z", 10, extra={"x": [1]}, value2="none")
    t = "2024-03-05T00:00:00Z"
    cases = [("{", "json"), ('"text"', "json"), ("null", "json"), (good + good, "json"), (b'{"meter": "\xff"}', "json"), ("[]", "json"),
             ("{}", "field"), (reading("M", t, 12.0), "field"), (reading("M", t, True), "field"), (reading("M", t, "12"), "field"),
             (reading("M", t, 12, 1.5), "field"), (reading("M", t, 12, None), "field"), (reading(7, t, 12), "field"),
             (reading("M", 1709600000, 12), "field"), (reading("?", "never", "12"), "field"), ('{"meter":"M","at":"%s","value":1}' % t, "field"),
             (reading("M", "2024-03-05T00:00:00", 12), "time"), (reading("M", "2024-02-30T00:00:00Z", 12), "time"),
             (reading("M", "2024-03-05T25:00:00Z", 12), "time"), (reading("M", "", 12), "time"), (reading("?", "2024-03-05", -5), "time"),
             (reading("?", t, -5), "meter"), (reading("m", t, 5), "meter"),
             (reading("M", t, -1), "range"), (reading("M", t, 100000), "range"), (reading("M", t, 10**30), "range")]
    raw = b"\n".join(x if isinstance(x, bytes) else x.encode() for x, _ in cases)
    first = "\n".join([good, "   ", "oops", "", reading("M", "2024-03-03T00:00:00Z", 99999)]) + "\n"
    got = settle(f"{METERS}\nM;C;T;5;1\n", PRICE, first, raw)
    want = "readings0.jsonl;3;json\n" + "".join(f"readings1.jsonl;{i};{reason}\n" for i, (_, reason) in enumerate(cases, 1))
    assert got["rejects"] == want
    assert got["checks"] == "" and got["bills"] == "C;99989,000;99989,00\n"


def test_checks_are_ordered(settle):
    meters = METERS + "\nb;C;T;5;1\nZ;C;T;5;1\nä;C;T;5;1\n"
    lines = [reading(m, f"2024-03-{d:02d}T00:00:00Z", 90000 - d * 1000) for d in (9, 3, 6) for m in ("ä", "b", "Z")]
    got = settle(meters, PRICE, lines)
    assert got["checks"] == "".join(f"{m};2024-03-{d:02d}T00:00:00Z;{90000 - (d - 3) * 1000};{90000 - d * 1000}\n"
                                    for m in ("Z", "b", "ä") for d in (6, 9))


def test_existing_outputs_are_replaced(settle, tmp_path):
    out = tmp_path / "there"
    out.mkdir()
    (out / "rejects.csv").write_text("old\n" * 100)
    (out / "notes.txt").write_text("keep")
    got = one(settle, reading("M", "2024-03-02T00:00:00Z", 10), out=out)
    assert got == {"bills": "C;0,000;0,00\n", "checks": "", "rejects": ""}
    assert (out / "notes.txt").read_text() == "keep"


def reference(meters, prices, readings, start, end):
    """Independent of the file formats: decimal arithmetic on what the generator made."""
    best = {}
    for meter, at, value, seq in readings:
        key = (meter, at)
        if key not in best or seq >= best[key][1]:
            best[key] = (value, seq)
    kwh, amount, checks = {}, {}, []
    for name, (customer, tariff, digits, factor) in meters.items():
        kwh.setdefault(customer, Decimal(0))
        amount.setdefault(customer, Decimal(0))
        series = sorted((at, v) for (m, at), (v, _) in best.items() if m == name)
        for (_, before), (at, value) in zip(series, series[1:]):
            if not start < at <= end:
                continue
            d = value - before
            if d < 0:
                d += 10**digits
                if d > 10**digits // 10:
                    checks.append((name, at, before, value))
                    continue
            price = [p for day, p in sorted(prices[tariff].items()) if day <= at.date()][-1]
            kwh[customer] += d * factor
            amount[customer] += d * factor * price
    def show(x, q):
        return str(x.quantize(Decimal(q), ROUND_HALF_UP)).replace(".", ",")
    bills = "".join(f"{c};{show(kwh[c], '0.001')};{show(amount[c], '0.01')}\n" for c in sorted(kwh))
    return bills, "".join(f"{m};{at:%Y-%m-%dT%H:%M:%SZ};{a};{b}\n" for m, at, a, b in sorted(checks))


@pytest.mark.parametrize("seed", range(5))
def test_random_exports(settle, seed):
    r = random.Random(1000 + seed)
    day0 = datetime(2024, 2, 20, tzinfo=UTC)
    prices = {t: {(day0 + timedelta(days=d)).date(): Decimal(r.randrange(1, 40000)) / r.choice([100, 1000, 10000, 100000])
                  for d in [-400, *r.sample(range(1, 45), 6)]} for t in "TUV"}
    meters = {f"M{i}": (r.choice(["Ada", "Bo", "Cy", "Édith", "de Wit"]), r.choice("TUV"), r.randrange(3, 7),
                        Decimal(r.randrange(1, 5000)) / r.choice([1, 10, 1000])) for i in range(12)}
    readings = []
    for name, (_, _, digits, _) in meters.items():
        v = r.randrange(10**digits)
        for _ in range(40):
            at = day0 + timedelta(minutes=30 * r.randrange(45 * 48))
            v = (v + r.randrange(10**digits // 8)) % 10**digits
            for _ in range(r.choice([1, 1, 1, 2, 3])):
                readings.append((name, at, (v + r.randrange(3)) % 10**digits, r.randrange(4)))
    r.shuffle(readings)

    def text(at):
        local = at.astimezone(timezone(timedelta(minutes=r.choice([0, 0, 60, 120, -210, 345]))))
        s = local.isoformat()
        return s.replace("+00:00", "Z") if r.random() < 0.5 else s
    lines = [reading(m, text(at), v, s) for m, at, v, s in readings]
    comma = lambda d: str(d).replace(".", ",")
    tariff_lines = [f"{t};{day};{comma(p)}" for t in prices for day, p in prices[t].items()]
    r.shuffle(tariff_lines)
    meter_text = "\n".join([METERS, *(f"{m};{c};{t};{d};{comma(f)}" for m, (c, t, d, f) in meters.items())]) + "\n"
    cut = len(lines) // 3
    got = settle(meter_text, "\n".join([TARIFFS, *tariff_lines]) + "\n", lines[:cut], lines[cut:2 * cut], lines[2 * cut:])
    bills, checks = reference(meters, prices, readings, datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))
    assert got == {"bills": bills, "checks": checks, "rejects": ""}
