"""Is the gate calibrated, and what does it find? Prints Markdown tables from public Terminal-Bench results.

    python benchmarks/gate_calibration.py [FOLDER] [--repeats N] [--seed S]

FOLDER holds one folder per agent with tb's run-level `results.json` files (default:
../shared/data/terminal-bench-core-0.1.1). Everything is seeded: the same arguments print the same tables, times
excepted.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import NormalDist, fmean

from pytest_terminalbench.statistics import (
    Inconclusive,
    NeedsMore,
    Plan,
    PlannedComparison,
    Regressed,
    SolveRates,
    SuiteSettings,
    Tally,
    correction,
    difference_standard_error,
    effect,
    mcnemar,
    next_step,
    sign_flip_test,
    smallest_visible_drop,
    suite_gate,
)

# task -> outcome of each attempt, by run; None was never scored by tb (it counts it as unsolved)
Matrix = dict[str, list[bool | None]]
Rewards = dict[str, list[float]]
Split = tuple[Rewards, Rewards]
TASKS_BROKEN = 2


def read_agents(folder: Path) -> dict[str, Matrix]:
    """All attempts per agent and task. Attempts sit in one file per run or all in one; either way the order is the
    runs'."""
    agents: dict[str, Matrix] = {}
    for agent in sorted(path for path in folder.iterdir() if path.is_dir()):
        matrix: Matrix = {}
        for file in sorted(agent.rglob("*results.json")):
            for trial in json.loads(file.read_text(encoding="utf-8"))["results"]:
                matrix.setdefault(trial["task_id"], []).append(trial["is_resolved"])
        agents[agent.name] = matrix
    return agents


# --- the suite gate -------------------------------------------------------------------------------------------------


def take(matrix: Matrix, runs: Sequence[int], void: str) -> Rewards:
    kept = {task: [outcomes[i] for i in runs] for task, outcomes in matrix.items()}
    if void == "left out":
        kept = {task: [o for o in outcomes if o is not None] for task, outcomes in kept.items()}
    return {task: [float(bool(o)) for o in outcomes] for task, outcomes in kept.items()}


def splits_by_run(agents: dict[str, Matrix], void: str) -> Iterator[Split]:
    """Every way to compare two of an agent's five runs with the other three, in both directions."""
    for matrix in agents.values():
        for two in itertools.combinations(range(5), 2):
            three = [i for i in range(5) if i not in two]
            yield take(matrix, two, void), take(matrix, three, void)
            yield take(matrix, three, void), take(matrix, two, void)


def splits_shuffled(agents: dict[str, Matrix], repeats: int, rng: random.Random) -> Iterator[Split]:
    """The same with each task's attempts dealt anew, so that runs that were good or bad as a whole are broken up."""
    for matrix in agents.values():
        for _ in range(repeats):
            dealt = {task: rng.sample(outcomes, len(outcomes)) for task, outcomes in matrix.items()}
            yield take(dealt, range(2), "unsolved"), take(dealt, range(2, 5), "unsolved")


def lose(rewards: Rewards, share: float, rng: random.Random) -> Rewards:
    return {task: [r * (rng.random() >= share) for r in given] for task, given in rewards.items()}


def any_task_flips(before: Rewards, after: Rewards) -> bool:
    return any(fmean(before[t]) > 0.5 > fmean(after[t]) for t in before if before[t] and after.get(t))


def score(rewards: Rewards) -> float:
    return fmean(fmean(given) for given in rewards.values() if given)


def pooled_z(before: Rewards, after: Rewards) -> bool:
    b, c = (list(itertools.chain.from_iterable(side.values())) for side in (before, after))
    share = (sum(b) + sum(c)) / (len(b) + len(c))
    error = math.sqrt(share * (1 - share) * (1 / len(b) + 1 / len(c)))
    return (fmean(c) - fmean(b)) / error <= NormalDist().inv_cdf(0.05)


RULES: dict[str, Callable[[Rewards, Rewards], bool]] = {
    "suite gate": lambda b, c: suite_gate(b, c).verdict == "fail",
    "suite gate, mid-p": lambda b, c: suite_gate(b, c, SuiteSettings(mid_p=True)).verdict == "fail",
    "p <= 5 % alone": lambda b, c: suite_gate(b, c, SuiteSettings(margin=0)).verdict == "fail",
    "pooled z": pooled_z,
    "score drops by 2 points": lambda b, c: score(b) - score(c) >= 0.02,
    "any task flips": any_task_flips,
}


def suite_tables(agents: dict[str, Matrix], repeats: int, seed: int) -> None:
    print("## Suite gate: two runs against three of the same agent\n")
    print(
        "Share of comparisons that fail, ± one binomial standard error (larger by run: splits of one agent overlap).\n"
    )
    row("comparison", "n", *RULES)
    row(*["---"] * (2 + len(RULES)))
    rng = random.Random(seed)
    by_run = list(splits_by_run(agents, "unsolved"))
    report("no change, by run", by_run)
    report("no change, by run, unscored left out", list(splits_by_run(agents, "left out")))
    report("no change, attempts shuffled", list(splits_shuffled(agents, repeats, rng)))
    report("20 % of solved lost, by run", [(b, lose(c, 0.2, rng)) for b, c in by_run for _ in range(5)])
    shuffled = list(splits_shuffled(agents, repeats, rng))
    report("20 % of solved lost, shuffled", [(b, lose(c, 0.2, rng)) for b, c in shuffled])
    print("\nPer agent, no change by run, suite gate: ", end="")
    print(
        ", ".join(
            f"{name} {sum(suite_gate(b, c).verdict == 'fail' for b, c in splits_by_run({name: matrix}, 'unsolved'))}/20"
            for name, matrix in agents.items()
        )
    )


def report(name: str, splits: list[Split]) -> None:
    row(name, len(splits), *(share(sum(rule(b, c) for b, c in splits), len(splits)) for rule in RULES.values()))


def coverage_table(agents: dict[str, Matrix], repeats: int, seed: int) -> None:
    print("\n## Interval of the effect, 95 % nominal, when nothing changed\n")
    row("attempts", "pooled: covers", "mean width", "jeffreys: covers", "mean width")
    row(*["---"] * 5)
    for n, m in ((5, 5), (2, 3), (5, 1), (1, 1)):
        rng = random.Random(seed)
        covered: Counter[str] = Counter()
        widths: dict[str, list[float]] = {"pooled": [], "jeffreys": []}
        for chances in (p for rates in map(posterior, agents.values()) for p in rates(repeats, rng)):
            pairs = [(Tally(draw(p, n, rng), n), Tally(draw(p, m, rng), m)) for p in chances]
            for smoothing, (low, high) in (
                ("pooled", effect(pairs).interval[:2]),
                ("jeffreys", jeffreys_interval(pairs)),
            ):
                covered[smoothing] += low <= 0 <= high
                widths[smoothing].append(high - low)
        cells = [
            cell
            for s in ("pooled", "jeffreys")
            for cell in (share(covered[s], len(widths[s])), f"{100 * fmean(widths[s]):.1f} points")
        ]
        row(f"{n} against {m}", *cells)


def jeffreys_interval(pairs: Sequence[tuple[Tally, Tally]]) -> tuple[float, float]:
    """What `effect` could have been: each side's own variance p(1-p)/n, p = (solved + 1/2)/(n + 1)."""

    def variance(tally: Tally) -> float:
        p = (tally.solved + 0.5) / (tally.attempts + 1)
        return p * (1 - p) / tally.attempts

    difference = fmean(after.solved / after.attempts - before.solved / before.attempts for before, after in pairs)
    half = NormalDist().inv_cdf(0.975) * math.sqrt(sum(variance(b) + variance(c) for b, c in pairs)) / len(pairs)
    return max(-1.0, difference - half), min(1.0, difference + half)


# --- the same tasks in pairs ----------------------------------------------------------------------------------------


def paired_p(before: Rewards, after: Rewards) -> float:
    differences = [fmean(after[task]) - fmean(before[task]) for task in before]
    if all(len(given) == 1 for given in before.values()):
        return mcnemar(sum(d < 0 for d in differences), sum(d > 0 for d in differences)).mid_p
    return sign_flip_test(differences).p


def paired_table(agents: dict[str, Matrix]) -> None:
    print("\n## In pairs: runs of an agent against as many others of the same, and of another agent\n")
    row("runs on each side", "same agent: p <= 5 %", "n", "another agent: p <= 5 %", "n")
    row(*["---"] * 5)
    for count in (1, 2):
        halves = [
            (first, second)
            for first in itertools.combinations(range(5), count)
            for second in itertools.combinations([i for i in range(5) if i not in first], count)
        ]
        same = [(take(m, b, "unsolved"), take(m, c, "unsolved")) for m in agents.values() for b, c in halves]
        pairs = itertools.combinations(agents.values(), 2)
        other = [(take(m, b, "unsolved"), take(o, c, "unsolved")) for m, o in pairs for b, c in halves]
        counted = [(sum(paired_p(b, c) <= 0.05 for b, c in splits), len(splits)) for splits in (same, other)]
        row(count, *(cell for hits, total in counted for cell in (share(hits, total), total)))


# --- plans ----------------------------------------------------------------------------------------------------------

PLANNED = ((10, 1, 1), (10, 5, 5), (20, 1, 1), (20, 3, 3), (20, 5, 1), (20, 5, 5), (80, 1, 1), (80, 5, 1), (80, 5, 5))


def planning_table(agents: dict[str, Matrix], repeats: int, seed: int) -> None:
    print("\n## Drops that should be seen 80 % of the time: how often the gate sees them\n")
    print(
        "By the usual formula, by `terminalbench plan` from the agents' own solve rates, and by the line `could have "
        "seen` of a run, which knows"
    )
    print("the baseline's attempts alone. Spread: all tasks lose the same share of their solve rate. Break: tasks are")
    print("lost one after the other. None: sessions of which the line says that they could have seen no drop.\n")
    said = "could have seen: points", "spread", "break", "none"
    row("tasks", "approved", "attempts", "usual: points", "spread", "break", "plan: points", "spread", "break", *said)
    row(*["---"] * 13)
    for tasks, approved, attempts in PLANNED:
        cells: list[str] = []
        for named_drop in (usual_drop, careful_drop, said_drop):
            rng = random.Random(seed)
            drops: list[float] = []
            spread = broken = unseen = 0
            while len(drops) < repeats:
                rates = rng.sample(next(posterior(rng.choice(list(agents.values())), 0.3)(1, rng)), tasks)
                baseline = attempted(rates, approved, rng)
                drop = named_drop(rates, baseline, attempts)
                unseen += drop is None
                if drop is None or drop > fmean(rates):
                    continue
                drops.append(drop)
                alike = [p * (1 - drop / fmean(rates)) for p in rates]
                spread += is_seen(baseline, attempted(alike, attempts, rng))
                broken += is_seen(baseline, attempted(break_tasks(rates, drop, rng), attempts, rng))
            cells += [f"{100 * fmean(drops):.1f}", share(spread, repeats), share(broken, repeats)]
        row(tasks, approved, attempts, *cells, share(unseen, unseen + repeats))


def usual_drop(rates: list[float], baseline: Rewards, attempts: int) -> float:
    """(z_{0.95} + z_{0.8}) SE, as textbooks have it, the coin of `effect` included."""
    error = difference_standard_error(
        tasks=len(rates),
        baseline_attempts=len(baseline["0"]),
        candidate_attempts=attempts,
        within_variance=fmean(p * (1 - p) for p in rates) + 0.25 / len(rates),
    )
    return (NormalDist().inv_cdf(0.95) + NormalDist().inv_cdf(0.8)) * error


def careful_drop(rates: list[float], baseline: Rewards, attempts: int) -> float | None:
    known = SolveRates(mean=fmean(rates), within_variance=fmean(p * (1 - p) for p in rates))
    comparison = PlannedComparison(
        rates=known, tasks=len(rates), baseline_attempts=len(baseline["0"]), attempts=attempts
    )
    return smallest_visible_drop(comparison, SuiteSettings())


def said_drop(rates: list[float], baseline: Rewards, attempts: int) -> float | None:
    return suite_gate(baseline, {task: [0.0] * attempts for task in baseline}).mde


def break_tasks(rates: list[float], drop: float, rng: random.Random) -> list[float]:
    left = drop * len(rates)
    after = list(rates)
    for task in rng.sample(range(len(rates)), len(rates)):
        lost = min(left, after[task])
        after[task] -= lost
        left -= lost
    return after


def attempted(rates: list[float], attempts: int, rng: random.Random) -> Rewards:
    return {str(task): [float(rng.random() < p) for _ in range(attempts)] for task, p in enumerate(rates)}


def is_seen(baseline: Rewards, candidate: Rewards) -> bool:
    return suite_gate(baseline, candidate).verdict == "fail"


# --- auto -----------------------------------------------------------------------------------------------------------


def draw(p: float, n: int, rng: random.Random) -> int:
    return sum(rng.random() < p for _ in range(n))


def posterior(matrix: Matrix, pseudo: float = 0.1) -> Callable[[int, random.Random], Iterator[list[float]]]:
    """Task solve rates consistent with the agent's attempts: Beta(solved + pseudo, failed + pseudo) per task."""
    counts = [(sum(map(bool, o)), len(o)) for o in matrix.values()]

    def draws(repeats: int, rng: random.Random) -> Iterator[list[float]]:
        for _ in range(repeats):
            yield [rng.betavariate(k + pseudo, n - k + pseudo) for k, n in counts]

    return draws


World = Callable[[Matrix, random.Random], tuple[list[Tally], list[float]]]


def resampled(matrix: Matrix, rng: random.Random) -> tuple[list[Tally], list[float]]:
    rates = [fmean(map(bool, outcomes)) for outcomes in matrix.values()]
    return [Tally(draw(p, 5, rng), 5) for p in rates], rates


def smoothed(pseudo: float, fresh_baseline: bool) -> World:
    def world(matrix: Matrix, rng: random.Random) -> tuple[list[Tally], list[float]]:
        rates = next(posterior(matrix, pseudo)(1, rng))
        if fresh_baseline:
            return [Tally(draw(p, 5, rng), 5) for p in rates], rates
        return [Tally(sum(map(bool, outcomes)), 5) for outcomes in matrix.values()], rates

    return world


def all_alike(p: float) -> World:
    return lambda matrix, rng: ([Tally(draw(p, 5, rng), 5) for _ in matrix], [p] * len(matrix))


WORLDS_EXPLAINED = """\
Where the tasks' true solve rates come from. A: the share solved in the five attempts, baselines drawn anew (a 5/5
task then never fails). B: drawn from Beta(solved + 0.1, failed + 0.1), which follows the U-shaped spread over tasks,
for the real baselines. C: drawn from Beta(solved + 0.5, failed + 0.5), baselines drawn anew. D: as C for the real
baselines, which presumes that 5/5 tasks are worse than they look (solve rate 0.92): more than the 5 % are promised for.
"""
WORLDS: dict[str, World] = {
    "A resampled": resampled,
    "B fitted, real baselines": smoothed(0.1, fresh_baseline=False),
    "C Jeffreys": smoothed(0.5, fresh_baseline=True),
    "D Jeffreys, real baselines": smoothed(0.5, fresh_baseline=False),
}


@dataclass
class Outcome:
    sessions: int = 0
    attempts: float = 0.0
    hit: int = 0
    verdicts: Counter[type] = field(default_factory=Counter)
    false_alarms: int = 0
    doubtful: int = 0


@cache
def step(baseline: Tally, fresh: Tally, corrected_for: int, plan: Plan) -> tuple[type, int]:
    step_now = next_step(baseline=baseline, fresh=fresh, corrected_for=corrected_for, plan=plan)
    return type(step_now), step_now.more if isinstance(step_now, NeedsMore) else 0


def walk(baseline: Tally, rate: float, corrected_for: int, plan: Plan, rng: random.Random) -> tuple[type, int]:
    fresh = Tally(0, 0)
    while True:
        verdict, more = step(baseline, fresh, corrected_for, plan)
        if verdict is not NeedsMore:
            return verdict, fresh.attempts
        fresh = Tally(fresh.solved + draw(rate, more, rng), fresh.attempts + more)


def simulate(
    agents: dict[str, Matrix], world: World, plan: Plan, broken: int, falls_to: float, repeats: int, seed: int
) -> Outcome:
    """Sessions of every agent; `broken` cells with a 5/5 baseline get the solve rate `falls_to`, the rest is
    unchanged."""
    rng = random.Random(seed)
    out = Outcome()
    for matrix in agents.values():
        for _ in range(repeats):
            baselines, rates = world(matrix, rng)
            spotless = [i for i, tally in enumerate(baselines) if tally == (5, 5)]
            worse = set(rng.sample(spotless, min(broken, len(spotless))))
            walks = [
                walk(tally, falls_to if i in worse else rates[i], correction(tally, baselines), plan, rng)
                for i, tally in enumerate(baselines)
            ]
            out.sessions += 1
            out.attempts += sum(attempts for _, attempts in walks) / len(walks)
            out.hit += len(worse)
            out.verdicts.update(walks[i][0] for i in worse)
            others = {verdict for i, (verdict, _) in enumerate(walks) if i not in worse}
            out.false_alarms += Regressed in others
            out.doubtful += Inconclusive in others
    return out


DEFAULT = Plan()
PLANS: dict[str, Plan] = {
    "**default**: 1 to 5, look again below 0.3, fine from 0.1, suspicious below 0.05, alpha 5 %": DEFAULT,
    "alpha 10 %": replace(DEFAULT, alpha=0.10),
    "look again below 0.1": replace(DEFAULT, look_again=0.1),
    "fine from 0.05": replace(DEFAULT, fine=0.05),
    "fine from 0.2": replace(DEFAULT, fine=0.2),
    "at most 8": replace(DEFAULT, maximum=8),
    "at most 10": replace(DEFAULT, maximum=10),
    "at most 10, alpha 10 %": replace(DEFAULT, maximum=10, alpha=0.10),
    "2 to 5, look again below 0.15": replace(DEFAULT, first=2, look_again=0.15),
    "fixed 5": replace(DEFAULT, first=5),
}


def auto_tables(agents: dict[str, Matrix], repeats: int, seed: int) -> None:
    print("\n## `--tb-attempts auto`: baselines of 5, 80 cells\n")
    print(WORLDS_EXPLAINED)
    row(
        "world",
        "change",
        "regressed",
        "inconclusive",
        "attempts per cell",
        "false alarm in session",
        "doubtful cell in it",
    )
    row(*["---"] * 7)
    for name, world in WORLDS.items():
        for change, broken, falls_to in CHANGES:
            out = simulate(agents, world, DEFAULT, broken, falls_to, repeats, seed)
            row(name, change, *figures(out))
    print("\nSettings, worlds B and C together (at most 70 sessions of each agent in each):\n")
    row(
        "plan",
        "broken: regressed",
        "at",
        "to 40 %: regressed",
        "inconclusive",
        "at",
        "no change: false alarm",
        "doubtful",
    )
    row(*["---"] * 8)
    for name, plan in PLANS.items():
        few = min(repeats, 70)
        none, gone, worse = (
            [simulate(agents, WORLDS[w], plan, broken, to, few, seed) for w in list(WORLDS)[1:3]]
            for _, broken, to in (CHANGES[0], CHANGES[1], CHANGES[2])
        )
        row(
            name,
            share(sum(o.verdicts[Regressed] for o in gone), sum(o.hit for o in gone)),
            f"{fmean(o.attempts / o.sessions for o in gone):.2f}",
            share(sum(o.verdicts[Regressed] for o in worse), sum(o.hit for o in worse)),
            share(sum(o.verdicts[Inconclusive] for o in worse), sum(o.hit for o in worse)),
            f"{fmean(o.attempts / o.sessions for o in worse):.2f}",
            share(sum(o.false_alarms for o in none), sum(o.sessions for o in none)),
            share(sum(o.doubtful for o in none), sum(o.sessions for o in none)),
        )
    print("\nStress: 80 cells that all have the same solve rate, nothing changed (the promise is at most 5 %):\n")
    row("solve rate", "false alarm in session", "attempts per cell")
    row(*["---"] * 3)
    for p in (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99):
        out = simulate(agents, all_alike(p), DEFAULT, 0, 0.0, repeats, seed)
        row(p, share(out.false_alarms, out.sessions), f"{out.attempts / out.sessions:.2f}")


CHANGES = (
    ("none", 0, 0.0),
    ("two 5/5 tasks break", TASKS_BROKEN, 0.0),
    ("two fall to 40 %", TASKS_BROKEN, 0.4),
    ("one 5/5 task breaks", 1, 0.0),
)


def figures(out: Outcome) -> list[str]:
    return [
        share(out.verdicts[Regressed], out.hit) if out.hit else "",
        share(out.verdicts[Inconclusive], out.hit) if out.hit else "",
        f"{out.attempts / out.sessions:.3f}",
        share(out.false_alarms, out.sessions),
        share(out.doubtful, out.sessions),
    ]


def timing(seed: int) -> None:
    rng = random.Random(seed)

    def side() -> Rewards:
        return {f"task-{i}": [float(rng.random() < 0.6) for _ in range(10)] for i in range(100)}

    agents = [(side(), side()) for _ in range(100)]
    started = time.perf_counter()
    for before, after in agents:
        suite_gate(before, after)
    print(f"\nSuite gate, 100 agents x 100 tasks x 10 attempts a side: {time.perf_counter() - started:.2f} s (first")
    print("NumPy import included). ", end="")
    started = time.perf_counter()
    step.cache_clear()
    for solved in range(6):
        for attempts, fresh in itertools.product(range(6), repeat=2):
            if fresh <= attempts:
                step(Tally(solved, 5), Tally(fresh, attempts), 30, DEFAULT)
    print(f"All cell verdicts for baselines of 5: {time.perf_counter() - started:.2f} s.")


def share(count: int, total: int) -> str:
    p = count / total if total else 0.0
    return f"{100 * p:.1f} % ± {100 * math.sqrt(p * (1 - p) / max(1, total)):.1f}"


def row(*cells: object) -> None:
    print("|", " | ".join(map(str, cells)), "|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path("../shared/data/terminal-bench-core-0.1.1")
    parser.add_argument("folder", nargs="?", type=Path, default=default)
    parser.add_argument("--repeats", type=int, default=300, help="simulated sessions per agent and world")
    parser.add_argument("--seed", type=int, default=20251121)
    options = parser.parse_args()
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is no folder; name the one with the agents' results")
    timing(options.seed)
    agents = read_agents(options.folder)
    suite_tables(agents, options.repeats, options.seed)
    coverage_table(agents, options.repeats, options.seed)
    paired_table(agents)
    planning_table(agents, options.repeats, options.seed)
    auto_tables(agents, options.repeats, options.seed)


if __name__ == "__main__":
    main()
