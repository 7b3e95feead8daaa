"""Values of the other options: what is refused and how, the ini file, who wins."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import Suite, collected, lines_of
from tests.plugin.test_option_dataset import usage_error


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--tb-attempts", "0"], "--tb-attempts '0' is not a whole number of at least 1"),
        (["--tb-attempts", "many"], "--tb-attempts 'many' is not a whole number of at least 1"),
        (["--tb-attempts", "1.5"], "--tb-attempts '1.5' is not a whole number of at least 1"),
        (["--tb-attempts", "9" * 5000], "--tb-attempts has 5000 digits; at most 9 are allowed"),
        (["--tb-run-id", "x" * 301], f"--tb-run-id {'x' * 20!r}… has 301 characters; at most 200 are allowed"),
        (["--tb-attempts", "²"], "--tb-attempts '²' is not a whole number of at least 1"),
        (["--tb-gate", "loose"], "--tb-gate 'loose' is none of: statistical, strict, off"),
        (["--tb-max-attempts", "0"], "--tb-max-attempts '0' is not a whole number of at least 1"),
        (["--tb-concurrency", "0"], "--tb-concurrency '0' is not a whole number of at least 1"),
        (["--tb-alpha", "0"], "--tb-alpha '0' is not a number of at least 1e-06 and at most 0.5"),
        (["--tb-margin", "1"], "--tb-margin '1' is not a number of at least 0 and at most 0.99"),
        (["--tb-min-visible", "0"], "--tb-min-visible '0' is not a number of at least 1 and at most 100"),
        (["--tb-min-visible", "0.3"], "--tb-min-visible '0.3' is in points, of 100: for a drop of 0.3 say 30"),
        (["--tb-inconclusive", "maybe"], "--tb-inconclusive 'maybe' is none of: pass, fail"),
        (["--tb-parity", "strict"], "--tb-parity 'strict' is none of: block, warn, off"),
        (["--tb-network", "host"], "--tb-network 'host' is none of: none, scenario"),
        (["--tb-timeout-multiplier", "0"], "--tb-timeout-multiplier '0' is not a number of at least 0.01"),
        (["--tb-timeout-multiplier", "x"], "--tb-timeout-multiplier 'x' is not a number of at least 0.01"),
        (["--tb-timeout-multiplier", "inf"], "--tb-timeout-multiplier 'inf' is not a number of at least 0.01"),
        (["--tb-max-void-rate", "1.1"], "--tb-max-void-rate '1.1' is not a number of at least 0 and at most 1"),
        (["--tb-max-void-rate", "nan"], "--tb-max-void-rate 'nan' is not a number of at least 0 and at most 1"),
        (["--tb-progress", "-1"], "--tb-progress '-1' is not a number of at least 0"),
        (
            ["--tb-run-id", "a/b"],
            "--tb-run-id 'a/b' may hold letters, digits, `.`, `_` and `-` only, with no `.` in front",
        ),
        (
            ["--tb-run-id", ".hidden"],
            "--tb-run-id '.hidden' may hold letters, digits, `.`, `_` and `-` only, with no `.` in front",
        ),
        (["--tb-run-id", "latest"], "--tb-run-id 'latest' is what the newest run is called; name it otherwise"),
        (["--tb-agent-arg", "depth"], "--tb-agent-arg 'depth' is not KEY=VALUE or AGENT:KEY=VALUE"),
        (["--tb-agent-arg", "a b=1"], "--tb-agent-arg 'a b=…' is not KEY=VALUE or AGENT:KEY=VALUE"),
        (["--tb-agent-arg", "depth=1"], "--tb-agent-arg: agent 'oracle' takes no depth; it takes: none"),
        (
            ["--tb-agent", "scripted", "--tb-agent-arg", "depth=1"],
            "--tb-agent-arg: agent 'scripted' takes no depth; it takes: command_timeout_s, commands, script",
        ),
        (["--tb-model", "lab/x"], "--tb-model 'lab/x': agent 'oracle' uses no model; leave the option out"),
        (
            ["--tb-agent", "oracel"],
            "--tb-agent 'oracel' is not known (did you mean 'oracle'?); known: nop, oracle, scripted, or module:Class",
        ),
        (["--tb-agent", "json:Agent"], "--tb-agent 'json:Agent': json has no 'Agent'"),
        (
            ["--tb-agent", "json:JSONDecoder"],
            "--tb-agent 'json:JSONDecoder': JSONDecoder has no method `act`, so it is not an agent",
        ),
        (["-p", "no:syrupy"], "scenarios need the plugin syrupy, which is switched off (-p no:syrupy)"),
    ],
)
@pytest.mark.parametrize("place", ["--tb-dataset=demo", "scenarios/demo", "scenarios/demo/alpha.json::alpha[oracle]"])
def test_a_value_that_makes_no_sense_is_a_usage_error(demo: Suite, args: list[str], message: str, place: str) -> None:
    assert usage_error(demo, *args, place) == message


def test_a_value_in_the_ini_file_is_refused_in_the_same_words(demo: Suite) -> None:
    message = usage_error(demo, "-o", "tb_attempts=none", "--tb-dataset", "demo")

    assert message == "--tb-attempts 'none' is not a whole number of at least 1"


@pytest.mark.parametrize("args", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_scenarios_of_the_folder_above_get_the_same_usage_error_once(demo: Suite, args: list[str]) -> None:
    done = demo.run_apart("--tb-agent", "oracel", "scenarios", *args)

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert done.errlines[0].startswith("ERROR: --tb-agent 'oracel' is not known (did you mean 'oracle'?); known: nop, ")
    assert not (demo.path / "results").exists()


def test_an_image_map_that_is_not_there_is_refused(demo: Suite) -> None:
    assert usage_error(demo, "--tb-dataset", "demo", "--tb-image-map", "gone.json") == (
        f"image map {demo.path}/gone.json: [Errno 2] No such file or directory: '{demo.path}/gone.json'"
    )


@pytest.mark.parametrize(
    ("configured", "typed", "named"),
    [
        ("gone.json", (), "gone.json"),
        ("other.json", ("--tb-image-map", "gone.json"), "scenarios/gone.json"),
        ("other.json", ("--tb-image-map=../gone.json",), "scenarios/../gone.json"),
    ],
    ids=["configured", "typed", "typed for the folder above"],
)
def test_a_configured_image_map_lies_in_the_projects_folder_and_a_typed_one_in_the_current(
    demo: Suite, monkeypatch: pytest.MonkeyPatch, configured: str, typed: tuple[str, ...], named: str
) -> None:
    demo.pytester.makeini(f"[pytest]\ntb_preflight = false\ntb_image_map = {configured}\n")
    monkeypatch.chdir(demo.path / "scenarios")

    assert usage_error(demo, "--tb-dataset", "demo", *typed).startswith(f"image map {demo.path}/{named}: ")


def test_unknown_keys_of_the_projects_settings_are_refused(demo: Suite) -> None:
    file = demo.write("pyproject.toml", "[tool.terminalbench]\nimage = {}\n")

    assert usage_error(demo, "--tb-dataset", "demo") == (
        f"{file}: [tool.terminalbench] has no key 'image' (did you mean 'images'?); "
        "known: images, incidents, maintainers"
    )


def test_every_option_is_an_ini_value_too(demo: Suite) -> None:
    """Told by what each of them does to the run, or by the words in which a wrong one is refused."""
    demo.pytester.makeini(
        """
        [pytest]
        tb_preflight = false
        tb_dataset = demo
        tb_agent = nop scripted
        tb_attempts = 2
        tb_max_attempts = 4
        tb_concurrency = 3
        tb_gate = off
        tb_alpha = 0.1
        tb_margin = 0.03
        tb_inconclusive = fail
        tb_min_visible = 12.5
        tb_parity = warn
        tb_locked = false
        tb_approver = nobody
        tb_baselines = approved
        tb_results = out
        tb_run_id = mine
        tb_timeout_multiplier = 2.5
        tb_max_void_rate = 0.5
        tb_network = none
        tb_env = docker
        tb_progress = 0
        tb_keep_containers = true
        tb_no_incidents = true
        """
    )

    demo.run("-k", "alpha").assert_outcomes(failed=2)

    assert not (demo.path / "out" / "mine" / "incidents").exists()
    manifest = json.loads((demo.path / "out" / "mine" / "manifest.json").read_text())
    assert manifest["settings"] == {
        "datasets": {"demo": "1.0"},
        "agents": [
            {"name": "nop", "model": None, "asked_as": "nop"},
            {"name": "scripted", "model": None, "asked_as": "scripted"},
        ],
        "agent_args": [],
        "attempts": 2,
        "max_attempts": 4,
        "concurrency": 3,
        "gate": "off",
        "alpha": 0.1,
        "margin": 0.03,
        "inconclusive": "fail",
        "min_visible": 0.125,
        "baselines": "approved",
        "parity": "warn",
        "environment": "docker",
        "network": "none",
        "timeout_multiplier": 2.5,
        "max_void_rate": 0.5,
        "update_baselines": False,
    }


def test_native_toml_configuration_works(demo: Suite) -> None:
    (demo.path / "tox.ini").unlink()
    demo.write(
        "pyproject.toml",
        """
        [tool.pytest.ini_options]
        tb_preflight = false
        tb_dataset = ["demo"]
        tb_agent = ["nop", "oracle"]
        tb_attempts = "2"
        """,
    )

    assert len(collected(demo.run("--collect-only", "-q"))) == 6


def test_the_command_line_wins_over_the_ini_file(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "-o", "tb_agent=nop", "--tb-agent", "oracle").assert_outcomes(passed=3)


def test_attempts_are_trials_of_one_cell(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "-k", "alpha", "--tb-attempts", "3").assert_outcomes(passed=1)

    assert [demo.result("alpha", attempt=n)["attempt"] for n in (1, 2, 3)] == [1, 2, 3]
    assert demo.summary["pass_at_k"] == {"1": 1.0, "2": 1.0, "3": 1.0}


def test_every_attempt_has_an_agent_of_its_own(demo: Suite) -> None:
    demo.write(
        "conftest.py",
        demo.conftest
        + """

class Counting:
    deterministic = True

    def __init__(self):
        self.acted = 0

    def act(self, task, environment):
        from pytest_terminalbench import AgentReport

        self.acted += 1
        environment.run(["work"])
        return AgentReport(note=f"acted {self.acted}")


def pytest_terminalbench_agents(registry):
    registry.register("counting", lambda: Counting())
""",
    )

    demo.run("--tb-dataset", "demo", "-k", "alpha", "--tb-agent", "counting", "--tb-attempts", "2")

    assert [demo.result("alpha", "counting", attempt=n)["agent_note"] for n in (1, 2)] == ["acted 1", "acted 1"]


def test_gate_off_judges_as_if_nothing_had_been_approved(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--tb-agent", "nop", "--update-baselines").assert_outcomes()

    demo.run("--tb-dataset", "demo", "--tb-agent", "nop", "--tb-gate", "off").assert_outcomes(failed=3)


def test_agent_arguments_are_json_or_text(demo: Suite) -> None:
    demo.write(
        "mine.py",
        """
        from pytest_terminalbench import AgentReport

        class Telling:
            name = "telling"
            def __init__(self, **arguments):
                self.arguments = arguments
            def act(self, task, environment):
                return AgentReport(note=repr(self.arguments))
        """,
    )

    demo.run(
        "scenarios/demo/alpha.json",
        *("--tb-agent", "mine:Telling"),
        *(
            "--tb-agent-arg",
            "a=1",
            "--tb-agent-arg",
            "b=[true, null]",
            "--tb-agent-arg",
            "c=a=b",
            "--tb-agent-arg",
            "d=",
        ),
    )

    assert demo.result("alpha", "telling")["agent_note"] == "{'a': 1, 'b': [True, None], 'c': 'a=b', 'd': ''}"


def test_results_and_baselines_may_lie_elsewhere(demo: Suite, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    demo.run(
        *("--tb-dataset", "demo", "-k", "alpha", "--update-baselines", "--tb-run-id", "one"),
        *("--tb-results", elsewhere / "runs", "--tb-baselines", "approved"),
    )

    assert (elsewhere / "runs" / "one" / "summary.json").is_file()
    assert (demo.path / "approved" / "demo" / "oracle" / "alpha.json").is_file()
    assert not (demo.path / "results").exists()
    assert not (demo.path / "baselines").exists()


def test_a_run_id_that_exists_is_refused_and_the_run_left_alone(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "-k", "alpha", "--tb-run-id", "mine").assert_outcomes(passed=1)
    before = demo.files("results/mine")

    for place in (["--tb-dataset", "demo"], ["scenarios/demo"], ["scenarios/demo/beta.json"], ["scenarios"]):
        done = demo.run(*place, "--tb-run-id", "mine")

        assert done.ret == pytest.ExitCode.USAGE_ERROR
        assert done.errlines[0] == f"ERROR: --tb-run-id 'mine': {demo.path}/results/mine exists; name another run"
    assert demo.files("results/mine") == before


def test_a_run_id_that_exists_is_refused_where_workers_come_upon_scenarios(demo: Suite) -> None:
    (demo.path / "results/mine").mkdir(parents=True)

    done = demo.run_apart("scenarios", "-n", "1", "--tb-run-id", "mine")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: --tb-run-id 'mine': {demo.path}/results/mine exists; name another run" in done.errlines


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_of_two_sessions_of_one_run_id_at_once_the_later_is_refused(demo: Suite, workers: list[str]) -> None:
    """The other one opens its run while this one collects."""
    demo.write(
        "conftest.py",
        """
        from pathlib import Path

        def pytest_collection_modifyitems(config):
            other = Path(config.rootpath, "results/mine/manifest.json")
            other.parent.mkdir(parents=True, exist_ok=True)
            other.write_text("the other one's")
        """,
    )

    done = demo.run_apart("--tb-dataset", "demo", *workers, "--tb-run-id", "mine")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: --tb-run-id 'mine': {demo.path}/results/mine exists; name another run" in done.errlines
    assert (demo.path / "results/mine/manifest.json").read_text() == "the other one's"
    assert not (demo.path / "results/mine/trials").exists()


def test_a_results_folder_that_cannot_be_written_is_refused_before_anything_runs(demo: Suite) -> None:
    demo.write("occupied", "")

    done = demo.run("--tb-dataset", "demo", "--tb-results", "occupied", "--tb-run-id", "mine")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert done.errlines[0].startswith(f"ERROR: --tb-results: {demo.path}/occupied/mine cannot be written: ")


def test_the_header_names_datasets_agents_and_the_run(demo: Suite) -> None:
    done = demo.run("--tb-dataset", "demo", "--tb-agent", "nop", "--tb-agent", "oracle", "--tb-run-id", "mine")

    assert lines_of(done, "terminalbench:") == ["terminalbench: demo==1.0; agent nop, oracle; run mine"]


def test_the_help_lists_every_option_with_its_meaning(suite: Suite) -> None:
    lines = suite.run("--help").outlines
    start = next(n for n, line in enumerate(lines) if "benchmarks for terminal agents" in line)
    end = next(n for n in range(start + 1, len(lines)) if lines[n] and not lines[n].startswith(" "))
    options = [line.split()[0].partition("=")[0] for line in lines[start:end] if line.startswith("  --")]

    assert options == [
        *("--tb-dataset", "--tb-agent", "--tb-model", "--tb-agent-arg", "--tb-attempts"),
        *("--tb-max-attempts", "--tb-concurrency", "--tb-gate", "--tb-alpha", "--tb-margin", "--tb-inconclusive"),
        "--tb-min-visible",
        "--tb-parity",
        *("--tb-strict-baselines", "--tb-locked", "--tb-approver"),
        *("--tb-baselines", "--tb-results", "--tb-no-incidents", "--tb-run-id", "--tb-timeout-multiplier"),
        *(
            "--tb-max-void-rate",
            "--tb-env",
            "--tb-no-engine",
            "--tb-network",
            "--tb-image-map",
            "--tb-progress",
            "--tb-keep-containers",
        ),
        "--update-baselines",
    ]


@pytest.mark.parametrize(
    ("typed", "meant"), [("--tb-datset", "--tb-dataset"), ("--update-baseline", "--update-baselines")]
)
def test_an_option_that_there_is_not_is_told_with_the_nearest(demo: Suite, typed: str, meant: str) -> None:
    """In pytest's own error, which is all that a plugin sees of it."""
    done = demo.run(f"{typed}=demo")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(
        [f"*unrecognized arguments: {typed}=demo*", f"  {typed}: unknown (did you mean '{meant}'?)"]
    )
