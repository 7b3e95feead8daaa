"""The environment of scenarios that need no container."""

from __future__ import annotations

from pathlib import Path

from pytest_terminalbench.environments.base import Environment, ExecResult, StopReport
from pytest_terminalbench.environments.none import NoContainer


def test_every_command_is_one_that_is_not_found() -> None:
    environment: Environment = NoContainer()

    assert environment.run(["ls", "-a"]) == ExecResult(
        exit_code=127, stdout="", stderr="ls -a: no commands can be run here\n", duration_s=0.0
    )


def test_files_go_in_out_and_over_to_another(tmp_path: Path) -> None:
    one, other = NoContainer(), NoContainer()
    one.put({"answer.txt": b"42"}, root="/app")

    other.replace("/app", one.export("/app"))
    assert other.get("/app/answer.txt", tmp_path)

    assert (tmp_path / "answer.txt").read_text() == "42"


def test_stopping_removes_paths_and_has_nothing_to_count() -> None:
    environment = NoContainer()
    environment.put({"/app/a": b"", "/logs/b": b""})

    assert environment.stop_agent(keep=["nginx"], remove=["/logs"]) == StopReport()
    assert list(environment.files) == ["/app/a"]
    assert environment.why_gone() is None
    environment.close()
