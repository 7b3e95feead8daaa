"""Incidents: a ticket for what got worse, on disk, and posted to a webhook where one is configured."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError

from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.files import now_text, write_json
from pytest_terminalbench.naming import counted
from pytest_terminalbench.settings import IncidentSettings

__all__ = ["acknowledge", "due_date", "incidents_of", "on_rotation", "open_incidents", "post", "read_incidents"]

# A webhook is told three times at most, and the run waits for it no longer than this.
POST_TRIES = 3
POST_TIMEOUT_S = 3.0
POST_WAIT_S = 10.0
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
                "schema_version": 1,
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
    def post_all() -> None:
        for incident, file in zip(incidents, files, strict=True):
            write_json(file, {**incident, "delivery": post(incident, url)})

    thread = threading.Thread(target=post_all, daemon=True, name="incidents")
    thread.start()
    thread.join(POST_WAIT_S)


def post(incident: Mapping[str, Any], url: str) -> str:
    """POST the ticket as JSON; ``delivered`` or why not. The URL may hold a secret and is not repeated."""
    request = urllib.request.Request(
        url, data=json.dumps(incident).encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    problem = ""
    for _ in range(POST_TRIES):
        try:
            with urllib.request.urlopen(request, timeout=POST_TIMEOUT_S) as response:
                return f"delivered ({response.status})"
        except (URLError, OSError, ValueError) as error:
            problem = str(getattr(error, "reason", error))
    return f"not delivered after {POST_TRIES} tries: {problem}"


def read_incidents(results: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Every ticket below the folder of results, oldest first; damaged ones are passed over."""
    found = []
    for file in results.glob("*/incidents/*.json"):
        try:
            content = json.loads(file.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and "opened_at" in content and not file.parents[1].is_symlink():
            found.append((file, content))
    return sorted(found, key=lambda pair: (str(pair[1]["opened_at"]), pair[0].name))


def acknowledge(results: Path, incident_id: str, *, by: str, notes: str = "") -> dict[str, Any]:
    """Note in the ticket that somebody has taken it; raises RunFolderError when there is none of that id."""
    for file, content in read_incidents(results):
        if content.get("id") == incident_id:
            content["acknowledged"] = {"by": by, "at": now_text(), "notes": notes}
            write_json(file, content)
            return content
    raise RunFolderError(f"no incident {incident_id!r} below {results}; `terminalbench incident list` shows them")
