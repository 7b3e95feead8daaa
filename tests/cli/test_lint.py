"""`terminalbench dataset lint`: every rule finds what it is for, and nothing in a flawless scenario."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.scenarios.lint import RULES
from tests.cli.conftest import MANIFEST, Project

ROOT = Path(__file__).parents[2]
BUILD = {"build": "alpha/environment"}
SCRIPT = "alpha/tests/test.sh"

Case = tuple[str, Callable[[Project], object], list[str]]


def dockerfile(text: str) -> Callable[[Project], object]:
    return lambda project: project.write("scenarios/demo/alpha/environment/Dockerfile", text)


def changed(**fields: Any) -> Callable[[Project], object]:
    return lambda project: project.scenario(**fields)


def verifier(**fields: Any) -> Callable[[Project], object]:
    return changed(verifier={"script": SCRIPT, "result": "exit_code", **fields})


def script(text: str, *, name: str = SCRIPT, executable: bool = True, **fields: Any) -> Callable[[Project], object]:
    """The script `name` with this text, in a scenario whose verifier has these fields."""

    def write(project: Project) -> None:
        verifier(**fields)(project)
        project.write(f"scenarios/demo/{name}", text, executable=executable)

    return write


def extra(name: str, text: str = "") -> Callable[[Project], object]:
    return lambda project: project.write(f"scenarios/demo/{name}", text)


def context(folder: str) -> Callable[[Project], object]:
    """`folder` of the dataset as the build context."""

    def write(project: Project) -> None:
        project.scenario(environment={"build": folder})
        project.write(f"scenarios/demo/{folder}/Dockerfile", "FROM debian:12\n")

    return write


def removed(name: str) -> Callable[[Project], object]:
    return lambda project: (project.path / "scenarios/demo" / name).unlink()


# What was done to a flawless dataset -> `code file field` of each finding.
CASES: list[Case] = [
    ("not valid", changed(difficulty="trivial"), ["L001 alpha.json difficulty"]),
    ("broken manifest", extra("dataset.json", "{"), ["L001 dataset.json "]),
    ("no manifest", removed("dataset.json"), ["L002 dataset.json "]),
    ("a folder nobody uses", extra("beta/tests/test.sh"), ["L003 beta "]),
    ("a folder set aside", extra("_beta/notes.txt"), []),
    ("no FROM", dockerfile("RUN true\n"), ["L101 Dockerfile FROM"]),
    ("no FROM but in a comment", dockerfile("# FROM debian:12\n"), ["L101 Dockerfile FROM"]),
    ("base without a tag", dockerfile("FROM debian\n"), ["L102 Dockerfile FROM"]),
    ("base with a registry's port and no tag", dockerfile("FROM host:5000/debian\n"), ["L102 Dockerfile FROM"]),
    ("latest base", dockerfile("from --platform=linux/amd64 debian:latest AS base\n"), ["L102 Dockerfile FROM"]),
    ("base by digest", dockerfile("FROM debian@sha256:1234\n"), []),
    ("own stages", dockerfile("FROM scratch AS one\nFROM debian:12 AS two\nFROM one\nFROM two\n"), []),
    ("latest image", changed(environment={"image": "debian:latest"}), ["L102 alpha.json environment.image"]),
    ("tagged image", changed(environment={"image": "debian:12"}), []),
    (
        "tests in the build context",
        context("alpha"),
        ["L103 alpha.json solution", "L103 alpha.json verifier.script"],
    ),
    (
        "everything in the build context",
        context("."),
        ["L103 alpha.json environment.build", "L103 alpha.json solution", "L103 alpha.json verifier.script"],
    ),
    (
        "on the network",
        changed(environment={**BUILD, "network": "bridge"}),
        ["L104 alpha.json environment.network"],
    ),
    ("on the network, and says so", changed(environment={**BUILD, "network": "bridge"}, tags=["network"]), []),
    ("ENTRYPOINT", dockerfile('FROM debian:12\nENTRYPOINT ["/srv/start.sh"]\n'), ["L105 Dockerfile ENTRYPOINT"]),
    ("CMD, continued", dockerfile("FROM debian:12\nCMD nginx \\\n  -g x\n"), ["L105 Dockerfile CMD"]),
    ("CMD of a shell", dockerfile('FROM debian:12\nCMD ["/bin/bash"]\n'), []),
    (
        "a secret",
        changed(environment={**BUILD, "env": {"OPENAI_API_KEY": "sk-1", "TOKENS": "3", "PASSWORD": ""}}),
        ["L106 alpha.json environment.env.OPENAI_API_KEY"],
    ),
    (".dockerignore", extra("alpha/environment/.dockerignore", "*.md\n"), []),
    ("no report", script("#!/bin/sh\ntrue\n", result="pytest"), ["L201 test.sh verifier.result"]),
    ("no reward", script("#!/bin/sh\nexit 1\n", result="reward"), ["L201 test.sh verifier.result"]),
    ("pytest", script("#!/bin/sh\npython3 -m pytest /tests\n", result="pytest"), []),
    ("always yes", script("#!/bin/sh\ntest -e x\nexit 0\n# end\n"), ["L201 test.sh verifier.result"]),
    ("yes in any case", script("#!/bin/sh\ntest -e x || true\n"), ["L201 test.sh verifier.result"]),
    ("not executable", script("#!/bin/sh\ntest -e x\n", executable=False), ["L202 test.sh verifier.script"]),
    (
        "solution not executable",
        script("#!/bin/sh\n", name="alpha/solution/solve.sh", executable=False),
        ["L202 solve.sh solution"],
    ),
    ("no interpreter line", script("test -e x\n"), ["L203 test.sh verifier.script"]),
    ("Windows", script("#!/bin/sh\r\ntest -e x\r\n"), ["L204 test.sh verifier.script"]),
    (
        "a test that is not there",
        script("#!/bin/sh\nsh /tests/gone.sh && sh /tests/test.sh > /tests/out.py\n"),
        ["L205 test.sh verifier.script"],
    ),
    ("a download", script("#!/bin/sh\npip install numpy\nfalse\n"), ["L206 test.sh verifier.script"]),
    (
        "a solution's download",
        script("#!/bin/sh\napt-get -qq -y install jq\n", name="alpha/solution/solve.sh"),
        ["L206 solve.sh solution"],
    ),
    (
        "what is no download",
        script(
            "#!/bin/sh\ncurl -s http://localhost:80/\nwget http://127.0.0.1/\n# pip install\npip install --no-index x\n"
        ),
        [],
    ),
    (
        "more time to judge than to work",
        changed(timeouts={"agent_s": 60, "verifier_s": 61}),
        ["L207 alpha.json timeouts.verifier_s"],
    ),
    ("nothing collected", verifier(collect=[]), ["L208 alpha.json verifier.collect"]),
    ("everything collected", verifier(collect=["/"]), ["L208 alpha.json verifier.collect"]),
    ("the verifier's own", verifier(collect=["/app", "/tests/data"]), ["L208 alpha.json verifier.collect"]),
    (
        "the root as working directory",
        changed(environment={**BUILD, "workdir": "/"}),
        ["L208 alpha.json environment.workdir"],
    ),
    ("collected twice", verifier(collect=["/app", "/srv", "/app"]), ["L209 alpha.json verifier.collect"]),
    ("collected with its parent", verifier(collect=["/app/x", "/app"]), ["L209 alpha.json verifier.collect"]),
    ("collected side by side", verifier(collect=["/app", "/app2"]), []),
    (
        "a path to keep",
        verifier(isolation="same", keep=["/usr/bin/redis-server", "a b", ""]),
        ["L210 alpha.json verifier.keep"] * 3,
    ),
    ("an interpreter to keep", verifier(isolation="same", keep=["python3"]), ["L211 alpha.json verifier.keep"]),
    ("a server to keep", verifier(isolation="same", keep=["redis-server", "server.py"]), []),
    ("no solution", changed(solution=None), ["L301 alpha.json solution"]),
    ("blank instruction", changed(instruction=" \n "), ["L401 alpha.json instruction"]),
    ("short instruction", changed(instruction="Do it."), ["L402 alpha.json instruction"]),
    ("one tag twice", changed(tags=["git", "git"]), ["L403 alpha.json tags"]),
    ("two tags, one marker", changed(tags=["c-api", "c api"]), ["L403 alpha.json tags"]),
    ("a tag like a category", changed(tags=["category_git"]), ["L403 alpha.json tags"]),
    ("a tag spelled differently", lambda p: p.scenario("beta", tags=["Files"]), ["L403 beta.json tags"]),
    ("a category spelled differently", lambda p: p.scenario("beta", category="Scripting"), ["L404 beta.json category"]),
]


def lint(project: Project) -> list[str]:
    found = project.call("dataset", "lint", "scenarios/demo", "--format", "json").json
    return [f"{one['code']} {Path(one['file']).name} {one['field']}" for one in found]


def test_a_flawless_scenario_has_no_findings(project: Project) -> None:
    project.dataset("demo", "alpha", "beta")

    done = project.call("dataset", "lint", "demo")

    assert (done.exit_code, done.out, done.err) == (0, "", "0 errors, 0 warnings\n")


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_flaw_is_found(project: Project, change: Callable[[Project], object], expected: list[str]) -> None:
    project.dataset("demo", "alpha")
    change(project)

    assert lint(project) == expected


def test_every_rule_has_a_case() -> None:
    assert {finding.split()[0] for _, _, expected in CASES for finding in expected} == set(RULES)


def test_a_finding_is_printed_with_code_file_field_and_cure(project: Project) -> None:
    project.dataset("demo", "alpha")
    project.scenario("alpha", solution=None)

    done = project.call("dataset", "lint", "demo")

    said = "without a solution the oracle cannot show that the scenario can be solved"
    assert done.out.splitlines() == [
        f"scenarios/demo/alpha.json: L301 warning: solution: {said}",
        "    add a script that solves it",
    ]


@pytest.mark.parametrize(("instruction", "exit_code"), [("Do it.", 0), (" ", 1)])
def test_errors_end_with_1_and_warnings_do_not(project: Project, instruction: str, exit_code: int) -> None:
    project.dataset("demo", "alpha")
    project.scenario("alpha", instruction=instruction)

    assert project.call("dataset", "lint", "demo").exit_code == exit_code


def test_a_single_file_is_linted_without_its_dataset(project: Project) -> None:
    """That it has no manifest is the dataset's flaw."""
    file = project.scenario("alpha", instruction="Do it.")

    found = project.call("dataset", "lint", file, "--format", "json").json

    assert [one["code"] for one in found] == ["L402"]


def test_the_rules_are_listed(project: Project) -> None:
    listed = project.call("dataset", "lint", "--rules", "--format", "json").json

    assert listed == {code: {"severity": rule.severity, "title": rule.title} for code, rule in RULES.items()}
    assert "L101  error     the Dockerfile has no FROM\n" in project.call("dataset", "lint", "--rules").out


def test_our_own_dataset_has_no_errors(project: Project) -> None:
    done = project.call("dataset", "lint", ROOT / "scenarios" / "terminal-bench-core")

    assert done.exit_code == 0, done.out


def test_a_dataset_of_another_project_is_found_by_its_path(project: Project, tmp_path: Path) -> None:
    project.write("../other/dataset.json", {**MANIFEST, "name": "other"})

    assert project.call("dataset", "lint", tmp_path / "other").exit_code == 0
