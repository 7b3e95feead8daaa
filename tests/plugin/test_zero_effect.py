"""Suites without scenarios see nothing of this plugin: no output, no files, no imports, no claim on their JSON."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import pytest

from tests.plugin.conftest import Suite, collected

HEAVY = {"docker", "requests", "litellm", "scipy", "numpy", "pydantic", "rich", "typer", "filelock", "syrupy"}

TESTS = """
    import pytest

    @pytest.fixture
    def nothing(): raise RuntimeError

    def test_passes(): pass

    def test_fails(): assert 0

    @pytest.mark.skip
    def test_is_skipped(): pass

    def test_breaks(nothing): pass
"""


@pytest.fixture
def ordinary(pytester: pytest.Pytester, suite: Suite) -> Suite:
    """A project that has nothing to do with scenarios."""
    (suite.path / "conftest.py").unlink()
    (suite.path / "tox.ini").unlink()
    pytester.makepyfile(test_mine=TESTS)
    return suite


def plain(done: pytest.RunResult) -> list[str]:
    """pytest's output without what differs from run to run, and without the list of plugins."""
    skipped = ("plugins:", "metadata:", "rootdir:", "running:", "     in:")
    lines = [line for line in done.outlines if not line.startswith(skipped)]
    return [line.partition(" in 0.")[0].strip("= ") for line in lines]


@pytest.mark.parametrize("args", [[], ["-v"], ["-q"], ["-ra"], ["--co"], ["-n0"], ["--durations=1"]], ids=" ".join)
def test_the_output_is_that_of_pytest_without_us(ordinary: Suite, args: list[str]) -> None:
    quiet = ["--durations-min=9", *args]

    assert plain(ordinary.run(*quiet)) == plain(ordinary.run("-p", "no:terminalbench", *quiet))


def test_under_xdist_too(ordinary: Suite) -> None:
    done = ordinary.run_apart("-n", "2")

    done.assert_outcomes(passed=1, failed=1, skipped=1, errors=1)
    # Not in our own folder's name, which pytest prints where it tells which Python a worker runs.
    said = "\n".join(plain(done)).replace(str(Path(__file__).parents[2]), "")
    assert "terminalbench" not in said


def test_no_files_are_written(ordinary: Suite) -> None:
    ordinary.run("-p", "no:cacheprovider")

    # Python's own, of the test file, where it may write them.
    assert sorted({path.name for path in ordinary.path.iterdir()} - {"__pycache__"}) == ["test_mine.py"]


def test_no_plugin_of_ours_is_registered_for_the_session(ordinary: Suite) -> None:
    ordinary.pytester.makeconftest(
        """
        def pytest_unconfigure(config):
            names = [name for name, _ in config.pluginmanager.list_name_plugin() if "terminalbench" in name]
            print("ours", names)
        """
    )

    assert "ours ['terminalbench']" in ordinary.run("-s", "-k", "passes").outlines


# -- other people's files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [[], ["--json-report"]], ids=["plain", "json-report"])
def test_a_property_of_our_name_may_be_a_users_own(ordinary: Suite, args: list[str]) -> None:
    ordinary.pytester.makepyfile(
        test_mine="""
        import pytest

        VALUES = ["x", "[]", "{}", "NaN", pytest.param("[" * 100_000, id="deep"), 3, None]

        @pytest.mark.parametrize("value", VALUES)
        def test_records(record_property, value):
            record_property("tb", value)
        """
    )

    ordinary.run(*args).assert_outcomes(passed=7)


def test_other_peoples_json_is_not_collected(ordinary: Suite) -> None:
    for name in ("data.json", "scenario.json", "scenarios/x.json", "package.json"):
        ordinary.write(name, '{"schema_version": 1, "kind": "terminal", "id": "x"}')

    assert collected(ordinary.run("--co", "-q")) == [
        f"test_mine.py::test_{name}" for name in ("passes", "fails", "is_skipped", "breaks")
    ]


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[]",
        "null",
        "not json",
        '{"name": "mine", "version": "1"}',
        '{"schema_version": "1.0", "resources": []}',
        '{"schema_version": 1, "name": "n", "version": "1", "rows": "' + "x" * 100_000 + '"}',
        '{"schema_version": 1, "rows": [',
        b"\xff\xfe\x00",
    ],
    ids=["object", "list", "null", "text", "package", "other", "data", "broken", "bytes"],
)
def test_a_folder_with_somebody_elses_dataset_json_keeps_its_tests(ordinary: Suite, content: str | bytes) -> None:
    file = ordinary.path / "dataset.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    ordinary.write("data.json", "{}")

    done = ordinary.run("-k", "passes")

    done.assert_outcomes(passed=1, deselected=3)
    assert "terminalbench:" not in done.stdout.str()


def test_a_dataset_json_that_is_a_folder_is_none(ordinary: Suite) -> None:
    ordinary.write("dataset.json/test_inside.py", "def test_inside(): pass\n")

    ordinary.run("-k", "passes or inside").assert_outcomes(passed=2, deselected=3)


JSON_PLUGIN = """
    import pytest

    class Item(pytest.Item):
        cell = "of a notebook"

        def runtest(self):
            self.user_properties.append(("tb", "mine"))

    class File(pytest.File):
        def collect(self):
            yield Item.from_parent(self, name="case[1]")

    def pytest_collect_file(file_path, parent):
        if file_path.suffix == ".json":
            return File.from_parent(parent, path=file_path)
"""


@pytest.mark.parametrize("args", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_another_plugins_items_in_json_files_are_not_ours(ordinary: Suite, args: list[str]) -> None:
    ordinary.write("conftest.py", JSON_PLUGIN)
    ordinary.write("data/cases.json", "{}")

    done = ordinary.run_apart("data", *args)

    done.assert_outcomes(passed=1)
    assert "terminalbench:" not in done.stdout.str()
    assert not (ordinary.path / "results").exists()


def test_another_plugins_items_beside_scenarios_are_not_ours(demo: Suite) -> None:
    demo.write("conftest.py", demo.conftest + "\n\n" + textwrap.dedent(JSON_PLUGIN))
    demo.write("data/cases.json", "{}")

    demo.run_apart("data", "scenarios", "-n", "1").assert_outcomes(passed=4)

    assert demo.summary["totals"]["cells"] == 3


# -- imports ---------------------------------------------------------------------------------------------------------

TELL_MODULES = """
    import json, sys

    def pytest_unconfigure(config):
        print("modules", json.dumps(sorted(sys.modules)))
"""


def modules_after(suite: Suite, *args: str) -> set[str]:
    """The modules that a session of its own has imported at its end."""
    suite.write("conftest.py", (suite.path / "conftest.py").read_text() + textwrap.dedent(TELL_MODULES))
    line = next(line for line in suite.run_apart("-s", *args).outlines if line.startswith("modules "))
    return set(json.loads(line.removeprefix("modules ")))


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_the_plugin_imports_nothing_heavy(ordinary: Suite) -> None:
    done = ordinary.pytester.run(sys.executable, "-c", "import pytest_terminalbench.plugin, sys; print(*sys.modules)")

    modules = set(done.outlines[0].split())
    assert "pytest_terminalbench.plugin" in modules
    assert packages(modules) & HEAVY == set()


def test_a_session_without_scenarios_imports_nothing_heavy_of_ours(ordinary: Suite) -> None:
    (ordinary.path / "conftest.py").touch()

    modules = modules_after(ordinary, "-p", "no:syrupy", "-k", "passes")

    assert sorted(name for name in modules if name.startswith("pytest_terminalbench")) == [
        "pytest_terminalbench",
        "pytest_terminalbench.baselines",
        "pytest_terminalbench.baselines.policy_settings",
        "pytest_terminalbench.cells",
        "pytest_terminalbench.cells.bench_settings",
        "pytest_terminalbench.errors",
        "pytest_terminalbench.plugin",
        "pytest_terminalbench.plugin.asked_scenarios",
        "pytest_terminalbench.plugin.fixtures",
        "pytest_terminalbench.plugin.hookspecs",
        "pytest_terminalbench.plugin.options",
        "pytest_terminalbench.plugin.scenario_paths",
        "pytest_terminalbench.plugin.startup",
        "pytest_terminalbench.plugin.stash_keys",
        "pytest_terminalbench.regular_files",
        "pytest_terminalbench.scenarios",
        "pytest_terminalbench.scenarios.dataset_file",
    ]
    assert packages(modules) & HEAVY == set()


def test_collecting_scenarios_imports_neither_docker_nor_statistics(demo: Suite) -> None:
    modules = modules_after(demo, "--co", "-q", "--tb-dataset", "demo")

    assert "pytest_terminalbench.plugin.collection" in modules
    assert packages(modules) & {"docker", "requests", "litellm", "scipy", "numpy", "rich", "typer"} == set()
