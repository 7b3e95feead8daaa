"""What a scenario says whose agent acts in a container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.scenarios.kinds import kind_named
from pytest_terminalbench.scenarios.model import AbsolutePath, Scenario, ScenarioSpec, StrictModel

__all__ = ["ContainerScenario", "ContainerSpec", "EnvironmentSpec", "with_container"]


class EnvironmentSpec(StrictModel):
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


class ContainerSpec(ScenarioSpec):
    """A scenario's file that describes a container."""

    environment: EnvironmentSpec


@dataclass(frozen=True, kw_only=True)
class ContainerScenario(Scenario):
    """A scenario in a container: all that a container engine has to know of it."""

    spec: ContainerSpec

    @property
    def build_folder(self) -> Path | None:
        """The build context, where the image is built."""
        return self.folder / self.spec.environment.build if self.spec.environment.build else None

    @property
    def workdir(self) -> str:
        return self.spec.environment.workdir

    @property
    def limits(self) -> dict[str, object]:
        environment = self.spec.environment
        return {
            "cpus": environment.cpus,
            "memory_mb": environment.memory_mb,
            "pids": environment.pids,
            "network": environment.network,
            **super().limits,
        }

    @cached_property
    def visible_facts(self) -> Mapping[str, object]:
        environment = self.spec.environment
        # Texts, for in fingerprints a null is a fact that is not known.
        surroundings = {
            "workdir": environment.workdir,
            "env": [f"{name}={value}" for name, value in sorted(environment.env.items())],
            "user": environment.user or "(the image's)",
            "platform": environment.platform or "(the engine's)",
        }
        return {**super().visible_facts, "environment": surroundings}

    @property
    def facts_told_elsewhere(self) -> frozenset[str]:
        return super().facts_told_elsewhere | {"environment"}


def with_container(scenario: Scenario) -> ContainerScenario:
    """`scenario`, whose file describes a container; raises SettingsError for one that has none."""
    if isinstance(scenario, ContainerScenario):
        return scenario
    raise SettingsError(
        f"scenario {scenario.id} of kind {scenario.kind!r} has no container; its environment is "
        f"{kind_named(scenario.kind).environment!r}"
    )
