"""Every command that the documentation shows does what it says there.

A page is a story: its files are written and its commands run from top to bottom, in one project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import PAGES, ROOT, Block, Command, blocks, commands
from tests.docs.sandbox import Sandbox

# What is not run, and why. `make` targets are checked to exist.
EXEMPT = {
    r"git clone ": "fetches the repository that the tests run in",
    r"cd ": "goes into that clone",
    r"pip install ": "installs the package that the tests run with",
    r"make (bench|test)$": "the suites themselves; CI runs both",
    r"python benchmarks/(overhead|collection)\.py$": "a measurement of minutes; its numbers are in docs/performance.md",
}
# What needs no engine though it begins like a command that does.
_LOOKS_ONLY = ("--collect-only", "--help", "--version")
_NEEDS_ENGINE = re.compile(r"(pytest|terminalbench (run|doctor|gc|images)) ?")


def page_commands(page: Path) -> list[Command]:
    return [command for block in blocks(page) if block.language == "console" for command in commands(block)]


def is_exempt(command: Command) -> bool:
    return any(re.match(pattern, command.line) for pattern in EXEMPT)


def needs_engine(command: Command) -> bool:
    return bool(_NEEDS_ENGINE.match(command.line)) and not any(option in command.line for option in _LOOKS_ONLY)


def stories() -> Iterator[object]:
    for page in PAGES:
        run = [command for command in page_commands(page) if not is_exempt(command)]
        if run:
            marks = [pytest.mark.docker] if any(map(needs_engine, run)) else []
            yield pytest.param(page, id=page.name, marks=marks)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


@pytest.mark.parametrize("page", list(stories()))
def test_a_page_from_top_to_bottom(page: Path, sandbox: Sandbox, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("docker"):
        request.getfixturevalue("engine")
    if page.name == "README.md":
        sandbox.copy_repository()
    if page.name != "quickstart.md":
        sandbox.write_quick_start()
    for block in blocks(page):
        if block.title:
            sandbox.write(block.title, block.text)
        if block.language == "console":
            play(block, sandbox)


def play(block: Block, sandbox: Sandbox) -> None:
    for command in commands(block):
        if not is_exempt(command):
            sandbox.run(command)


@pytest.mark.parametrize("pattern", list(EXEMPT))
def test_an_exemption_is_needed(pattern: str) -> None:
    assert any(re.match(pattern, command.line) for page in PAGES for command in page_commands(page))


def test_make_targets_exist() -> None:
    documents = [*PAGES, ROOT / "CONTRIBUTING.md"]
    named = {
        target for page in documents for target in re.findall(r"(?:`|\$ |^ {4})make (\w+)", page.read_text(), re.M)
    }
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"bench", "test"} <= named <= targets


# -- the jobs of docs/ci.md --------------------------------------------------------------------------------------------


AGENT = "pytest --tb-dataset my-set --tb-agent my_agent:MyAgent --tb-attempts 5"


def ci_job(title: str) -> dict[str, object]:
    block = next(block for block in blocks(ROOT / "docs" / "ci.md") if block.title == title)
    (job,) = (yaml.safe_load(block.text).get("jobs") or yaml.safe_load(block.text)).values()
    assert isinstance(job, dict)
    return job


def github_steps() -> list[str]:
    steps = ci_job(".github/workflows/benchmark.yml")["steps"]
    assert isinstance(steps, list)
    return [step["run"] for step in steps if "run" in step]


def gitlab_steps() -> list[str]:
    script = ci_job(".gitlab-ci.yml")["script"]
    assert isinstance(script, list)
    return script


def as_in_ci(step: str, name: str) -> Command:
    """The step with the service's own values filled in."""
    line = re.sub(r"\$\{\{ [\w.]+ \}\}", "17", step).replace("$CI_JOB_ID", "17")
    return Command(where=f"ci.md, {name}", line=line.replace("$GITHUB_STEP_SUMMARY", "summary.md"))


def test_both_jobs_do_the_same() -> None:
    github = [as_in_ci(step, "GitHub").line.replace("17-17", "17") for step in github_steps()]
    gitlab = [as_in_ci(step, "GitLab").line for step in gitlab_steps()]
    assert github == [*gitlab, 'cat results/latest/report.md >> "summary.md"']


@pytest.mark.docker
def test_a_ci_job_fails_when_the_agent_breaks(sandbox: Sandbox, engine: object) -> None:
    """A user who follows `init`: he fills in his agent, approves what it does, and the next change breaks it."""
    job = [command for command in (as_in_ci(step, "GitHub") for step in github_steps()) if not is_exempt(command)]
    sandbox.run(Command(where="ci.md", line="terminalbench init"))
    stub = (sandbox.path / "my_agent.py").read_text()
    sandbox.write("my_agent.py", stub.replace('"ls -la"', "\"echo 'Hello, world!' > hello.txt\""))
    sandbox.run(Command(where="as init says", line=f"{AGENT} --update-baselines"))

    for command in job:
        sandbox.run(command)
    assert (sandbox.path / "junit.xml").is_file()
    (sandbox.path / "results").rename(sandbox.path / "green")

    sandbox.write("my_agent.py", stub)
    (with_agent,) = (command for command in job if command.line.startswith(AGENT))
    sandbox.run(replace(with_agent, exit_code=1))


def test_ci_keeps_what_the_jobs_write() -> None:
    github, gitlab = ci_job(".github/workflows/benchmark.yml"), ci_job(".gitlab-ci.yml")
    kept = github["steps"][-1]["with"]["path"].split()  # type: ignore[index]  # YAML has no types.
    assert kept == ["results/${{", "github.run_id", "}}-${{", "github.run_attempt", "}}*", "junit.xml"]
    assert gitlab["artifacts"] == {
        "when": "always",
        "paths": ["results/", "junit.xml"],
        "reports": {"junit": "junit.xml"},
    }
