"""``--tb-dataset``: by name, by path, from a hook; inside and outside the root directory."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.plugin.conftest import Suite, collected

ALL = [f"scenarios/demo/{name}.json::{name}[oracle]" for name in ("alpha", "beta", "gamma")]


def ids(suite: Suite, *args: str | Path) -> list[str]:
    return collected(suite.run("--collect-only", "-q", *args))


def usage_error(suite: Suite, *args: str | Path) -> str:
    """What pytest says of a wrong command line, without its word ERROR."""
    done = suite.run(*args)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert done.outlines == []
    return "\n".join(line for line in done.errlines if line).removeprefix("ERROR: ")


def test_a_bare_name_is_a_folder_under_scenarios(demo: Suite) -> None:
    demo.dataset("other", "omega")

    assert ids(demo, "--tb-dataset", "demo") == ALL


def test_several_datasets_are_collected_in_their_order(demo: Suite) -> None:
    demo.dataset("other", "omega")

    assert ids(demo, "--tb-dataset", "other", "--tb-dataset", "demo") == [
        "scenarios/other/omega.json::omega[oracle]",
        *ALL,
    ]


def test_without_positional_arguments_just_the_datasets_are_collected(demo: Suite) -> None:
    demo.pytester.makepyfile(test_mine="def test_one(): pass\n")
    demo.dataset("other", "omega")

    assert ids(demo, "--tb-dataset", "demo") == ALL


def test_the_version_may_be_named(demo: Suite) -> None:
    assert ids(demo, "--tb-dataset", "demo==1.0") == ALL


def test_another_version_is_refused_with_the_one_that_is_here(demo: Suite) -> None:
    assert usage_error(demo, "--tb-dataset", "demo==2.0") == (
        f"--tb-dataset 'demo==2.0': here is only demo==1.0 (in {demo.path}/scenarios/demo), and this version of "
        "pytest-terminalbench does not fetch datasets from a registry; name it without a version, or as demo==1.0"
    )


def test_an_unknown_name_is_refused_with_the_nearest_and_all_that_exist(demo: Suite) -> None:
    demo.dataset("other", "omega")

    assert usage_error(demo, "--tb-dataset", "demmo") == (
        "--tb-dataset 'demmo' is neither a folder nor a known dataset (did you mean 'demo'?); known: demo, other"
    )


def test_where_there_are_no_datasets_the_message_says_where_they_would_be(suite: Suite) -> None:
    assert usage_error(suite, "--tb-dataset", "demo") == (
        f"--tb-dataset 'demo' is neither a folder nor a known dataset; known: none under {suite.path}/scenarios"
    )


def test_a_broken_manifest_is_refused(demo: Suite) -> None:
    manifest = demo.write("scenarios/demo/dataset.json", '{"schema_version": 1, "name": "demo", "colour": "red"}')

    assert usage_error(demo, "--tb-dataset", "demo") == "\n".join(
        [
            f"{manifest}: version: Field required",
            f"{manifest}: description: Field required",
            f"{manifest}: license: Field required",
            f"{manifest}: colour: unknown key",
            "To fix it: remove or correct the key; `terminalbench docs writing-scenarios` lists those that exist",
        ]
    )


def test_a_path_inside_the_root_directory_gives_ids_from_there(suite: Suite) -> None:
    suite.dataset("mine", "one", folder="bench/mine")

    assert ids(suite, "--tb-dataset", "bench/mine") == ["bench/mine/one.json::one[oracle]"]


def test_a_folder_without_a_manifest_is_a_dataset_when_it_is_named(suite: Suite) -> None:
    (suite.dataset("mine", "one", folder="bench") / "dataset.json").unlink()

    assert ids(suite, "bench") == []
    assert ids(suite, "--tb-dataset", "bench") == ["bench/one.json::one[oracle]"]
    assert ids(suite, "--tb-dataset", "bench", "bench/one.json") == ["bench/one.json::one[oracle]"]


def test_a_dataset_may_be_named_through_a_link(suite: Suite) -> None:
    (suite.dataset("mine", "one", folder="bench") / "dataset.json").unlink()
    (suite.path / "link").symlink_to("bench")

    assert ids(suite, "--tb-dataset", "link") == ["link/one.json::one[oracle]"]


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory, suite: Suite) -> Path:
    """A dataset with the scenario `alpha`, far from the root directory."""
    return suite.dataset("demo", "alpha", folder=str(tmp_path_factory.mktemp("elsewhere") / "demo"))


def in_root(suite: Suite, path: Path) -> str:
    """`path` as ids have it."""
    return os.path.relpath(path, suite.path)


def test_outside_the_root_directory_ids_name_the_folder(suite: Suite, outside: Path) -> None:
    assert ids(suite, f"--tb-dataset={outside}") == [f"{in_root(suite, outside)}/alpha.json::alpha[oracle]"]


def test_two_datasets_outside_may_have_a_scenario_of_the_same_name(suite: Suite, outside: Path) -> None:
    second = suite.dataset("second", "alpha", folder=str(outside.parent / "second"))

    suite.run(f"--tb-dataset={outside}", f"--tb-dataset={second}").assert_outcomes(passed=2)

    assert suite.statuses == {"demo/alpha[oracle]": "solved", "second/alpha[oracle]": "solved"}


def test_an_id_outside_can_be_run_as_it_was_printed(suite: Suite, outside: Path) -> None:
    printed = ids(suite, f"--tb-dataset={outside}")

    # The configuration file is named, for pytest looks for it where all arguments have their folder in common.
    assert ids(suite, "-c", "tox.ini", *printed) == printed


def test_outside_the_root_directory_a_scenario_runs_and_its_files_lie_inside(suite: Suite, outside: Path) -> None:
    suite.run(f"--tb-dataset={outside}", "--update-baselines").assert_outcomes(passed=1)

    assert suite.statuses == {"demo/alpha[oracle]": "solved"}
    assert suite.baseline("alpha").is_file()
    assert sorted(path.name for path in outside.iterdir()) == ["alpha", "alpha.json", "dataset.json"]


def test_outside_scenarios_run_under_xdist(suite: Suite, outside: Path) -> None:
    suite.run_apart(f"--tb-dataset={outside}", "-n", "1").assert_outcomes(passed=1)

    assert suite.statuses == {"demo/alpha[oracle]": "solved"}


def test_last_failed_finds_a_scenario_outside(suite: Suite, outside: Path) -> None:
    suite.scenario("beta", folder=outside, solution=None)
    suite.run(f"--tb-dataset={outside}").assert_outcomes(passed=1, errors=1)

    assert ids(suite, f"--tb-dataset={outside}", "--lf") == [f"{in_root(suite, outside)}/beta.json::beta[oracle]"]


def test_a_path_outside_without_an_equals_sign_is_warned_of(suite: Suite, outside: Path) -> None:
    """pytest's own way with arguments: it looks for the root directory before it knows our options."""
    done = suite.run("--tb-dataset", outside, "--collect-only", "-q")

    done.stdout.fnmatch_lines_random(
        f"*PytestConfigWarning: pytest took {outside} for a folder of tests and does not read {suite.path}/tox.ini;"
        f" write --tb-dataset={outside}, with `=`"
    )


def test_without_a_configuration_file_results_lie_where_pytest_was_started(suite: Suite, outside: Path) -> None:
    (suite.path / "tox.ini").unlink()
    shutil.copy(suite.path / "conftest.py", outside)

    suite.run("--tb-dataset", outside, "-o", "tb_preflight=false").assert_outcomes(passed=1)

    assert suite.statuses == {"demo/alpha[oracle]": "solved"}


def test_the_ini_file_names_datasets_too(demo: Suite) -> None:
    demo.dataset("other", "omega")

    assert ids(demo, "-o", "tb_dataset=demo") == ALL
    assert ids(demo, "-o", "tb_dataset=demo", "--tb-dataset", "other") == ["scenarios/other/omega.json::omega[oracle]"]


def test_a_hook_adds_datasets(suite: Suite, outside: Path) -> None:
    suite.write(
        "conftest.py",
        f"""
        from pathlib import Path

        def pytest_terminalbench_datasets(catalog):
            catalog.add("borrowed", Path({str(outside)!r}))
        """,
    )

    assert ids(suite, "--tb-dataset", "borrowed") == [f"{in_root(suite, outside)}/alpha.json::alpha[oracle]"]
    assert usage_error(suite, "--tb-dataset", "borowed") == (
        "--tb-dataset 'borowed' is neither a folder nor a known dataset (did you mean 'borrowed'?); known: borrowed"
    )


def test_a_hook_that_adds_a_folder_which_is_not_there_is_refused(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        from pathlib import Path

        def pytest_terminalbench_datasets(catalog):
            catalog.add("gone", Path("/nonexistent"))
        """,
    )

    assert usage_error(suite, "--tb-dataset", "x") == "dataset 'gone': /nonexistent is not a folder"
