"""Findings in the verifier and in scripts: whether they can run, leave a result, and see what they judge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pytest_terminalbench.digest import tree_files
from pytest_terminalbench.scenarios.lint.finding import Finding, finding
from pytest_terminalbench.scenarios.terminal import TerminalScenario

__all__ = ["findings"]

# Scripts are read for words in them; what is larger is data.
MAX_READ_BYTES = 1 << 20

# What a verifier has to mention, itself or in a file beside it, to leave the result it is said to leave.
_LEAVES = {
    "pytest": ("pytest", "junit.xml", "ctrf.json"),
    "junit": ("junit",),
    "ctrf": ("ctrf",),
    "reward": ("reward.txt", "reward.json"),
}
_INTERPRETERS = frozenset({"sh", "bash", "dash", "python", "python3", "perl", "ruby", "node", "sleep"})
# Copied aside by the verifier's own container; a folder of the agent's in their place breaks it.
_VERIFIERS_OWN = ("/tests", "/logs", "/proc", "/sys", "/dev")
_DOWNLOAD = re.compile(
    r"\b(?:apt(?:-get)?\s+(?:-\S+\s+)*(?:update|install)|apk\s+add|(?:dnf|yum)\s+install"
    r"|pip3?\s+install(?!.*--no-index)|uvx\s|uv\s+pip\s+install|npm\s+(?:i|ci|install)\b|npx\s"
    r"|git\s+clone\s+\S*https?://|(?:curl|wget)\s.*https?://(?!localhost|127\.|\[::1\]|0\.0\.0\.0|\$))"
)
_REDIRECTED = re.compile(r">\s*\S+")
_NAMED_TEST = re.compile(r"(?<![\w./-])/tests/([\w./-]*\w\.(?:py|sh|js|pl|rb))\b")


def findings(scenario: TerminalScenario) -> Iterator[Finding]:
    """What is odd about the verifier and the solution of `scenario`."""
    scripts = [("verifier.script", scenario.verifier_file)]
    if scenario.solution_file is not None:
        scripts.append(("solution", scenario.solution_file))
    for field, script in scripts:
        yield from _runnable(field, script)
        yield from _downloads(scenario, field, script)
    yield from _result(scenario)
    yield from _named_tests(scenario)
    yield from _times(scenario)
    yield from _collect(scenario)
    yield from _keep(scenario)


def _read(file: Path) -> str:
    with file.open("rb") as content:
        return content.read(MAX_READ_BYTES).decode(errors="replace")


def _runnable(field: str, script: Path) -> Iterator[Finding]:
    text = _read(script)
    if not script.stat().st_mode & 0o100:
        yield finding("L202", script, field, "it is not executable, so it cannot run", f"chmod +x {script.name}")
    if not text.startswith("#!"):
        message = "its first line names no interpreter, so whatever it is, sh runs it"
        yield finding("L203", script, field, message, "begin it with #!/bin/sh, or whatever it is written for")
    if "\r\n" in text:
        message = "its lines end with CR LF, so its interpreter is not found"
        yield finding("L204", script, field, message, f"dos2unix {script.name}")


def _downloads(scenario: TerminalScenario, field: str, script: Path) -> Iterator[Finding]:
    if scenario.spec.environment.network != "none":
        return
    for line in _code_lines(_read(script)):
        if _DOWNLOAD.search(line):
            message = f"there is no network for: {line.strip()[:80]}"
            yield finding("L206", script, field, message, "install it in the Dockerfile")


def _code_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line


def _result(scenario: TerminalScenario) -> Iterator[Finding]:
    kind, script = scenario.spec.verifier.result, scenario.verifier_file
    if kind == "exit_code":
        last = (list(_code_lines(_read(script))) or [""])[-1].strip()
        if not last or re.search(r"(^|;|&&|\|\|)\s*(exit 0|true|:)$", last):
            message = f"it always ends with 0 ({last or 'it is empty'}), so every trial would count as solved"
            yield finding("L201", script, "verifier.result", message, "end with what the judging command ended with")
        return
    words = _LEAVES[kind]
    if not any(word in _read(file) for file in tree_files(script.parent) if file.is_file() for word in words):
        message = f"result is {kind!r}, but nothing in {script.parent.name}/ mentions {' or '.join(words)}"
        yield finding("L201", script, "verifier.result", message, "write the result to /logs/verifier, or name another")


def _named_tests(scenario: TerminalScenario) -> Iterator[Finding]:
    script = scenario.verifier_file
    # What is written to need not be there.
    read = [_REDIRECTED.sub("", line) for line in _code_lines(_read(script))]
    named = {name for line in read for name in _NAMED_TEST.findall(line)}
    for name in sorted(named):
        if not (script.parent / name).exists():
            message = f"it names /tests/{name}, and {script.parent.name}/ has no {name}"
            yield finding("L205", script, "verifier.script", message, "add the file, or correct the name")


def _times(scenario: TerminalScenario) -> Iterator[Finding]:
    timeouts = scenario.timeouts
    if timeouts.verifier_s > timeouts.agent_s:
        message = f"verifier_s = {timeouts.verifier_s:g} is more than agent_s = {timeouts.agent_s:g}"
        yield finding("L207", scenario.file, "timeouts.verifier_s", message, "judging should be quicker than the work")


def _collect(scenario: TerminalScenario) -> Iterator[Finding]:
    verifier = scenario.spec.verifier
    if verifier.isolation != "fresh":
        return
    paths = [PurePosixPath(path) for path in scenario.collected_paths]
    field = "environment.workdir" if verifier.collect is None else "verifier.collect"
    for problem in _impossible(paths):
        yield finding("L208", scenario.file, field, problem, "collect just the folders in which the agent works")
    for path in _repeated(paths):
        message = f"{path} is collected with another path already"
        yield finding("L209", scenario.file, field, message, "leave it out")


def _impossible(paths: list[PurePosixPath]) -> Iterator[str]:
    if not paths:
        yield "nothing is collected, so the verifier sees nothing of the agent's work"
    for path in paths:
        if path == PurePosixPath("/"):
            yield "/ is the whole file system, the verifier's own files too"
        elif any(path.is_relative_to(own) for own in _VERIFIERS_OWN):
            yield f"{path} belongs to the verifier's own container"


def _repeated(paths: list[PurePosixPath]) -> Iterator[PurePosixPath]:
    for place, path in enumerate(paths):
        others = paths[:place] + [other for other in paths[place + 1 :] if other != path]
        if any(path.is_relative_to(other) for other in others):
            yield path


def _keep(scenario: TerminalScenario) -> Iterator[Finding]:
    for name in scenario.spec.verifier.keep:
        if not name.strip() or "/" in name or " " in name:
            message = f"{name!r} never matches: processes are kept by the plain name of their program or script"
            cure = f"write {PurePosixPath(name.split()[0]).name!r}" if name.strip() else "name a program"
            yield finding("L210", scenario.file, "verifier.keep", message, cure)
        elif name in _INTERPRETERS:
            message = f"{name!r} keeps everything that {name} runs, the agent's own helpers too"
            cure = "name the script instead; for `python3 server.py` that is server.py"
            yield finding("L211", scenario.file, "verifier.keep", message, cure)
