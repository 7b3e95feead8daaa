"""The verifier that is a script: run in the container, and read what it left behind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_terminalbench.environments.base import Environment, ExecResult
from pytest_terminalbench.errors import TooMuchToCopy, VerifierError
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.scenarios.terminal import TerminalScenario, VerifierSpec
from pytest_terminalbench.verifiers.base import Verdict
from pytest_terminalbench.verifiers.parsers import Judgement, read_ctrf, read_junit, read_reward

__all__ = ["LOGS", "TESTS", "ScriptVerifier"]

TESTS = "/tests"
LOGS = "/logs/verifier"
# A verifier's logs are read by people; a graded program that floods them must not fill the host's disk.
MAX_LOG_BYTES = 16 << 20

# Fixed, so that neither the image nor the agent decides what the verifier's own tools are or do.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "TZ": "UTC",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    # An image may point this one at the agent's folder, and /root may be the agent's folder.
    "PYTHONPATH": "",
    "PYTHONNOUSERSITE": "1",
}
# No configuration or conftest.py but the verifier's own.
_PYTEST_OPTIONS = (
    f"-p no:cacheprovider -c /dev/null --rootdir={TESTS} --confcutdir={TESTS} "
    f"--junitxml={LOGS}/junit.xml -o junit_family=xunit2"
)


class ScriptVerifier:
    """The verifier of kind `terminal`: a script of the scenario's, in its container."""

    def judge(self, scenario: Scenario, environment: Environment, folder: Path, *, timeout_s: float) -> Verdict:
        """Copy the verifier's files to ``/tests``, run it there as root, bring its logs to `folder`, read the result.

        There, for `python3 -m` imports from the folder it is started in, and the working directory is the agent's. The
        environment must hold neither ``/tests`` nor ``/logs/verifier`` yet. Raises VerifierError when nothing was
        judged: no result, an unreadable one, a script that cannot run or ran out of time.
        """
        if not isinstance(scenario, TerminalScenario):
            raise VerifierError(f"scenario {scenario.id} of kind {scenario.kind!r} has no script that could judge")
        spec, script = scenario.spec.verifier, scenario.verifier_file
        with _without_ignored_files(scenario) as files:
            environment.put({TESTS: files, f"{LOGS}/.keep": b""})
        env = {**_ENVIRONMENT, **({"PYTEST_ADDOPTS": _PYTEST_OPTIONS} if spec.result == "pytest" else {})}
        command = ["sh", "-c", 'exec "$0"', f"{TESTS}/{script.name}"]
        run = environment.run(command, timeout_s=timeout_s, env=env, cwd=TESTS, user="0:0")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("stdout", run.stdout), ("stderr", run.stderr)):
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        if run.timed_out:
            raise VerifierError(f"the verifier ran longer than verifier_s = {timeout_s:g} s, so nothing was judged")
        if run.exit_code in (126, 127):
            raise VerifierError(f"the verifier cannot run (exit code {run.exit_code}): {_last_line(run)}")
        if spec.result != "exit_code":
            _bring_logs(environment, folder)
        return Verdict(judgement=_judge(spec, folder, run))


@contextmanager
def _without_ignored_files(scenario: TerminalScenario) -> Iterator[Path]:
    """The folder of the verifier's script, or a copy of it where it holds what the verifier is not to get."""
    folder = scenario.verifier_file.parent
    if not scenario.ignored_files:
        yield folder
        return
    with TemporaryDirectory(prefix="terminalbench-tests-") as scratch:
        for file in scenario.verifier_files:
            target = Path(scratch) / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target, follow_symlinks=False)
        yield Path(scratch)


def _bring_logs(environment: Environment, folder: Path) -> None:
    try:
        environment.get(LOGS, folder, max_bytes=MAX_LOG_BYTES)
    except TooMuchToCopy as error:
        raise VerifierError(f"the verifier left too much in {LOGS}: {error}") from None
    (folder / ".keep").unlink(missing_ok=True)


def _judge(spec: VerifierSpec, folder: Path, run: ExecResult) -> Judgement:
    if spec.result == "exit_code":
        return Judgement(reward=1.0 if run.ok else 0.0, checks={"exit code": "passed" if run.ok else "failed"})
    if spec.result == "reward":
        return read_reward(folder)
    return _with_exit_code(_read_report(spec, folder, run), run)


def _read_report(spec: VerifierSpec, folder: Path, run: ExecResult) -> Judgement:
    junit, ctrf = folder / "junit.xml", folder / "ctrf.json"
    if spec.result in ("pytest", "junit") and junit.is_file():
        return read_junit(junit)
    # Verifiers written for other harnesses leave this instead.
    if spec.result in ("pytest", "ctrf") and ctrf.is_file():
        return read_ctrf(ctrf)
    wanted = "ctrf.json" if spec.result == "ctrf" else "junit.xml"
    raise VerifierError(
        f"the verifier wrote no {wanted} to {LOGS} (exit code {run.exit_code}), so nothing was judged: "
        f"{_last_line(run)}"
    )


def _with_exit_code(judgement: Judgement, run: ExecResult) -> Judgement:
    """A script that says no by its exit code has said no, whatever the tests before said."""
    if run.ok or not judgement.solved:
        return judgement
    return Judgement(
        checks={**judgement.checks, "(exit code)": "failed"},
        messages={**judgement.messages, "(exit code)": f"every test passed, but the script ended with {run.exit_code}"},
    )


def _last_line(run: ExecResult) -> str:
    lines = [line for line in (run.stdout + "\n" + run.stderr).splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it printed nothing"
