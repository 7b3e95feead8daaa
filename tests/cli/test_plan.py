"""`terminalbench plan`."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Project
from tests.importing.test_own_runs import a_baseline, a_run

MIXED = {(f"task-{number:02}", "oracle"): "✓✓✓✗" for number in range(12)}


def test_without_results_it_says_what_it_assumes(project: Project) -> None:
    done = project.call("plan", "--scenarios", "20", "--attempts", "3", "--drop", "10")

    assert (done.exit_code, done.err) == (0, "")
    assert (
        done.out
        == """\
The smallest drop of the mean solve rate that is seen 80 % of the time, in points, by attempts at each scenario
(against as many approved, and at least 3)

     attempts  10 scenarios  20 scenarios  40 scenarios  80 scenarios
            1          38.2          25.4          16.6          10.8
            2          29.9          19.5          12.7           8.3
            3          26.3          17.2          11.2           7.4
            5          19.1          12.5           8.2           5.5
           10          12.5           8.2           5.5           3.7
needed for 10            18             9             5             2

With 3 attempts at each of 20 scenarios, against 3 approved, a drop of 10 points is seen 41 % of the time.
To see a drop of 10 points: 9 attempts at each of 20 scenarios, against 9 approved.
  approve:  your pytest command with --tb-attempts 9 --update-baselines
  compare:  your pytest command with --tb-attempts 9 --tb-min-visible 10

Assumptions
  the suite gate decides, with alpha 0.05 and a margin of 2 points (agents that always do the same are judged strictly)
  every scenario loses the same share of its solve rate; where some break altogether, smaller drops are seen too
  half of the attempts solve, because nothing better is known; --baseline takes it from results
  runs that differ as wholes (a bad night) need more than this; only several of them show it: approve them together, \
with terminalbench baseline approve --run RUN --run RUN
  attempts at a scenario vary by p(1-p) = 0.07 on average: assumed, because no scenario was tried twice
"""
    )


def test_with_nothing_said_the_table_is_the_answer(project: Project) -> None:
    lines = project.call("plan").out.splitlines()

    assert lines[9].split() == ["needed", "for", "30", "3", "1", "1", "1", "1"]
    assert lines[11] == (
        "The last row says how many attempts see a drop of 30 points. --baseline, --scenarios or --attempts says more."
    )


def test_a_run_tells_rates_times_and_costs(project: Project) -> None:
    a_run(project.path / "results" / "monday", MIXED, attempts=4)

    lines = project.call("plan", "--baseline", "monday", "--drop", "35").out.splitlines()

    assert lines[0] == "monday: 12 scenarios, 4 attempts each, 75 % solved"
    assert lines[4].split("  ")[-2:] == ["agent's time for 12", "USD for 12"]
    assert lines[5].split()[-3:] == ["30", "s", "3.00"]
    assert lines[12:15] == [
        "To see a drop of 35 points: 2 attempts at each of 12 scenarios, against 4 approved.",
        "  compare:  your pytest command with --tb-attempts 2 --tb-min-visible 35",
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

    assert "  compare:  your pytest command with --tb-attempts 1 --tb-alpha 0.01 --tb-margin 0.03" in out.splitlines()


def test_the_drop_is_the_one_that_the_projects_sessions_have_to_be_able_to_see(project: Project) -> None:
    project.write("pytest.ini", "[pytest]\ntb_min_visible = 12\ntb_alpha = 0.01\ntb_margin = 0.03\n")

    lines = project.call("plan", "--scenarios", "20").out.splitlines()

    (answer,) = (line for line in lines if line.startswith("To see"))
    assert answer.startswith("To see a drop of 12 points: ")
    # What the project says already is not to be typed.
    assert re.fullmatch(r"  compare:  your pytest command with --tb-attempts \d+", lines[lines.index(answer) + 2])
    assert any("with alpha 0.01 and a margin of 3 points" in line for line in lines)
    assert (
        "  the gate asks a session to be able to see a drop of 12 points (--tb-min-visible); --drop plans for another"
        in lines
    )


def test_a_setting_that_no_session_could_have_is_refused(project: Project) -> None:
    project.write("pytest.ini", "[pytest]\ntb_min_visible = many\n")

    done = project.call("plan")

    assert (done.exit_code, done.out) == (4, "")
    assert done.err == "terminalbench: --tb-min-visible 'many' is not a number of at least 1 and at most 100\n"


def test_of_an_agent_that_solves_less_than_that_all_that_it_has_to_lose_is_planned_for(project: Project) -> None:
    a_run(project.path / "results" / "monday", {(f"t{n}", "oracle"): "✓✗✗✗✗" for n in range(30)}, attempts=5)

    lines = project.call("plan", "--baseline", "monday").out.splitlines()

    assert "To see a drop of 20 points: 1 attempt at each of 30 scenarios, against 5 approved." in lines
    assert (
        "  the gate asks a session to be able to see a drop of 30 points (--tb-min-visible), or of all that there is "
        "to lose, where that is less; --drop plans for another" in lines
    )


def test_of_an_agent_that_solves_nothing_nothing_can_be_lost(project: Project) -> None:
    a_run(project.path / "results" / "monday", {(f"t{n}", "oracle"): "✗✗✗" for n in range(3)}, attempts=3)

    assert (
        "No attempt solved anything, so that nothing can be lost." in project.call("plan", "--baseline", "monday").out
    )


def test_sessions_that_differed_are_told_and_planned_with(project: Project) -> None:
    """Three good nights, and two bad ones in which 7 of 40 scenarios failed that were solved else."""
    nights = [f"night-{number}" for number in range(5)]
    for number in range(40):
        rewards = [1.0] * 3 + [0.0] * 2 if number < 7 else [float(number % 3 > 0)] * 5
        a_baseline(project.path / "baselines" / "demo" / "oracle", f"task-{number}", rewards, sessions=nights)

    lines = project.call("plan", "--baseline", "demo/oracle").out.splitlines()
    few = project.call("plan", "--baseline", "demo/oracle", "--drop", "10").out

    assert (
        "  sessions of the baseline differ more than chance (p = 0.0001): 72, 72, 72, 55, 55 %, and the comparison "
        "allows for it" in lines
    )
    answer = lines.index(
        "To see a drop of 30 points: 9 attempts at each of 40 scenarios, against 8 approved in 8 sessions."
    )
    assert lines[answer - 1] == (
        "Against 5 attempts approved in 5 sessions that differ, a drop of 30 points is not seen 80 % of the time, "
        "however many are compared with them."
    )
    assert lines[answer + 1 : answer + 4] == [
        "  approve:  8 runs with --tb-attempts 1, then together: terminalbench baseline approve --run RUN --run RUN …",
        "  compare:  your pytest command with --tb-attempts 9",
        "  takes:    16 min to approve, 18 min to compare",
    ]
    assert (
        "No session sees a drop of 10 points 80 % of the time, compared with up to 20 approved sessions: they differ "
        "too much as wholes. Make them more alike, or plan with a larger --drop." in few.splitlines()
    )


def test_a_drop_that_cannot_happen_is_called_so(project: Project) -> None:
    a_run(project.path / "results" / "monday", MIXED)

    out = project.call("plan", "--baseline", "monday", "--drop", "80").out

    assert "The mean solve rate is 75 %, so a drop of 80 points cannot happen." in out.splitlines()


def test_few_scenarios_may_be_too_few(project: Project) -> None:
    out = project.call("plan", "--scenarios", "1", "--drop", "3").out

    assert (
        "On 1 scenario, no number of attempts up to 100 sees a drop of 3 points 80 % of the time." in out.splitlines()
    )
    assert "To see a drop of 3 points: 5 attempts at each of 458 scenarios, against 5 approved." in out.splitlines()


def test_no_session_may_be_large_enough(project: Project) -> None:
    out = project.call("plan", "--attempts", "1", "--drop", "2.01").out

    assert "No session of up to 10000 scenarios sees a drop of 2.01 points 80 % of the time." in out.splitlines()


def test_json_is_all_there_is_on_standard_output(project: Project) -> None:
    done = project.call("plan", "--scenarios", "20", "--format", "json")

    assert done.json["schema_version"] == 1
    assert (done.json["question"]["drop"], done.json["answer"]["attempts"]) == (0.3, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--alpha", "5"],
            "--alpha is 5; it is a share of 1, at least 1e-06 and at most 0.5",
        ),
        (["--alpha", "1e-17"], "--alpha is 1e-17; it is a share of 1, at least "),
        (["--power", "2"], "--power is 2; it is a share of 1, above 0 and below 1\n"),
        (["--margin", "2"], "--margin is 2; it is a share of 1, at least 0 and at most 0.99\n"),
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
