"""The documentation has every option, field, hook, fixture and command that there is, and its links lead somewhere."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import cast

import pytest
import typer.main
from pydantic import BaseModel

from pytest_terminalbench.agents.registry import ENTRY_POINTS, AgentRegistry
from pytest_terminalbench.baselines.record import BaselineRecord
from pytest_terminalbench.cli.app import app
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Solved
from pytest_terminalbench.plugin import fixtures, hookspecs
from pytest_terminalbench.plugin.options import add_options
from pytest_terminalbench.runs.summary import summarise
from pytest_terminalbench.scenarios.container import EnvironmentSpec
from pytest_terminalbench.scenarios.kinds import Kind
from pytest_terminalbench.scenarios.model import Timeouts
from pytest_terminalbench.scenarios.terminal import TerminalSpec, VerifierSpec
from pytest_terminalbench.trials.result import Timing, TrialResult
from tests.docs.pages import PAGES, ROOT, blocks

DOCS = ROOT / "docs"


def in_code(page: str) -> set[str]:
    """Every word that stands in backquotes on the page."""
    return {
        word
        for quoted in re.findall(r"`([^`\n]+)`", (DOCS / page).read_text())
        for word in re.findall(r"[$\w-]+", quoted)
    }


def rows(page: str, section: str) -> set[str]:
    """The names in the first column of the tables below a heading."""
    text = (DOCS / page).read_text()
    below = re.split(rf"^#+ {re.escape(section)}$", text, flags=re.M)[1]
    table = re.split(r"^#+ ", below, flags=re.M)[0]
    return {name for cell in re.findall(r"^\| ([^|]+) \|", table, re.M) for name in re.findall(r"`([^`]+)`", cell)}


class Options:
    """Stands for pytest's parser: remembers what is added."""

    def __init__(self) -> None:
        self.options: set[str] = set()
        self.ini: set[str] = set()

    def getgroup(self, *_: str) -> Options:
        return self

    def addoption(self, name: str, **_: object) -> None:
        self.options.add(name)

    def addini(self, name: str, *_: object, **__: object) -> None:
        self.ini.add(name)


def test_every_option_of_pytest_is_in_the_reference() -> None:
    added = Options()
    add_options(cast("pytest.Parser", added))

    assert added.options == {row.split()[0] for row in rows("reference.md", "pytest options")}


def test_options_are_ini_values_but_for_those_that_the_reference_excepts() -> None:
    added = Options()
    add_options(cast("pytest.Parser", added))
    as_ini = {name.removeprefix("--").replace("-", "_") for name in added.options}

    assert as_ini ^ added.ini == {"update_baselines", "tb_preflight"}
    assert {"--update-baselines", "tb_preflight"} <= in_code("reference.md")


@pytest.mark.parametrize(
    ("model", "section"),
    [
        (TerminalSpec, "The fields"),
        (EnvironmentSpec, "environment"),
        (VerifierSpec, "verifier"),
        (Timeouts, "timeouts"),
    ],
)
def test_every_field_of_a_scenario_has_its_row(model: type[BaseModel], section: str) -> None:
    names = {field.alias or name for name, field in model.model_fields.items()}

    assert names == rows("writing-scenarios.md", section)


@pytest.mark.parametrize("kind", VerifierSpec.model_json_schema()["properties"]["result"]["enum"])
def test_every_kind_of_result_has_its_row(kind: str) -> None:
    assert kind in rows("writing-scenarios.md", "Results of a verifier")


def test_every_field_of_a_baseline_has_its_row() -> None:
    assert set(BaselineRecord.model_fields) == rows("baselines.md", "The files")


def test_every_field_of_a_result_is_on_its_page() -> None:
    result = TrialResult(
        run_id="r",
        cell=CellId(dataset="d", scenario="s", agent="oracle"),
        attempt=1,
        outcome=Solved(),
        folder="trials/s/oracle/1",
    )

    assert set(result.to_json()) == rows("results.md", "result.json")
    assert {field.name for field in fields(Timing)} <= in_code("results.md")


def test_every_field_of_a_summary_is_on_its_page() -> None:
    assert set(summarise("r", []).to_json()) == rows("results.md", "summary.json")


@pytest.mark.parametrize("page", ["extending.md", "reference.md"])
def test_every_hook_and_fixture_is_named(page: str) -> None:
    hooks = {name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction)}

    assert hooks | set(fixtures.__all__) <= in_code(page)


def test_every_agent_is_in_the_reference() -> None:
    assert set(AgentRegistry().names()) == rows("reference.md", "Agents")
    assert f"`{ENTRY_POINTS}`" in (DOCS / "reference.md").read_text()


def test_every_command_is_in_the_reference() -> None:
    group = typer.main.get_command(app)
    names = set()
    for name, command in group.commands.items():  # type: ignore[attr-defined]  # Typer's own type does not say group.
        names |= {f"{name} {inner}" for inner in getattr(command, "commands", {})} or {name}

    assert names == {re.split(r" \[| [A-Z]", row)[0] for row in rows("reference.md", "terminalbench")}


def links() -> list[tuple[Path, str]]:
    return [
        (page, target)
        for page in [*PAGES, ROOT / "CONTRIBUTING.md"]
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text())
        if "://" not in target
    ]


@pytest.mark.parametrize(("page", "target"), links(), ids=lambda value: getattr(value, "name", value))
def test_a_link_leads_somewhere(page: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page

    assert file.is_file()
    if anchor:
        headings = re.findall(r"^#+ (.+)$", file.read_text(), re.M)
        assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_field_of_a_kind_has_its_row() -> None:
    assert {field.name for field in fields(Kind)} == rows("extending.md", "Kinds of scenarios")


def test_the_complete_agent_is_one_to_a_type_checker_too(tmp_path: Path) -> None:
    (agent,) = (block.text for block in blocks(DOCS / "extending.md") if block.title == "my_agent.py")
    (tmp_path / "my_agent.py").write_text(
        f"{agent}\n\nfrom pytest_terminalbench import Agent\nagent: Agent = MyAgent()\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", tmp_path / "my_agent.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert done.returncode == 0, done.stdout
