#!/usr/bin/env python3
"""Amounts and numbers of decays of a decay network, accurate for each nuclide.

The state (amounts, and a constant 1 that feeds) obeys y' = A y, and the decays
are A-independent sums of the integral of y. With E(h) = exp(A h) and
P(h) = integral of exp(A u) from 0 to h:

    E(2h) = E(h) E(h)          P(2h) = P(h) + E(h) P(h)

All entries of E and P are >= 0, so these steps never cancel: a doubling about
doubles the *relative* error of every entry. From a step h with (fastest rate) h
<= 1/2 there may be a hundred doublings, 2^100 = 10^30, which decimals with 90
digits take easily. For so small a step the Taylor series loses at most a factor
e, entry by entry. Nothing here cares whether rates are equal, nearly equal, or
thirty orders of magnitude apart.
"""
import decimal
import json
import sys
from decimal import Decimal as D
from operator import mul

decimal.getcontext().prec = 90
decimal.getcontext().Emin = -10 ** 15
decimal.getcontext().Emax = 10 ** 15
ZERO, ONE = D(0), D(1)


def topological(names, edges):
    """Parents before children."""
    order, state = [], {}
    children = {n: [] for n in names}
    for a, b, _ in edges:
        children[a].append(b)
    for root in names:
        stack = [(root, iter(children[root]))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            node, it = stack[-1]
            for c in it:
                if c not in state:
                    state[c] = 1
                    stack.append((c, iter(children[c])))
                    break
            else:
                order.append(node)
                stack.pop()
    return order[::-1]


def product(a, b):
    """Of lower triangular matrices, stored as rows of length i+1."""
    cols = [[b[k][j] for k in range(j, len(b))] for j in range(len(b))]
    return [[sum(map(mul, a[i][j:], cols[j]), ZERO) for j in range(i + 1)] for i in range(len(a))]


def add(a, b, factor=ONE):
    return [[x + y * factor for x, y in zip(r, s)] for r, s in zip(a, b)]


def propagate(matrix, t):
    """E(t) and P(t)."""
    n = len(matrix)
    fastest = max(-matrix[i][i] for i in range(n))
    h, doublings = t, 0
    while fastest * h > D("0.5"):
        h /= 2
        doublings += 1
    eye = [[ONE if i == j else ZERO for j in range(i + 1)] for i in range(n)]
    e, p = eye, [[x * h for x in row] for row in eye]
    term = eye
    step = [[x * h for x in row] for row in matrix]
    for m in range(1, n + 60):        # n: the first nonzero term of an entry may come that late
        term = [[x / m for x in row] for row in product(step, term)]
        e = add(e, term)
        p = add(p, term, h / (m + 1))
    for _ in range(doublings):
        p = add(p, product(e, p))
        e = product(e, e)
    return e, p


def main():
    doc = json.load(sys.stdin, parse_float=D, parse_int=D)
    nuclides = {x["name"]: x for x in doc["nuclides"]}
    edges = [(x["from"], x["to"], x["fraction"]) for x in doc["decays"]]
    order = topological(list(nuclides), edges)
    place = {n: i + 1 for i, n in enumerate(order)}     # 0 is the constant
    ln2 = D(2).ln()
    rate = {n: ZERO if x["half_life_s"] is None else ln2 / x["half_life_s"] for n, x in nuclides.items()}
    size = len(order) + 1
    matrix = [[ZERO] * (i + 1) for i in range(size)]
    for n, i in place.items():
        matrix[i][i] = -rate[n]
        matrix[i][0] += nuclides[n].get("feed_per_s", ZERO)
    for a, b, f in edges:
        matrix[place[b]][place[a]] += f * rate[a]
    start = [ONE] + [nuclides[n]["amount"] for n in order]

    results = []
    for t in doc["times_s"]:
        e, p = propagate(matrix, t)
        out = {}
        for n, i in place.items():
            amount = sum(map(mul, e[i], start), ZERO)
            decays = rate[n] * sum(map(mul, p[i], start), ZERO)
            out[n] = {"amount": float(amount), "decays": float(decays)}
        results.append({"time_s": float(t), "nuclides": out})
    json.dump({"results": results}, sys.stdout, indent=1)
    print()


main()
