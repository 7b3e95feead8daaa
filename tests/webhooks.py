"""A webhook on this machine, which may be slow or refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


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
