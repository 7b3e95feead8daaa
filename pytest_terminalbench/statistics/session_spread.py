"""Do an agent's sessions differ more than the luck of their attempts explains, and what does that do to a comparison?

A session is what one run tried. Its attempts share a night: rate limits, a busy machine, a model's moods. Where that
matters, ten attempts of two sessions are nearer to two attempts than to ten, and a test that takes attempts for
independent fails too often. How much it matters is seen only where one side has several sessions; with one session on
each side, a bad night and a worse agent look the same.

The test: without an effect of sessions, a task's attempts on one side are exchangeable between that side's sessions.
R_s, the sum over a session's attempts of reward minus the task's mean, then has mean 0 and the covariance
C_su = sum_t v_t (n_ts [s = u] - n_ts n_tu / n_t), v_t the variance of the task's rewards, n_ts its attempts in session
s. Q = R' C⁺ R, summed over both sides, is the generalised Cochran-Mantel-Haenszel statistic with tasks as strata; its p
comes from shuffling attempts between the sessions of each task, and not from chi-square.

Sources: Mantel, JASA 58 (1963), 690-700; Landis, Heyman & Koch, Int. Stat. Rev. 46 (1978), 237-254. Sequential Monte
Carlo p: Besag & Clifford, Biometrika 78 (1991), 301-304. Degrees of freedom: Satterthwaite, Biometrics Bull. 2 (1946).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_terminalbench.statistics.tallies import checked_share, variance_of

if TYPE_CHECKING:
    import numpy as np

    Matrix: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float64]]

# A comparison allows for sessions that differ so surely, which costs two points of detection. Allowing sooner costs
# more, and always six (`benchmarks/gate_calibration.py` prints the candidates); public agents show no such spread.
SESSIONS_DIFFER_BELOW = 0.05

# Shuffling stops when so many shuffled sessions differ as much as the real ones did, for then p is known well enough:
# to a tenth of itself.
ENOUGH_AS_EXTREME = 100
MOST_SHUFFLES = 10_000
SHUFFLES_AT_A_TIME = 250

# Statistics closer than this are equal: far above rounding, far below any step.
TOLERANCE = 1e-9

SessionsByTask: TypeAlias = Mapping[str, Sequence[str | None]]
Overlap: TypeAlias = Literal["the same", "some", "none"]


@dataclass(frozen=True, kw_only=True)
class SessionLabels:
    """Which session made each attempt: by task, in the order of its rewards. None: not known."""

    baseline: SessionsByTask
    candidate: SessionsByTask


@dataclass(frozen=True, kw_only=True)
class SessionScore:
    """The mean over the tasks that a session tried; each counts once."""

    session: str
    mean: float
    attempts: int


@dataclass(frozen=True, kw_only=True)
class SessionNoise:
    """What differing sessions add to a difference of two means: variance, known to so many degrees of freedom."""

    variance: float
    degrees: float

    def quantile(self, probability: float) -> float:
        """Of Student's t."""
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees, checked_share(probability, what="probability")))

    def allowed_p(self, p: float, *, within: float) -> float:
        """`p`, one-sided, of a test that knows of the variance `within` alone: never smaller than it was.

        Formula: T_df(z sqrt(within / (within + variance))), z the normal quantile of p, T_df Student's distribution.
        """
        if within <= 0 or not 0 < p < 1:
            return p
        from scipy.special import stdtr

        z = NormalDist().inv_cdf(p) * math.sqrt(within / (within + self.variance))
        return max(p, float(stdtr(self.degrees, z)))


@dataclass(frozen=True, kw_only=True)
class ApprovedSessions:
    """Sessions of a baseline that differ more than chance, to be compared with one session more.

    `between_variance`: of a session's mean, beyond the luck of its attempts. `squared_shares`: the sum over sessions of
    the square of how much of the baseline's mean each makes.
    """

    count: int
    between_variance: float
    squared_shares: float

    def noise(self, *, within: float) -> SessionNoise:
        """What they and the other session add to a difference that attempts alone make vary by `within`."""
        return _noise(self.between_variance * (self.squared_shares + 1), degrees=self.count - 1, within=within)

    def of(self, count: int) -> ApprovedSessions:
        """So many that differ as these do, each with as many attempts."""
        return replace(self, count=count, squared_shares=1 / count)


@dataclass(frozen=True, kw_only=True)
class SessionSpread:
    """Both sides by session; a side whose sessions are not known has none.

    `baseline_overlap`, `candidate_overlap`: whether a side's sessions tried ``"the same"`` tasks all, ``"some"`` in
    common, or ``"none"``, so that nothing tells whether they differ.
    `p`: that sessions which are alike differ so much; None where no side has two sessions that could differ.
    `between_variance`: of a session's mean, beyond the luck of its attempts. `noise`: what the comparison allows for;
    None where the sessions do not differ more than chance.
    """

    baseline: tuple[SessionScore, ...]
    candidate: tuple[SessionScore, ...]
    baseline_overlap: Overlap = "the same"
    candidate_overlap: Overlap = "the same"
    p: float | None = None
    between_variance: float | None = None
    noise: SessionNoise | None = None

    @property
    def is_of_several(self) -> bool:
        """Whether some side has more than one session."""
        return len(self.baseline) > 1 or len(self.candidate) > 1


def session_spread(
    baseline: Mapping[str, Sequence[float]],
    candidate: Mapping[str, Sequence[float]],
    labels: SessionLabels,
    *,
    seed: int = 0,
) -> SessionSpread:
    """Whether sessions differ within `baseline` and within `candidate`, rewards by task; the same tasks in both.

    Raises ValueError where a task has not as many labels as rewards.
    """
    before, after = _Side.of(baseline, labels.baseline), _Side.of(candidate, labels.candidate)
    by_session = SessionSpread(
        baseline=before.scores(),
        candidate=after.scores(),
        baseline_overlap=before.overlap,
        candidate_overlap=after.overlap,
    )
    sides = [side for side in (before, after) if side.can_differ]
    if not sides:
        return by_session
    p = _shuffled_p(sides, seed=seed)
    # The method of moments, over both sides: a session's mean is as uncertain on either.
    between = max(0.0, sum(side.excess for side in sides) / sum(side.weight_of_between for side in sides))
    noise = None
    if p <= SESSIONS_DIFFER_BELOW and between > 0:
        noise = _noise(
            between * (before.sum_of_squared_shares + after.sum_of_squared_shares),
            degrees=sum(side.sessions - 1 for side in sides),
            within=within_variance_of_difference(before.rewards, after.rewards),
        )
    return replace(by_session, p=p, between_variance=between, noise=noise)


def approved_sessions(
    baseline: Mapping[str, Sequence[float]], sessions: SessionsByTask
) -> tuple[SessionSpread, ApprovedSessions | None]:
    """How the sessions of `baseline` differ, before it is compared with anything; None where no more than chance.

    `sessions` as in `SessionLabels`; raises ValueError as `session_spread`.
    """
    unknown = {task: (None,) * len(rewards) for task, rewards in baseline.items()}
    spread = session_spread(baseline, baseline, SessionLabels(baseline=sessions, candidate=unknown))
    if spread.noise is None or spread.between_variance is None:
        return spread, None
    return spread, ApprovedSessions(
        count=len(spread.baseline),
        between_variance=spread.between_variance,
        squared_shares=_Side.of(baseline, sessions).sum_of_squared_shares,
    )


def _noise(variance: float, *, degrees: int, within: float) -> SessionNoise:
    """Formula: Satterthwaite's degrees, those of the sessions over the square of their part of all variance."""
    part = variance / (variance + within)
    return SessionNoise(variance=variance, degrees=degrees / part**2)


def within_variance_of_difference(baseline: Sequence[Sequence[float]], candidate: Sequence[Sequence[float]]) -> float:
    """The variance of the difference of the means over tasks, when attempts alone vary; as the permutation test has it.

    Formula: sum_t v_t (1/n_t + 1/m_t) / T², v_t the variance of the task's pooled rewards.
    """
    variances = (
        variance_of([*before, *after]) * (1 / len(before) + 1 / len(after))
        for before, after in zip(baseline, candidate, strict=True)
    )
    return math.fsum(variances) / len(baseline) ** 2


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One side of a comparison: rewards and session of every attempt by task; sessions are numbered as first met."""

    rewards: tuple[tuple[float, ...], ...]
    labels: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, rewards: Mapping[str, Sequence[float]], sessions: SessionsByTask) -> _Side:
        """A side of which one attempt's session is not known has no sessions."""
        tasks = sorted(rewards)
        for task in tasks:
            if len(sessions.get(task, ())) != len(rewards[task]):
                raise ValueError(f"{task} has {len(rewards[task])} rewards and {len(sessions.get(task, ()))} sessions")
        met = dict.fromkeys(session for task in tasks for session in sessions[task])
        names = tuple(session for session in met if session is not None)
        if None in met:
            names = ()
        numbers = {name: number for number, name in enumerate(names)}
        return cls(
            rewards=tuple(tuple(rewards[task]) for task in tasks),
            labels=tuple(tuple(numbers[name] for name in sessions[task] if name in numbers) for task in tasks),
            names=names,
        )

    @property
    def sessions(self) -> int:
        return len(self.names)

    @property
    def can_differ(self) -> bool:
        return self.sessions > 1 and bool(self._covariance.any())

    @property
    def overlap(self) -> Overlap:
        """Which tasks its sessions have in common."""
        tried = [len(set(labels)) for labels in self.labels]
        if all(number == self.sessions for number in tried):
            return "the same"
        return "some" if any(number > 1 for number in tried) else "none"

    def scores(self) -> tuple[SessionScore, ...]:
        scores = []
        for number, name in enumerate(self.names):
            tasks = [
                [reward for reward, label in zip(rewards, labels, strict=True) if label == number]
                for rewards, labels in zip(self.rewards, self.labels, strict=True)
            ]
            means = [fmean(tried) for tried in tasks if tried]
            scores.append(SessionScore(session=name, mean=fmean(means), attempts=sum(map(len, tasks))))
        return tuple(scores)

    @property
    def sum_of_squared_shares(self) -> float:
        """Of how much of the side's mean each session makes; 1 where all is of one session, or of unknown ones."""
        if not self.names:
            return 1.0
        shares = (self._counts / self._counts.sum(axis=1, keepdims=True)).mean(axis=0)
        return float((shares**2).sum())

    @property
    def excess(self) -> float:
        """By how much the sessions' sums vary more than attempts do, each divided by its number of attempts."""
        per_session = self._counts.sum(axis=0)
        return float(((self._sums**2 - self._covariance.diagonal()) / per_session).sum())

    @property
    def weight_of_between(self) -> float:
        """What `excess` is expected to be when sessions' means vary by 1."""
        coefficients = _covariance(self._counts, [1.0] * len(self._counts))
        return float(((coefficients**2).sum(axis=1) / self._counts.sum(axis=0)).sum())

    def statistic(self, sums: Matrix) -> Matrix:
        """Q for each row of sums by session."""
        import numpy as np

        return np.asarray(((sums @ self._inverse) * sums).sum(axis=1, keepdims=True))

    @property
    def observed(self) -> float:
        return float(self.statistic(self._sums.reshape(1, -1))[0, 0])

    def shuffled(self, times: int, rng: np.random.Generator) -> Matrix:
        """Q of `times` shuffles of the attempts between the sessions of each task."""
        import numpy as np

        sums = np.zeros((times, self.sessions))
        # Tasks whose attempts are spread over sessions alike are shuffled in one go.
        by_spread: dict[tuple[int, ...], list[tuple[float, ...]]] = {}
        for rewards, labels in zip(self.rewards, self.labels, strict=True):
            if min(rewards) < max(rewards) and len(set(labels)) > 1:
                by_spread.setdefault(tuple(sorted(labels)), []).append(tuple(sorted(rewards)))
        for labels, tasks in sorted(by_spread.items()):
            deviations = np.array(sorted(tasks))
            deviations -= deviations.mean(axis=1, keepdims=True)
            shuffled = rng.permuted(np.broadcast_to(deviations, (times, *deviations.shape)), axis=2)
            sums += shuffled.sum(axis=1) @ np.eye(self.sessions)[list(labels)]
        return self.statistic(sums)

    @cached_property
    def _counts(self) -> Matrix:
        """Attempts by task and session."""
        import numpy as np

        return np.array([[labels.count(number) for number in range(self.sessions)] for labels in self.labels], float)

    @cached_property
    def _sums(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """R: by session, the sum over its attempts of reward minus the task's mean."""
        import numpy as np

        sums = np.zeros(self.sessions)
        for rewards, labels in zip(self.rewards, self.labels, strict=True):
            mean = fmean(rewards)
            for reward, label in zip(rewards, labels, strict=True):
                sums[label] += reward - mean
        return sums

    @cached_property
    def _covariance(self) -> Matrix:
        return _covariance(self._counts, [_variance(task) for task in self.rewards])

    @cached_property
    def _inverse(self) -> Matrix:
        import numpy as np

        # A pseudo-inverse: the sums add up to nothing.
        return np.asarray(np.linalg.pinv(self._covariance))


def _covariance(counts: Matrix, variances: Sequence[float]) -> Matrix:
    """Of the sums by session, when the tasks' rewards vary so much and attempts are shuffled between sessions."""
    import numpy as np

    each = np.asarray(variances)[:, None]
    shared = (counts * each / counts.sum(axis=1, keepdims=True)).T @ counts
    return np.asarray(np.diag((counts * each).sum(axis=0)) - shared)


def _variance(rewards: Sequence[float]) -> float:
    return variance_of(rewards) if len(rewards) > 1 else 0.0


def _shuffled_p(sides: Sequence[_Side], *, seed: int) -> float:
    """How often shuffled sessions differ as much as these; valid wherever the shuffling stops."""
    import numpy as np

    rng = np.random.default_rng(seed)
    observed = sum(side.observed for side in sides)
    as_extreme = shuffles = 0
    while shuffles < MOST_SHUFFLES:
        drawn = sum(side.shuffled(SHUFFLES_AT_A_TIME, rng) for side in sides)
        hits = np.flatnonzero(np.asarray(drawn).ravel() >= observed - TOLERANCE)
        if as_extreme + len(hits) >= ENOUGH_AS_EXTREME:
            return ENOUGH_AS_EXTREME / (shuffles + int(hits[ENOUGH_AS_EXTREME - as_extreme - 1]) + 1)
        as_extreme += len(hits)
        shuffles += SHUFFLES_AT_A_TIME
    return (as_extreme + 1) / (shuffles + 1)
