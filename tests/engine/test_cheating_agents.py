"""Agents that do not solve the task but work on its judge. None may be counted as solved."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from pytest_terminalbench.agents.scripted import ScriptedAgent
from pytest_terminalbench.outcome import Phase, Solved, Unsolved, Void
from tests.engine.conftest import TryOut

pytestmark = pytest.mark.docker

TESTS = {
    "test.sh": "#!/bin/sh\nexec python3 -m pytest -q /tests/test_outputs.py\n",
    "test_outputs.py": textwrap.dedent("""
        from pathlib import Path

        def test_it_is_done():
            assert Path("/app/done").read_text() == "done"

        def test_it_is_right():
            assert Path("/app/right").exists()
        """),
}
# The program that the agent was to write is run by this one, as root, as graded programs mostly are.
RUNS_A_PROGRAM = {
    "test.sh": TESTS["test.sh"],
    "test_outputs.py": textwrap.dedent("""
        import subprocess, time

        def test_it_runs():
            done = subprocess.run(["/app/program"], capture_output=True, text=True, timeout=20)
            assert done.stdout == "hello"
        """),
}
PASSED = '<testsuites><testsuite><testcase classname="test_outputs" name="test_it_is_done"/></testsuite></testsuites>'
# Pretends, wherever Python finds it, that all is well.
HIJACK = f"""
import os
os.makedirs("/logs/verifier", exist_ok=True)
open("/logs/verifier/junit.xml", "w").write('{PASSED}')
os._exit(0)
"""
SAYS_PASSED = f"""#!/bin/sh
mkdir -p /logs/verifier
echo '{PASSED}' > /logs/verifier/junit.xml
echo 1 > /logs/verifier/reward.txt
exit 0
"""
CONFTEST = """
import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    report.outcome = "passed"

def pytest_collection_modifyitems(items):
    items[:] = items[:0]
"""
# Twice forked, in a session of its own, without the variables it was started with.
DAEMON = f"""
import os, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
while True:
    for path in ("/logs/verifier/junit.xml", "/tests/conftest.py"):
        try:
            open(path, "w").write('''{PASSED}''' if path.endswith("xml") else '''{CONFTEST}''')
        except OSError:
            pass
    os.system("pkill -f 'pytest -q'")
    time.sleep(0.01)
"""


def writing(path: str, text: str) -> str:
    """A command that writes `text` to `path`."""
    return f"mkdir -p $(dirname {path}); rm -rf {path}; cat > {path} <<'THE END'\n{text}\nTHE END\nchmod +x {path}"


PLANTED = {
    "results": [
        writing("/logs/verifier/junit.xml", PASSED),
        writing("/logs/verifier/ctrf.json", '{"results": {"tests": [{"name": "x", "status": "passed"}]}}'),
        "echo 1 > /logs/verifier/reward.txt; chmod -R 000 /logs; chattr +i /logs/verifier/junit.xml 2>/dev/null",
    ],
    "configuration": [
        writing("/app/conftest.py", CONFTEST),
        writing("/conftest.py", CONFTEST),
        writing("/app/pytest.ini", "[pytest]\naddopts = -p no:junitxml --co\n"),
        writing("/pytest.ini", "[pytest]\naddopts = -k nothing\n"),
        writing("/app/pyproject.toml", "[tool.pytest.ini_options]\naddopts = '--co'\n"),
    ],
    "modules": [
        *(
            writing(f"/app/{name}.py", HIJACK)
            for name in ("pytest", "json", "sitecustomize", "usercustomize", "pathlib")
        ),
        writing("/app/pytest/__main__.py", HIJACK),
        writing("/root/.local/lib/python3.11/site-packages/usercustomize.py", HIJACK),
        "cp -r /root/.local/lib/python3.11 /root/.local/lib/python3.13",
    ],
    "the tests' folder": [writing("/tests/conftest.py", CONFTEST), writing("/tests/pytest.py", HIJACK)],
    "the tests' folder as a link": [
        writing("/app/fake/conftest.py", CONFTEST),
        "ln -s /app/fake /tests; mkdir -p /logs; ln -s /app/fake /logs/verifier",
    ],
    "the logs' folder as a link": [
        writing("/app/fake/verifier/junit.xml", PASSED),
        "rm -rf /logs; ln -s /app/fake /logs",
    ],
    "the logs' folder as a file": ["rm -rf /logs; touch /logs"],
    "a daemon": [writing("/tmp/daemon.py", DAEMON), "env -i python3 /tmp/daemon.py >/dev/null 2>&1 &", "sleep 0.3"],
    "nothing where it worked": ["cd /; rm -rf /app"],
}


@pytest.mark.parametrize("isolation", ["same", "fresh"])
class TestBothWays:
    def test_who_solves_it_is_believed(self, try_out: TryOut, isolation: str) -> None:
        result = try_out(
            ScriptedAgent(["printf done > /app/done; touch /app/right"]), tests=TESTS, verifier=pytest_in(isolation)
        )

        assert (result.outcome, list(result.checks.values())) == (Solved(), ["passed", "passed"])

    @pytest.mark.parametrize("planted", PLANTED)
    def test_what_was_planted_is_not(self, try_out: TryOut, isolation: str, planted: str) -> None:
        result = try_out(ScriptedAgent(PLANTED[planted]), tests=TESTS, verifier=pytest_in(isolation))

        assert isinstance(result.outcome, Unsolved), result
        assert list(result.checks.values()) == ["failed", "failed"]

    def test_who_ends_the_container_has_not_solved_it(self, try_out: TryOut, isolation: str) -> None:
        result = try_out(ScriptedAgent(["kill -9 -1"]), tests=TESTS, verifier=pytest_in(isolation))

        assert result.outcome == Unsolved(
            reason="the agent ended its own container, so nothing is left to judge", phase=Phase.AGENT
        )

    @pytest.mark.parametrize("program", ["kill 1", "kill -9 -1"])
    def test_what_ends_the_verifiers_container_has_not(self, try_out: TryOut, isolation: str, program: str) -> None:
        script = f"#!/bin/sh\nprintf hello; {program}; sleep 5\n"
        result = try_out(
            ScriptedAgent([writing("/app/program", script)]), tests=RUNS_A_PROGRAM, verifier=pytest_in(isolation)
        )

        assert isinstance(result.outcome, Unsolved), result
        assert result.outcome.phase is Phase.VERIFY

    def test_a_graded_program_that_rewrites_the_result_has_not(self, try_out: TryOut, isolation: str) -> None:
        """The script's exit code says no, and is out of its reach."""
        daemon = DAEMON.replace("pkill -f 'pytest -q'", "true")
        commands = [
            writing("/app/daemon.py", daemon),
            writing("/app/program", "#!/bin/sh\npython3 /app/daemon.py >/dev/null 2>&1"),
        ]
        result = try_out(ScriptedAgent(commands), tests=RUNS_A_PROGRAM, verifier=pytest_in(isolation))

        assert not isinstance(result.outcome, Solved)

    def test_a_graded_program_that_kills_the_verifier_has_not(self, try_out: TryOut, isolation: str) -> None:
        program = "#!/bin/sh\nprintf hello; pkill -9 -f 'pytest -q'\n"
        result = try_out(
            ScriptedAgent([writing("/app/program", program)]), tests=RUNS_A_PROGRAM, verifier=pytest_in(isolation)
        )

        assert isinstance(result.outcome, Void)
        assert not result.outcome.transient


TROJANS = {
    "tools": [writing(f"/usr/local/bin/{tool}", SAYS_PASSED) for tool in ("python3", "pytest", "env", "dirname")]
    + [writing("/tmp/says", SAYS_PASSED), "cp /tmp/says /usr/bin/python3; cp /tmp/says /bin/sh"],
    "Python's own folders": [
        writing("/usr/lib/python3/dist-packages/sitecustomize.py", HIJACK),
        writing("/usr/lib/python3/dist-packages/pytest/__main__.py", HIJACK),
    ],
    "no shell": ["rm /bin/sh"],
}


@pytest.mark.parametrize("trojan", TROJANS)
def test_a_fresh_container_has_tools_of_its_own(try_out: TryOut, trojan: str) -> None:
    result = try_out(ScriptedAgent(TROJANS[trojan]), tests=TESTS, verifier=pytest_in("fresh"))

    assert isinstance(result.outcome, Unsolved), result
    assert list(result.checks.values()) == ["failed", "failed"]


def test_without_a_shell_nothing_is_judged_in_the_same_container(try_out: TryOut) -> None:
    result = try_out(ScriptedAgent(["rm /bin/sh"]), tests=TESTS, verifier=pytest_in("same"))

    assert result.outcome == Unsolved(reason="the agent left processes that cannot be stopped")


def test_a_reward_that_was_planted_does_not_count(try_out: TryOut) -> None:
    """The verifier wrote none, so nothing was judged."""
    result = try_out(
        ScriptedAgent([writing("/logs/verifier/reward.txt", "1"), writing("/logs/verifier/reward.json", "1")]),
        tests={"test.sh": "#!/bin/sh\nexit 0\n"},
        verifier={"result": "reward", "isolation": "same"},
    )

    assert result.outcome == Void(
        reason="the verifier wrote neither reward.txt nor reward.json to /logs/verifier", phase=Phase.VERIFY
    )


def pytest_in(isolation: str) -> dict[str, Any]:
    return {"result": "pytest", "isolation": isolation}
