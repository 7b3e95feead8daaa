"""/app/decay against a reference that works differently from most solutions:
the sum of exponentials, with coefficients from the triangular recurrence, in
decimals with hundreds of digits (well over what each case needs), equal rates
set apart by 1e-50."""
import decimal
import json
import math
import random
import resource
import subprocess
from decimal import Decimal as D

import pytest

TINY = 1e-290


def reference(doc, digits=400):
    ctx = decimal.getcontext()
    ctx.prec, ctx.Emin, ctx.Emax = digits, -10 ** 15, 10 ** 15
    ln2 = D(2).ln()
    nuclides = {x["name"]: x for x in doc["nuclides"]}
    parents = {n: {} for n in nuclides}
    for x in doc["decays"]:
        f = parents[x["to"]]
        f[x["from"]] = f.get(x["from"], D(0)) + D(repr(x["fraction"]))
    order, left = [], dict(parents)
    while left:
        ready = [n for n in left if not any(p in left for p in left[n])]
        assert ready
        order += ready
        for n in ready:
            del left[n]
    used, rate = set(), {}
    for n in order:
        h = nuclides[n]["half_life_s"]
        r = D(0) if h is None else ln2 / D(repr(h))
        while r and r in used:
            r *= 1 + D("1e-50")
        used.add(r)
        rate[n] = r
    tmax = max(D(repr(t)) for t in doc["times_s"]) + 1
    slow = D("1e-60") / tmax          # the feeds: from a store that practically never ends
    modes = [("feed", slow)] + [(n, rate[n]) for n in order]
    place = {n: i for i, (n, _) in enumerate(modes)}
    coef = {}
    for n in order:
        row = {}
        flow = {m: f * rate[m] for m, f in parents[n].items()}
        feed = D(repr(nuclides[n].get("feed_per_s", 0)))
        if feed:
            row[0] = feed
        for m, f in flow.items():
            for j, c in coef[m].items():
                row[j] = row.get(j, D(0)) + f * c
        row = {j: c / (rate[n] - modes[j][1]) for j, c in row.items() if c}
        own = place[n]
        row[own] = D(repr(nuclides[n]["amount"])) - sum(row.values(), D(0))
        coef[n] = row
    out = []
    for t in doc["times_s"]:
        t = D(repr(t))
        ex = {j: (-r * t).exp() for j, (_, r) in enumerate(modes)}
        res = {}
        for n in order:
            amount = sum((c * ex[j] for j, c in coef[n].items()), D(0))
            decays = rate[n] * sum((c * (1 - ex[j]) / modes[j][1] if modes[j][1] else c * t for j, c in coef[n].items()), D(0))
            res[n] = (float(amount), float(decays))
        out.append(res)
    return out


CPU_S = 20  # As the instruction says: CPU time, which a busy machine does not stretch.


def cpu_used():
    times = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.ru_utime + times.ru_stime


def run(doc):
    before = cpu_used()
    # The time-out is only there so that a program which waits for ever is a failed check.
    p = subprocess.run(["/app/decay"], input=json.dumps(doc), capture_output=True, text=True, timeout=150)
    assert p.returncode == 0, p.stderr[-500:]
    assert cpu_used() - before <= CPU_S
    return json.loads(p.stdout)


def close(got, want):
    assert isinstance(got, (int, float)) and math.isfinite(got) and got >= 0
    return got <= 2 * TINY if want < TINY else abs(got - want) <= 1e-9 * want


def check(doc, digits=400):
    got = run(doc)["results"]
    want = reference(doc, digits)
    assert [g["time_s"] for g in got] == doc["times_s"]
    for g, w in zip(got, want):
        assert set(g["nuclides"]) == set(w)
        for n, (amount, decays) in w.items():
            r = g["nuclides"][n]
            assert set(r) == {"amount", "decays"}
            assert close(r["amount"], amount), f"t={g['time_s']} {n} amount {r['amount']} want {amount}"
            assert close(r["decays"], decays), f"t={g['time_s']} {n} decays {r['decays']} want {decays}"
    return got


def chain(half_lives, amount=1e20, times=(1.0,), fraction=1.0):
    names = [f"N{i}" for i in range(len(half_lives))]
    return {"nuclides": [{"name": n, "half_life_s": h, "amount": amount if i == 0 else 0} for i, (n, h) in enumerate(zip(names, half_lives))],
            "decays": [{"from": a, "to": b, "fraction": fraction} for a, b in zip(names, names[1:])], "times_s": list(times)}


def shuffled(doc, rnd):
    doc = json.loads(json.dumps(doc))
    rnd.shuffle(doc["nuclides"])
    rnd.shuffle(doc["decays"])
    return doc


def network(seed, size, decades, edges, stable=2, feeds=3, times=6):
    rnd = random.Random(seed)
    names = [f"X-{rnd.randrange(10**6)}" for _ in range(size)]
    lo, hi = decades
    nuclides = []
    for i, n in enumerate(names):
        h = None if i >= size - stable else round(10 ** rnd.uniform(lo, hi), 12 if lo < 0 else 3) or 10.0 ** lo
        x = {"name": n, "half_life_s": h, "amount": 10 ** rnd.uniform(0, 24) if rnd.random() < 0.3 or i == 0 else 0}
        nuclides.append(x)
    for i in rnd.sample(range(size), feeds):
        nuclides[i]["feed_per_s"] = 10 ** rnd.uniform(-3, 12)
    decays = []
    for i in range(size - stable):
        to = rnd.sample(range(i + 1, size), min(rnd.randint(1, edges), size - i - 1))
        parts = [rnd.random() + 0.01 for _ in to]
        whole = sum(parts) * (1 if rnd.random() < 0.5 else 1.3)
        decays += [{"from": names[i], "to": names[j], "fraction": p / whole} for j, p in zip(to, parts)]
    doc = {"nuclides": nuclides, "decays": decays, "times_s": [10 ** rnd.uniform(lo - 2, hi + 1) for _ in range(times)]}
    return shuffled(doc, rnd)


def test_example():
    with open("/app/example.json") as f:
        check(json.load(f))


def test_single_nuclides_short_and_long_times():
    """The number of decays in a very short time, and after a very long one."""
    doc = {"nuclides": [{"name": "slow", "half_life_s": 4.5e20, "amount": 3e25}, {"name": "quick", "half_life_s": 2e-9, "amount": 5.0},
                        {"name": "stable", "half_life_s": None, "amount": 7}, {"name": "fed", "half_life_s": 1e6, "amount": 0, "feed_per_s": 0.125}],
           "decays": [], "times_s": [1e-9, 0, 1.0, 1e-3, 3.3e-7, 1e6, 1e19, 1.0]}
    check(doc)


def test_time_zero_is_exact():
    doc = chain([1.0, 2.0, None], times=[0])
    doc["nuclides"][1]["amount"] = 0.1
    doc["nuclides"][2]["feed_per_s"] = 3.0
    for n, r in run(doc)["results"][0]["nuclides"].items():
        assert r["amount"] == {"N0": 1e20, "N1": 0.1, "N2": 0}[n] and r["decays"] == 0


@pytest.mark.parametrize("length", [2, 5, 12])
def test_equal_half_lives(length):
    check(chain([3.5] * length + [None], times=[1e-4, 0.7, 3.5, 60.0, 900.0]), digits=1100)


@pytest.mark.parametrize("gap", [1e-15, 1e-12, 1e-9, 1e-6, 1e-3])
def test_nearly_equal_half_lives(gap):
    half_lives = [7.0 * (1 + gap * k) for k in (0, 2, 1, 5, 3, 4, 8, 6)]
    check(chain(half_lives + [None], times=[1e-3, 5.0, 100.0, 4000.0]), digits=600)


def test_early_times_of_a_long_chain():
    """Amounts that grow like t^20: tiny, but right."""
    doc = chain([10.0 * 1.7 ** (k % 7) for k in range(20)], amount=1e24, times=[1e-9, 1e-4, 1.0])
    check(doc, digits=800)


def test_rates_thirty_orders_of_magnitude_apart():
    doc = chain([1e20, 1e-9, 3e7, 2e-9, 1e15, 5e-4, 1e2, None], amount=6e26, times=[1e-10, 1e-8, 1.0, 3e7, 1e12, 1e19])
    check(doc)
    doc = chain([1e-9, 1e20, 2e-9, 1e4, 1e-9, 1e19, None], amount=6e26, times=[1e-12, 1e-8, 1.0, 3e7, 1e12, 1e19])
    check(doc)


def test_late_times_when_little_is_left():
    """Far down the exponential, near the smallest number that counts."""
    doc = chain([100.0, 40.0, 99.0, 3.0, 100.0], amount=1e26, times=[2e4, 6e4, 9e4, 1.04e5, 1.2e5])
    check(doc)


def test_feeds_into_stable_and_equal_nuclides():
    doc = chain([50.0, 50.0, 50.0, 1e9, 1e9, None], amount=0, times=[1e-6, 10.0, 5e3, 2e9, 1e13])
    doc["nuclides"][0]["feed_per_s"] = 1e5
    doc["nuclides"][3]["feed_per_s"] = 1e-4
    doc["nuclides"][5]["feed_per_s"] = 2.0
    check(doc)


def test_several_entries_for_a_pair_and_lost_fractions():
    doc = {"nuclides": [{"name": "c", "half_life_s": None, "amount": 1.5}, {"name": "a b", "half_life_s": 8.0, "amount": 1e6},
                        {"name": "ü", "half_life_s": 8.0, "amount": 0}],
           "decays": [{"from": "ü", "to": "c", "fraction": 0.25}, {"from": "a b", "to": "ü", "fraction": 0.2}, {"from": "a b", "to": "c", "fraction": 1e-12},
                      {"from": "a b", "to": "ü", "fraction": 0.3}, {"from": "ü", "to": "c", "fraction": 0.125}],
           "times_s": [1.0, 8.0, 300.0]}
    check(doc)


@pytest.mark.parametrize("seed,size,decades", [(101, 8, (0, 3)), (102, 14, (-9, 20)), (103, 18, (-3, 9)), (104, 24, (1, 2)), (105, 10, (-9, -6))])
def test_networks(seed, size, decades):
    check(network(seed, size, decades, edges=4))


def test_dense_network():
    """Every nuclide decays into nearly all that come after it: 2^26 ways from first to last."""
    check(network(201, 28, (-2, 5), edges=27, times=4))


def test_network_with_groups_of_equal_half_lives():
    doc = network(202, 20, (0, 4), edges=4)
    values = [12.5, 12.5 * (1 + 2e-16 * 4), 300.0]
    for k, x in enumerate(doc["nuclides"]):
        if x["half_life_s"] is not None:
            x["half_life_s"] = values[k % 3]
    doc["times_s"] = [1e-5, 3.0, 700.0, 2e5]
    check(doc, digits=1000)


def test_full_size_in_time():
    """30 nuclides, 12 times, all the range: within the CPU time, all results right."""
    doc = network(203, 30, (-9, 20), edges=8, stable=3, feeds=5, times=12)
    check(doc)


def test_order_of_the_input_does_not_matter():
    doc = network(204, 12, (-4, 6), edges=3)
    one = check(doc)
    two = check(shuffled(doc, random.Random(1)))
    for a, b in zip(one, two):
        for n in a["nuclides"]:
            assert a["nuclides"][n]["amount"] == pytest.approx(b["nuclides"][n]["amount"], rel=2e-9, abs=4 * TINY)
