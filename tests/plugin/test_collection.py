"""Scenarios as pytest items: ids, markers, and every way that pytest has to select them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plugin.conftest import Suite, collected, lines_of

ALL = [f"scenarios/demo/{name}.json::{name}[oracle]" for name in ("alpha", "beta", "gamma")]


def ids(suite: Suite, *args: str | Path) -> list[str]:
    return collected(suite.run("--collect-only", "-q", *args))


def test_a_node_id_is_the_json_file_the_id_and_the_agent(demo: Suite) -> None:
    assert ids(demo, "--tb-dataset", "demo") == ALL


@pytest.mark.parametrize(
    "place",
    ["scenarios/demo", "scenarios", "scenarios/demo/"],
)
def test_a_folder_collects_every_scenario_below(demo: Suite, place: str) -> None:
    assert ids(demo, place) == ALL


def test_a_file_collects_its_scenario(demo: Suite) -> None:
    assert ids(demo, "scenarios/demo/beta.json") == ALL[1:2]


def test_an_exact_id_collects_one_item(demo: Suite) -> None:
    assert ids(demo, ALL[1], "--tb-agent", "oracle", "--tb-agent", "nop") == ALL[1:2]


def test_an_id_without_its_agent_collects_all_of_them(demo: Suite) -> None:
    assert ids(demo, "scenarios/demo/beta.json::beta", "--tb-agent", "oracle", "--tb-agent", "nop") == [
        "scenarios/demo/beta.json::beta[oracle]",
        "scenarios/demo/beta.json::beta[nop]",
    ]


def test_what_collect_only_prints_can_be_run(demo: Suite) -> None:
    printed = ids(demo, "--tb-dataset", "demo", "--tb-agent", "oracle", "--tb-agent", "nop")

    again = ids(demo, *printed, "--tb-agent", "oracle", "--tb-agent", "nop")

    assert len(printed) == 6
    assert again == printed


def test_the_same_folder_named_twice_is_collected_once(demo: Suite) -> None:
    assert ids(demo, "scenarios/demo", "scenarios/demo") == ALL


def test_from_a_folder_below_the_root_ids_stay_the_same(demo: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo.path / "scenarios")

    assert ids(demo, "demo/alpha.json::alpha[oracle]") == ALL[:1]


# -- agents and models -----------------------------------------------------------------------------------------------


AGENTS = """
    from pytest_terminalbench import AgentReport

    class Thinker:
        name = "thinker"
        deterministic = False

        def __init__(self, model, depth=1):
            self.model, self.depth = model, depth

        def act(self, task, environment):
            environment.run(["work" if self.model == "lab/good" else "rest"])
            return AgentReport(note=f"{self.model} at depth {self.depth!r}")

    class NoAgent:
        pass
"""


def test_the_items_are_the_product_of_agents_and_models(demo: Suite) -> None:
    demo.write("mine.py", AGENTS)
    demo.write("more.py", AGENTS.replace("thinker", "dreamer"))

    found = ids(
        demo,
        "scenarios/demo/alpha.json",
        *(
            "--tb-agent",
            "mine:Thinker",
            "--tb-agent",
            "more:Thinker",
            "--tb-model",
            "lab/good",
            "--tb-model",
            "lab/bad",
        ),
    )

    assert found == [
        "scenarios/demo/alpha.json::alpha[thinker,lab%2Fgood]",
        "scenarios/demo/alpha.json::alpha[thinker,lab%2Fbad]",
        "scenarios/demo/alpha.json::alpha[dreamer,lab%2Fgood]",
        "scenarios/demo/alpha.json::alpha[dreamer,lab%2Fbad]",
    ]


def test_a_class_of_the_users_own_acts_with_its_model_and_arguments(demo: Suite) -> None:
    demo.write("mine.py", AGENTS)

    done = demo.run(
        "scenarios/demo/alpha.json",
        *("--tb-agent", "mine:Thinker", "--tb-model", "lab/good", "--tb-model", "lab/bad", "--tb-agent-arg", "depth=3"),
    )

    done.assert_outcomes(passed=1, failed=1)
    assert demo.statuses == {"demo/alpha[thinker,lab%2Fgood]": "solved", "demo/alpha[thinker,lab%2Fbad]": "unsolved"}
    result = demo.result("alpha", "thinker,lab%2Fgood")
    assert (result["agent"], result["model"], result["agent_note"]) == (
        "thinker",
        "lab/good",
        "lab/good at depth 3",
    )


def test_an_item_is_selected_by_agent_and_model_with_k(demo: Suite) -> None:
    demo.write("mine.py", AGENTS)

    found = ids(
        demo,
        *("--tb-dataset", "demo", "--tb-agent", "mine:Thinker", "--tb-model", "lab/good", "--tb-model", "lab/bad"),
        *("-k", "alpha and lab/bad"),
    )

    assert found == ["scenarios/demo/alpha.json::alpha[thinker,lab%2Fbad]"]


# -- markers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def tagged(suite: Suite) -> Suite:
    suite.dataset("demo")
    suite.scenario("one", difficulty="hard", category="data processing", tags=["network", "C++ 20"])
    suite.scenario("two", difficulty="hard", category="git", tags=["skip", "xfail"])
    suite.scenario(
        "three", difficulty="easy", category="git", tags=["and", "3d", "_x", "timeout", "asyncio", "", "größe"]
    )
    return suite


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("difficulty_hard", ["one", "two"]),
        ("difficulty_hard and not network", ["two"]),
        ("category_git", ["three", "two"]),
        ("category_data_processing", ["one"]),
        ("C_20", ["one"]),
        ("tag_skip and tag_xfail", ["two"]),
        ("tag_and and tag_3d and tag_x and tag_timeout and tag_asyncio and tag_", ["three"]),
        ("größe", ["three"]),
        ("tb_dataset", ["one", "three", "two"]),
        ("tb_dataset(name='demo')", []),
        ("nonsense", []),
    ],
)
def test_m_selects_by_difficulty_category_and_tags(tagged: Suite, expression: str, names: list[str]) -> None:
    found = ids(tagged, "--tb-dataset", "demo", "-m", expression)

    assert found == [f"scenarios/demo/{name}.json::{name}[oracle]" for name in names]


def test_tags_named_like_marks_of_pytest_do_not_skip(tagged: Suite) -> None:
    tagged.run("--tb-dataset", "demo").assert_outcomes(passed=3)


def test_every_marker_is_registered_for_strict_markers(tagged: Suite) -> None:
    tagged.run("--tb-dataset", "demo", "--strict-markers").assert_outcomes(passed=3)


def test_the_dataset_is_an_argument_of_its_marker(demo: Suite) -> None:
    demo.pytester.makeconftest(
        """
        def pytest_collection_modifyitems(items):
            print("marks", [item.get_closest_marker("tb_dataset").args for item in items])
        """
    )

    assert lines_of(demo.run("--tb-dataset", "demo", "--collect-only", "-q"), "marks") == [
        "marks [('demo',), ('demo',), ('demo',)]"
    ]


# -- pytest's own selection ------------------------------------------------------------------------------------------


def test_k_selects_by_name(demo: Suite) -> None:
    assert ids(demo, "--tb-dataset", "demo", "-k", "alpha or gamma") == [ALL[0], ALL[2]]


def test_deselect_leaves_out_an_id(demo: Suite) -> None:
    assert ids(demo, "--tb-dataset", "demo", "--deselect", ALL[0]) == ALL[1:]


def test_ignore_leaves_out_a_file(demo: Suite) -> None:
    assert ids(demo, "--tb-dataset", "demo", "--ignore", "scenarios/demo/beta.json") == [ALL[0], ALL[2]]


def test_ignore_glob_leaves_out_files(demo: Suite) -> None:
    assert ids(demo, "--tb-dataset", "demo", "--ignore-glob", "*/[ab]*.json") == ALL[2:]


@pytest.mark.parametrize(
    "conftest",
    [
        "collect_ignore = ['beta.json']",
        "collect_ignore_glob = ['b*']",
        "def pytest_ignore_collect(collection_path): return collection_path.name == 'beta.json' or None",
    ],
    ids=["list", "glob", "hook"],
)
def test_a_conftest_leaves_out_a_file_of_its_own_folder_alone(demo: Suite, conftest: str) -> None:
    demo.dataset("other", "beta")
    demo.write("scenarios/demo/conftest.py", conftest + "\n")

    assert ids(demo, "scenarios") == [ALL[0], ALL[2], "scenarios/other/beta.json::beta[oracle]"]


def test_a_file_that_is_ignored_and_named_by_itself_is_collected(demo: Suite) -> None:
    demo.write("scenarios/demo/conftest.py", "collect_ignore = ['beta.json']\n")

    assert ids(demo, "scenarios/demo/beta.json") == ALL[1:2]


def test_hooks_of_a_conftest_in_the_dataset_are_for_its_scenarios_alone(demo: Suite) -> None:
    demo.dataset("other", "omega")
    demo.write(
        "scenarios/demo/conftest.py",
        """
        def pytest_itemcollected(item): print("heard of", item.name)
        def pytest_runtest_setup(item): print("set up", item.name)
        """,
    )

    done = demo.run("scenarios", "-s", "-k", "alpha or omega")

    assert lines_of(done, "heard of") == [f"heard of {name}[oracle]" for name in ("alpha", "beta", "gamma")]
    assert [line.rpartition("json ")[2] for line in done.outlines if "set up" in line] == ["set up alpha[oracle]"]


def test_ignore_leaves_out_a_dataset(demo: Suite) -> None:
    demo.dataset("other", "omega")

    assert ids(demo, "scenarios", "--ignore", "scenarios/demo") == ["scenarios/other/omega.json::omega[oracle]"]


def test_lf_runs_what_failed_last(demo: Suite) -> None:
    demo.scenario("beta", solution=None)
    demo.run("--tb-dataset", "demo").assert_outcomes(passed=2, errors=1)

    again = demo.run("--tb-dataset", "demo", "--lf", "-v")

    again.assert_outcomes(errors=1)
    assert demo.statuses == {"demo/beta[oracle]": "void"}


def test_ff_runs_first_what_failed_last(demo: Suite) -> None:
    demo.scenario("gamma", solution=None)
    demo.run("--tb-dataset", "demo")

    assert ids(demo, "--tb-dataset", "demo", "--ff") == [ALL[2], ALL[0], ALL[1]]


def test_x_stops_at_the_first_failure_and_tells_of_what_ran(demo: Suite) -> None:
    done = demo.run("--tb-dataset", "demo", "--tb-agent", "nop", "-x")

    done.assert_outcomes(failed=1)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert demo.statuses == {"demo/alpha[nop]": "unsolved"}
    assert demo.summary["lost"] == []


def test_maxfail_counts_failures(demo: Suite) -> None:
    done = demo.run("--tb-dataset", "demo", "--tb-agent", "nop", "--maxfail", "2")

    done.assert_outcomes(failed=2)
    assert demo.statuses == {"demo/alpha[nop]": "unsolved", "demo/beta[nop]": "unsolved"}


def test_stepwise_stops_at_a_failure_and_goes_on_there(demo: Suite) -> None:
    demo.run("--tb-dataset", "demo", "--tb-agent", "nop", "--sw").assert_outcomes(failed=1)

    assert demo.summary["lost"] == []


def test_collecting_and_planning_write_nothing(demo: Suite) -> None:
    for option in ("--collect-only", "--setup-plan"):
        assert demo.run("--tb-dataset", "demo", option).ret == pytest.ExitCode.OK

    assert not (demo.path / "results").exists()


def test_the_order_is_that_of_the_files_names(suite: Suite) -> None:
    suite.dataset("demo", "b", "a-b", "C", "a", "a.b", "10", "9")

    assert [nodeid.rpartition("::")[2] for nodeid in ids(suite, "--tb-dataset", "demo")] == [
        f"{name}[oracle]" for name in ("10", "9", "C", "a-b", "a.b", "a", "b")
    ]


def test_tests_of_verifiers_are_never_collected_on_the_host(demo: Suite) -> None:
    demo.write("scenarios/demo/alpha/tests/test_outputs.py", "raise SystemExit('imported on the host')\n")
    demo.write("scenarios/demo/test_stray.py", "raise SystemExit('imported on the host')\n")

    assert ids(demo, "scenarios") == ALL


def test_scenarios_and_ordinary_tests_run_in_one_session(demo: Suite) -> None:
    demo.pytester.makepyfile(test_mine="def test_one(): pass\ndef test_two(): pass\n")

    done = demo.run("test_mine.py", "scenarios")

    done.assert_outcomes(passed=5)
    assert demo.summary["totals"]["cells"] == 3


def test_a_conftest_in_the_dataset_is_for_its_scenarios(demo: Suite) -> None:
    demo.dataset("other", "omega")
    demo.write(
        "scenarios/other/conftest.py",
        """
        import pytest

        @pytest.fixture
        def tb_agent():
            from pytest_terminalbench import ScriptedAgent
            return ScriptedAgent(["rest"])
        """,
    )

    demo.run("scenarios").assert_outcomes(passed=3, failed=1)

    assert [name for name, status in demo.statuses.items() if status == "unsolved"] == ["other/omega[scripted]"]


def test_an_item_says_where_it_is(demo: Suite) -> None:
    demo.run("scenarios/demo/alpha.json", "--json-report", "--json-report-file", "report.json")

    test = json.loads((demo.path / "report.json").read_text())["tests"][0]
    assert (test["nodeid"], test["lineno"]) == (ALL[0], 0)
