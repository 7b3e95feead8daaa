"""Is the gate calibrated, and what does it find? Prints Markdown tables from public Terminal-Bench results.

    python benchmarks/gate_calibration.py [FOLDER …] [--only TABLES] [--repeats N] [--seed S]

Each FOLDER holds one folder per agent with tb's run-level `results.json` files (default:
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
from statistics import NormalDist, fmean, variance
from typing import Any

from pytest_terminalbench.statistics import (
    Inconclusive,
    NeedsMore,
    Plan,
    PlannedComparison,
    Regressed,
    SessionLabels,
    SessionNoise,
    SessionSpread,
    SolveRates,
    SuiteSettings,
    SuiteVerdict,
    Tally,
    correction,
    difference_standard_error,
    effect,
    mcnemar,
    next_step,
    session_spread,
    sign_flip_test,
    smallest_visible_drop,
    suite_gate,
)

# task -> outcome of each attempt, by run; None was never scored by tb (it counts it as unsolved)
Matrix = dict[str, list[bool | None]]
Rewards = dict[str, list[float]]
Split = tuple[Rewards, Rewards]
TASKS_BROKEN = 2


def read_agents(folders: Sequence[Path], *, as_they_ended: bool = False) -> dict[str, Matrix]:
    """All attempts per agent and task. Attempts sit in one file per run, or all of one run in one file, where their
    names number them. The order of its lines is that in which they ended: the first ones are those that ended soonest,
    and look like a run that was better than the others."""
    agents: dict[str, Matrix] = {}
    for agent in sorted(path for folder in folders for path in folder.iterdir() if path.is_dir()):
        matrix: Matrix = {}
        for trials in _runs(agent):
            for trial in trials if as_they_ended else sorted(trials, key=_number):
                matrix.setdefault(trial["task_id"], []).append(trial["is_resolved"])
        agents[agent.name] = matrix
    return agents


def _runs(agent: Path) -> Iterator[list[dict[str, Any]]]:
    """The trials of every run; copies of a file, and files of a single trial, are left out."""
    seen = set()
    for file in sorted(agent.rglob("*results.json")):
        content = file.read_bytes()
        trials = json.loads(content).get("results")
        if isinstance(trials, list) and content not in seen:
            seen.add(content)
            yield trials


def _number(trial: dict[str, Any]) -> int:
    """3 of ``fix-git.3-of-5.some-run``; 0 where a run has one attempt."""
    turn = str(trial["trial_name"]).removeprefix(f"{trial['task_id']}.").split("-of-")[0]
    return int(turn) if turn.isdecimal() else 0


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


# --- sessions that differ as wholes ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sessions:
    """A comparison of sessions, each of the same number of attempts at every task: as many on either side."""

    before: Rewards
    after: Rewards
    labels: SessionLabels
    counts: tuple[int, int]

    @classmethod
    def of(cls, before: Rewards, after: Rewards, counts: tuple[int, int]) -> Sessions:
        def labels(side: Rewards, count: int) -> dict[str, list[str]]:
            return {
                task: [str(number * count // len(given)) for number in range(len(given))]
                for task, given in side.items()
            }

        return cls(
            before,
            after,
            SessionLabels(baseline=labels(before, counts[0]), candidate=labels(after, counts[1])),
            counts,
        )


def allowing(level: float, degrees: str = "Satterthwaite", floor: float = 0.0) -> Callable[[Sessions], bool]:
    """A gate that allows for sessions' differences where p is at most `level`, and always for a spread of `floor`."""

    def fails(pair: Sessions) -> bool:
        plain, spread = gate(pair), spread_of(pair)
        p = plain.p if plain.p is not None else 1.0
        between = max(spread.between_variance or 0.0 if (spread.p or 1.0) <= level else 0.0, floor**2)
        if between and plain.effect:
            variance = between * sum(1 / count for count in pair.counts)
            within = plain.effect.standard_error**2
            known = sum(pair.counts) - 2
            # Student's t of a million degrees is the normal distribution.
            number = {"normal": 1e6, "sessions": known, "Satterthwaite": known * ((variance + within) / variance) ** 2}
            p = SessionNoise(variance=variance, degrees=number[degrees]).allowed_p(p, within=within)
        return p <= 0.05 and plain.effect is not None and plain.effect.difference < -0.02

    return fails


# The last comparison asked about is the one that the next candidate is asked about.
_last: dict[str, tuple[Sessions, Any]] = {}


def once(name: str, pair: Sessions, compute: Callable[[], Any]) -> Any:
    if name not in _last or _last[name][0] is not pair:
        _last[name] = (pair, compute())
    return _last[name][1]


def gate(pair: Sessions) -> SuiteVerdict:
    verdict: SuiteVerdict = once("gate", pair, lambda: suite_gate(pair.before, pair.after))
    return verdict


def spread_of(pair: Sessions) -> SessionSpread:
    spread: SessionSpread = once("spread", pair, lambda: session_spread(pair.before, pair.after, pair.labels))
    return spread


SESSION_RULES: dict[str, Callable[[Sessions], bool]] = {
    "attempts alone": lambda pair: gate(pair).verdict == "fail",
    "**the gate**: allows where p <= 5 %": lambda pair: (
        suite_gate(pair.before, pair.after, sessions=pair.labels).verdict == "fail"
        if (spread_of(pair).p or 1.0) <= 0.05
        else gate(pair).verdict == "fail"
    ),
    "5 %, normal": allowing(0.05, "normal"),
    "5 %, t over sessions": allowing(0.05, "sessions"),
    "10 %": allowing(0.10),
    "20 %": allowing(0.20),
    "always": allowing(1.0),
    "always 1 point": allowing(0.0, "normal", 0.01),
    "always 2 points": allowing(0.0, "normal", 0.02),
}


def session_tables(agents: dict[str, Matrix], as_they_ended: dict[str, Matrix], repeats: int, seed: int) -> None:
    print("\n## Sessions that differ as wholes\n")
    print(
        "Each agent's five runs: their scores, how surely they differ (p), the standard deviation between them beyond"
    )
    print("the luck of attempts, and in how many of the 20 comparisons of two with three the gate fails.\n")
    row("agent", "runs solve, %", "p", "between, points", "attempts alone", "the gate")
    row(*["---"] * 6)
    for name, matrix in agents.items():
        print_agent(name, matrix)
    for name, matrix in as_they_ended.items():
        if matrix != agents[name]:
            print_agent(f"{name}: one run of five attempts, as they ended", matrix)
    left_over = fmean(map(unexplained, agents.values()))
    row("all", "", "", f"{100 * math.copysign(abs(left_over) ** 0.5, left_over):.1f}", "", "")
    print(
        "\nCandidates, on the same data: the share of comparisons of two runs with three that fail. The last two allow"
    )
    print("for a standard deviation between sessions that is the same for every agent, and look at no session.\n")
    rng = random.Random(seed)
    by_run = [sessions_of(*split) for split in splits_by_run(agents, "unsolved")]
    shuffled = [sessions_of(*split) for split in splits_shuffled(agents, repeats, rng)]
    row("comparison", "n", *SESSION_RULES)
    row(*["---"] * (2 + len(SESSION_RULES)))
    session_row("no change, by run", by_run)
    session_row("no change, attempts shuffled", shuffled)
    session_row("20 % of solved lost, by run", [worse(pair, rng) for pair in by_run for _ in range(3)])
    session_row("20 % of solved lost, shuffled", [worse(pair, rng) for pair in shuffled])
    print(
        "\nSimulated agents whose sessions differ by a standard deviation; sessions x attempts of each at 80 tasks.\n"
    )
    row("approved", "compared", "between, points", "n", *SESSION_RULES)
    row(*["---"] * (4 + len(SESSION_RULES)))
    for design in SESSION_DESIGNS:
        for spread, lost in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.2), (0.5, 0.2)):
            simulated_sessions(agents, design, spread, lost, repeats, random.Random(seed))


# Sessions and attempts of each: approved, compared.
SESSION_DESIGNS = (((1, 5), (1, 5)), ((5, 1), (1, 5)), ((3, 5), (1, 5)), ((5, 1), (5, 1)))


def unexplained(matrix: Matrix) -> float:
    """The variance of five runs' scores less what the luck of attempts explains; by chance below zero as often."""
    rewards = list(take(matrix, range(5), "unsolved").values())
    return variance(map(fmean, zip(*rewards, strict=True))) - fmean(map(variance, rewards)) / len(rewards)


def print_agent(name: str, matrix: Matrix) -> None:
    spread = session_spread(*five_runs(matrix))
    pairs = [sessions_of(*split) for split in splits_by_run({name: matrix}, "unsolved")]
    fails = [f"{sum(rule(pair) for pair in pairs)}/20" for rule in list(SESSION_RULES.values())[:2]]
    scores = ", ".join(f"{100 * score.mean:.0f}" for score in spread.baseline)
    row(name, scores, f"{spread.p:.2g}", f"{100 * (spread.between_variance or 0.0) ** 0.5:.1f}", *fails)


def five_runs(matrix: Matrix) -> tuple[Rewards, Rewards, SessionLabels]:
    """All runs as one side; the other is a single session, which tells nothing of how sessions differ."""
    rewards = take(matrix, range(5), "unsolved")
    pair = Sessions.of(rewards, rewards, (5, 1))
    return pair.before, pair.after, pair.labels


def sessions_of(before: Rewards, after: Rewards) -> Sessions:
    return Sessions.of(before, after, (len(next(iter(before.values()))), len(next(iter(after.values())))))


def worse(pair: Sessions, rng: random.Random) -> Sessions:
    return replace(pair, after=lose(pair.after, 0.2, rng))


def session_row(name: str, pairs: list[Sessions]) -> None:
    row(name, len(pairs), *session_shares(pairs))


def session_shares(pairs: list[Sessions]) -> list[str]:
    hits = Counter(name for pair in pairs for name, rule in SESSION_RULES.items() if rule(pair))
    return [share(hits[name], len(pairs)) for name in SESSION_RULES]


def simulated_sessions(
    agents: dict[str, Matrix],
    design: tuple[tuple[int, int], tuple[int, int]],
    spread: float,
    lost: float,
    repeats: int,
    rng: random.Random,
) -> None:
    """Solve rates as the agents have them; in each session all of an agent's are shifted alike, on the logit scale."""
    pairs, shifts = [], []
    matrices = list(agents.values())
    for number in range(repeats):
        rates = [min(1 - 1e-9, max(1e-9, p)) for p in next(posterior(matrices[number % len(matrices)])(1, rng))]

        def tonight(rates: list[float] = rates) -> list[float]:
            shift = rng.gauss(0.0, spread)
            return [1 / (1 + (1 - p) / p * math.exp(-shift)) for p in rates]

        def side(sessions: int, attempts: int) -> Rewards:
            tried = [attempted(tonight(), attempts, rng) for _ in range(sessions)]
            return {task: [reward for session in tried for reward in session[task]] for task in tried[0]}

        (approved, compared) = design
        before, after = side(*approved), side(*compared)
        shifts.append(fmean(tonight()) - fmean(rates))
        pairs.append(Sessions.of(before, lose(after, lost, rng) if lost else after, (approved[0], compared[0])))
    between = f"{100 * fmean(shift**2 for shift in shifts) ** 0.5:.1f}" + (", 20 % lost" if lost else "")
    row(*(f"{sessions} x {attempts}" for sessions, attempts in design), between, len(pairs), *session_shares(pairs))


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


TABLES = ("timing", "suite", "sessions", "coverage", "pairs", "plans", "auto")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path("../shared/data/terminal-bench-core-0.1.1")
    parser.add_argument("folders", nargs="*", metavar="FOLDER", type=Path, default=[default])
    parser.add_argument("--only", action="append", choices=TABLES, help="these tables; may be repeated (default: all)")
    parser.add_argument("--repeats", type=int, default=300, help="simulated sessions per agent and world")
    parser.add_argument("--seed", type=int, default=20251121)
    options = parser.parse_args()
    for folder in options.folders:
        if not folder.is_dir():
            parser.error(f"{folder} is no folder; name the one with the agents' results")
    agents = read_agents(options.folders)
    tables: dict[str, Callable[[], None]] = {
        "timing": lambda: timing(options.seed),
        "suite": lambda: suite_tables(agents, options.repeats, options.seed),
        "sessions": lambda: session_tables(
            agents, read_agents(options.folders, as_they_ended=True), min(options.repeats, 100), options.seed
        ),
        "coverage": lambda: coverage_table(agents, options.repeats, options.seed),
        "pairs": lambda: paired_table(agents),
        "plans": lambda: planning_table(agents, options.repeats, options.seed),
        "auto": lambda: auto_tables(agents, options.repeats, options.seed),
    }
    for name in TABLES:
        if not options.only or name in options.only:
            tables[name]()


if __name__ == "__main__":
    main()
