"""Scenarios of kind `terminal`: the agent types in a container, and a script judges."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from pytest_terminalbench.digest import digest_files, digest_json
from pytest_terminalbench.scenarios.build_context import digest_context, ignore_problem
from pytest_terminalbench.scenarios.container import ContainerScenario, ContainerSpec
from pytest_terminalbench.scenarios.ignored_files import SortedOut, sort_out_ignored
from pytest_terminalbench.scenarios.kinds import Kind
from pytest_terminalbench.scenarios.model import AbsolutePath, StrictModel, Timeouts

__all__ = ["TERMINAL", "TerminalScenario", "TerminalSpec", "VerifierSpec"]


class VerifierSpec(StrictModel):
    """Who judges, after the agent has stopped."""

    # For the generated schema: what the validator below says.
    model_config = ConfigDict(
        json_schema_extra={
            "if": {"required": ["isolation"], "properties": {"isolation": {"const": "same"}}},
            "then": {"properties": {"collect": {"type": "null"}}},
            "else": {"properties": {"keep": {"maxItems": 0}}},
        }
    )

    script: str = Field(description="The script, relative to the JSON file; its folder is copied to /tests.")
    result: Literal["pytest", "junit", "ctrf", "reward", "exit_code"] = Field(
        default="pytest", description="What the script leaves behind; see the documentation of results."
    )
    isolation: Literal["same", "fresh"] = Field(
        default="fresh", description="`fresh`: judged in a new container that gets the collected paths; or `same`."
    )
    collect: list[AbsolutePath] | None = Field(
        default=None, description="Paths that go into the fresh container; default: the working directory."
    )
    keep: list[str] = Field(default_factory=list, description="Programs that stay alive for the verifier (`same`).")

    @model_validator(mode="after")
    def _fits_isolation(self) -> VerifierSpec:
        if self.isolation == "fresh" and self.keep:
            raise ValueError("`keep` needs `isolation: same`: nothing of the agent's runs in a fresh container")
        if self.isolation == "same" and self.collect is not None:
            raise ValueError("`collect` needs `isolation: fresh`: nothing is copied when the container stays the same")
        return self


class TerminalSpec(ContainerSpec):
    """One scenario file of kind `terminal`."""

    kind: Literal["terminal"]
    solution: str | None = Field(default=None, description="A script that solves it, for the oracle.")
    verifier: VerifierSpec
    timeouts: Timeouts = Timeouts()


@dataclass(frozen=True, kw_only=True)
class TerminalScenario(ContainerScenario):
    """A scenario of kind `terminal`."""

    spec: TerminalSpec

    @property
    def timeouts(self) -> Timeouts:
        return self.spec.timeouts

    @property
    def judged_in_place(self) -> bool:
        return self.spec.verifier.isolation == "same"

    @property
    def collected_paths(self) -> Sequence[str]:
        collect = self.spec.verifier.collect
        return collect if collect is not None else [self.workdir]

    @property
    def kept_programs(self) -> Sequence[str]:
        return self.spec.verifier.keep

    @property
    def solution_file(self) -> Path | None:
        return self.folder / self.spec.solution if self.spec.solution else None

    @property
    def verifier_file(self) -> Path:
        return self.folder / self.spec.verifier.script

    @property
    def named_paths(self) -> Sequence[str]:
        spec = self.spec
        return [path for path in (spec.environment.build, spec.solution, spec.verifier.script) if path is not None]

    def problems(self) -> Iterator[str]:
        folder, spec = str(self.folder), self.spec
        build = spec.environment.build
        if build is not None:
            problem = _path_problem(folder, build, "folder")
            if problem is None and not Path(folder, build, "Dockerfile").is_file():
                problem = "has no Dockerfile"
            problem = problem or ignore_problem(Path(folder, build))
            if problem:
                yield f"environment.build: {build!r} {problem}"
        for field, script in (("solution", spec.solution), ("verifier.script", spec.verifier.script)):
            problem = None if script is None else _path_problem(folder, script, "file")
            if problem:
                yield f"{field}: {script!r} {problem}"

    @cached_property
    def digest(self) -> str:
        """Of everything that makes the question: the file (its `$schema` apart), build context and verifier.

        Not of the solution: that is the oracle's answer. A changed one must show as a changed outcome.
        """
        parts: list[object] = [self.spec.model_dump(exclude={"schema_ref", "solution"}), self.verifier_digest]
        parts.append(digest_context(self.build_folder) if self.build_folder else None)
        return digest_json(parts)

    @cached_property
    def verifier_files(self) -> Sequence[Path]:
        """What is copied to where the verifier judges: its script, and all beside it that git would not ignore."""
        script = self.verifier_file
        return sorted({*self._beside_verifier.kept, script}, key=lambda file: file.relative_to(script.parent).as_posix())

    @property
    def ignored_files(self) -> Sequence[str]:
        # The script is copied in any case.
        return [name for name in self._beside_verifier.ignored if name != self.verifier_file.name]

    @cached_property
    def _beside_verifier(self) -> SortedOut:
        return sort_out_ignored(self.verifier_file.parent)

    @cached_property
    def verifier_digest(self) -> str:
        """Of what judges: the verifier's settings and files."""
        files = digest_files(self.verifier_file.parent, self.verifier_files)
        return digest_json([self.spec.verifier.model_dump(), files])

    @cached_property
    def judging_facts(self) -> Mapping[str, object]:
        """Without the place of the script's folder on this machine, which the verifier does not see."""
        spec = self.spec.verifier
        return {
            "script": self.verifier_file.name,
            "result": spec.result,
            "isolation": spec.isolation,
            "collect": ["(the working directory)"] if spec.collect is None else list(spec.collect),
            "keep": list(spec.keep),
            "files": digest_files(self.verifier_file.parent, self.verifier_files),
        }

    def source_of(self, fact: str) -> tuple[Path, str]:
        if fact in ("judging.files", "verifier"):
            return self.verifier_file.parent, ""
        if fact == "image":
            return (self.build_folder, "") if self.build_folder else (self.file, "environment.image")
        return super().source_of(fact)

    @property
    def facts_told_elsewhere(self) -> frozenset[str]:
        return super().facts_told_elsewhere | {"solution", "verifier", "timeouts"}

    @cached_property
    def solution_digest(self) -> str | None:
        """Of the solution's folder; None where there is no solution."""
        return digest_files(self.solution_file.parent) if self.solution_file else None

    @property
    def locked_facts(self) -> Mapping[str, str]:
        environment = self.spec.environment
        # A prebuilt image is pinned as far as its name pins it; a built one by its context, which is in `digest`.
        return {"image": environment.image or f"built from {environment.build}"}


TERMINAL = Kind(
    name="terminal",
    model=TerminalSpec,
    scenario=TerminalScenario,
    environment="docker",
    verifier="script",
    lint="pytest_terminalbench.scenarios.lint.terminal_rules:findings",
)


def _path_problem(folder: str, relative: str, wanted: str) -> str | None:
    # Not Path.resolve(): collection does this for ten thousand files, and it is twenty times as slow.
    parts = relative.split("/")
    if relative.startswith("/") or ".." in parts:
        return "leaves the dataset's folder"
    if len([part for part in parts if part not in ("", ".")]) < 2 and wanted == "file":
        return "must be in a folder of its own, for the whole folder is copied"
    path = folder
    mode = stat.S_IFDIR
    for part in parts:
        path = f"{path}/{part}"
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                if not Path(path).resolve().is_relative_to(Path(folder).resolve()):
                    return "leaves the dataset's folder by a link"
                mode = os.stat(path).st_mode
        except (OSError, ValueError, RuntimeError):  # ValueError: a zero byte; RuntimeError: links in a circle.
            return "does not exist"
    is_right = stat.S_ISDIR(mode) if wanted == "folder" else stat.S_ISREG(mode)
    return None if is_right else f"is not a {wanted}"
