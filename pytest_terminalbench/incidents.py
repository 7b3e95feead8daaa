"""Incidents: a ticket for what got worse, on disk, and posted to a webhook where one is configured."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any

from pytest_terminalbench.documents import now_text, write_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.naming import counted
from pytest_terminalbench.settings import IncidentSettings

__all__ = [
    "acknowledge",
    "damaged_incidents",
    "due_date",
    "incidents_of",
    "on_rotation",
    "open_incidents",
    "post",
    "read_incidents",
]

SCHEMA_VERSION = 1
# A webhook is told three times at most, and the run waits for it no longer than this.
POST_TRIES = 3
POST_TIMEOUT_S = 3.0
POST_WAIT_S = 10.0
# Before the second try; twice as long before the third.
POST_PAUSE_S = 0.3
_KINDS = {"regressed": "regression", "inconclusive": "regression", "unsolved": "functional-failure"}


@dataclass(frozen=True, kw_only=True)
class _Ticket:
    kind: str
    cells: Sequence[Mapping[str, Any]]
    text: str


def incidents_of(summary: Mapping[str, Any], run: Path, settings: IncidentSettings) -> list[dict[str, Any]]:
    """The incidents of a run: one for its regressions, one for its functional failures, one for its suite gate."""
    today = datetime.now(UTC).date()
    found = []
    for number, ticket in enumerate(_tickets(summary), start=1):
        found.append(
            {
                "schema_version": SCHEMA_VERSION,
                "id": f"{summary['run_id']}-{number}",
                "kind": ticket.kind,
                "opened_at": now_text(),
                "due_on": due_date(today).isoformat(),
                "on_rotation": on_rotation(today, settings),
                "run": str(run),
                "text": ticket.text,
                "cells": [_cell(cell, run) for cell in ticket.cells],
                "acknowledged": None,
                "delivery": None,
            }
        )
    return found


def _tickets(summary: Mapping[str, Any]) -> list[_Ticket]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for cell in summary["cells"]:
        if cell["status"] in _KINDS:
            groups.setdefault(_KINDS[cell["status"]], []).append(cell)
    tickets = [_Ticket(kind=kind, cells=cells, text=_counted(kind, cells)) for kind, cells in sorted(groups.items())]
    failures = summary["gate"].get("failures") or []
    return tickets + [_Ticket(kind="suite-gate", cells=[], text=failure) for failure in failures]


def _counted(kind: str, cells: Sequence[Mapping[str, Any]]) -> str:
    names = ", ".join(cell["scenario"] for cell in cells[:5]) + (", …" if len(cells) > 5 else "")
    return f"{kind} in {counted(len(cells), 'cell')}: {names}"


def _cell(cell: Mapping[str, Any], run: Path) -> dict[str, Any]:
    last = cell["attempts"][-1] if cell["attempts"] else {}
    result = _result(run / last["folder"]) if last else {}
    return {
        "cell": cell["cell"],
        "status": cell["status"],
        "text": cell["text"],
        "baseline_id": cell["baseline_id"],
        "attempts": [attempt["outcome"] for attempt in cell["attempts"]],
        "artifacts": [str(run / attempt["folder"]) for attempt in cell["attempts"]],
        "last_lines": str(result.get("verifier_tail", "")).splitlines()[-10:],
        "fingerprint": result.get("fingerprint", {}),
    }


def _result(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / "result.json").read_bytes())
    except (OSError, ValueError):
        return {}  # The ticket is worth having without it.
    return content if isinstance(content, dict) else {}


def due_date(opened: date) -> date:
    """The next business day: Monday for what is opened from Friday on."""
    day = opened + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return day


def on_rotation(today: date, settings: IncidentSettings) -> str | None:
    """Who looks after incidents today: the list in turn, from the start date on."""
    if not settings.rotation:
        return None
    turns = (today - settings.rotation_start).days // settings.rotation_days
    return settings.rotation[turns % len(settings.rotation)]


def open_incidents(incidents: Sequence[dict[str, Any]], folder: Path, settings: IncidentSettings) -> list[Path]:
    """Write the tickets, then tell the webhook; a webhook that fails is noted in the ticket and stops nothing."""
    files = []
    for incident in incidents:
        file = folder / f"{incident['id']}.json"
        write_json(file, incident)
        files.append(file)
    if settings.webhook and incidents:
        _post_in_time(incidents, files, settings.webhook)
    return files


def _post_in_time(incidents: Sequence[dict[str, Any]], files: Sequence[Path], url: str) -> None:
    """Each ticket by a thread of its own, so that one that takes long holds up no other."""
    delivered: dict[str, str] = {}

    def deliver(incident: Mapping[str, Any]) -> None:
        delivered[incident["id"]] = post(incident, url)

    threads = [threading.Thread(target=deliver, args=(one,), daemon=True, name="incident") for one in incidents]
    until = time.monotonic() + POST_WAIT_S
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    late = f"not delivered within {POST_WAIT_S:g} s"
    for incident, file in zip(incidents, files, strict=True):
        write_json(file, {**incident, "delivery": delivered.get(incident["id"], late)})


def post(incident: Mapping[str, Any], url: str) -> str:
    """POST the ticket as JSON; ``delivered`` or why not. The URL may hold a secret and is not repeated."""
    request = urllib.request.Request(
        url, data=json.dumps(incident).encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    problem = ""
    for attempt in range(POST_TRIES):
        time.sleep(attempt * POST_PAUSE_S)
        try:
            with urllib.request.urlopen(request, timeout=POST_TIMEOUT_S) as response:
                return f"delivered ({response.status})"
        except (OSError, ValueError, HTTPException) as error:
            problem = str(getattr(error, "reason", error))
    return f"not delivered after {POST_TRIES} tries: {problem}"


def read_incidents(results: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Every ticket below the folder of results, oldest first; `damaged_incidents` are not among them."""
    found = [(file, content) for file, content in _tickets_below(results) if content is not None]
    return sorted(found, key=lambda pair: (str(pair[1]["opened_at"]), pair[0].name))


def damaged_incidents(results: Path) -> list[Path]:
    """The tickets below the folder of results that cannot be read, or are of another version's making."""
    return sorted(file for file, content in _tickets_below(results) if content is None)


def _tickets_below(results: Path) -> Iterator[tuple[Path, dict[str, Any] | None]]:
    for file in results.glob("*/incidents/*.json"):
        if not file.parents[1].is_symlink():
            yield file, _ticket(file)


def _ticket(file: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    is_whole = (
        isinstance(content, dict)
        and content.get("schema_version") == SCHEMA_VERSION
        and isinstance(content.get("id"), str)
        and isinstance(content.get("opened_at"), str)
        and isinstance(content.get("acknowledged", None), dict | None)
    )
    return content if is_whole else None


def acknowledge(results: Path, incident_id: str, *, by: str, notes: str = "") -> dict[str, Any]:
    """Note in the ticket that somebody has taken it.

    Raises RunFolderError when there is none of that id, or when somebody else has taken it.
    """
    for file, content in read_incidents(results):
        if content.get("id") == incident_id:
            taken = content["acknowledged"]
            if taken and taken.get("by") != by:
                raise RunFolderError(
                    f"{incident_id} was acknowledged by {taken.get('by')} at {taken.get('at')}; to take it over, set "
                    f"`acknowledged` to null in {file}"
                )
            content["acknowledged"] = {"by": by, "at": now_text(), "notes": notes}
            write_json(file, content)
            return content
    raise RunFolderError(f"no incident {incident_id!r} below {results}; `terminalbench incident list` shows them")
