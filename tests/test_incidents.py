"""Tickets on disk and at a webhook that is slow, broken or gone."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_terminalbench import incidents
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.incidents import Incident, acknowledge, open_incidents, post, read_incidents
from pytest_terminalbench.settings import IncidentSettings


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


class Webhook(ThreadingHTTPServer):
    """Answers with `statuses` in turn, the last for ever; a ticket named in `slow` is not answered."""

    daemon_threads = True
    statuses: list[int]
    slow: frozenset[str] = frozenset()
    reason: str | None = None
    # Called with the id of each ticket before it is answered.
    on_hearing: Callable[[str], object] = staticmethod(lambda incident_id: None)

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[str] = []
        self.end = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append(content["id"])
        self.server.on_hearing(content["id"])
        if content["id"] in self.server.slow:
            self.server.end.wait(30)
            return
        status = self.server.statuses.pop(0) if len(self.server.statuses) > 1 else self.server.statuses[0]
        self.send_response(status, self.server.reason)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    server = Webhook()
    server.statuses = [200]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.end.set()
    server.shutdown()
    server.server_close()


def test_a_webhook_is_told_again_when_it_fails(webhook: Webhook) -> None:
    webhook.statuses = [500, 200]

    assert post(an_incident(), webhook.url) == "delivered (200)"
    assert webhook.heard == ["run-1", "run-1"]


def test_after_three_tries_it_is_noted_why(webhook: Webhook) -> None:
    webhook.statuses = [500]

    assert post(an_incident(), webhook.url) == "not delivered after 3 tries: Internal Server Error"
    assert len(webhook.heard) == 3


def test_an_answer_that_is_no_http_is_noted() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        for _ in range(3):
            connection, _address = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"hello there\r\n\r\n")

    threading.Thread(target=answer, daemon=True).start()

    assert post(an_incident(), f"http://127.0.0.1:{listener.getsockname()[1]}/").startswith(
        "not delivered after 3 tries: "
    )
    listener.close()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/hu sh", "http://127.0.0.1:hu sh/", "http://[hu sh", "hu sh", "http://127.0.0.1:9/hu sh-é"],
)
def test_what_is_wrong_with_the_url_does_not_tell_it(url: str) -> None:
    told = post(an_incident(), url)

    assert told.startswith("not delivered after 3 tries: ")
    assert "hu" not in told


def test_the_servers_own_words_are_not_repeated(webhook: Webhook) -> None:
    webhook.statuses, webhook.reason = [404], "no hook at /hush"

    assert post(an_incident(), f"{webhook.url}hush") == "not delivered after 3 tries: Not Found"


def test_nobody_listening_is_told_as_the_system_says_it() -> None:
    assert post(an_incident(), "http://127.0.0.1:9/hush").endswith(" tries: [Errno 111] Connection refused")


def test_one_ticket_that_takes_long_holds_up_no_other(
    webhook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incidents, "POST_WAIT_S", 2.0)
    webhook.slow = frozenset({"run-1"})

    files = open_incidents([an_incident(1), an_incident(2)], tmp_path, IncidentSettings(webhook=webhook.url))

    told = [json.loads(file.read_text())["delivery"] for file in files]
    assert told == ["not delivered within 2 s", "delivered (200)"]


def test_who_acknowledges_a_ticket_while_the_webhook_is_told_has_taken_it(webhook: Webhook, tmp_path: Path) -> None:
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
