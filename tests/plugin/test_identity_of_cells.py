"""Different cells share no node id, folder or baseline; what would share one is refused before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.baselines.record import parse_record, serialised
from tests.plugin.conftest import Suite, collected, lines_of

AGENTS = """
from pytest_terminalbench import AgentReport


class Talker:
    name = "talker"
    identified_by = ("effort",)
    secret_arguments = ("key",)

    def __init__(self, model=None, *, effort="low", prompt="", key=""):
        self._model = model

    def act(self, task, environment):
        if self._model != "a-b":
            environment.run(["work"])
        return AgentReport(note=f"{self._model}")


class Impostor(Talker):
    name = "oracle"


class Shouter(Talker):
    name = "TALKER"
"""

ONLY = ("--tb-dataset", "demo", "-k", "alpha")
TALKER = ("--tb-agent", "mine:Talker")
MODELS = ("--tb-model", "a/b", "--tb-model", "a-b", "--tb-model", "a:b")
LABELS = ("talker,a%2Fb", "talker,a-b", "talker,a%3Ab")


@pytest.fixture
def mine(demo: Suite) -> Suite:
    demo.write("mine.py", AGENTS)
    return demo


def told(done: pytest.RunResult) -> str:
    return " ".join([*done.errlines, *done.outlines])


def test_models_that_look_alike_are_three_cells(mine: Suite) -> None:
    done = mine.run(*ONLY, *TALKER, *MODELS, "--update-baselines", "--tb-approver", "Ada")

    # Three cells and three trials' folders, each of its own model.
    assert mine.statuses == {
        f"demo/alpha[{label}]": status
        for label, status in zip(LABELS, ("solved", "as-baseline", "solved"), strict=True)
    }
    notes = {label: mine.result("alpha", label)["agent_note"] for label in LABELS}
    assert notes == dict(zip(LABELS, ("a/b", "a-b", "a:b"), strict=True))

    # Three baselines, none overwritten.
    assert lines_of(done, "baselines") == [f"baselines: 3 written, 0 unchanged in {mine.path}/baselines"]
    approved = {label: json.loads(mine.baseline("alpha", label).read_text()) for label in LABELS}
    assert [(record["cell"]["model"], record["solved"]) for record in approved.values()] == [
        ("a/b", 1),
        ("a-b", 0),
        ("a:b", 1),
    ]

    # Each is compared with its own.
    before = mine.files("baselines")
    again = mine.run(*ONLY, *TALKER, *MODELS)
    assert again.ret == pytest.ExitCode.OK
    ids = {label: record["baseline_id"] for label, record in approved.items()}
    assert {cell["cell"]: cell["baseline_id"] for cell in mine.summary["cells"]} == {
        f"demo/alpha[{label}]": baseline_id for label, baseline_id in ids.items()
    }
    assert mine.files("baselines") == before


def test_an_item_is_chosen_by_its_node_id(mine: Suite) -> None:
    (_, chosen, _) = collected(mine.run(*ONLY, *TALKER, *MODELS, "--collect-only", "-q"))

    assert chosen == "scenarios/demo/alpha.json::alpha[talker,a-b]"
    mine.run(chosen, *TALKER, *MODELS)
    assert list(mine.statuses) == ["demo/alpha[talker,a-b]"]


def test_an_identifying_argument_makes_another_cell_and_no_other_argument_does(mine: Suite) -> None:
    def cell(*arguments: str) -> Any:
        options = [word for argument in arguments for word in ("--tb-agent-arg", argument)]
        mine.run(*ONLY, *TALKER, *options)
        (found,) = mine.summary["cells"]
        return found

    plain, high, prompted, secret = (cell(*a) for a in ((), ("effort=high",), ("prompt=Think.",), ("key=sk-1",)))

    assert plain["cell"] == prompted["cell"] == secret["cell"] == "demo/alpha[talker]"
    assert high["cell"].startswith("demo/alpha[talker,~")
    assert (high["arguments"], plain["arguments"]) == ({"effort": "high"}, {})
    assert plain["configuration"] == secret["configuration"] != prompted["configuration"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tb-agent", "oracle", "--tb-agent", "oracle"], "--tb-agent 'oracle' is given 2 times; name each once"),
        ([*TALKER, "--tb-model", "m", "--tb-model", "m"], "--tb-model 'm' is given 2 times; name each once"),
        (
            [*TALKER, "--tb-model", "m", "--tb-model", "M"],
            "--tb-model 'm' and 'M' differ in upper and lower case alone",
        ),
        (
            ["--tb-agent", "mine:Impostor"],
            "--tb-agent 'mine:Impostor': it is called 'oracle', and pytest_terminalbench.agents.oracle:Oracle is",
        ),
        (
            [*TALKER, "--tb-agent", "mine:Shouter"],
            "--tb-agent 'mine:Talker' and 'mine:Shouter' are called 'talker' and 'TALKER', so that one would overwrite",
        ),
        (
            ["--tb-agent", "nop", "--tb-agent-arg", "talker:effort=high"],
            "--tb-agent-arg talker:effort=…: no agent of this session is called 'talker'; its agents: nop",
        ),
    ],
)
@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_would_share_results_is_refused_before_anything_runs(
    mine: Suite, options: list[str], said: str, workers: str
) -> None:
    done = mine.run_apart("--tb-dataset", "demo", *options, "-n", workers)

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert said in told(done)
    assert not (mine.path / "results").exists()


def test_an_agent_is_registered_under_a_name_of_its_own(mine: Suite) -> None:
    mine.pytester.makeconftest(
        mine.conftest
        + """
def pytest_terminalbench_agents(registry):
    from mine import Talker
    registry.register("nop", Talker)
"""
    )

    done = mine.run("--tb-dataset", "demo")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "mine:Talker cannot be registered as 'nop', which is the name of" in told(done)


def test_scenarios_whose_ids_differ_in_case_alone_are_an_error(demo: Suite) -> None:
    other = demo.scenario("Alpha")

    done = demo.run("--tb-dataset", "demo")

    assert done.ret == pytest.ExitCode.TESTS_FAILED
    first = demo.path / "scenarios/demo"
    assert f"differs from the id of {other}, 'Alpha', in upper and lower case alone" in told(done)
    assert f"{first}/alpha.json: id: 'alpha'" in told(done)
    assert "demo/alpha[oracle]" not in demo.statuses


class TestConfiguration:
    def test_another_configuration_is_noted_and_blocks_nothing(self, mine: Suite) -> None:
        (mine.path / "prompt.md").write_text("Think.")
        options = [*ONLY, *TALKER, "--tb-agent-arg", "prompt=prompt.md", "--tb-gate", "strict"]
        mine.run(*options, "--update-baselines")
        approved = json.loads(mine.baseline("alpha", "talker").read_text())
        mine.run(*options).assert_outcomes(passed=1)
        assert not (mine.latest / "parity.json").exists()

        (mine.path / "prompt.md").write_text("Think again.")
        done = mine.run(*options)

        done.assert_outcomes(passed=1)
        done.stdout.fnmatch_lines(["noted: 1 cell compared, * (configuration): *; approving again ends this"])
        (cell,) = mine.summary["cells"]
        note = {"field": "configuration", "baseline": approved["configuration"], "now": cell["configuration"]}
        assert cell["mismatches"] == [note]
        assert json.loads((mine.latest / "parity.json").read_text()) == {"demo/alpha[talker]": [note]}

    def test_approving_anew_ends_the_note(self, mine: Suite) -> None:
        options = [*ONLY, *TALKER, "--tb-gate", "strict", "--tb-agent-arg"]
        mine.run(*options, "prompt=Think.", "--update-baselines")

        mine.run(*options, "prompt=Hurry.", "--update-baselines")
        mine.run(*options, "prompt=Hurry.")

        assert mine.summary["cells"][0]["mismatches"] == []


class TestOldBaselines:
    """Baselines of schema 1, which do not say their model in full."""

    def as_before(self, suite: Suite, label: str, old: str) -> Path:
        """What is approved under `label` as earlier versions would have left it; its file."""
        new = suite.baseline("alpha", label)
        record = parse_record(new.read_bytes(), new)
        file = suite.baseline("alpha", old)
        file.parent.mkdir(parents=True, exist_ok=True)
        new.unlink()
        file.write_text(
            serialised(record.model_copy(update={"schema_version": 1, "cell": None, "configuration": None}))
        )
        return file

    def test_an_agent_without_a_model_is_compared_with_its_own(self, demo: Suite) -> None:
        demo.run(*ONLY, "--update-baselines")
        file = self.as_before(demo, "oracle", "oracle")
        before = file.read_bytes()

        assert demo.run(*ONLY).ret == pytest.ExitCode.OK
        demo.run(*ONLY, "--update-baselines")

        assert demo.summary["cells"][0]["baseline_id"] is not None
        assert file.read_bytes() == before

    def test_one_that_cannot_be_of_another_model_is_compared_with_and_moves_when_approved(self, mine: Suite) -> None:
        mine.run(*ONLY, *TALKER, "--tb-model", "m1", "--update-baselines")
        file = self.as_before(mine, "talker,m1", "talker--m1")

        mine.run(*ONLY, *TALKER, "--tb-model", "m1")
        assert mine.summary["cells"][0]["baseline_id"] is not None
        mine.run(*ONLY, *TALKER, "--tb-model", "m1", "--tb-attempts", "2", "--update-baselines")

        assert not file.exists()
        assert json.loads(mine.baseline("alpha", "talker,m1").read_text())["supersedes"] is not None

    @pytest.mark.parametrize(
        ("models", "claimants"),
        [(MODELS, "talker,a%2Fb or talker,a-b or talker,a%3Ab, or of another"), (MODELS[:2], "talker,a%2Fb, or of an")],
    )
    @pytest.mark.parametrize("options", [(), ("--update-baselines",), ("-n", "2")], ids=" ".join)
    def test_one_that_may_be_of_another_model_is_refused_with_the_cure(
        self, mine: Suite, models: tuple[str, ...], claimants: str, options: tuple[str, ...]
    ) -> None:
        mine.run(*ONLY, *TALKER, "--tb-model", "a/b", "--update-baselines", "--tb-run-id", "first")
        file = self.as_before(mine, "talker,a%2Fb", "talker--a-b")

        done = mine.run_apart(*ONLY, *TALKER, *models, *options)

        assert done.ret == pytest.ExitCode.USAGE_ERROR
        assert f"{file} was written by an earlier version, which did not tell all models apart" in told(done)
        assert claimants in told(done)
        assert "`terminalbench baseline migrate`" in told(done)
        assert [path.name for path in (mine.path / "results").iterdir() if not path.is_symlink()] == ["first"]

    def test_without_a_comparison_there_is_nothing_to_refuse(self, mine: Suite) -> None:
        mine.run(*ONLY, *TALKER, "--tb-model", "a/b", "--update-baselines")
        self.as_before(mine, "talker,a%2Fb", "talker--a-b")

        assert mine.run(*ONLY, *TALKER, "--tb-model", "a/b", "--tb-gate", "off").ret == pytest.ExitCode.OK


def test_datasets_whose_names_differ_in_case_alone_are_not_run_beside_each_other(demo: Suite) -> None:
    other = demo.dataset("Demo", "alpha", folder="other")

    done = demo.run("scenarios/demo", "other")

    done.assert_outcomes(passed=3, errors=1)
    done.stdout.fnmatch_lines([f"*{other}*name: 'Demo' and 'demo' *differ in upper and lower case alone*"])


@pytest.mark.parametrize("args", [[], ["-n", "2"]])
def test_a_test_that_names_a_scenario_does_not_overwrite_the_scenarios_own_results(
    demo: Suite, args: list[str]
) -> None:
    """Its environments may be others: what it solves must not be approved as what the scenario's item came to."""
    demo.write(
        "test_own.py",
        """
        import pytest
        from pytest_terminalbench import FakeEnvironment
        from pytest_terminalbench.environments.fake import fake_environments

        @pytest.fixture
        def tb_environment(tb_scenario):
            return fake_environments(FakeEnvironment())

        @pytest.mark.parametrize("tb_scenario", ["demo/alpha"], indirect=True)
        def test_it(tb_trials, tb_baseline):
            assert tb_trials == tb_baseline
        """,
    )

    both = demo.run_apart("scenarios/demo/alpha.json", "test_own.py", "--tb-agent", "nop", *args)

    both.assert_outcomes(failed=1, errors=1)
    both.stdout.fnmatch_lines(["*runs demo/alpha[[]nop], which this session runs as scenarios/demo/alpha.json::*"])
    assert demo.statuses == {"demo/alpha[nop]": "unsolved"}
    assert demo.result("alpha", "nop")["outcome"] == "unsolved"
    demo.run_apart("test_own.py", "scenarios/demo/beta.json", "--tb-agent", "oracle", *args).assert_outcomes(passed=2)


@pytest.mark.parametrize("args", [[], ["-n", "2"]])
def test_of_two_tests_that_run_one_cell_neither_is_approved(demo: Suite, args: list[str]) -> None:
    """The trials of one have replaced the other's, whose outcome was another."""
    demo.write(
        "test_own.py",
        """
        import pytest
        from pytest_terminalbench import FakeEnvironment
        from pytest_terminalbench.environments.fake import fake_environments

        @pytest.fixture
        def tb_environment(request, tb_scenario):
            return fake_environments(FakeEnvironment({"/tests/": 1} if "bad" in request.node.name else {}))

        @pytest.mark.parametrize("tb_scenario", ["demo/alpha"], indirect=True)
        def test_bad(tb_trials, tb_baseline):
            assert tb_trials == tb_baseline

        @pytest.mark.parametrize("tb_scenario", ["demo/alpha"], indirect=True)
        def test_good(tb_trials, tb_baseline):
            assert tb_trials == tb_baseline
        """,
    )

    done = demo.run_apart("test_own.py", "--update-baselines", *args)

    assert done.ret == 22
    assert demo.statuses == {"demo/alpha[oracle]": "void"}
    told = "test_own.py::test_bad[demo/alpha] and test_own.py::test_good[demo/alpha] ran it, and one's trials replaced"
    assert demo.summary["cells"][0]["text"].startswith(told)
    done.stdout.fnmatch_lines(["baselines NOT updated: 1 void among the selected cells"])
    assert not (demo.path / "baselines").exists()
