"""`terminalbench baseline list|show`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.baselines.record import BaselineRecord, measure, serialised
from pytest_terminalbench.identity import CellId, parse_label
from tests.cli.conftest import Project


def write(project: Project, name: str, **changes: Any) -> BaselineRecord:
    """A baseline called ``DATASET/LABEL/SCENARIO``."""
    dataset, label, scenario = name.split("/")
    parts = parse_label(label)
    runtime, memory = measure([1.25, 2.25, 3.25]), measure([10.0, 11.0, 12.0])
    fields: dict[str, Any] = {
        "cell": CellId(dataset=dataset, scenario=scenario, agent=parts.agent, model=parts.model),
        "baseline_id": f"{scenario}-2026-01-02",
        "scenario_id": scenario,
        "status": "active",
        "approved_on": "2026-01-02",
        "approved_by": "Ada",
        "attempts": 3,
        "solved": 2,
        "rewards": [1.0, 0.0, 1.0],
        "metrics": {"runtime_s": runtime, "memory_peak_mb": memory},
        "fingerprint": {"image": "sha256:12", "limits": "sha256:34"},
    }
    record = BaselineRecord(**{**fields, **changes})
    project.write(f"baselines/{name}.json", serialised(record))
    return record


@pytest.fixture
def approved(project: Project) -> Project:
    """A project with four baselines, and the log that lies beside them."""
    for cell in ("demo/oracle/alpha", "demo/oracle/beta", "demo/loop,lab%2Fgpt-5/alpha", "more/oracle/gamma"):
        write(project, cell)
    project.write("baselines/audit.jsonl", "{}\n")
    return project


def listed(project: Project, *options: str) -> list[str]:
    return [stored["name"] for stored in project.call("baseline", "list", *options, "--format", "json").json]


def test_baselines_are_listed_with_what_was_approved(approved: Project) -> None:
    done = approved.call("baseline", "list")

    assert done.exit_code == 0
    assert done.out.splitlines() == [
        "cell                         status  solved  seconds   MiB  approved    by",
        "demo/loop,lab%2Fgpt-5/alpha  active     2/3      2.2  11.0  2026-01-02  Ada",
        "demo/oracle/alpha            active     2/3      2.2  11.0  2026-01-02  Ada",
        "demo/oracle/beta             active     2/3      2.2  11.0  2026-01-02  Ada",
        "more/oracle/gamma            active     2/3      2.2  11.0  2026-01-02  Ada",
    ]


def test_of_rewards_that_are_fractions_the_mean_is_told(project: Project) -> None:
    rewards = [0.5, 0.75, 0.76, 2.5]
    write(project, "demo/oracle/alpha", attempts=4, solved=1, rewards=rewards, metrics={})
    write(project, "demo/oracle/beta", attempts=2, solved=2, rewards=[1.0, 2.5], metrics={})

    done = project.call("baseline", "list")

    assert done.out.splitlines() == [
        "cell               status           solved  seconds  MiB  approved    by",
        "demo/oracle/alpha  active  1/4 (mean 0.75)        -    -  2026-01-02  Ada",
        "demo/oracle/beta   active              2/2        -    -  2026-01-02  Ada",
    ]


def test_those_without_a_scenario_are_named_with_the_cure(approved: Project) -> None:
    approved.dataset("demo", "alpha")

    done = approved.call("baseline", "list")

    assert (done.exit_code, len(done.out.splitlines())) == (0, 5)
    assert done.err == (
        "2 baselines without a scenario: demo/oracle/beta, more/oracle/gamma; fix it by `terminalbench baseline move "
        "OLD NEW` where it has another name, or by `terminalbench baseline retire NAME` where it is gone\n"
    )


def test_the_cure_names_the_folder_that_was_named(approved: Project) -> None:
    approved.dataset("demo", "alpha")
    (approved.path / "baselines").rename(approved.path / "kept")

    done = approved.call("baseline", "list", "--baselines", "kept")

    option = f"--baselines={approved.path}/kept"
    assert done.err.count(option) == 2
    assert f"`terminalbench baseline move OLD NEW {option}` where it has another name" in done.err


class TestDatasetsThatCannotBeRead:
    """What their scenarios are nobody can tell, so no baseline of theirs is called gone."""

    @pytest.fixture
    def broken(self, approved: Project) -> Project:
        """`demo` without the scenario beta, and a dataset.json of `more` that is no JSON."""
        approved.dataset("demo", "alpha")
        approved.dataset("more", "gamma")
        approved.write("scenarios/more/dataset.json", '{"schema_version": 1, "name": "more", "version": "1.0",')
        return approved

    @pytest.mark.parametrize("command", ["list", "audit"])
    def test_only_those_of_the_others_are_without_a_scenario(self, broken: Project, command: str) -> None:
        lines = broken.call("baseline", command).err.splitlines()

        file = broken.path / "scenarios/more/dataset.json"
        assert any(line.startswith(f"terminalbench: {file}: Invalid JSON: ") for line in lines)
        told = [line for line in lines if line[0].isdigit()]
        assert told[0].startswith("1 baseline without a scenario: demo/oracle/beta; fix it by ")
        assert told[1] == (
            "1 baseline of more not looked at: nobody can tell whether there are scenarios for what was approved "
            "until these datasets can be read: more"
        )

    def test_a_list_of_others_does_not_speak_of_them(self, broken: Project) -> None:
        assert "not looked at" not in broken.call("baseline", "list", "--dataset", "demo").err

    def test_a_readable_one_of_its_name_does_not_tell_of_its_scenarios(self, approved: Project) -> None:
        approved.dataset("demo", "alpha")
        approved.dataset("more", "gamma")
        approved.scenario("beta", dataset="second")
        approved.write("scenarios/second/dataset.json", '{"schema_version": 1, "name": "demo", "version": "1.0",')

        told = [line for line in approved.call("baseline", "list").err.splitlines() if line[0].isdigit()]

        assert told == [
            (
                "1 baseline of demo not looked at: nobody can tell whether there are scenarios for what was approved "
                "until these datasets can be read: second"
            )
        ]

    def test_one_that_the_ini_file_names_and_that_is_not_there_is_one_of_them(self, approved: Project) -> None:
        approved.dataset("demo", "alpha", "beta")
        approved.write("pytest.ini", "[pytest]\ntb_dataset = elsewhere/more\n")

        told = approved.call("baseline", "list").err.splitlines()

        assert told[0].startswith("terminalbench: tb_dataset 'elsewhere/more' is neither a folder nor a known dataset")
        assert [line.partition(":")[0] for line in told[1:]] == ["1 baseline of more not looked at"]

    def test_a_file_that_the_system_does_not_give_is_told_with_its_reason(self, broken: Project) -> None:
        file = broken.path / "scenarios/more/dataset.json"
        file.unlink()
        file.symlink_to("/proc/self/mem")

        assert f"{file}: cannot be read: Input/output error" in broken.call("baseline", "list").err

    def test_a_scenario_that_cannot_be_read_is_there_all_the_same(self, broken: Project) -> None:
        broken.dataset("more", "gamma")
        broken.write("scenarios/more/gamma.json", "{")
        broken.scenario("beta")

        assert broken.call("baseline", "list").err == ""


def test_datasets_that_share_a_name_have_all_their_scenarios(approved: Project) -> None:
    approved.dataset("demo", "alpha")
    approved.dataset("more", "gamma")
    second = approved.dataset("second", "beta") / "dataset.json"
    second.write_text(second.read_text().replace('"name": "second"', '"name": "demo"'))

    assert approved.call("baseline", "list").err == ""


def test_json_has_the_whole_record(approved: Project) -> None:
    record = write(approved, "demo/oracle/alpha", notes="slower disk", supersedes="alpha-2025-12-01")

    (shown,) = approved.call("baseline", "show", "demo/oracle/alpha", "--format", "json").json

    assert shown == {
        "name": "demo/oracle/alpha",
        "dataset": "demo",
        "agent": "oracle",
        "model": None,
        "file": str(approved.path / "baselines/demo/oracle/alpha.json"),
        **record.model_dump(),
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--dataset", "more"], ["more/oracle/gamma"]),
        (["--agent", "loop,lab%2Fgpt-5"], ["demo/loop,lab%2Fgpt-5/alpha"]),
        (["--agent", "loop"], ["demo/loop,lab%2Fgpt-5/alpha"]),
        (["--agent", "oracle", "--dataset", "demo"], ["demo/oracle/alpha", "demo/oracle/beta"]),
        (["--agent", "nop"], []),
    ],
)
def test_a_list_can_be_narrowed(approved: Project, options: list[str], expected: list[str]) -> None:
    assert listed(approved, *options) == expected


def test_a_baseline_is_shown_in_full(approved: Project) -> None:
    limits = {"cpus": 1.0, "network": "none", "pids": None}
    fingerprint = {"image": "sha256:12", "limits": limits, "ignored": [], "judging": {"collect": ["/app", "/b"]}}
    write(approved, "demo/oracle/beta", notes="slower disk", supersedes="beta-2025-12-01", fingerprint=fingerprint)

    done = approved.call("baseline", "show", "beta")

    assert done.out.splitlines() == [
        "demo/oracle/beta",
        "  baseline   beta-2026-01-02 (active)",
        "  approved   2026-01-02 by Ada",
        "  supersedes beta-2025-12-01",
        "  notes      slower disk",
        "  solved     2 of 3, rewards 1, 0, 1",
        "  memory_peak_mb  median 11, spread 2",
        "  runtime_s       median 2.25, spread 2",
        "  ignored         none",
        "  image           sha256:12",
        "  judging         collect /app /b",
        "  limits          cpus 1, network none, pids not known",
        "  file       baselines/demo/oracle/beta.json",
    ]


class TestSchema1:
    """Baselines that earlier versions wrote, which say agent and model by their folder alone."""

    @pytest.fixture
    def old(self, project: Project) -> Project:
        record = write(project, "demo/loop,lab%2Fgpt-5/alpha", schema_version=1, cell=None)
        (project.path / "baselines/demo/loop,lab%2Fgpt-5").rename(project.path / "baselines/demo/loop--lab-gpt-5")
        assert record.cell is None
        return project

    def test_they_are_listed_by_what_their_folder_tells(self, old: Project) -> None:
        done = old.call("baseline", "list", "--format", "json")

        (listed,) = done.json
        assert (listed["name"], listed["agent"], listed["model"]) == ("demo/loop,lab-gpt-5/alpha", "loop", "lab-gpt-5")
        assert done.err == "1 baseline of an earlier version: `terminalbench baseline migrate` rewrites them\n"

    def test_showing_one_by_its_old_name_tells_the_new(self, old: Project) -> None:
        done = old.call("baseline", "show", "demo/loop--lab-gpt-5/alpha")

        assert (done.exit_code, done.err) == (
            4,
            (
                "terminalbench: 'demo/loop--lab-gpt-5/alpha' is how earlier versions called it; it is "
                "'demo/loop,lab-gpt-5/alpha' now\n"
            ),
        )

    def test_retiring_one_by_its_old_name_tells_the_new(self, old: Project) -> None:
        refused = old.call("baseline", "retire", "demo/loop--lab-gpt-5/alpha", "--approver", "ada")

        assert refused.exit_code == 4
        assert "it is 'demo/loop,lab-gpt-5/alpha' now" in refused.err
        assert old.call("baseline", "retire", "demo/loop,lab-gpt-5/alpha", "--approver", "ada").exit_code == 0
        content = json.loads((old.path / "baselines/demo/loop--lab-gpt-5/alpha.json").read_text())
        assert (content["schema_version"], content["status"]) == (1, "retired")
        assert "cell" not in content


def test_a_baseline_that_was_moved_is_named(approved: Project) -> None:
    (approved.path / "baselines/demo/oracle").rename(approved.path / "baselines/demo/nop")

    done = approved.call("baseline", "list")

    assert done.exit_code == 3
    file = approved.path / "baselines/demo/nop/alpha.json"
    assert f"{file} is the baseline of demo/oracle/alpha, and lies in the wrong place: move it" in done.err


@pytest.mark.parametrize(
    ("name", "count"), [("alpha", 2), ("demo/oracle/alpha", 1), ("gamma-2026-01-02", 1), ("alpha-2026-01-02", 2)]
)
def test_baselines_are_shown_by_scenario_cell_or_id(approved: Project, name: str, count: int) -> None:
    assert len(approved.call("baseline", "show", name, "--format", "json").json) == count


def test_an_unknown_name_is_a_usage_error_with_the_nearest(approved: Project) -> None:
    done = approved.call("baseline", "show", "gama")

    assert (done.exit_code, done.out) == (4, "")
    assert done.err == (
        "terminalbench: no baseline 'gama' in baselines (did you mean 'gamma'?); "
        "`terminalbench baseline list` shows what is there\n"
    )


def test_a_damaged_baseline_is_named_and_hides_no_other(approved: Project) -> None:
    file = approved.write("baselines/demo/oracle/beta.json", "{")

    done = approved.call("baseline", "list", "--format", "json")

    assert done.exit_code == 3
    assert [one["scenario_id"] for one in done.json] == ["alpha", "alpha", "gamma"]
    assert done.err.startswith(f"terminalbench: {file} is damaged: not JSON: Expecting")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--dataset", "demmo"], "--dataset 'demmo': no baseline in baselines is of it (did you mean 'demo'?); "),
        (["--agent", "orakle"], "--agent 'orakle': no baseline in baselines is of it (did you mean 'oracle'?); "),
        (["--baselines", "nodir"], "--baselines 'nodir': there is no such folder\n"),
    ],
)
def test_a_name_that_nothing_has_is_an_error(approved: Project, options: list[str], said: str) -> None:
    done = approved.call("baseline", "list", *options)

    assert (done.exit_code, done.out) == (4, "")
    assert done.err.startswith(f"terminalbench: {said}")


def test_a_dataset_of_which_nothing_is_approved_yet_is_none(approved: Project) -> None:
    approved.dataset("fresh", "one")

    done = approved.call("baseline", "list", "--dataset", "fresh")

    assert done.exit_code == 0
    assert done.err.startswith("no baselines of fresh in baselines; approve some with --update-baselines\n")


def test_no_baselines_are_no_error(project: Project) -> None:
    done = project.call("baseline", "list")

    assert (done.exit_code, done.out) == (0, "")
    assert done.err == "no baselines in baselines; approve some with --update-baselines\n"


def test_another_folder_can_be_named(approved: Project, tmp_path: Path) -> None:
    (approved.path / "baselines").rename(tmp_path / "kept")

    assert listed(approved) == []
    assert len(listed(approved, "--baselines", str(tmp_path / "kept"))) == 4
