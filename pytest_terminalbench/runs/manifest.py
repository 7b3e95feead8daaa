"""Who ran what, when, with which versions, on which machine: ``manifest.json``, written and read.

No secrets: values of arguments are left out.
"""

from __future__ import annotations

import getpass
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, TypeVar

from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
from pytest_terminalbench.baselines.policy_settings import ALPHA, MARGIN, MIN_VISIBLE, Range
from pytest_terminalbench.cells.bench_settings import DEFAULT_MAX_VOID_RATE
from pytest_terminalbench.documents import FieldError, Fields, now_text, read_document
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.host_class import host_class, memory_mb
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.trials.result import CURE

__all__ = ["AskedAgent", "ImportSource", "RunManifest", "RunSettings", "SourceFile", "git_user", "read_manifest"]

SCHEMA_VERSION = 2
_Whole = TypeVar("_Whole", int, None)
_Word = TypeVar("_Word", bound=str)
# How files call an adaptive number of attempts.
_AUTO = "auto"
_PACKAGES = ("pytest-terminalbench", "pytest", "pytest-xdist", "syrupy", "docker", "pydantic", "litellm")


@dataclass(frozen=True, kw_only=True)
class AskedAgent:
    """An agent of a session. `asked_as`: what ``--tb-agent`` was given; None: it came from a fixture or an import."""

    name: str
    model: str | None = None
    asked_as: str | None = None

    @classmethod
    def from_json(cls, content: object) -> AskedAgent:
        fields = Fields(content)
        return cls(
            name=fields.text("name"), model=fields.text_or("model", None), asked_as=fields.text_or("asked_as", None)
        )


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What was asked of a session, as far as its results depend on it.

    `datasets`: name -> version. `agent_args`: names only, because values may be secret. `attempts`: per cell;
    None where the manifest does not tell, and with `is_adaptive`: more were made where they were needed (``"auto"`` in
    files). `baselines`: their folder, within the project's where it lies there; None where the manifest does not tell.
    """

    datasets: Mapping[str, str] = field(default_factory=dict)
    agents: tuple[AskedAgent, ...] = ()
    agent_args: tuple[str, ...] = ()
    concurrency: int = 1
    attempts: int | None = None
    is_adaptive: bool = False
    max_attempts: int = ComparisonPolicy.max_attempts
    gate: str = "by agent"
    alpha: float = ComparisonPolicy.alpha
    margin: float = ComparisonPolicy.margin
    min_visible: float = ComparisonPolicy.min_visible
    inconclusive: Literal["pass", "fail"] = ComparisonPolicy.inconclusive
    parity: Literal["block", "warn", "off"] = ComparisonPolicy.parity
    environment: str = "by kind"
    network: str = "scenario"
    timeout_multiplier: float = 1.0
    max_void_rate: float = DEFAULT_MAX_VOID_RATE
    update_baselines: bool = False
    baselines: str | None = None

    def to_json(self) -> dict[str, Any]:
        facts = {
            **asdict(self),
            "datasets": dict(self.datasets),
            "agent_args": list(self.agent_args),
            "attempts": _AUTO if self.is_adaptive else self.attempts,
        }
        del facts["is_adaptive"]
        return facts

    @classmethod
    def from_json(cls, content: object) -> RunSettings:
        """The opposite of `to_json`; what is not there has its default."""
        fields = Fields(content)
        is_adaptive = fields.get("attempts") == _AUTO
        return cls(
            datasets={name: str(version) for name, version in fields.mapping("datasets").items()},
            agents=fields.each("agents", AskedAgent.from_json),
            agent_args=fields.texts("agent_args"),
            concurrency=fields.whole_or("concurrency", cls.concurrency),
            attempts=None if is_adaptive else _at_least(0, fields, "attempts", None),
            is_adaptive=is_adaptive,
            max_attempts=_at_least(1, fields, "max_attempts", cls.max_attempts),
            gate=fields.text_or("gate", cls.gate),
            alpha=_number_in(ALPHA, fields, "alpha", cls.alpha),
            margin=_number_in(MARGIN, fields, "margin", cls.margin),
            min_visible=_number_in(MIN_VISIBLE, fields, "min_visible", cls.min_visible),
            inconclusive=_one_of(("pass", "fail"), fields, "inconclusive", cls.inconclusive),
            parity=_one_of(("block", "warn", "off"), fields, "parity", cls.parity),
            environment=fields.text_or("environment", cls.environment),
            network=fields.text_or("network", cls.network),
            timeout_multiplier=fields.number_or("timeout_multiplier", cls.timeout_multiplier),
            max_void_rate=fields.number_or("max_void_rate", cls.max_void_rate),
            update_baselines=fields.flag_or("update_baselines", cls.update_baselines),
            baselines=fields.text_or("baselines", cls.baselines),
        )

    @property
    def policy(self) -> ComparisonPolicy:
        """How the session compared its cells with what was approved."""
        return ComparisonPolicy(
            attempts=None if self.is_adaptive else self.attempts or 1,
            max_attempts=self.max_attempts,
            alpha=self.alpha,
            margin=self.margin,
            min_visible=self.min_visible,
            inconclusive=self.inconclusive,
            parity=self.parity,
        )


def _number_in(wanted: Range, fields: Fields, name: str, default: float) -> float:
    number = fields.number_or(name, default)
    if not wanted.holds(number):
        raise FieldError(name, f"is {number:g}, not {wanted}")
    return number


def _one_of(words: tuple[_Word, ...], fields: Fields, name: str, default: _Word) -> _Word:
    text = fields.text_or(name, default)
    for word in words:
        if text == word:
            return word
    raise FieldError(name, f"is {text!r}, not {' or '.join(words)}")


def _at_least(least: int, fields: Fields, name: str, default: _Whole) -> int | _Whole:
    number = fields.whole_or(name, default)
    if number is not None and number < least:
        raise FieldError(name, f"is {number}, not at least {least}")
    return number


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    path: str
    digest: str

    @classmethod
    def from_json(cls, content: object) -> SourceFile:
        fields = Fields(content)
        return cls(path=fields.text("path"), digest=fields.text("digest"))


@dataclass(frozen=True, kw_only=True)
class ImportSource:
    """Whose results an imported run holds. `digest`: of the files' contents, wherever they lie."""

    origin: str
    run_id: str
    digest: str
    files: tuple[SourceFile, ...] = ()
    imported_at: str | None = None

    def to_json(self) -> dict[str, Any]:
        facts = asdict(self)
        del facts["imported_at"]
        return {**facts, "files": [asdict(file) for file in self.files]}

    @classmethod
    def from_json(cls, content: object) -> ImportSource:
        fields = Fields(content)
        return cls(
            origin=fields.text("origin"),
            run_id=fields.text("run_id"),
            digest=fields.text("digest"),
            files=fields.each("files", SourceFile.from_json),
        )


@dataclass(frozen=True, kw_only=True)
class RunManifest:
    """One run. `expected`: the cells that are to report, known before the first trial.

    `source`: whose results it holds, where they were imported, and `notes` on how whole these are. `host`, `versions`
    and `git` are for people. What a run has not come to yet, or nobody noted, is None.
    """

    run_id: str | None
    started_at: str
    finished_at: str | None = None
    exit_status: int | None = None
    settings: RunSettings = field(default_factory=RunSettings)
    expected: tuple[CellId, ...] = ()
    user: str | None = None
    workers: int = 0
    engine_platform: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    host: Mapping[str, Any] = field(default_factory=dict)
    git: Mapping[str, Any] = field(default_factory=dict)
    source: ImportSource | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def begin(
        cls, run_id: str, settings: RunSettings, *, expected: Sequence[CellId], root: Path, workers: int
    ) -> RunManifest:
        """Of a run that begins now, in the project's folder `root`."""
        return cls(
            run_id=run_id,
            started_at=now_text(),
            settings=settings,
            expected=tuple(expected),
            user=_user(),
            workers=workers,
            versions={"python": platform.python_version(), **dict(_versions())},
            host={
                "name": platform.node(),
                "kernel": platform.release(),
                "architecture": platform.machine(),
                "cpus": os.cpu_count(),
                "memory_mb": memory_mb(),
                "class": host_class(),
            },
            git={"commit": _git(root, "rev-parse", "HEAD"), "dirty": bool(_git(root, "status", "--porcelain"))},
        )

    @property
    def host_class(self) -> str | None:
        """Of the machine that ran it; None where it does not tell, or the results were only imported there."""
        told = None if self.source else self.host.get("class")
        return told if isinstance(told, str) else None

    def end(self, *, exit_status: int, engine_platform: str | None) -> RunManifest:
        """Of the run that ends now; `engine_platform` is ``os/architecture``."""
        return replace(self, finished_at=now_text(), exit_status=exit_status, engine_platform=engine_platform)

    def to_json(self) -> dict[str, Any]:
        imported = (
            {
                "imported": True,
                "imported_at": self.source.imported_at,
                "source": self.source.to_json(),
                "notes": list(self.notes),
            }
            if self.source
            else {}
        )
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.run_id,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "exit_status": self.exit_status,
            "user": self.user,
            "settings": self.settings.to_json(),
            "expected": [cell.to_json() for cell in self.expected],
            "workers": self.workers,
            "versions": dict(self.versions),
            "host": dict(self.host),
            "git": dict(self.git),
            "engine_platform": self.engine_platform,
            **imported,
        }

    @classmethod
    def from_json(cls, content: object) -> RunManifest:
        """The opposite of `to_json`, and the reader of schema 1 and of manifests made by hand.

        Raises ValueError naming the field for what cannot be placed in time, or has a value of another type.
        """
        fields = Fields(content)
        source = fields.nested_or("source", ImportSource.from_json, None)
        return cls(
            run_id=fields.text_or("run_id", None),
            started_at=fields.text("started_at"),
            finished_at=fields.text_or("finished_at", None),
            exit_status=fields.whole_or("exit_status", None),
            settings=fields.nested_or("settings", RunSettings.from_json, RunSettings()),
            expected=fields.each("expected", CellId.from_json),
            user=fields.text_or("user", None),
            workers=fields.whole_or("workers", 0),
            engine_platform=fields.text_or("engine_platform", None),
            versions={name: str(version) for name, version in fields.mapping("versions").items()},
            host=fields.mapping("host"),
            git=fields.mapping("git"),
            source=replace(source, imported_at=fields.text_or("imported_at", None)) if source else None,
            notes=fields.texts("notes"),
        )


def read_manifest(run: RunFolder) -> RunManifest:
    """Raises RunFolderError naming file and cure when it is missing, damaged or of a later version."""
    return read_document(
        run.manifest,
        RunManifest.from_json,
        error=RunFolderError,
        cure=CURE,
        versions=(1, SCHEMA_VERSION),
        # Manifests made by hand, and the oldest ones, have no version.
        unversioned=1,
    )


def git_user(root: Path) -> str:
    """Who approves when nobody is named: git's user, else the machine's."""
    return _git(root, "config", "user.name") or _user()


def _versions() -> list[tuple[str, str]]:
    versions = []
    for name in _PACKAGES:
        try:
            versions.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return versions


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"  # A container's user without an entry in its password file.


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
