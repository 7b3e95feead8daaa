"""What verifiers leave behind: JUnit XML, CTRF, reward files, exit codes."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pytest_terminalbench.documents import parse_json
from pytest_terminalbench.errors import VerifierError

__all__ = ["CheckResult", "Judgement", "read_ctrf", "read_junit", "read_reward"]

CheckResult = Literal["passed", "failed", "skipped", "error"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a verifier found: each check by name, a reward, and what it said about the checks that did not pass."""

    checks: Mapping[str, CheckResult] = field(default_factory=dict)
    reward: float = 0.0
    messages: Mapping[str, str] = field(default_factory=dict)

    @property
    def solved(self) -> bool:
        """A full reward, and no check that is anything but passed."""
        return self.reward >= 1.0 and all(result == "passed" for result in self.checks.values())


def read_junit(file: Path) -> Judgement:
    """JUnit XML as pytest and most other runners write it.

    Every test must have passed, and there must be one: skipped, expected to fail, deselected or none at all is not
    passed. Raises VerifierError for a file that cannot be read.
    """
    try:
        root = ElementTree.parse(file).getroot()
    # ValueError and LookupError: encodings that the parser does not know.
    except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise VerifierError(f"{file.name} cannot be read: {error}") from None
    checks: dict[str, CheckResult] = {}
    messages: dict[str, str] = {}
    for case in root.iter("testcase"):
        name = _unique(".".join(filter(None, [case.get("classname"), case.get("name")])) or "unnamed", checks)
        checks[name] = _junit_result(case)
        if checks[name] != "passed":
            messages[name] = _junit_message(case)
    return _judged(checks, messages)


def _junit_result(case: ElementTree.Element) -> CheckResult:
    if not case.get("name"):
        return "error"  # What pytest leaves of a test that began and never ended, as when it stops everything.
    for tag, result in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        if case.find(tag) is not None:
            return result  # type: ignore[return-value]  # The tuple's literals are widened to str.
    return "passed"


def _junit_message(case: ElementTree.Element) -> str:
    for tag in ("failure", "error", "skipped"):
        element = case.find(tag)
        if element is not None:
            return (element.get("message") or (element.text or "").strip()).strip()
    return "began and never ended"


def read_ctrf(file: Path) -> Judgement:
    """A Common Test Report Format file (``results.tests[].{name,status,message}``)."""
    try:
        tests = parse_json(file.read_bytes())["results"]["tests"]
        results = [(str(test["name"]), str(test["status"]), str(test.get("message") or "")) for test in tests]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerifierError(f"{file.name} is not a CTRF report: {type(error).__name__}: {error}") from None
    statuses: dict[str, CheckResult] = {"passed": "passed", "failed": "failed", "skipped": "skipped"}
    checks: dict[str, CheckResult] = {}
    messages: dict[str, str] = {}
    for name, status, message in results:
        name = _unique(name, checks)
        # `pending` and `other` are CTRF's words for tests that gave no answer.
        checks[name] = statuses.get(status, "skipped" if status == "pending" else "error")
        if checks[name] != "passed":
            messages[name] = message
    return _judged(checks, messages)


def read_reward(folder: Path) -> Judgement:
    """``reward.txt`` (one number) or ``reward.json`` (a number, or an object of numbers whose ``reward`` counts).

    Where both are there, they must agree on what counts. Raises VerifierError when there is none, or no finite number.
    """
    rewards: dict[str, float] = {}
    text, structured = folder / "reward.txt", folder / "reward.json"
    if structured.is_file():
        rewards["reward.json"] = _reward_of(structured)
    if text.is_file():
        rewards["reward.txt"] = _number(text.read_text(errors="replace").strip(), text)
    if not rewards:
        raise VerifierError("the verifier wrote neither reward.txt nor reward.json to /logs/verifier")
    if len(set(rewards.values())) > 1:
        raise VerifierError(f"the verifier's reward files disagree: {rewards}")
    return Judgement(reward=next(iter(rewards.values())))


def _reward_of(file: Path) -> float:
    try:
        content = parse_json(file.read_bytes())
    except ValueError as error:
        raise VerifierError(f"{file.name} is not JSON: {error}") from None
    if isinstance(content, dict):
        if "reward" not in content and len(content) != 1:
            raise VerifierError(f"{file.name} has no key `reward` among {', '.join(map(repr, content)) or 'no keys'}")
        content = content.get("reward", next(iter(content.values())))
    return _number(content, file)


def _number(value: object, file: Path) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]  # What is no number raises, which is the point.
    except (TypeError, ValueError, OverflowError):
        raise VerifierError(f"{file.name} holds {str(value)[:60]!r}, which is not a number") from None
    if isinstance(value, bool) or not math.isfinite(number):
        raise VerifierError(f"{file.name} holds {value!r}, which is not a finite number")
    return number


def _judged(checks: dict[str, CheckResult], messages: dict[str, str]) -> Judgement:
    if not checks:
        return Judgement(checks={"(any test)": "failed"}, messages={"(any test)": "no test was collected or run"})
    all_passed = all(result == "passed" for result in checks.values())
    return Judgement(checks=checks, messages=messages, reward=1.0 if all_passed else 0.0)


def _unique(name: str, taken: Mapping[str, object]) -> str:
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}#{number}", number + 1
    return unique
