"""`terminalbench plan`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Project
from tests.importing.test_own_runs import a_baseline, a_run

MIXED = {(f"task-{number:02}", "oracle"): "✓✓✓✗" for number in range(12)}


def test_without_results_it_says_what_it_assumes(project: Project) -> None:
    done = project.call("plan", "--scenarios", "20", "--attempts", "3")

    assert (done.exit_code, done.err) == (0, "")
    assert (
        done.out
        == """\
The smallest drop of the mean solve rate that is seen 80 % of the time, in points, by attempts at each scenario

     attempts  10 scenarios  20 scenarios  40 scenarios  80 scenarios
            1             -          36.2          23.0          14.7
            2          33.9          22.2          14.4           9.4
            3          26.3          17.2          11.2           7.4
            5          19.1          12.5           8.2           5.5
           10          12.5           8.2           5.5           3.7
needed for 10            15             8             4             2

With 3 attempts at each of 20 scenarios, against 3 approved, a drop of 10 points is seen 41 % of the time.
To see a drop of 10 points: 8 attempts at each of 20 scenarios, against 8 approved.
  approve:  your pytest command with --tb-attempts 8 --update-baselines
  compare:  your pytest command with --tb-attempts 8

Assumptions
  the suite gate decides, with alpha 0.05 and a margin of 2 points (agents that always do the same are judged strictly)
  every scenario loses the same share of its solve rate; where some break altogether, smaller drops are seen too
  half of the attempts solve, because nothing better is known; --baseline takes it from results
  as many attempts are approved as are compared with them
  attempts at a scenario vary by p(1-p) = 0.07 on average: assumed, because no scenario was tried twice
"""
    )


def test_with_nothing_said_the_table_is_the_answer(project: Project) -> None:
    lines = project.call("plan").out.splitlines()

    assert lines[8].split() == ["needed", "for", "10", "15", "8", "4", "2", "1"]
    assert lines[10] == (
        "The last row says how many attempts see a drop of 10 points. --baseline, --scenarios or --attempts says more."
    )


def test_a_run_tells_rates_times_and_costs(project: Project) -> None:
    a_run(project.path / "results" / "monday", MIXED, attempts=4)

    lines = project.call("plan", "--baseline", "monday", "--drop", "35").out.splitlines()

    assert lines[0] == "monday: 12 scenarios, 4 attempts each, 75 % solved"
    assert lines[4].split("  ")[-2:] == ["agent's time for 12", "USD for 12"]
    assert lines[5].split()[-3:] == ["30", "s", "3.00"]
    assert lines[12:15] == [
        "To see a drop of 35 points: 2 attempts at each of 12 scenarios, against 4 approved.",
        "  compare:  your pytest command with --tb-attempts 2",
        "  takes:    60 s and 6.00 USD",
    ]
    assert "  attempts at a scenario vary by p(1-p) = 0.19 on average, as they did" in lines
    assert "  time is the agent's alone, added up: divide it by how many run at a time" in lines


def test_baselines_that_are_too_small_are_approved_anew(project: Project) -> None:
    for number in range(8):
        a_baseline(project.path / "baselines" / "demo" / "oracle", f"task-{number}", [1.0, 0.0])

    lines = project.call("plan", "--baseline", "demo/oracle", "--drop", "20").out.splitlines()

    assert lines[0] == "baselines of demo/oracle: 8 scenarios, 2 attempts each, 50 % solved"
    answer = lines.index("")
    assert (
        "Against 2 attempts approved, a drop of 20 points is not seen 80 % of the time, however many are compared "
        "with them." in lines[answer:]
    )
    assert any(line.startswith("  approve:  your pytest command with --tb-attempts ") for line in lines)


def test_the_gate_is_told_what_was_planned_with(project: Project) -> None:
    out = project.call("plan", "--scenarios", "80", "--alpha", "0.01", "--margin", "0.03").out

    assert "  compare:  your pytest command with --tb-attempts 3 --tb-alpha 0.01 --tb-margin 0.03" in out.splitlines()


def test_a_drop_that_cannot_happen_is_called_so(project: Project) -> None:
    a_run(project.path / "results" / "monday", MIXED)

    out = project.call("plan", "--baseline", "monday", "--drop", "80").out

    assert "The mean solve rate is 75 %, so a drop of 80 points cannot happen." in out.splitlines()


def test_few_scenarios_may_be_too_few(project: Project) -> None:
    out = project.call("plan", "--scenarios", "1", "--drop", "3").out

    assert (
        "On 1 scenario, no number of attempts up to 100 sees a drop of 3 points 80 % of the time." in out.splitlines()
    )
    assert "To see a drop of 3 points: 5 attempts at each of 234 scenarios, against 5 approved." in out.splitlines()


def test_no_session_may_be_large_enough(project: Project) -> None:
    out = project.call("plan", "--attempts", "1", "--drop", "2.01").out

    assert "No session of up to 10000 scenarios sees a drop of 2.01 points 80 % of the time." in out.splitlines()


def test_json_is_all_there_is_on_standard_output(project: Project) -> None:
    done = project.call("plan", "--scenarios", "20", "--format", "json")

    assert done.json["schema_version"] == 1
    assert done.json["answer"]["attempts"] == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--alpha", "5"],
            "--alpha is 5, --power 0.8 and --margin 0.02; all are shares of 1: alpha at least 1e-06 and at most 0.5, ",
        ),
        (["--alpha", "1e-17"], "--alpha is 1e-17, --power 0.8 and --margin 0.02; all are shares of 1: alpha at least "),
        (["--drop", "-3"], "--drop is -3; needs points above 0, up to 100"),
        (["--drop", "2"], "--drop is 2 points, and the margin lets a drop of up to 2 pass; plan for a larger drop, "),
    ],
)
def test_bad_input_is_refused(project: Project, arguments: list[str], message: str) -> None:
    done = project.call("plan", *arguments)

    assert (done.exit_code, done.out) == (4, "")
    assert done.err.startswith(f"terminalbench: {message}")


def test_missing_results_end_with_3(project: Project) -> None:
    done = project.call("plan", "--baseline", "nowhere")

    assert (done.exit_code, done.out) == (3, "")
    assert done.err.startswith("terminalbench: nothing is called 'nowhere': ")


def test_names_cannot_command_the_terminal(project: Project) -> None:
    a_run(project.path / "results" / "monday", MIXED, run_id="\x1b]0;renamed\x07")

    out = project.call("plan", "--baseline", "monday").out

    assert out.startswith("�]0;renamed�: 12 scenarios")
