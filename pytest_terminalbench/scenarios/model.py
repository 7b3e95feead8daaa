"""A scenario: one problem. What every kind of it has in common; the kinds are in files of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_terminalbench.digest import digest_json
from pytest_terminalbench.documents import parse_json, validation_problems
from pytest_terminalbench.errors import ScenarioError

__all__ = ["AbsolutePath", "Identifier", "Scenario", "ScenarioSpec", "StrictModel", "Timeouts", "parse_model"]

# `::` and brackets would break pytest node ids; a leading dot or dash would break paths and command lines.
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
AbsolutePath = Annotated[str, Field(pattern=r"^/.*$")]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class StrictModel(BaseModel):
    """A part of a scenario's or a dataset's file: unknown keys are refused, and no value is taken for one of another type."""

    # protected_namespaces: pydantic reserves `model_`, which costs nothing here.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Model = TypeVar("_Model", bound=BaseModel)


_SEE = "see `terminalbench docs writing-scenarios`, or let an editor check the file by its $schema"


# By what `parse_json` says beyond pydantic.
_JSON_CURES = {"stands twice": "leave one of the two values", "is no number": "write a number in digits"}


def parse_model(model: type[_Model], raw: bytes, file: Path, *, see: str = _SEE) -> _Model:
    """`raw`, which is JSON, as `model`; raises ScenarioError naming `file`, the fields and the cure.

    `see` says where right values are described.
    """
    try:
        parsed = model.model_validate_json(raw)
        # pydantic takes the last of a key's two values, and NaN for a number.
        parse_json(raw)
    except ValidationError as error:
        raise ScenarioError(file, validation_problems(error, model), cure=_cure(error) or see) from None
    except ValueError as error:
        problem = str(error)
        cure = next((cure for part, cure in _JSON_CURES.items() if part in problem), "write it in fewer levels")
        raise ScenarioError(file, [problem], cure=cure) from None
    return parsed


def _cure(error: ValidationError) -> str | None:
    mistakes = {detail["type"] for detail in error.errors(include_url=False)}
    if "json_invalid" in mistakes:
        return "correct the JSON at that line and column"
    if "extra_forbidden" in mistakes:
        return "remove or correct the key; `terminalbench docs writing-scenarios` lists those that exist"
    return None


class Timeouts(StrictModel):
    """Limits of the phases, in seconds."""

    agent_s: Seconds = Field(default=600, description="For the agent's whole work.")
    verifier_s: Seconds = Field(default=120, description="For the verifier's script.")
    build_s: Seconds = Field(default=600, description="For building the image.")


class ScenarioSpec(StrictModel):
    """What a scenario's file says, whatever its kind. A kind adds its own fields."""

    schema_ref: str | None = Field(default=None, alias="$schema")
    schema_version: Literal[1]
    kind: str
    id: Identifier = Field(description="The file's name without .json; names the scenario everywhere.")
    title: str = Field(min_length=1, description="One line for people; agents do not see it.")
    instruction: str = Field(min_length=1, description="What the agent is told; all that is judged.")
    difficulty: Literal["easy", "medium", "hard"]
    category: str = Field(min_length=1, description="Reports count by it; a marker for `-m category_…`.")
    tags: list[str] = Field(default_factory=list, description="Each becomes a marker for `-m`.")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A scenario on this machine: what its file says, where the file is, and which dataset it belongs to.

    A kind's own class overrides what is different there. All paths belong to the scenario: nobody else puts them
    together.
    """

    spec: ScenarioSpec
    file: Path
    dataset: str

    # -- what it is --------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        return self.spec.kind

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def instruction(self) -> str:
        return self.spec.instruction

    @property
    def difficulty(self) -> str:
        return self.spec.difficulty

    @property
    def category(self) -> str:
        return self.spec.category

    @property
    def tags(self) -> Sequence[str]:
        return self.spec.tags

    # -- how it is acted and judged ----------------------------------------------------------------------------------

    @property
    def timeouts(self) -> Timeouts:
        """Limits of the phases; the defaults where files of this kind name none."""
        return Timeouts()

    @property
    def limits(self) -> dict[str, object]:
        """Resources and times as plain values, for fingerprints."""
        return self.timeouts.model_dump()

    @property
    def workdir(self) -> str:
        """Where the agent works in its environment."""
        return "/app"

    @property
    def judged_in_place(self) -> bool:
        """Whether the verifier judges in the agent's own environment; else in a new one, with `collected_paths`."""
        return False

    @property
    def collected_paths(self) -> Sequence[str]:
        """What a new environment for the verifier gets of the agent's."""
        return [self.workdir]

    @property
    def kept_programs(self) -> Sequence[str]:
        """Programs of the agent's that stay alive for a verifier that judges in place."""
        return ()

    # -- its files ---------------------------------------------------------------------------------------------------

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def solution_file(self) -> Path | None:
        """A script that solves it, for the oracle alone."""
        return None

    @property
    def named_paths(self) -> Sequence[str]:
        """The files and folders that its file names, relative to `folder`."""
        return ()

    def problems(self) -> Iterator[str]:
        """What is wrong with the files that it names, each as ``<field>: <problem>``."""
        yield from ()

    # -- its content, named ------------------------------------------------------------------------------------------

    @cached_property
    def digest(self) -> str:
        """Of everything that makes the question: the file (its `$schema` apart) and what judges."""
        return digest_json([self.spec.model_dump(exclude={"schema_ref"}), self.verifier_digest])

    @cached_property
    def verifier_digest(self) -> str:
        """Of what judges, as far as the scenario decides it."""
        return digest_json(self.kind)

    @cached_property
    def visible_facts(self) -> Mapping[str, object]:
        """What else agent and verifier can see of it, by name, for fingerprints: plain values and digests.

        Everything that its file says, but for what is there for people and what image, limits and verifier tell. So the
        fields that a kind adds count, unless the kind names them in `facts_told_elsewhere`.
        """
        own = self.spec.model_dump(exclude={*ScenarioSpec.model_fields, *self.facts_told_elsewhere})
        fields = {name: digest_json(value) for name, value in own.items()}
        return {"instruction": digest_json(self.instruction), **({"fields": fields} if fields else {})}

    @property
    def judging_facts(self) -> Mapping[str, object]:
        """What `verifier_digest` tells, fact by fact, for fingerprints; nothing where the kind does not say."""
        return {}

    def source_of(self, fact: str) -> tuple[Path, str]:
        """The file or folder that a fact of a fingerprint tells of, by its dotted name, and the field in it, if one."""
        name, _, field = fact.partition(".")
        return self.file, {"instruction": name, "fields": field}.get(name, "")

    @property
    def facts_told_elsewhere(self) -> frozenset[str]:
        """The fields of its file that image, limits, verifier or facts of its kind tell, or that nobody is to see."""
        return frozenset()

    @property
    def ignored_files(self) -> Sequence[str]:
        """Files that lie beside its verifier's and that nobody sees, as they are on this machine."""
        return ()

    @cached_property
    def solution_digest(self) -> str | None:
        """Of the solution; None where there is none."""
        return None

    @cached_property
    def limits_digest(self) -> str:
        """Of what the agent may use: resources, network, times."""
        return digest_json(self.limits)

    @property
    def locked_facts(self) -> Mapping[str, str]:
        """What a dataset's lock says of it besides the digests."""
        return {}
