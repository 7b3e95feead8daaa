"""What verifiers leave behind: which of it is a pass, and which must never be one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.errors import VerifierError
from pytest_terminalbench.verifiers.parsers import Judgement, read_ctrf, read_junit, read_reward

OUTPUTS = Path(__file__).parent / "outputs"
VERSIONS = ["pytest-7.2", "pytest-9.2"]

NOT_PASSED = {
    "failed": {
        "test_failed.test_good": "passed",
        "test_failed.test_bad": "failed",
        "test_failed.test_raises": "failed",
    },
    "maxfail": {"test_failed.test_good": "passed", "test_failed.test_bad": "failed"},
    "setup-error": {"test_setup_error.test_it": "error"},
    "teardown-error": {"test_teardown_error.test_it": "error"},
    "collection-error": {"test_collection_error": "error"},
    "skipped": {
        "test_skipped.test_good": "passed",
        "test_skipped.test_skipped": "skipped",
        "test_skipped.test_skips_itself": "skipped",
    },
    "module-skipped": {"test_module_skipped": "skipped"},
    "xfailed": {"test_xfailed.test_xfailed": "skipped"},
    "xpassed-strict": {"test_xpassed_strict.test_xpassed": "failed"},
    "none-collected": {"(any test)": "failed"},
    "deselected": {"(any test)": "failed"},
    "stopped": {"test_stopped.test_good": "passed", "unnamed": "error"},
    "odd-characters": {"test_odd.test_odd": "failed"},
}


@pytest.mark.parametrize("version", VERSIONS)
class TestPytest:
    def test_tests_that_all_passed_are_a_pass(self, version: str) -> None:
        assert read_junit(OUTPUTS / version / "passed.xml") == Judgement(
            reward=1.0,
            checks={
                "test_passed.test_plain": "passed",
                "test_passed.test_of_many[1]": "passed",
                "test_passed.test_of_many[a b]": "passed",
                "test_passed.test_of_many[<&>]": "passed",
                "test_passed.TestInside.test_method": "passed",
                "test_passed.TestOld.test_case": "passed",
            },
        )

    @pytest.mark.parametrize("output", NOT_PASSED)
    def test_anything_else_is_none(self, version: str, output: str) -> None:
        judgement = read_junit(OUTPUTS / version / f"{output}.xml")

        assert judgement.checks == NOT_PASSED[output]
        assert (judgement.reward, judgement.solved) == (0.0, False)
        assert list(judgement.messages) == [name for name, result in judgement.checks.items() if result != "passed"]

    @pytest.mark.parametrize(
        ("output", "check", "message"),
        [
            ("failed", "test_failed.test_raises", "RuntimeError: broken"),
            ("skipped", "test_skipped.test_skipped", "not today"),
            ("xfailed", "test_xfailed.test_xfailed", "known to fail"),
            ("none-collected", "(any test)", "no test was collected or run"),
            ("stopped", "unnamed", "began and never ended"),
            ("teardown-error", "test_teardown_error.test_it", 'failed on teardown with "RuntimeError: left a mess"'),
        ],
    )
    def test_what_was_said_of_it_is_kept(self, version: str, output: str, check: str, message: str) -> None:
        assert read_junit(OUTPUTS / version / f"{output}.xml").messages[check] == message


def test_every_output_is_looked_at() -> None:
    for version in VERSIONS:
        assert {file.stem for file in (OUTPUTS / version).iterdir()} == {"passed", *NOT_PASSED}


class TestOtherJUnit:
    """As other runners write it, after the descriptions of their formats."""

    def read(self, folder: Path, text: str) -> Judgement:
        (folder / "junit.xml").write_text(text)
        return read_junit(folder / "junit.xml")

    def test_one_suite_alone_is_read(self, tmp_path: Path) -> None:
        judgement = self.read(tmp_path, '<testsuite><testcase name="a"/></testsuite>')

        assert judgement == Judgement(reward=1.0, checks={"a": "passed"})

    def test_suites_within_suites_are_read(self, tmp_path: Path) -> None:
        inner = '<testsuite><testcase classname="c" name="b"><failure>no</failure></testcase></testsuite>'
        judgement = self.read(tmp_path, f'<testsuites><testsuite><testcase name="a"/>{inner}</testsuite></testsuites>')

        assert judgement == Judgement(checks={"a": "passed", "c.b": "failed"}, messages={"c.b": "no"})

    def test_two_tests_of_one_name_both_count(self, tmp_path: Path) -> None:
        judgement = self.read(
            tmp_path, '<testsuite><testcase name="a"><failure message="m"/></testcase><testcase name="a"/></testsuite>'
        )

        assert judgement == Judgement(checks={"a": "failed", "a#2": "passed"}, messages={"a": "m"})

    @pytest.mark.parametrize("text", ["<testsuites/>", "<html><body>passed</body></html>", "<testsuite tests='3'/>"])
    def test_no_test_is_no_pass(self, tmp_path: Path, text: str) -> None:
        assert self.read(tmp_path, text).checks == {"(any test)": "failed"}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "passed",
            '<testsuite><testcase name="a"/>',
            '<?xml version="1.0" encoding="no-such"?><testsuite/>',
            '<?xml version="1.0" encoding="utf-7"?><testsuite/>',
            '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&d;">]><testsuite>&c;</testsuite>',
        ],
        ids=["empty", "no XML", "cut off", "unknown encoding", "odd encoding", "unknown entity"],
    )
    def test_what_cannot_be_read_is_told(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(VerifierError, match=r"^junit\.xml cannot be read: "):
            self.read(tmp_path, text)

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(VerifierError, match=r"^junit.xml cannot be read: \[Errno 2\]"):
            read_junit(tmp_path / "junit.xml")


def ctrf(folder: Path, *tests: dict[str, Any]) -> Judgement:
    content = {"results": {"tool": {"name": "pytest"}, "summary": {"tests": len(tests)}, "tests": tests}}
    (folder / "ctrf.json").write_text(json.dumps(content))
    return read_ctrf(folder / "ctrf.json")


class TestCtrf:
    """After the examples of the format's documentation."""

    def test_tests_that_all_passed_are_a_pass(self, tmp_path: Path) -> None:
        judgement = ctrf(tmp_path, {"name": "a", "status": "passed", "duration": 3}, {"name": "b", "status": "passed"})

        assert judgement == Judgement(reward=1.0, checks={"a": "passed", "b": "passed"})

    @pytest.mark.parametrize(
        ("status", "result"),
        [
            ("failed", "failed"),
            ("skipped", "skipped"),
            ("pending", "skipped"),
            ("other", "error"),
            ("PASSED", "error"),
            ("", "error"),
        ],
    )
    def test_anything_else_is_none(self, tmp_path: Path, status: str, result: Any) -> None:
        judgement = ctrf(tmp_path, {"name": "a", "status": "passed"}, {"name": "b", "status": status, "message": "m"})

        assert judgement == Judgement(checks={"a": "passed", "b": result}, messages={"b": "m"})

    def test_no_test_is_no_pass(self, tmp_path: Path) -> None:
        assert ctrf(tmp_path).checks == {"(any test)": "failed"}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            "{}",
            '{"results": null}',
            '{"results": {"tests": [{"name": "a"}]}}',
            '{"results": {"tests": [3]}}',
            '{"results": {"tests": {"a": "passed"}}}',
            "[" * 100_000,
        ],
        ids=["empty", "a list", "nothing", "no results", "no status", "a number", "an object", "deep"],
    )
    def test_what_cannot_be_read_is_told(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "ctrf.json").write_text(text)

        with pytest.raises(VerifierError, match=r"^ctrf\.json is not a CTRF report: "):
            read_ctrf(tmp_path / "ctrf.json")


class TestReward:
    @pytest.mark.parametrize(
        ("name", "text", "reward"),
        [
            ("reward.txt", "1", 1.0),
            ("reward.txt", " 0.25\n", 0.25),
            ("reward.txt", "-3", -3.0),
            ("reward.json", "1", 1.0),
            ("reward.json", '{"reward": 0.5, "style": 9}', 0.5),
            ("reward.json", '{"score": 1.5}', 1.5),
        ],
    )
    def test_a_number_is_read(self, tmp_path: Path, name: str, text: str, reward: float) -> None:
        (tmp_path / name).write_text(text)

        assert read_reward(tmp_path) == Judgement(reward=reward)

    @pytest.mark.parametrize(
        ("reward", "solved"), [(1.0, True), (1.5, True), (0.999, False), (0.0, False), (-1.0, False)]
    )
    def test_a_full_reward_is_a_pass(self, reward: float, solved: bool) -> None:
        assert Judgement(reward=reward).solved is solved

    @pytest.mark.parametrize("text", ["", "yes", "1 1", "nan", "inf", "1e999", "true", "[1]", "\x00"])
    def test_a_text_that_is_no_number_is_told(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "reward.txt").write_text(text)

        with pytest.raises(VerifierError, match=r"^reward\.txt holds "):
            read_reward(tmp_path)

    @pytest.mark.parametrize(
        "text",
        ["true", "null", '"x"', "[1]", "1" + "0" * 400, '{"reward": true}', '{"reward": {"a": 1}}'],
        ids=["a truth", "nothing", "a word", "a list", "too large", "a truth inside", "an object"],
    )
    def test_json_that_is_no_number_is_told(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "reward.json").write_text(text)

        with pytest.raises(VerifierError, match=r"^reward\.json holds "):
            read_reward(tmp_path)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[" * 100_000,
            "1" * 5000,
            "NaN",
            '{"reward": NaN}',
            "-Infinity",
            "1e999",
            '{"reward": 1, "reward": 0}',
        ],
        ids=["empty", "cut off", "deep", "long", "NaN", "NaN inside", "infinity", "beyond a float", "two rewards"],
    )
    def test_what_is_no_json_is_told(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "reward.json").write_text(text)

        with pytest.raises(VerifierError, match=r"^reward\.json is not JSON: "):
            read_reward(tmp_path)

    @pytest.mark.parametrize(("text", "keys"), [("{}", "no keys"), ('{"a": 1, "b": 1}', "'a', 'b'")])
    def test_an_object_without_the_key_is_told(self, tmp_path: Path, text: str, keys: str) -> None:
        (tmp_path / "reward.json").write_text(text)

        with pytest.raises(VerifierError) as error:
            read_reward(tmp_path)
        assert str(error.value) == f"reward.json has no key `reward` among {keys}"

    def test_two_files_that_disagree_are_told(self, tmp_path: Path) -> None:
        (tmp_path / "reward.txt").write_text("1")
        (tmp_path / "reward.json").write_text("0")

        with pytest.raises(VerifierError) as error:
            read_reward(tmp_path)
        assert str(error.value) == ("the verifier's reward files disagree: {'reward.json': 0.0, 'reward.txt': 1.0}")

    def test_two_files_that_agree_are_fine(self, tmp_path: Path) -> None:
        (tmp_path / "reward.txt").write_text("1.0")
        (tmp_path / "reward.json").write_text('{"reward": 1}')

        assert read_reward(tmp_path) == Judgement(reward=1.0)

    def test_none_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(VerifierError) as error:
            read_reward(tmp_path)
        assert str(error.value) == "the verifier wrote neither reward.txt nor reward.json to /logs/verifier"


@pytest.mark.parametrize("result", ["failed", "skipped", "error"])
def test_a_full_reward_does_not_outweigh_a_check(result: Any) -> None:
    assert not Judgement(reward=1.0, checks={"a": "passed", "b": result}).solved
