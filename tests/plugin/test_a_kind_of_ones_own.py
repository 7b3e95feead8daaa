"""A package's kind of scenario: no container, a verifier of its own, from JSON to baseline and report.

Not a line of the package is changed for it: one module, one entry point.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT, blocks
from tests.packages import install, put_on_path
from tests.plugin.conftest import INI, Suite, collected

# The page's own code: what it shows is what works.
PAGE = ROOT / "docs" / "extending.md"
CODE = next(block.text for block in blocks(PAGE) if block.text.startswith('"""Riddles'))
CONFTEST = """
import pytest

from pytest_terminalbench import AgentReport


class Guesser:
    name = "guesser"
    deterministic = True

    def __init__(self, *, guess):
        self._guess = guess

    def act(self, task, environment):
        if self._guess:
            environment.put({f"{task.workdir}/answer": self._guess.encode()})
        return AgentReport(note=f"asked: {task.instruction}")


def pytest_terminalbench_agents(registry):
    registry.register("guesser", Guesser)
"""


def riddle_json(scenario_id: str, **changes: Any) -> str:
    content = {
        "schema_version": 1,
        "kind": "riddle",
        "id": scenario_id,
        "title": "Ask something",
        "instruction": f"What is {scenario_id}, in one word? Write it to the file named answer.",
        "difficulty": "hard",
        "category": "riddles",
        "answer": "time",
    }
    return json.dumps({**content, **changes})


@pytest.fixture
def riddles(suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A dataset of two riddles, where the package with the kind is installed."""
    points = {"pytest_terminalbench.kinds": {"riddle": "riddles:RIDDLE"}}
    put_on_path(install(tmp_path / "site", "riddles", CODE, points), monkeypatch)
    (suite.path / "tox.ini").write_text(INI.replace("tb_preflight = false\n", ""))
    (suite.path / "conftest.py").write_text(CONFTEST)
    suite.dataset("riddles")
    for scenario_id in ("devourer", "healer"):
        suite.write(f"scenarios/riddles/{scenario_id}.json", riddle_json(scenario_id))
    return suite


def guess(word: str, *args: str) -> list[str]:
    return ["--tb-dataset", "riddles", "--tb-agent", "guesser", "--tb-agent-arg", f"guess={word}", *args]


def command(suite: Suite, *args: str) -> pytest.RunResult:
    return suite.pytester.run(sys.executable, "-m", "pytest_terminalbench", *args)


def test_from_json_to_baseline_and_report(riddles: Suite) -> None:
    first = riddles.run_apart(*guess("time", "--update-baselines"))
    first.assert_outcomes(passed=2)
    assert len(list((riddles.path / "baselines" / "riddles").glob("*/*.json"))) == 2

    riddles.run_apart(*guess("time")).assert_outcomes(passed=2)

    worse = riddles.run_apart(*guess("bread"))
    worse.assert_outcomes(failed=2)
    worse.stdout.fnmatch_lines(["*devourer regressed: *", "  Ask something (hard, riddles)", "*failed*answer*"])
    assert set(riddles.statuses.values()) == {"regressed"}
    assert "devourer" in (riddles.latest / "report.md").read_text()
    assert command(riddles, "report").ret == 0


def test_with_nothing_to_judge_a_trial_is_void(riddles: Suite) -> None:
    riddles.run_apart(*guess("")).assert_outcomes(errors=2)

    assert set(riddles.statuses.values()) == {"void"}


def test_under_xdist_too(riddles: Suite) -> None:
    riddles.run_apart(*guess("time", "-n", "2")).assert_outcomes(passed=2)


def test_it_is_selected_like_any_other(riddles: Suite) -> None:
    riddles.write("scenarios/riddles/easy.json", riddle_json("easy", difficulty="easy", tags=["short"]))

    found = collected(riddles.run_apart(*guess("x", "--co", "-q", "-m", "category_riddles and short")))

    assert [nodeid.partition("::")[0] for nodeid in found] == ["scenarios/riddles/easy.json"]


def test_its_file_is_checked_by_its_own_model(riddles: Suite) -> None:
    riddles.write("scenarios/riddles/wrong.json", riddle_json("wrong", environment={"image": "debian"}))

    done = riddles.run_apart(*guess("time"))

    done.assert_outcomes(passed=2, errors=1)
    done.stdout.fnmatch_lines(["*wrong.json: environment: unknown key"])


def test_the_commands_of_datasets_know_it(riddles: Suite) -> None:
    for name in ("validate", "lint", "lock"):
        done = command(riddles, "dataset", name, "riddles")
        assert (name, done.ret) == (name, 0), done.outlines

    riddles.run_apart(*guess("time", "--tb-locked")).assert_outcomes(passed=2)
    riddles.write("scenarios/riddles/healer.json", riddle_json("healer", answer="rest"))
    riddles.run_apart(*guess("time", "--tb-locked")).assert_outcomes(passed=1, errors=1)


def test_its_schema_is_generated(riddles: Suite) -> None:
    schema = json.loads(command(riddles, "dataset", "schema", "--kind", "riddle").stdout.str())

    assert schema["properties"]["kind"]["const"] == "riddle"
    assert "answer" in schema["required"]
    assert "environment" not in schema["properties"]


def test_without_its_package_the_kind_is_told_and_how_to_get_it(
    riddles: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site" / "riddles-1.0.dist-info" / "entry_points.txt").unlink()

    done = riddles.run_apart(*guess("time"))

    done.assert_outcomes(errors=2)
    done.stdout.fnmatch_lines(
        ["*devourer.json: kind: 'riddle' is not installed; installed: terminal; a package adds one by an entry point *"]
    )
