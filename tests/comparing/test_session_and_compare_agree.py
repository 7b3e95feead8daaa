"""One comparison: what a session says of its cells, `terminalbench compare` says of its run and the baselines."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines.approval import CellToApprove, approve
from pytest_terminalbench.baselines.cell_gate import cell_gate
from pytest_terminalbench.baselines.cell_side import CellSide
from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.baselines.folder import ApprovedInFolder, baseline_of
from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.compare_records import Comparison, compare_records
from pytest_terminalbench.comparing.page import html
from pytest_terminalbench.comparing.session_gate import ActorGate, gate_run
from pytest_terminalbench.comparing.text import lines, markdown, metric_lines
from pytest_terminalbench.documents import write_json
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.importing.own_baselines import import_baselines
from pytest_terminalbench.importing.own_runs import import_session
from pytest_terminalbench.outcome import Outcome, Solved, Unsolved
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.manifest import RunManifest, RunSettings
from pytest_terminalbench.runs.summary import summarise
from pytest_terminalbench.status import Change, Status
from tests.cell_results import a_cell_id
from tests.samples import JOBS, TB, only

HERE, THERE = "x86_64, 4 CPUs, 8 GiB", "x86_64, 64 CPUs, 256 GiB"
Rewards = Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Cells by name, with what was approved and what the agent does now, over and over; None: not on that side."""

    cells: Mapping[str, tuple[Rewards | None, Rewards | None]]
    kind: str = "statistical"
    attempts: int | None = 1
    alpha: float = 0.05
    inconclusive: Literal["pass", "fail"] = "pass"
    seconds: tuple[float, float] = (10.0, 10.0)
    memory: tuple[float | None, float | None] = (20.0, 20.0)
    cost: tuple[float | None, float | None] = (0.1, 0.1)
    tokens: tuple[int | None, int | None] = (500, 500)
    hosts: tuple[str | None, str | None] = (HERE, HERE)


def attempt(case: Case, number: int, reward: float, session: Literal["then", "now"]) -> AttemptResult:
    """What an attempt takes in `case`; attempts of no time at all have none."""
    side = ("then", "now").index(session)
    seconds = case.seconds[side]
    outcome: Outcome = Solved(reward=reward) if reward >= 1 else Unsolved(reward=reward, reason="no")
    return AttemptResult(
        attempt=number,
        outcome=outcome,
        folder=f"trials/{number}",
        agent_s=seconds and seconds + number / 100,
        memory_peak_mb=case.memory[side],
        cost_usd=case.cost[side],
        tokens=case.tokens[side],
        session=session,
    )


def both_say(case: Case, root: Path) -> tuple[ActorGate, list[CellResult], Comparison]:
    """The gate of a session that runs `case` on approved baselines, its cells, and what `compare` says of it later."""
    baselines, run = root / "baselines", RunFolder(root / "results" / "now")
    ids = {name: a_cell_id(name, agent="mine") for name in case.cells}
    approve(
        [
            CellToApprove(
                cell=ids[name],
                attempts=[attempt(case, n, reward, "then") for n, reward in enumerate(before, start=1)],
                fingerprint={},
                host=case.hosts[0],
            )
            for name, (before, _) in case.cells.items()
            if before is not None
        ],
        run_id="then",
        baselines=baselines,
        approver="me",
    )
    asked = RunSettings(
        datasets={"demo": "1.0"},
        attempts=case.attempts,
        is_adaptive=case.attempts is None,
        alpha=case.alpha,
        inconclusive=case.inconclusive,
    )
    cells = [
        a_session_runs(ids[name], after, case, asked.policy, baselines)
        for name, (_, after) in case.cells.items()
        if after is not None
    ]
    manifest = RunManifest.begin("now", asked, expected=[], root=root, workers=0)
    manifest = replace(manifest, host={"class": case.hosts[1]})
    gate = gate_run(cells, baselines=baselines, policy=asked.policy, host=case.hosts[1])
    assert gate is not None
    write_json(run.manifest, manifest.to_json())
    write_json(run.summary, summarise("now", cells, gate=gate.result).to_json())
    (approved,), (record,) = import_baselines(baselines / "demo" / "mine"), import_session(run.path)
    return gate.actors["demo mine"], cells, compare_records(approved, record)


def a_session_runs(cell: CellId, rewards: Rewards, case: Case, policy: ComparisonPolicy, baselines: Path) -> CellResult:
    stored = baseline_of(baselines, cell)
    before = CellSide.approved(stored.record) if stored else None
    gate = cell_gate(case.kind, before, policy, approved=ApprovedInFolder(baselines).beside(cell))
    stream: Iterator[float] = cycle(rewards)
    made: list[AttemptResult] = []
    while more := gate.more([one.reward for one in made if one.reward is not None]):
        for reward in islice(stream, more):
            made.append(attempt(case, len(made) + 1, reward, "now"))
    verdict = gate.judge(CellSide.of_attempts(made, host=case.hosts[1]))
    return CellResult(
        id=cell,
        status=verdict.status,
        text=verdict.text,
        change=verdict.change,
        tolerated=verdict.tolerated,
        gate=case.kind,
        attempts=tuple(made),
    )


def check_agreement(case: Case, root: Path) -> None:
    gate, cells, comparison = both_say(case, root)

    assert comparison.whole == gate.comparison
    said = {cell.id.scenario: cell.change for cell in cells if cell.change is not None}
    assert {task.task: task.change for task in comparison.tasks} == said
    for cell in cells:
        regressed, inconclusive = cell.change is Change.REGRESSED, cell.change is Change.INCONCLUSIVE
        assert (cell.status is Status.REGRESSED, cell.status is Status.INCONCLUSIVE) == (regressed, inconclusive)
    if gate.comparison.suite is None or case.inconclusive == "pass":
        has_failed = any(not cell.passes for cell in cells if cell.change) or bool(gate.comparison.failures)
        assert (comparison.whole.verdict == "fail") == has_failed


_COUNTED = st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=5)
_PARTIAL = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=4)
_BEYOND = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.5]), min_size=1, max_size=3)
_SIDES = st.one_of(
    st.tuples(_COUNTED, _COUNTED),
    st.tuples(_PARTIAL, _PARTIAL),
    st.tuples(_BEYOND, _BEYOND),
    st.tuples(st.just([1.0] * 5), st.just([0.0])),
    st.tuples(_COUNTED, st.none()),
    st.tuples(st.none(), _COUNTED),
)
_FEW = st.dictionaries(st.sampled_from("abcdefgh"), _SIDES, min_size=1, max_size=8).filter(
    lambda cells: any(None not in sides for sides in cells.values())
)
_CROWD: Mapping[str, tuple[Rewards, Rewards]] = {f"crowd-{n}": ([0.5, 0.6, 0.7], [0.5, 0.6, 0.69]) for n in range(24)}
_CASES = st.builds(
    Case,
    cells=st.one_of(_FEW, _FEW, _FEW.map(lambda few: {**_CROWD, **few})),
    kind=st.sampled_from(["statistical", "statistical", "strict"]),
    attempts=st.sampled_from([None, 1, 3, 5]),
    alpha=st.sampled_from([0.05, 0.3]),
    inconclusive=st.sampled_from(["pass", "fail"]),
    seconds=st.sampled_from([(10.0, 10.0), (10.0, 13.0), (0.1, 0.4), (13.0, 10.0), (0.0, 13.0)]),
    memory=st.sampled_from([(20.0, 20.0), (20.0, 40.0), (0.0, 40.0), (None, 40.0)]),
    cost=st.sampled_from([(0.1, 0.1), (0.1, 0.3), (0.0, 0.3), (0.1, 0.0), (None, 0.1), (0.1, None)]),
    tokens=st.sampled_from([(500, 500), (500, 900), (0, 500), (500, 0), (None, 500), (500, None)]),
    hosts=st.sampled_from([(HERE, HERE), (HERE, THERE), (None, HERE)]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=_CASES)
def test_whatever_the_cells_do(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_agreement(case, Path(folder))


def recorded() -> dict[str, list[float]]:
    """Every task of the recorded samples, with its rewards."""
    records = [only(TB / "one-file"), only(TB / "per-run"), *(only(job) for job in sorted(JOBS.iterdir())[:1])]
    return {
        f"{number}-{name.rpartition('/')[2]}": list(task.rewards)
        for number, record in enumerate(records)
        for name, task in record.tasks.items()
        if task.rewards
    }


@pytest.mark.parametrize("attempts", [None, 1, 3])
@pytest.mark.parametrize("is_worse", [True, False])
def test_on_the_recorded_samples(attempts: int | None, *, is_worse: bool, tmp_path: Path) -> None:
    cells = {name: (rewards * 3, [0.0] if is_worse else rewards) for name, rewards in recorded().items()}

    check_agreement(Case(cells=cells, attempts=attempts), tmp_path)


def test_three_approved_and_three_failed_is_one_word_in_both(tmp_path: Path) -> None:
    """Alone it is a regression, among many unsteady cells nobody can tell: in neither is it `as baseline`."""
    alone = Case(cells={"a": ([1, 1, 1], [0, 0, 0])}, attempts=3)
    among = Case(cells={"a": ([1, 1, 1], [0, 0, 0]), **{f"b{n}": ([1, 0, 1], [1, 0, 1]) for n in range(6)}}, attempts=3)

    for number, (case, change) in enumerate(((alone, Change.REGRESSED), (among, Change.INCONCLUSIVE))):
        _, cells, comparison = both_say(case, tmp_path / str(number))
        (cell,) = (cell for cell in cells if cell.id.scenario == "a")
        (task,) = (task for task in comparison.tasks if task.task == "a")
        assert (cell.change, task.change, cell.status.value) == (change, change, change.value)


@pytest.mark.parametrize("others", [0, 24])
def test_a_small_dip_of_partial_rewards_is_lower_in_both_among_however_many_cells(others: int, tmp_path: Path) -> None:
    dip = {"a": ([0.5, 0.6, 0.7], [0.5, 0.6, 0.69])}
    steady = {f"b{n}": ([0.5, 0.6], [0.5, 0.6]) for n in range(others)}
    case = Case(cells={**dip, **steady}, attempts=3, inconclusive="fail")

    check_agreement(case, tmp_path / "checked")
    _, cells, comparison = both_say(case, tmp_path / "said")

    (cell,) = (cell for cell in cells if cell.id.scenario == "a")
    (task,) = (task for task in comparison.tasks if task.task == "a")
    assert (cell.change, task.change, cell.passes) == (Change.LOWER, Change.LOWER, True)


def test_a_reward_that_falls_from_2_to_1_regresses_in_both_where_strict_and_the_means_are_one(tmp_path: Path) -> None:
    case = Case(cells={"a": ([2.0], [1.0])}, kind="strict")

    _, (cell,), comparison = both_say(case, tmp_path)

    assert (cell.change, comparison.tasks[0].change) == (Change.REGRESSED, Change.REGRESSED)
    assert summarise("now", [cell]).mean == comparison.candidate.mean == 1.0
    for rendered in ("\n".join(lines(comparison)), markdown(comparison), html(comparison)):
        assert "mean reward 2 → 1" in rendered


def test_a_slower_cell_regresses_in_both(tmp_path: Path) -> None:
    case = Case(cells={"a": ([1, 1, 1], [1, 1, 1])}, kind="strict", attempts=3, seconds=(10.0, 13.0))

    gate, (cell,), comparison = both_say(case, tmp_path)

    assert cell.status is Status.REGRESSED
    assert cell.text.startswith(
        "solved 3 of 3; took more than approved: agent's time +30 % (median 10.02 → 13.02), allowed +15 %; the "
        "baseline "
    )
    assert (comparison.tasks[0].change, comparison.whole.verdict) == (Change.REGRESSED, "fail")
    assert gate.comparison == comparison.whole
    assert json.dumps([change.metric for change in comparison.tasks[0].slower]) == '["runtime_s"]'


def test_what_an_agent_did_not_report_when_it_was_approved_is_not_worse_once_it_does(tmp_path: Path) -> None:
    """Nobody knows what it took then. What was free, too, has nothing to be compared with."""
    case = Case(
        cells={"a": ([1, 1, 1], [1, 1, 1])},
        kind="strict",
        attempts=3,
        seconds=(0.0, 10.0),
        cost=(0.0, 0.5),
        tokens=(0, 500),
    )

    gate, (cell,), comparison = both_say(case, tmp_path)

    assert (cell.change, cell.status) == (Change.SAME, Status.SOLVED)
    assert (comparison.tasks[0].change, comparison.tasks[0].slower) == (Change.SAME, ())
    assert [metric.metric for metric in comparison.whole.metrics] == ["memory_peak_mb"]
    assert gate.comparison == comparison.whole


@pytest.mark.parametrize(
    ("attempts", "seconds", "hosts"),
    [
        (2, (10.0, 13.0), (HERE, HERE)),
        (3, (10.0, 11.0), (HERE, HERE)),
        (3, (0.2, 0.9), (HERE, HERE)),
        (3, (10.0, 13.0), (HERE, THERE)),
    ],
)
def test_too_few_attempts_small_values_and_other_hosts_are_not_judged(
    attempts: int, seconds: tuple[float, float], hosts: tuple[str, str], tmp_path: Path
) -> None:
    """Two attempts; within what is allowed; below the floor of a second; another class of host."""
    cells = {"a": ([1.0] * attempts, [1.0])}

    _, (cell,), comparison = both_say(
        Case(cells=cells, kind="strict", attempts=attempts, seconds=seconds, hosts=hosts), tmp_path
    )

    assert (cell.status, cell.change, comparison.whole.verdict) == (Status.SOLVED, Change.SAME, "pass")


def test_times_below_a_second_are_too_little_to_compare(tmp_path: Path) -> None:
    """And no ratio of 1 with an interval of no width."""
    case = Case(cells={"a": ([1.0] * 3, [1.0])}, kind="strict", attempts=3, seconds=(0.1, 0.9))

    _, _, comparison = both_say(case, tmp_path)

    assert [metric.metric for metric in comparison.whole.metrics if metric.metric == "runtime_s"] == []
    assert "agent's time: at most 1 s throughout: too little to compare" in list(metric_lines(comparison))
