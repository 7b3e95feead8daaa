"""`terminalbench docs`: the pages that the package brings, by their names and by those of their sections."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_terminalbench.cli.docs_pages import find_topic, topics
from tests.cli.conftest import Project
from tests.docs.pages import ROOT

PAGES = sorted(file.stem for file in (ROOT / "docs").glob("*.md"))


def test_every_page_is_listed_with_its_purpose(project: Project) -> None:
    done = project.call("docs")

    assert [line.split()[0] for line in done.out.splitlines() if line[:1].strip()][1:] == PAGES
    assert re.search(r"^quickstart +After this page you have one scenario", done.out, re.M)
    assert done.err == (
        "read one with `terminalbench docs TOPIC`; each section is a topic, too: `terminalbench docs --search WORDS`\n"
    )


def test_a_page_is_printed_whole(project: Project) -> None:
    done = project.call("docs", "quickstart")

    assert (done.exit_code, done.out.splitlines()[0]) == (0, "# Quick start")
    assert done.out.rstrip().splitlines()[-1].startswith("- Reference")


@pytest.mark.parametrize(
    "request_", ["datasets", "Datasets", "writing-scenarios#datasets", "docs/writing-scenarios.md#datasets"]
)
def test_a_section_is_printed_by_any_of_its_names(project: Project, request_: str) -> None:
    done = project.call("docs", request_)

    assert done.out.splitlines()[0] == "## Datasets"
    assert [line for line in done.out.splitlines()[1:] if line.startswith("## ")] == []


def test_a_heading_may_be_typed_without_quotes(project: Project) -> None:
    assert project.call("docs", "Kinds", "of", "scenarios").out.startswith("## Kinds of scenarios\n")


def test_links_become_what_to_type(project: Project) -> None:
    """A path in a clone of the repository leads nowhere in a terminal."""
    assert "says what to do if not" in (text := project.call("docs", "quickstart").out)
    assert "troubleshooting (`terminalbench docs troubleshooting#no-engine-answers`)" in text
    assert not [topic.name for topic in topics() if re.search(r"\]\([\w-]+\.md", topic.text)]


def test_an_unknown_topic_names_the_nearest_and_how_to_search(project: Project) -> None:
    done = project.call("docs", "writing-scenarois")

    assert (done.exit_code, done.out) == (4, "")
    assert done.err == (
        "terminalbench: no page or section is called 'writing-scenarois' (did you mean 'writing-scenarios'?); pages: "
        f"{', '.join(PAGES)}; or search: `terminalbench docs --search writing-scenarois`\n"
    )


def test_a_name_of_several_sections_is_told_with_all(project: Project) -> None:
    done = project.call("docs", "fixtures")

    assert done.exit_code == 4
    assert done.err == (
        "terminalbench: several sections are called 'fixtures': extending#fixtures, reference#fixtures; name one of "
        "them\n"
    )


def test_sections_are_searched_for_words(project: Project) -> None:
    hits = project.call("docs", "--search", "DOCKER_HOST socket", "--format", "json").json

    assert "troubleshooting#no-engine-answers" in [hit["topic"] for hit in hits]
    assert all(hit["line"] for hit in hits)
    assert "troubleshooting#no-engine-answers" in project.call("docs", "--search", "DOCKER_HOST socket").out


def test_what_is_nowhere_is_told(project: Project) -> None:
    done = project.call("docs", "--search", "flabbergast")

    assert (done.exit_code, done.out, done.err) == (1, "", "no section has all of these words: flabbergast\n")


def test_programs_get_topics_and_text(project: Project) -> None:
    listed = project.call("docs", "--format", "json").json

    assert {"topic": "writing-scenarios#datasets", "title": "Datasets"} in listed
    assert project.call("docs", "datasets", "--format", "json").json["text"].startswith("## Datasets\n")


def test_a_comment_in_code_is_no_section() -> None:
    assert not [topic.name for topic in topics() if "reads-what-was-said" in topic.name]


def messages() -> Iterator[str]:
    """Every text in the package that is no docstring."""
    for file in (ROOT / "pytest_terminalbench").rglob("*.py"):
        tree = ast.parse(file.read_text())
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield node.value


def test_messages_name_topics_that_exist_and_no_files_of_the_repository() -> None:
    named = {topic for text in messages() for topic in re.findall(r"`terminalbench docs ([a-z][\w#-]+)`", text)}

    assert {"datasets", "writing-scenarios", "kinds-of-scenarios"} <= named
    assert [find_topic(topic).name for topic in sorted(named)]
    assert [text for text in messages() if re.search(r"\bdocs/[\w-]+\.md|\bscripts/\w", text)] == []


def test_a_wheel_has_the_pages_and_the_template_of_a_project(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)

    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    template = (ROOT / "pytest_terminalbench/project_template").rglob("*.*")
    assert {f"pytest_terminalbench/pages/{page}.md" for page in PAGES} <= set(names)
    assert {file.relative_to(ROOT).as_posix() for file in template if "__pycache__" not in file.parts} <= set(names)
