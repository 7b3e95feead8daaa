"""Tickets on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.incidents import Incident, acknowledge, open_incidents, read_incidents
from pytest_terminalbench.settings import IncidentSettings
from tests.webhooks import Webhook, webhook  # noqa: F401  # A fixture.


def ticket(number: int = 1, **changes: Any) -> dict[str, Any]:
    content = {"schema_version": 1, "id": f"run-{number}", "opened_at": f"2026-11-2{number}T00:00:00Z"}
    return {**content, "acknowledged": None, "delivery": None, **changes}


def an_incident(number: int = 1) -> Incident:
    return Incident.from_json(ticket(number))


def write(results: Path, text: str, name: str = "run-1") -> Path:
    file = results / "run" / "incidents" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_who_acknowledges_a_ticket_while_the_webhook_is_told_has_taken_it(
    webhook: Webhook,  # noqa: F811
    tmp_path: Path,
) -> None:
    """A bot does so as soon as it hears of it."""
    webhook.on_hearing = lambda incident_id: acknowledge(tmp_path, incident_id, by="bot")

    (file,) = open_incidents([an_incident()], tmp_path / "run/incidents", IncidentSettings(webhook=webhook.url))

    stored = json.loads(file.read_text())
    assert (stored["acknowledged"]["by"], stored["delivery"]) == ("bot", "delivered (200)")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", json.dumps(ticket(schema_version=9)), json.dumps(ticket(acknowledged="yes")), "[" * 100_000],
    ids=["empty", "cut off", "list", "future", "wrong type", "deep"],
)
def test_damaged_tickets_are_told_apart_and_left_alone(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, text)
    write(tmp_path, json.dumps(ticket(2)), "run-2")

    tickets, damaged = read_incidents(tmp_path)
    assert [incident.id for _, incident in tickets] == ["run-2"]
    assert [str(error).partition(" ")[0] for error in damaged] == [str(file)]
    assert str(damaged[0]).endswith("restore it, or remove the file")
    with pytest.raises(RunFolderError, match="no incident 'run-1'"):
        acknowledge(tmp_path, "run-1", by="Ada")
    assert file.read_text() == text


def test_who_has_taken_an_incident_keeps_it(tmp_path: Path) -> None:
    file = write(tmp_path, json.dumps(ticket()))
    acknowledge(tmp_path, "run-1", by="Ada", notes="looking")

    with pytest.raises(RunFolderError, match="run-1 was acknowledged by Ada at "):
        acknowledge(tmp_path, "run-1", by="Grace")
    acknowledge(tmp_path, "run-1", by="Ada", notes="found it")

    assert json.loads(file.read_text())["acknowledged"]["notes"] == "found it"
