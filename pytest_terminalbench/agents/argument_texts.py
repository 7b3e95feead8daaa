"""Values of ``--tb-agent-arg``: as they are typed, and as they count in identities and digests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pytest_terminalbench.documents import parse_json
from pytest_terminalbench.errors import SettingsError

__all__ = ["AgentArgument", "by_content", "json_or_text", "parse_arguments"]


class AgentArgument(NamedTuple):
    """One argument for an agent's constructor. `agent` None: it is for all agents of the session."""

    agent: str | None
    key: str
    value: Any

    @property
    def name(self) -> str:
        """As it was typed, without the value, which may be secret."""
        return self.key if self.agent is None else f"{self.agent}:{self.key}"


def parse_arguments(texts: Sequence[str]) -> list[AgentArgument]:
    """``[AGENT:]KEY=VALUE`` texts; a value that is JSON becomes what it says, any other stays text.

    The first ``=`` ends the name, and the last colon before it the agent's: a value may have both. Raises SettingsError
    for a text of another form, which names no value: it may be secret.
    """
    arguments = []
    for text in texts:
        name, equals, value = text.partition("=")
        # An agent may be called ``module:Class``.
        agent, colon, key = name.rpartition(":")
        if not equals or not key.isidentifier() or (colon and not agent):
            raise SettingsError(f"--tb-agent-arg {name + (equals and '=…')!r} is not KEY=VALUE or AGENT:KEY=VALUE")
        arguments.append(AgentArgument(agent or None, key, json_or_text(value)))
    return arguments


def json_or_text(value: str) -> Any:
    """What a value that was typed is: what it says as JSON, else the text itself."""
    try:
        return parse_json(value)
    except ValueError:
        return value


def by_content(value: Any, *, scenario_id: str | None = None) -> Any:
    """`value` with every text in it that names a file replaced by the digest of the file's content.

    ``{scenario}`` in such a text stands for `scenario_id`, as in the scripted agent's `script`.
    """
    if isinstance(value, dict):
        return {key: by_content(item, scenario_id=scenario_id) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [by_content(item, scenario_id=scenario_id) for item in value]
    if not isinstance(value, str):
        return value
    file = Path(value if scenario_id is None else value.replace("{scenario}", scenario_id))
    try:
        if not file.is_file():
            return value
        status = file.stat()
        return _file_digest(str(file.resolve()), status.st_mtime_ns, status.st_size)
    except (OSError, ValueError):
        # Too long for a path, with a NUL in it, or not for us to read: a text like any other.
        return value


@lru_cache(maxsize=1024)
def _file_digest(file: str, changed_ns: int, size: int) -> str:
    """The digest of `file` as it was at that time: a session asks once for every scenario."""
    with open(file, "rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
