"""Running a scenario's verifier: what it is given, and what is made of what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.environments.base import ExecResult
from pytest_terminalbench.environments.fake import FakeEnvironment, Reply
from pytest_terminalbench.errors import EnvironmentFailure, VerifierError
from pytest_terminalbench.verifiers.base import Verdict
from pytest_terminalbench.verifiers.parsers import Judgement
from pytest_terminalbench.verifiers.script import ScriptVerifier
from tests.scenario_files import a_scenario

PASSED = b'<testsuite><testcase name="a"/></testsuite>'
FAILED = b'<testsuite><testcase name="a"><failure message="m"/></testcase></testsuite>'


def leaves(files: dict[str, bytes], *, exit_code: int | None = 0, stdout: str = "", stderr: str = "") -> Reply:
    """A script that writes `files` into its log folder."""

    def script(environment: FakeEnvironment, argv: Any) -> ExecResult:
        environment.files.update({f"/logs/verifier/{name}": content for name, content in files.items()})
        timed_out = exit_code is None
        return ExecResult(exit_code=exit_code, stdout=stdout, stderr=stderr, duration_s=1.0, timed_out=timed_out)

    return script


class Judge:
    """A verifier's script in a folder, and an environment in which it is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.tests = folder / "make-it" / "tests"
        (self.tests / "data").mkdir(parents=True)
        (self.tests / "test.sh").write_text("#!/bin/sh\n")
        (self.tests / "data" / "expected").write_text("42")
        self.environment = FakeEnvironment()

    def __call__(self, result: str, reply: Reply | int, timeout_s: float = 60.0) -> Verdict:
        self.environment = FakeEnvironment({"/tests/test.sh": reply})
        scenario = a_scenario(self.folder, tests={"test.sh": "#!/bin/sh\n"}, verifier={"result": result})
        return ScriptVerifier().judge(scenario, self.environment, self.logs, timeout_s=timeout_s)

    def kept(self) -> dict[str, str]:
        return {p.relative_to(self.logs).as_posix(): p.read_text() for p in self.logs.rglob("*") if p.is_file()}


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return Judge(tmp_path)


class TestWhatItIsGiven:
    def test_the_scripts_folder_is_there_and_a_place_for_logs(self, judge: Judge) -> None:
        judge("exit_code", 0)

        assert judge.environment.files == {
            "/tests/test.sh": b"#!/bin/sh\n",
            "/tests/data/expected": b"42",
            "/logs/verifier/.keep": b"",
        }

    def test_ignored_files_are_not_copied_and_its_script_always_is(self, judge: Judge) -> None:
        (judge.tests / ".gitignore").write_text("*.sh\n/data/\n")
        (judge.tests / ".test.sh.swp").write_text("vim")
        (judge.tests / "link").symlink_to("test.sh")

        assert judge("exit_code", 0).judgement is not None
        assert sorted(judge.environment.files) == [
            "/logs/verifier/.keep",
            "/tests/.gitignore",
            "/tests/link",
            "/tests/test.sh",
        ]

    def test_it_runs_as_root_in_its_own_folder_with_its_time(self, judge: Judge) -> None:
        judge("exit_code", 0, timeout_s=7)

        (call,) = judge.environment.calls
        assert (call.line, call.user, call.cwd, call.timeout_s) == (
            'sh -c exec "$0" /tests/test.sh',
            "0:0",
            "/tests",
            7,
        )

    def test_its_variables_are_fixed(self, judge: Judge) -> None:
        judge("exit_code", 0)

        (call,) = judge.environment.calls
        assert call.env == {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": "",
            "PYTHONNOUSERSITE": "1",
        }

    def test_pytest_takes_no_configuration_but_the_verifiers_own(self, judge: Judge) -> None:
        judge("pytest", leaves({"junit.xml": PASSED}))

        (call,) = judge.environment.calls
        assert call.env["PYTEST_ADDOPTS"] == (
            "-p no:cacheprovider -c /dev/null --rootdir=/tests --confcutdir=/tests "
            "--junitxml=/logs/verifier/junit.xml -o junit_family=xunit2"
        )


class TestWhatIsKept:
    def test_output_and_logs_are(self, judge: Judge) -> None:
        judge("pytest", leaves({"junit.xml": PASSED, "sub/notes": b"n"}, stdout="out ä", stderr="err"))

        assert judge.kept() == {"stdout": "out ä", "stderr": "err", "junit.xml": PASSED.decode(), "sub/notes": "n"}

    def test_they_are_also_when_nothing_was_judged(self, judge: Judge) -> None:
        with pytest.raises(VerifierError):
            judge("pytest", leaves({"half.log": b"h"}, exit_code=3, stdout="o"))

        assert judge.kept() == {"stdout": "o", "stderr": "", "half.log": "h"}

    def test_a_log_called_like_our_own_is_the_verifiers(self, judge: Judge) -> None:
        judge("reward", leaves({"reward.txt": b"1", "stdout": b"mine"}, stdout="printed"))

        assert judge.kept()["stdout"] == "mine"

    def test_a_folder_called_like_our_own_is_told(self, judge: Judge) -> None:
        with pytest.raises(EnvironmentFailure, match="cannot store what comes out of the container"):
            judge("reward", leaves({"reward.txt": b"1", "stdout/x": b""}))

    def test_too_much_is_told(self, judge: Judge) -> None:
        with pytest.raises(VerifierError) as error:
            judge("reward", leaves({"reward.txt": b"1", "zz": bytes(17 << 20)}))

        assert str(error.value) == (
            "the verifier left too much in /logs/verifier: verifier/zz: more than 16777216 bytes to copy out of the "
            "container"
        )


class TestJudgement:
    @pytest.mark.parametrize(
        ("exit_code", "result", "reward"), [(0, "passed", 1.0), (1, "failed", 0.0), (137, "failed", 0.0)]
    )
    def test_by_exit_code(self, judge: Judge, exit_code: int, result: Any, reward: float) -> None:
        assert judge("exit_code", exit_code).judgement == Judgement(checks={"exit code": result}, reward=reward)

    @pytest.mark.parametrize("result", ["pytest", "junit"])
    def test_by_junit(self, judge: Judge, result: str) -> None:
        passed = judge(result, leaves({"junit.xml": PASSED})).judgement
        failed = judge(result, leaves({"junit.xml": FAILED}, exit_code=1)).judgement

        assert passed == Judgement(checks={"a": "passed"}, reward=1.0)
        assert failed == Judgement(checks={"a": "failed"}, messages={"a": "m"})

    @pytest.mark.parametrize("result", ["pytest", "ctrf"])
    def test_by_ctrf(self, judge: Judge, result: str) -> None:
        report = b'{"results": {"tests": [{"name": "a", "status": "passed"}]}}'

        assert judge(result, leaves({"ctrf.json": report})).judgement == Judgement(checks={"a": "passed"}, reward=1.0)

    def test_by_reward_whatever_the_exit_code(self, judge: Judge) -> None:
        """As in the harnesses that have this convention."""
        assert judge("reward", leaves({"reward.txt": b"1"}, exit_code=1)).judgement == Judgement(reward=1.0)

    @pytest.mark.parametrize("result", ["pytest", "junit"])
    def test_a_script_that_says_no_has_said_no(self, judge: Judge, result: str) -> None:
        assert judge(result, leaves({"junit.xml": PASSED}, exit_code=1)).judgement == Judgement(
            checks={"a": "passed", "(exit code)": "failed"},
            messages={"(exit code)": "every test passed, but the script ended with 1"},
        )

    def test_tests_that_failed_have_failed_whatever_the_script_says(self, judge: Judge) -> None:
        assert not judge("pytest", leaves({"junit.xml": FAILED}, exit_code=0)).judgement.solved


class TestNothingJudged:
    @pytest.mark.parametrize(
        ("result", "file"), [("pytest", "junit.xml"), ("junit", "junit.xml"), ("ctrf", "ctrf.json")]
    )
    def test_no_report_is_told_with_the_last_words(self, judge: Judge, result: str, file: str) -> None:
        with pytest.raises(VerifierError) as error:
            judge(result, leaves({}, exit_code=2, stdout="first\nlast\n\n"))

        assert str(error.value) == (
            f"the verifier wrote no {file} to /logs/verifier (exit code 2), so nothing was judged: last"
        )

    def test_junit_does_not_stand_for_ctrf(self, judge: Judge) -> None:
        with pytest.raises(VerifierError, match=r"wrote no ctrf\.json"):
            judge("ctrf", leaves({"junit.xml": PASSED}))

    def test_a_script_without_words_is_told(self, judge: Judge) -> None:
        with pytest.raises(VerifierError, match=r"it printed nothing$"):
            judge("pytest", leaves({}))

    @pytest.mark.parametrize("result", ["pytest", "junit", "ctrf", "reward", "exit_code"])
    def test_running_out_of_time_is_told(self, judge: Judge, result: str) -> None:
        with pytest.raises(VerifierError) as error:
            judge(result, leaves({"junit.xml": PASSED, "reward.txt": b"1"}, exit_code=None), timeout_s=2.5)

        assert str(error.value) == "the verifier ran longer than verifier_s = 2.5 s, so nothing was judged"

    @pytest.mark.parametrize("exit_code", [126, 127])
    @pytest.mark.parametrize("result", ["pytest", "reward", "exit_code"])
    def test_a_script_that_cannot_run_is_told(self, judge: Judge, result: str, exit_code: int) -> None:
        with pytest.raises(VerifierError) as error:
            judge(result, leaves({"reward.txt": b"1"}, exit_code=exit_code, stderr="sh: not found\n"))

        assert str(error.value) == f"the verifier cannot run (exit code {exit_code}): sh: not found"

    def test_a_report_that_cannot_be_read_is_told(self, judge: Judge) -> None:
        with pytest.raises(VerifierError, match=r"^junit\.xml cannot be read: "):
            judge("pytest", leaves({"junit.xml": b"<testsuite>"}))
