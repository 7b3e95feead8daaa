"""A scenario: one problem, as its JSON file describes it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pytest_terminalbench.digest import canonical_json, digest_bytes, digest_files, digest_json
from pytest_terminalbench.errors import ScenarioError

__all__ = ["EnvironmentSpec", "Scenario", "ScenarioSpec", "Timeouts", "VerifierSpec", "load_scenario", "parse_spec"]

SCHEMA_VERSION = 1

# `::` and brackets would break pytest node ids; a leading dot or dash would break paths and command lines.
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
AbsolutePath = Annotated[str, Field(pattern=r"^/.*$")]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class _Strict(BaseModel):
    # protected_namespaces: pydantic reserves `model_`, which costs nothing here.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EnvironmentSpec(_Strict):
    """Where the agent acts: one container, its image and its limits."""

    # For the generated schema: what the validator below says.
    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [source], "properties": {source: {"type": "string"}}} for source in ("image", "build")
            ]
        }
    )

    image: str | None = Field(default=None, description="A prebuilt image, by name; exactly one of image and build.")
    build: str | None = Field(default=None, description="A folder with a Dockerfile, relative to the JSON file.")
    workdir: AbsolutePath = Field(default="/app", description="Where commands run.")
    env: dict[str, str] = Field(default_factory=dict, description="Environment variables of every command.")
    user: str | None = Field(default=None, description="Who the agent is in the container; default: the image's user.")
    cpus: float = Field(default=1.0, gt=0, le=1024, description="CPUs, a hard limit.")
    memory_mb: int = Field(default=1024, ge=6, description="Memory in MiB, a hard limit with no swap beyond it.")
    pids: int = Field(default=512, ge=16, description="Processes and threads, a hard limit.")
    network: Literal["none", "bridge"] = Field(default="none", description="`none`, or `bridge` for the engine's own.")
    platform: str | None = Field(default=None, description="For example linux/amd64; default: the engine's own.")

    @model_validator(mode="after")
    def _one_source(self) -> EnvironmentSpec:
        if (self.image is None) == (self.build is None):
            raise ValueError("give exactly one of `image` (a name) and `build` (a folder with a Dockerfile)")
        return self


class VerifierSpec(_Strict):
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


class Timeouts(_Strict):
    """Limits of the phases, in seconds."""

    agent_s: Seconds = Field(default=600, description="For the agent's whole work.")
    verifier_s: Seconds = Field(default=120, description="For the verifier's script.")
    build_s: Seconds = Field(default=600, description="For building the image.")


class ScenarioSpec(_Strict):
    """One scenario file of kind `terminal`."""

    schema_ref: str | None = Field(default=None, alias="$schema")
    schema_version: Literal[1]
    kind: Literal["terminal"]
    id: Identifier = Field(description="The file's name without .json; names the scenario everywhere.")
    title: str = Field(min_length=1, description="One line for people; agents do not see it.")
    instruction: str = Field(min_length=1, description="What the agent is told; all that is judged.")
    difficulty: Literal["easy", "medium", "hard"]
    category: str = Field(min_length=1, description="Reports count by it; a marker for `-m category_…`.")
    tags: list[str] = Field(default_factory=list, description="Each becomes a marker for `-m`.")
    environment: EnvironmentSpec
    solution: str | None = Field(default=None, description="A script that solves it, for the oracle.")
    verifier: VerifierSpec
    timeouts: Timeouts = Timeouts()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A scenario on this machine: what its file says, where the file is, and which dataset it belongs to."""

    spec: ScenarioSpec
    file: Path
    dataset: str

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def instruction(self) -> str:
        return self.spec.instruction

    @property
    def workdir(self) -> str:
        return self.spec.environment.workdir

    @property
    def timeouts(self) -> Timeouts:
        return self.spec.timeouts

    @property
    def judged_in_place(self) -> bool:
        """Whether the verifier judges in the agent's own environment, not in a fresh one."""
        return self.spec.verifier.isolation == "same"

    @property
    def kept_programs(self) -> Sequence[str]:
        """Programs of the agent's that stay alive for the verifier."""
        return self.spec.verifier.keep

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def build_folder(self) -> Path | None:
        return self.folder / self.spec.environment.build if self.spec.environment.build else None

    @property
    def solution_file(self) -> Path | None:
        return self.folder / self.spec.solution if self.spec.solution else None

    @property
    def verifier_file(self) -> Path:
        return self.folder / self.spec.verifier.script

    @property
    def collected_paths(self) -> Sequence[str]:
        """What a fresh verifier's container gets of the agent's."""
        collect = self.spec.verifier.collect
        return collect if collect is not None else [self.spec.environment.workdir]

    @cached_property
    def verifier_digest(self) -> str:
        """Of what judges: the verifier's settings and all files beside its script."""
        return digest_json([self.spec.verifier.model_dump(), digest_files(self.verifier_file.parent)])

    @cached_property
    def digest(self) -> str:
        """Of everything that makes the question: the file (its `$schema` apart), build context and verifier.

        Not of the solution: that is the oracle's answer. A changed one must show as a changed outcome.
        """
        parts: list[object] = [self.spec.model_dump(exclude={"schema_ref", "solution"}), self.verifier_digest]
        parts.append(digest_files(self.build_folder) if self.build_folder else None)
        return digest_json(parts)

    @cached_property
    def solution_digest(self) -> str | None:
        """Of the solution's folder; None where there is no solution."""
        return digest_files(self.solution_file.parent) if self.solution_file else None

    @cached_property
    def limits_digest(self) -> str:
        """Of what the agent may use: resources, network, times."""
        return digest_bytes(canonical_json(self.limits).encode())

    @property
    def limits(self) -> dict[str, object]:
        """Resources and times as plain values, for fingerprints."""
        environment = self.spec.environment
        return {
            "cpus": environment.cpus,
            "memory_mb": environment.memory_mb,
            "pids": environment.pids,
            "network": environment.network,
            **self.spec.timeouts.model_dump(),
        }


def load_scenario(file: Path, *, dataset: str) -> Scenario:
    """Read and check `file`.

    Raises ScenarioError naming the file, the field and the cure: broken JSON, unknown keys, wrong types, files that
    are missing, paths that leave the dataset's folder.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ScenarioError(file, [f"cannot be read: {error.strerror}"]) from error
    scenario = Scenario(spec=parse_spec(raw, file), file=file, dataset=dataset)
    problems = list(_file_problems(scenario))
    if problems:
        raise ScenarioError(file, problems, cure="paths are relative to the JSON file and stay below its folder")
    return scenario


def parse_spec(raw: bytes, file: Path) -> ScenarioSpec:
    """The content of a scenario file; `file` is for messages."""
    try:
        return ScenarioSpec.model_validate_json(raw)
    except ValidationError as error:
        raise ScenarioError(file, list(_explain(error)), cure=_cure(error)) from None


def _explain(error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False):
        field = ".".join(str(part) for part in detail["loc"])
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            message = "unknown key"
        yield f"{field}: {message}" if field else message


def _cure(error: ValidationError) -> str:
    kinds = {detail["type"] for detail in error.errors(include_url=False)}
    if "json_invalid" in kinds:
        return "correct the JSON at that line and column"
    if "extra_forbidden" in kinds:
        return "remove or correct the key; docs/writing-scenarios.md lists those that exist"
    return "see docs/writing-scenarios.md, or let an editor check the file by its $schema"


def _file_problems(scenario: Scenario) -> Iterator[str]:
    spec = scenario.spec
    if scenario.file.stem != spec.id:
        yield f"id: is {spec.id!r}, but the file is {scenario.file.name!r}; they must agree"
    wanted = [
        ("environment.build", spec.environment.build, "folder"),
        ("solution", spec.solution, "file"),
        ("verifier.script", spec.verifier.script, "file"),
    ]
    for field, relative, kind in wanted:
        if relative is None:
            continue
        problem = _path_problem(scenario.folder, relative, kind)
        if problem:
            yield f"{field}: {relative!r} {problem}"
        elif field == "environment.build" and not (scenario.folder / relative / "Dockerfile").is_file():
            yield f"{field}: {relative!r} has no Dockerfile"


def _path_problem(folder: Path, relative: str, kind: str) -> str | None:
    # Not Path.resolve(): collection does this for ten thousand files, and it is twenty times as slow.
    parts = relative.split("/")
    if relative.startswith("/") or ".." in parts:
        return "leaves the dataset's folder"
    if len([part for part in parts if part not in ("", ".")]) < 2 and kind == "file":
        return "must be in a folder of its own, for the whole folder is copied"
    path = str(folder)
    mode = stat.S_IFDIR
    for part in parts:
        path = f"{path}/{part}"
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                if not Path(path).resolve().is_relative_to(folder.resolve()):
                    return "leaves the dataset's folder by a link"
                mode = os.stat(path).st_mode
        except (OSError, ValueError, RuntimeError):  # ValueError: a zero byte; RuntimeError: links in a circle.
            return "does not exist"
    right = stat.S_ISDIR(mode) if kind == "folder" else stat.S_ISREG(mode)
    return None if right else f"is not a {kind}"
