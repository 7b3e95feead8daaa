"""Commands about baselines name the folder that was meant, where they would not look there by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_terminalbench.baselines.baseline_command import baseline_command, baselines_option


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, in whose folder commands are typed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def test_the_default_is_not_named(project: Path) -> None:
    assert baseline_command("rebase demo/oracle/alpha", project / "baselines") == (
        "terminalbench baseline rebase demo/oracle/alpha"
    )


def test_another_folder_is(project: Path) -> None:
    assert (
        baseline_command("list", project / "of linux")
        == f"terminalbench baseline list '--baselines={project}/of linux'"
    )


def test_the_default_is_what_the_ini_file_says(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\ntb_baselines = approved/linux\n")

    assert baselines_option(project / "approved/linux") == ()
    assert baselines_option(project / "baselines") == (f"--baselines={project}/baselines",)


def test_from_a_folder_within_the_project_it_is_the_projects(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "within").mkdir()
    monkeypatch.chdir(project / "within")

    assert baselines_option(project / "baselines") == ()
    assert baselines_option(Path("baselines"), name="tb-baselines") == ()
    assert baselines_option(Path("approved"), name="tb-baselines") == ("--tb-baselines=approved",)


def test_where_the_ini_file_cannot_be_read_every_folder_is_named(project: Path) -> None:
    (project / "pytest.ini").write_text("no ini file at all")

    assert baselines_option(project / "baselines") == (f"--baselines={project}/baselines",)
