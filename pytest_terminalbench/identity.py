"""Which cell is meant: `CellId`, its label, and the only parser of labels.

A cell is dataset × scenario × agent × model × profile × source × the arguments that the agent declares to identify
it. Different cells have different labels, so node ids, folders and baselines never share a name. What else may change
how an agent behaves (prompts, scripts, settings) is in the configuration digest beside the identity, not in it: an
edited prompt does not orphan a baseline.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from pytest_terminalbench.digest import canonical_json, digest_json
from pytest_terminalbench.errors import SettingsError

__all__ = ["CellId", "Label", "Source", "check_distinct", "escaped", "identifying", "parse_label"]

# File systems allow 255 bytes; a trial's folder and a scratch name beside it need some of them.
MAX_LABEL = 200
# Marks the parts of a label that are neither agent, model nor profile.
_MARK = "~"
_REPLAY = f"{_MARK}replay"
# What needs no escape, told apart at a fraction of the price: ten thousand scenarios are collected in a few seconds.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# Hexadecimal digits of the digest of identifying arguments: a collision needs some 2**24 variants of one agent.
_DIGITS = 12


class Source(StrEnum):
    """Where the model's words come from. A replayed cell is another cell than a live one."""

    LIVE = "live"
    REPLAY = "replay"


class Label(NamedTuple):
    """What a label tells. ``arguments`` is the digest of the identifying arguments, None where there are none."""

    agent: str
    model: str | None = None
    profile: str | None = None
    arguments: str | None = None
    source: Source = Source.LIVE

    def __str__(self) -> str:
        """The label's text: letters, digits, ``_.-``, ``%``, ``,`` and ``~``; different ones have different texts."""
        places = [self.agent, self.model, self.profile]
        while places[-1] is None:
            places.pop()
        parts = [escaped(place or "") for place in places]
        if self.arguments is not None:
            parts.append(f"{_MARK}{self.arguments}")
        if self.source is Source.REPLAY:
            parts.append(_REPLAY)
        return ",".join(parts)


class CellName(NamedTuple):
    """What a cell's key says: its dataset, its scenario and its label."""

    dataset: str
    scenario: str
    label: str


@dataclass(frozen=True, kw_only=True, order=True)
class CellId:
    """One cell. `arguments`: the identifying ones, sorted by name, each value as canonical JSON.

    Raises SettingsError for a name that is empty, and for a label that is too long for a folder's name.
    """

    dataset: str
    scenario: str
    agent: str
    model: str | None = None
    profile: str | None = None
    source: Source = Source.LIVE
    arguments: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        names = ("dataset", "scenario", "agent", "model", "profile")
        empty = [name for name in names if getattr(self, name) == ""]
        if empty:
            raise SettingsError(f"a cell's {empty[0]} has an empty name; leave it out, or name it")
        if len(self.label) > MAX_LABEL:
            raise SettingsError(
                f"agent, model and profile make a label of {len(self.label)} characters, and a folder's name has room "
                f"for {MAX_LABEL}: {self.label}; give the agent or the profile a shorter name"
            )

    @property
    def arguments_digest(self) -> str | None:
        """A short digest of the identifying arguments; None where there are none."""
        if not self.arguments:
            return None
        return digest_json(list(map(list, self.arguments))).removeprefix("sha256:")[:_DIGITS]

    @property
    def label_parts(self) -> Label:
        """Who acts, whatever the scenario: what the label tells."""
        return Label(self.agent, self.model, self.profile, self.arguments_digest, self.source)

    @cached_property
    def label(self) -> str:
        """The text of `label_parts`: the cell's name in its scenario, for node ids, folders and keys.

        Different cells of one scenario have different labels.
        """
        return str(self.label_parts)

    @property
    def key(self) -> str:
        """The cell's name in a run: ``<dataset>/<scenario>[<label>]``."""
        return f"{escaped(self.dataset)}/{escaped(self.scenario)}[{self.label}]"

    @property
    def actor(self) -> str:
        """Who acts, for people: ``agent``, ``agent openai/gpt-5``."""
        parts = [self.agent, self.model, self.profile, self.arguments_digest]
        replay = ["(replayed)"] if self.source is Source.REPLAY else []
        return " ".join([*(part for part in parts if part), *replay])

    @property
    def suite(self) -> str:
        """Whose cells are judged together by the suite gate, for people: dataset and who acts."""
        return f"{self.dataset} {self.actor}"

    @property
    def trial_folder(self) -> PurePosixPath:
        """Where the cell's trials lie below a run's folder of trials."""
        return PurePosixPath(escaped(self.dataset), escaped(self.scenario), self.label)

    @property
    def baseline_name(self) -> str:
        """What the cell's baseline is called: ``DATASET/LABEL/SCENARIO``."""
        return f"{escaped(self.dataset)}/{self.label}/{escaped(self.scenario)}"

    @property
    def baseline_file(self) -> PurePosixPath:
        """Where the cell's baseline lies below the folder of baselines."""
        return PurePosixPath(f"{self.baseline_name}.json")

    def to_json(self) -> dict[str, Any]:
        """The cell in full, as records say it."""
        return {
            "dataset": self.dataset,
            "scenario": self.scenario,
            "agent": self.agent,
            "model": self.model,
            "profile": self.profile,
            "source": self.source.value,
            "arguments": {name: json.loads(value) for name, value in self.arguments},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CellId:
        """The opposite of `to_json`; records of schema 1 know neither profile, source nor arguments.

        Raises KeyError, TypeError or ValueError for what is no cell.
        """
        texts = {name: content[name] for name in ("dataset", "scenario", "agent")}
        texts |= {name: content.get(name) for name in ("model", "profile")}
        for name, value in texts.items():
            if not isinstance(value, str) and not (value is None and name in ("model", "profile")):
                raise TypeError(f"{name} is {value!r}, not a name")
        return cls(
            **texts,
            source=Source(content.get("source", Source.LIVE)),
            arguments=identifying(content.get("arguments") or {}),
        )


def identifying(arguments: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """`arguments` as a `CellId` has them: sorted by name, each value as canonical JSON."""
    return tuple(sorted((name, canonical_json(value)) for name, value in arguments.items()))


def escaped(text: str) -> str:
    """`text` as part of a path, a node id or a label; different texts stay different."""
    if _PLAIN.fullmatch(text):
        return text
    quoted = quote(text, safe="", errors="surrogatepass").replace(_MARK, "%7E")
    # Neither ``.`` and ``..`` nor a hidden file, and nothing that a command takes for an option.
    return f"%{ord(quoted[0]):02X}{quoted[1:]}" if quoted.startswith((".", "-")) else quoted


def parse_key(key: str) -> CellName:
    """The names in a cell's `key`."""
    path, _, label = key.removesuffix("]").partition("[")
    dataset, _, scenario = path.partition("/")
    return CellName(unquote(dataset, errors="surrogatepass"), unquote(scenario, errors="surrogatepass"), label)


def parse_label(label: str) -> Label:
    """What `label` tells; raises ValueError for a text that is no label."""
    parts = label.split(",")
    source = Source.LIVE
    arguments = None
    if parts[-1] == _REPLAY:
        source = Source.REPLAY
        parts.pop()
    if parts and parts[-1].startswith(_MARK):
        arguments = parts.pop().removeprefix(_MARK)
    names = [unquote(part, errors="surrogatepass") or None for part in parts]
    agent, model, profile = [*names, None, None, None][:3]
    if len(names) > 3 or agent is None or [escaped(name or "") for name in names] != parts:
        raise ValueError(f"{label!r} is no label of a cell, such as `oracle` or `terminal,openai%2Fgpt-5`")
    return Label(agent, model, profile, arguments, source)


def check_distinct(cells: Iterable[CellId]) -> None:
    """Raise SettingsError for two cells whose names are the same, or differ in upper and lower case alone.

    Such names are one on file systems that do not tell cases apart, and one would overwrite the other's results.
    """
    seen: dict[str, CellId] = {}
    for cell in cells:
        first = seen.setdefault(cell.key.casefold(), cell)
        if first is not cell:
            how = "are the same" if first == cell else "differ in upper and lower case alone"
            raise SettingsError(
                f"two cells would share one name, and one would overwrite the other's results: {first.key} and "
                f"{cell.key} {how}; name each agent and model once, or give one of them another name"
            )
