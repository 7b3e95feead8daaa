"""What a person reads of a cell that failed or could not be put."""

from __future__ import annotations

import re

import pytest

from tests.plugin.conftest import Suite, scripted


def card(done: pytest.RunResult, title: str) -> list[str]:
    """The lines under pytest's headline `title`; times as N.N, for they differ."""
    lines = done.outlines
    start = next(n for n, line in enumerate(lines) if line.strip("_ ") == title)
    end = next(n for n in range(start + 1, len(lines)) if lines[n].startswith(("===", "___")))
    return [re.sub(r"\d+\.\d s\b", "N.N s", line) for line in lines[start + 1 : end]]


JUNIT = """<testsuites><testsuite>
<testcase classname="tests" name="test_right"/>
<testcase classname="tests" name="test_wrong"><failure message="assert 1 == 2&#10;more">long</failure></testcase>
<testcase classname="tests" name="test_left_out"><skipped message="no time"/></testcase>
</testsuite></testsuites>"""


def verifier(suite: Suite, body: str, **verifier: object) -> None:
    """Make the fake verifier of `alpha` do `body`."""
    suite.scenario("alpha", verifier={"script": "alpha/tests/test.sh", "result": "exit_code", **verifier})
    text = suite.conftest.replace('    return 0 if "/app/done" in environment.files else 1\n', body)
    assert text != suite.conftest
    suite.write("conftest.py", text)


def test_an_unsolved_cell_tells_what_was_judged_what_was_printed_and_where_it_lies(demo: Suite) -> None:
    verifier(
        demo,
        f"""
    from pytest_terminalbench import ExecResult

    environment.files["/logs/verifier/junit.xml"] = {JUNIT.encode()!r}
    text = "".join(f"line {{n}}\\n" for n in range(20))
    return ExecResult(exit_code=1, stdout=text, stderr="and an error\\n", duration_s=0.1)
""",
        result="pytest",
    )

    done = demo.run("--tb-dataset", "demo", "-k", "alpha", "--tb-run-id", "mine", *scripted("work"))

    again = 'scenarios/demo/alpha.json --tb-agent=scripted --tb-agent-arg=commands="${COMMANDS:?}"'
    reason = "2 of 3 checks did not pass: tests.test_wrong, tests.test_left_out"
    assert card(done, "scenario alpha[scripted]") == [
        "alpha unsolved: solved 0 of 1, and no baseline allows that",
        "  Do alpha (easy, scripting)",
        f"agent N.N s, verifier N.N s: {reason}",
        "agent:        typed 1 command",
        "  failed  tests.test_wrong: assert 1 == 2",
        "  skipped tests.test_left_out: no time",
        "the verifier's last lines:",
        *(f"  | line {n}" for n in range(9, 20)),
        "  | and an error",
        f"trial folder: {demo.path}/results/mine/trials/demo/alpha/scripted/1",
        f"once more:    pytest {again}",
    ]


def test_a_regressed_cell_names_the_baseline(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "-k", "alpha", "--update-baselines", *scripted("work"))

    done = demo.run("--tb-dataset", "demo", "-k", "alpha", *scripted("rest"))

    first = card(done, "scenario alpha[scripted]")[0]
    assert re.fullmatch(
        r"alpha regressed: solved 0 of 1, but the baseline alpha-\d{4}-\d\d-\d\d approved 1 of 1", first
    )


def test_of_many_checks_the_first_are_named_and_the_others_counted(demo: Suite) -> None:
    cases = "".join(f'<testcase name="t{n:02}"><failure message="no"/></testcase>' for n in range(11))
    verifier(
        demo,
        f"""
    environment.files["/logs/verifier/junit.xml"] = {f"<testsuite>{cases}</testsuite>".encode()!r}
    return 1
""",
        result="junit",
    )

    done = demo.run("--tb-dataset", "demo", "-k", "alpha")

    assert [line for line in card(done, "scenario alpha[oracle]") if line.startswith("  ")] == [
        "  Do alpha (easy, scripting)",
        *(f"  failed  t{n:02}: no" for n in range(8)),
        "  … and 3 more",
    ]


def test_of_several_attempts_the_first_that_failed_is_shown(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

from pytest_terminalbench import AgentReport

class Second:
    def __init__(self):
        self.left = 1
    def act(self, task, environment):
        environment.run(["work" if self.left else "rest"])
        self.left = 0
        return AgentReport()

@pytest.fixture
def tb_agent():
    return Second()
""",
    )

    done = demo.run("--tb-dataset", "demo", "-k", "alpha", "--tb-attempts", "3", "--tb-run-id", "mine")

    lines = card(done, "scenario alpha[tb_agent]")
    assert lines[0] == "alpha unsolved: solved 1 of 3, and no baseline allows that"
    assert lines[2] == "attempt 2, agent N.N s, verifier N.N s: 1 of 1 checks did not pass: exit code"
    assert lines[-2] == f"trial folder: {demo.path}/results/mine/trials/demo/alpha/Second/2"


def test_an_agent_that_fails_is_named_with_its_error(demo: Suite) -> None:
    demo.write(
        "mine.py",
        """
        class Clumsy:
            name = "clumsy"
            def act(self, task, environment):
                raise KeyError("oops")
        """,
    )

    done = demo.run("--tb-dataset", "demo", "-k", "alpha", "--tb-agent", "mine:Clumsy")

    assert "agent:        the agent failed: KeyError: 'oops'" in card(done, "scenario alpha[clumsy]")


def test_a_void_cell_tells_the_phase_and_why(demo: Suite) -> None:
    done = demo.run("--tb-dataset", "demo", "-k", "alpha", "--tb-run-id", "mine", *scripted("break-engine"))

    assert card(done, "ERROR at setup of scenario alpha[scripted]") == [
        "alpha: void in phase agent: the fake engine broke",
        f"trial folder: {demo.path}/results/mine/trials/demo/alpha/scripted/1",
    ]


def test_a_verifier_that_left_no_result_is_void_and_its_last_lines_are_shown(demo: Suite) -> None:
    verifier(demo, '    return "fetching pip\\npip: no such thing\\n"\n', result="pytest")

    done = demo.run("--tb-dataset", "demo", "-k", "alpha", "--tb-run-id", "mine")

    why = "the verifier wrote no junit.xml to /logs/verifier (exit code 0), so nothing was judged"
    assert card(done, "ERROR at setup of scenario alpha[oracle]") == [
        f"alpha: void in phase verify: {why}: pip: no such thing",
        "the verifier's last lines:",
        "  | fetching pip",
        "  | pip: no such thing",
        f"trial folder: {demo.path}/results/mine/trials/demo/alpha/oracle/1",
    ]


def test_an_error_that_is_not_ours_keeps_its_traceback(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture
        def tb_environment():
            return 1 / 0
        """,
    )

    done = demo.run("--tb-dataset", "demo", "-k", "alpha")

    assert "E       ZeroDivisionError: division by zero" in card(done, "ERROR at setup of scenario alpha[oracle]")


@pytest.mark.parametrize("args", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_odd_characters_of_a_verifier_do_no_harm(demo: Suite, args: list[str]) -> None:
    r"""Half a surrogate pair cannot be sent or written as UTF-8, escape sequences steer terminals, NUL ends texts."""
    verifier(
        demo,
        r"""
    from pytest_terminalbench import ExecResult

    test = b'{"name": "odd \\ud800", "status": "failed", "message": "\\udfff\\u0000\\u001b[2J"}'
    environment.files["/logs/verifier/ctrf.json"] = b'{"results": {"tests": [' + test + b"]}}"
    return ExecResult(exit_code=1, stdout="half \ud83d and \x1b[31mred\x00 \u2028ümlaut", stderr="", duration_s=0.1)
""",
        result="ctrf",
    )

    done = demo.run_apart("--tb-dataset", "demo", "-k", "alpha", "--junitxml", "out.xml", *args)

    done.assert_outcomes(failed=1)
    lines = "\n".join(card(done, "scenario alpha[oracle]"))
    assert r"  failed  odd \ud800: \udfff\x00\x1b[2J" in lines
    assert r"  | half \ud83d and \x1b[31mred\x00 " in lines
    assert demo.result("alpha")["checks"] == {"odd \ud800": "failed"}
    stdout = demo.latest / "trials/demo/alpha/oracle/1/verifier/stdout"
    assert stdout.read_bytes() == "half \\ud83d and \x1b[31mred\x00 \u2028ümlaut".encode()
