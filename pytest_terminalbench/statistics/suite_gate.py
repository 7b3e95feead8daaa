"""The suite gate: is this agent, over all tasks together, worse than what was approved?

Fail: the permutation test says worse (p <= alpha) and the drop exceeds `margin`. Pass: the one-sided upper bound of
the drop is below `max_drop`, and the run could have seen a drop of `min_visible`, or of all that there is to lose where
that is less. Inconclusive: neither; the reason then says what this run could have seen. The two are not each other's
complement on purpose: a run too small to see a drop must not turn green for lack of evidence.

Where it is told which session made each attempt, and the sessions of a side differ more than chance, p, interval, bound
and what the run could have seen allow for that (`session_spread`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import harmonic_mean
from typing import Literal

from pytest_terminalbench.naming import counted
from pytest_terminalbench.statistics.chance_in_words import could_have_seen, how_often, ruled_out, signed_points
from pytest_terminalbench.statistics.effect import Effect, effect, effect_of_rewards
from pytest_terminalbench.statistics.permutation import (
    Alternative,
    PermutationResult,
    permutation_test,
    permutation_test_rewards,
)
from pytest_terminalbench.statistics.planning import PlannedComparison, smallest_visible_drop, solve_rates
from pytest_terminalbench.statistics.sequential_p_value import SAME
from pytest_terminalbench.statistics.session_spread import (
    SessionLabels,
    SessionNoise,
    SessionsByTask,
    SessionSpread,
    session_spread,
    within_variance_of_difference,
)
from pytest_terminalbench.statistics.sessions_in_words import sessions_in_words
from pytest_terminalbench.statistics.suite_settings import SuiteSettings
from pytest_terminalbench.statistics.tallies import Pair, Tally, checked_rewards, is_counted, score_name

# Of halvings that end below a thousandth of a point.
_ROUNDING = 1e-5

Rewards = Mapping[str, Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class SuiteVerdict:
    """p, effect and worst drop are None when no task could be compared. `headline`: what it is about, in a line, with
    which the `reason` begins.

    `p` is the one the decision used. `mde`: the smallest drop that this run could have seen, with the settings' power;
    at most the baseline's mean, and None when not even the loss of everything would have been seen. `worst_drop`: with
    probability 1 - alpha the drop is smaller. `improved`: the same test in the other direction, with the same alpha and
    margin. `sessions`: whether they differ, which `p` and `effect` then allow for; None where nobody told them.
    `session_note`: what a reader should know of them, which is part of `reason`, too; empty where there is nothing.
    """

    verdict: Literal["pass", "fail", "inconclusive"]
    headline: str
    reason: str
    p: float | None
    effect: Effect | None
    mde: float | None
    worst_drop: float | None
    improved: bool
    tasks: int
    only_in_candidate: tuple[str, ...]
    sessions: SessionSpread | None = None
    session_note: str = ""


def suite_gate(
    baseline: Rewards,
    candidate: Rewards,
    settings: SuiteSettings | None = None,
    *,
    sessions: SessionLabels | None = None,
) -> SuiteVerdict:
    """Compare per-task rewards (0 and 1, or fractions) with the approved ones.

    `baseline`, `candidate`: task -> rewards of its scored attempts, void ones left out; a task without any counts as
    absent. `sessions` tells which session made each of these attempts.
    Formulas, assumptions and sources: `permutation_test` (p), `effect` (interval, bound),
    `smallest_visible_drop` (mde, from the baseline's rewards as `solve_rates` reads them). Tasks weigh the same however
    often they were tried. Independent of the order of tasks.
    Raises ValueError on a reward outside [0, 1], or not as many sessions as rewards; no task in common is an answer
    (inconclusive), not an error.
    """
    settings = settings or SuiteSettings()
    before = _scored(baseline, None)
    after = _scored(candidate, settings.planned_attempts)
    shared = sorted(before.keys() & after.keys())
    only_after = tuple(sorted(after.keys() - before.keys()))
    if not shared:
        nothing = f"nothing to compare: none of the {len(after)} tasks run is among the {len(before)} with a baseline"
        return SuiteVerdict(
            verdict="inconclusive", headline=nothing, reason=nothing,
            p=None, effect=None, mde=None, worst_drop=None, improved=False,
            tasks=0, only_in_candidate=only_after,
        )  # fmt: skip
    rewards = [before[task] for task in shared], [after[task] for task in shared]
    spread = _spread(before, after, shared, sessions, settings) if sessions else None
    noise = spread.noise if spread else None
    change = _effect(*rewards, settings)
    worse, better = (_p(*rewards, direction, settings) for direction in _DIRECTIONS)
    if noise:
        change = change.allowing_for(noise)
        within = within_variance_of_difference(*rewards)
        worse, better = noise.allowed_p(worse, within=within), noise.allowed_p(better, within=within)
    mde = _visible_drop(*rewards, noise, settings)
    worst_drop = change.drop_below(1 - settings.alpha)
    is_improved = better <= settings.alpha * SAME and change.difference > settings.margin
    verdict = _verdict(worse, change, mde, worst_drop, settings, is_improved=is_improved)
    # Of single sessions only where they matter: what looks like a regression could be a bad night.
    note = sessions_in_words(spread) if spread and (spread.is_of_several or verdict == "fail") else ""
    headline = _headline(verdict, change, worst_drop, score_name(*rewards[0], *rewards[1]), settings)
    return SuiteVerdict(
        verdict=verdict,
        headline=headline,
        reason="; ".join([headline, *_evidence(verdict, change, worse, mde, worst_drop, noise, note, settings)]),
        p=worse,
        effect=change,
        mde=mde,
        worst_drop=worst_drop,
        improved=is_improved,
        tasks=len(shared),
        only_in_candidate=only_after,
        sessions=spread,
        session_note=note,
    )


_DIRECTIONS: tuple[Alternative, Alternative] = ("worse", "better")
_Tasks = list[tuple[float, ...]]


def _scored(rewards: Rewards, first: int | None) -> dict[str, tuple[float, ...]]:
    return {task: checked_rewards(given[:first], what=f"rewards of {task}") for task, given in rewards.items() if given}


def _spread(
    before: Mapping[str, tuple[float, ...]],
    after: Mapping[str, tuple[float, ...]],
    shared: Sequence[str],
    labels: SessionLabels,
    settings: SuiteSettings,
) -> SessionSpread:
    def planned(sessions: SessionsByTask, first: int | None) -> SessionsByTask:
        return {task: tuple(sessions.get(task, ()))[:first] for task in shared}

    return session_spread(
        {task: before[task] for task in shared},
        {task: after[task] for task in shared},
        SessionLabels(
            baseline=planned(labels.baseline, None), candidate=planned(labels.candidate, settings.planned_attempts)
        ),
        seed=settings.seed,
    )


def _counts(before: _Tasks, after: _Tasks) -> list[Pair] | None:
    """As counts when every reward is 0 or 1, for which everything is exact."""
    if not is_counted(*before, *after):
        return None
    return [Pair(Tally(int(sum(b)), len(b)), Tally(int(sum(c)), len(c))) for b, c in zip(before, after, strict=True)]


def _effect(before: _Tasks, after: _Tasks, settings: SuiteSettings) -> Effect:
    counts = _counts(before, after)
    if counts is None:
        return effect_of_rewards(before, after, level=settings.level)
    return effect(counts, level=settings.level)


def _p(before: _Tasks, after: _Tasks, alternative: Alternative, settings: SuiteSettings) -> float:
    # Weighted by task, as the effect is, only where it matters: with equal numbers both are one test and the
    # unweighted is cheaper.
    numbers = {(len(b), len(c)) for b, c in zip(before, after, strict=True)}
    weighting: Literal["tasks", "attempts"] = "tasks" if len(numbers) > 1 else "attempts"
    counts = _counts(before, after)
    result: PermutationResult
    if counts is None:
        result = permutation_test_rewards(
            before,
            after,
            alternative=alternative,
            weighting=weighting,
            resamples=settings.resamples,
            seed=settings.seed,
            limit=settings.alpha,
        )
    else:
        result = permutation_test(
            counts,
            alternative=alternative,
            weighting=weighting,
            resamples=settings.resamples,
            seed=settings.seed,
            limit=settings.alpha,
        )
    return result.mid_p if settings.mid_p else result.p


def _visible_drop(before: _Tasks, after: _Tasks, noise: SessionNoise | None, settings: SuiteSettings) -> float | None:
    comparison = PlannedComparison(
        rates=solve_rates(before),
        tasks=len(before),
        baseline_attempts=harmonic_mean(map(len, before)),
        attempts=harmonic_mean(map(len, after)),
        noise=noise,
    )
    return smallest_visible_drop(comparison, settings)


def _verdict(
    p: float, change: Effect, mde: float | None, worst_drop: float, settings: SuiteSettings, *, is_improved: bool
) -> Literal["pass", "fail", "inconclusive"]:
    if p <= settings.alpha * SAME and -change.difference > settings.margin:
        return "fail"
    # Who is surely better has not dropped, however little could have been seen of that.
    is_blind = not is_improved and could_not_see(mde, change.baseline_mean, settings)
    return "inconclusive" if is_blind or could_have_lost(worst_drop, change.baseline_mean, settings) else "pass"


def could_not_see(mde: float | None, baseline_mean: float, settings: SuiteSettings) -> bool:
    """Whether the drop that a run has to be able to see would mostly have gone unseen."""
    needed = settings.needed_drop(baseline_mean)
    return needed > 0 and (mde is None or mde > needed + _ROUNDING)


def could_have_lost(worst_drop: float, baseline_mean: float, settings: SuiteSettings) -> bool:
    """Whether a drop of `settings.max_drop`, or of all that there is to lose, cannot be ruled out."""
    return worst_drop >= min(settings.max_drop, baseline_mean) > 0


def _headline(verdict: str, change: Effect, worst_drop: float, score: str, settings: SuiteSettings) -> str:
    low, high, level, _ = change.interval
    # A pass is decided by a bound on one side, beside which an interval, with its two, would seem to contradict it.
    how_sure = (
        ruled_out(worst_drop, confidence=1 - settings.alpha)
        if verdict == "pass"
        else f"{level:.0%} interval {signed_points(low)} to {signed_points(high)}"
    )
    return (
        f"{100 * change.baseline_mean:.1f} % → {100 * change.candidate_mean:.1f} % {score} on "
        f"{counted(change.tasks, 'task')} ({signed_points(change.difference)} points, {how_sure})"
    )


def _evidence(
    verdict: str,
    change: Effect,
    p: float,
    mde: float | None,
    worst_drop: float,
    noise: SessionNoise | None,
    session_note: str,
    settings: SuiteSettings,
) -> Iterator[str]:
    """How the verdict came to be: how likely chance is, what is left open, and what could have been seen."""
    hardly = "hardly luck: " if verdict == "fail" else ""
    yield f"{hardly}an unchanged agent does as badly {how_often(p)} (p = {p:.2g})"
    if session_note:
        yield session_note
    power = could_have_seen(mde, power=settings.power, baseline_mean=change.baseline_mean, has_seen=verdict == "fail")
    if verdict != "inconclusive":
        yield power
        return
    if could_have_lost(worst_drop, change.baseline_mean, settings):
        yield (
            f"a drop of {100 * min(settings.max_drop, change.baseline_mean):.0f} points cannot be ruled out "
            f"(it could be {100 * worst_drop:.1f})"
        )
    # Attempts and tasks of the same sessions share their good and bad nights.
    yield f"{power}: more {'sessions' if noise else 'attempts or tasks'} would tell"
