"""``--tb-env NAME``: another kind of environment for all scenarios of a session."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plugin.conftest import Suite


@pytest.fixture
def plain(demo: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A project without environments of its own, on a machine without an engine."""
    (demo.path / "conftest.py").unlink()
    (demo.path / "tox.ini").unlink()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{demo.path}/no-engine.sock")
    return demo


def test_it_is_used_in_place_of_containers_and_asks_for_no_engine(plain: Suite) -> None:
    done = plain.run("--tb-dataset", "demo", "--tb-env", "fake")

    done.assert_outcomes(passed=3)
    fingerprint = plain.result("alpha")["fingerprint"]
    assert fingerprint["image"].startswith("fake:")
    assert fingerprint["platform"] is None
    manifest = json.loads((plain.latest / "manifest.json").read_text())
    assert manifest["settings"]["environment"] == "fake"


def test_workers_and_threads_use_it_too(plain: Suite) -> None:
    plain.run_apart("--tb-dataset", "demo", "--tb-env", "fake", "-n", "2").assert_outcomes(passed=3)
    plain.run("--tb-dataset", "demo", "--tb-env", "fake", "--tb-concurrency", "2").assert_outcomes(passed=3)


def test_the_ini_file_may_name_it(plain: Suite) -> None:
    plain.pytester.makeini("[pytest]\ntb_env = fake\n")

    plain.run("--tb-dataset", "demo", "-k", "alpha").assert_outcomes(passed=1)


def test_where_there_is_no_container_no_command_runs(plain: Suite) -> None:
    plain.run("--tb-dataset", "demo", "-k", "alpha", "--tb-env", "none").assert_outcomes(errors=1)

    reason = plain.result("alpha")["reason"]
    assert reason.startswith("the verifier cannot run (exit code 127): ")
    assert reason.endswith("/tests/test.sh: no commands can be run here")


@pytest.mark.parametrize("way", ["option", "path"])
def test_one_that_is_not_installed_is_refused_before_anything_runs(plain: Suite, way: str) -> None:
    where: list[str | Path] = ["--tb-dataset", "demo"] if way == "option" else ["scenarios/demo"]

    done = plain.run(*where, "--tb-env", "fkae")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(
        ["ERROR: environment 'fkae' is not installed (did you mean 'fake'?); installed: docker, fake, none; *"]
    )
    assert not (plain.path / "results").exists()


def test_a_users_own_fixture_comes_before_it(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "-k", "alpha", "--tb-env", "none").assert_outcomes(passed=1)


def test_tests_that_ask_for_an_image_are_told_that_there_is_none(plain: Suite) -> None:
    plain.write(
        "test_mine.py",
        """
        def test_a_container(tb_environment):
            with tb_environment("debian:12"):
                pass
        """,
    )

    done = plain.run("test_mine.py", "--tb-env", "fake")

    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*--tb-env 'fake' starts no containers of images*"])
