"""What blocks a comparison, and what is noted only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.baselines.parity import Mismatch, Parity, check_parity, is_same_question, mismatches
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.scenarios.model import Scenario, ScenarioSpec
from pytest_terminalbench.scenarios.terminal import TerminalScenario
from pytest_terminalbench.trials.fingerprint import conditions
from tests.scenario_files import VERIFIER, a_scenario


def fingerprint_of(scenario: TerminalScenario, **changes: Any) -> dict[str, Any]:
    facts = {"image": "sha256:1", "platform": "linux/amd64", "dataset_version": "1", **changes}
    return conditions(scenario, **facts)


def approved(fingerprint: dict[str, Any]) -> BaselineRecord:
    return BaselineRecord(
        baseline_id="make-it-2026-11-21",
        cell=CellId(dataset="demo", scenario="make-it", agent="oracle"),
        scenario_id="make-it",
        status="active",
        approved_on="2026-11-21",
        approved_by="ada",
        attempts=1,
        solved=1,
        rewards=[1.0],
        metrics={},
        fingerprint=fingerprint,
    )


def checked(before: dict[str, Any], now: dict[str, Any], policy: str = "block") -> Parity:
    return check_parity(approved(before), now, configuration=None, policy=policy)


def as_earlier_versions_had_it(fingerprint: dict[str, Any]) -> dict[str, Any]:
    known = ("scenario", "dataset", "image", "limits", "verifier", "platform")
    return {name: fingerprint[name] for name in known}


SEEN = {
    "instruction": ({"instruction": "Make /app/done, twice."}, "instruction"),
    "memory": ({"environment": {"memory_mb": 2048}}, "limits.memory_mb"),
    "time": ({"timeouts": {"agent_s": 60.0}}, "limits.agent_s"),
    "a variable more": ({"environment": {"env": {"LANG": "C"}}}, "environment.env"),
    "the user": ({"environment": {"user": "nobody"}}, "environment.user"),
    "where it works": ({"environment": {"workdir": "/srv"}}, "environment.workdir"),
    "the platform": ({"environment": {"platform": "linux/arm64"}}, "environment.platform"),
    "what is judged": ({"verifier": {"collect": ["/app", "/srv"]}}, "judging.collect"),
    "how it is judged": ({"verifier": {"isolation": "same"}}, "judging.isolation"),
    "a verifier's file": ({"tests": {"test.sh": VERIFIER, "expected": "1"}}, "judging.files"),
}
UNSEEN = {
    "title": ({"title": "Make this"}, "scenario"),
    "tags": ({"tags": ["files"]}, "scenario"),
    "category": ({"category": "paths"}, "scenario"),
    "difficulty": ({"difficulty": "hard"}, "scenario"),
    "time to build": ({"timeouts": {"build_s": 60.0}}, "limits.build_s"),
}


class TestTheScenario:
    @pytest.mark.parametrize(("change", "field"), SEEN.values(), ids=SEEN)
    def test_what_agent_or_verifier_can_see_blocks(self, tmp_path: Path, change: dict[str, Any], field: str) -> None:
        before = fingerprint_of(a_scenario(tmp_path / "before"))
        now = fingerprint_of(a_scenario(tmp_path / "now", **change))

        found = checked(before, now)

        assert [mismatch.field for mismatch in found.mismatches if mismatch.blocks] == [field]
        assert found.why_blocked.startswith(
            f"blocked: not what the baseline make-it-2026-11-21 was approved for\n  {field}: approved "
        )

    @pytest.mark.parametrize(("change", "field"), UNSEEN.values(), ids=UNSEEN)
    def test_what_they_cannot_see_is_noted(self, tmp_path: Path, change: dict[str, Any], field: str) -> None:
        before = fingerprint_of(a_scenario(tmp_path / "before"))
        now = fingerprint_of(a_scenario(tmp_path / "now", **change))

        found = checked(before, now)

        assert found.why_blocked == ""
        assert field in [mismatch.field for mismatch in found.mismatches]

    def test_where_its_files_lie_is_not_seen(self, tmp_path: Path) -> None:
        """As when a scenario is renamed with its folder."""
        before = fingerprint_of(a_scenario(tmp_path, "make-it"))
        now = fingerprint_of(a_scenario(tmp_path, "do-it"))

        assert [mismatch.field for mismatch in checked(before, now).mismatches] == ["scenario"]
        assert checked(before, now).why_blocked == ""

    def test_the_solution_is_nothing_of_the_kind(self, tmp_path: Path) -> None:
        before = fingerprint_of(a_scenario(tmp_path / "before"))
        now = fingerprint_of(a_scenario(tmp_path / "now", solution="#!/bin/sh\ntrue\n"))

        assert checked(before, now) == Parity()

    def test_another_version_of_the_dataset_is_noted(self, tmp_path: Path) -> None:
        scenario = a_scenario(tmp_path)

        found = checked(fingerprint_of(scenario), fingerprint_of(scenario, dataset_version="2"))

        assert found == Parity(mismatches=(Mismatch("dataset", "demo==1", "demo==2"),))

    def test_a_swap_file_is_noted_and_its_going_is_not(self, tmp_path: Path) -> None:
        before = fingerprint_of(a_scenario(tmp_path))
        (tmp_path / "make-it" / "tests" / ".test.sh.swp").write_bytes(b"vim")
        now = fingerprint_of(a_scenario(tmp_path))

        assert checked(before, now) == Parity(mismatches=(Mismatch("ignored", [], [".test.sh.swp"]),))
        assert str(checked(before, now).mismatches[0]) == "ignored: approved none, now .test.sh.swp"
        assert checked(now, before) == Parity()


class RiddleSpec(ScenarioSpec):
    """A kind of somebody's own, with a field that only this kind has."""

    answer: str


@pytest.mark.parametrize(("change", "blocking"), [({"answer": "43"}, ["fields.answer"]), ({"title": "Another"}, [])])
def test_what_a_kind_adds_is_seen_unless_the_kind_says_otherwise(
    tmp_path: Path, change: dict[str, str], blocking: list[str]
) -> None:
    content = {"kind": "riddle", "id": "x", "title": "X", "instruction": "?", "difficulty": "easy", "category": "c"}
    specs = (RiddleSpec.model_validate({"schema_version": 1, "answer": "42", **content, **now}) for now in ({}, change))
    before, now = (conditions(Scenario(spec=spec, file=tmp_path / "x.json", dataset="demo")) for spec in specs)

    assert [mismatch.field for mismatch in mismatches(before, now) if mismatch.blocks] == blocking


@pytest.mark.parametrize(
    ("change", "fact"), [({"image": "sha256:2"}, "image"), ({"platform": "linux/arm64"}, "platform")]
)
def test_another_image_or_platform_blocks(tmp_path: Path, change: dict[str, Any], fact: str) -> None:
    scenario = a_scenario(tmp_path)

    found = checked(fingerprint_of(scenario), fingerprint_of(scenario, **change))

    assert [mismatch.field for mismatch in found.mismatches] == [fact]
    assert found.why_blocked


class TestOfEarlierVersions:
    def test_a_baseline_is_not_blocked_by_facts_that_it_does_not_know(self, tmp_path: Path) -> None:
        now = fingerprint_of(a_scenario(tmp_path))

        assert checked(as_earlier_versions_had_it(now), now) == Parity()

    def test_what_only_the_digest_of_all_files_tells_is_noted(self, tmp_path: Path) -> None:
        before = as_earlier_versions_had_it(fingerprint_of(a_scenario(tmp_path / "before")))
        now = fingerprint_of(a_scenario(tmp_path / "now", title="Make this"))

        found = checked(before, now)

        assert [mismatch.field for mismatch in found.mismatches] == ["scenario"]
        assert found.why_blocked == ""

    def test_verifier_image_and_limits_block_as_before(self, tmp_path: Path) -> None:
        before = as_earlier_versions_had_it(fingerprint_of(a_scenario(tmp_path / "before")))
        now = fingerprint_of(a_scenario(tmp_path / "now", verifier={"collect": ["/"]}, environment={"pids": 64}))

        assert [mismatch.field for mismatch in mismatches(before, now) if mismatch.blocks] == [
            "limits.pids",
            "verifier",
        ]


class TestSameQuestion:
    def test_what_nobody_sees_does_not_make_another(self, tmp_path: Path) -> None:
        before = fingerprint_of(a_scenario(tmp_path / "before"))
        now = fingerprint_of(a_scenario(tmp_path / "now", title="Make this"), dataset_version="2")

        assert is_same_question(before, now)

    def test_where_the_instruction_is_not_known_all_files_have_to_be_the_same(self, tmp_path: Path) -> None:
        now = fingerprint_of(a_scenario(tmp_path))
        before = as_earlier_versions_had_it(now)

        assert is_same_question(before, now)
        assert not is_same_question({**before, "scenario": "sha256:other"}, now)


def test_warn_notes_what_would_block_and_off_does_not_look(tmp_path: Path) -> None:
    before, now = ({"limits": {"pids": pids}} for pids in (1, 2))
    note = Mismatch("limits.pids", 1, 2)

    assert checked(before, now, "warn") == Parity(mismatches=(note,))
    assert checked(before, now, "off") == Parity()
