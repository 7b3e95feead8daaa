"""A webhook that is slow, broken or gone."""

from __future__ import annotations

import socket
import threading

import pytest

from pytest_terminalbench.webhook import post, post_all
from tests.webhooks import Webhook, webhook  # noqa: F401  # A fixture.

TICKET = {"id": "run-1"}


def test_a_webhook_is_told_again_when_it_fails(webhook: Webhook) -> None:  # noqa: F811
    webhook.statuses = [500, 200]

    assert post(TICKET, webhook.url) == "delivered (200)"
    assert webhook.heard == ["run-1", "run-1"]


def test_after_three_tries_it_is_noted_why(webhook: Webhook) -> None:  # noqa: F811
    webhook.statuses = [500]

    assert post(TICKET, webhook.url) == "not delivered after 3 tries: Internal Server Error"
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

    assert post(TICKET, f"http://127.0.0.1:{listener.getsockname()[1]}/").startswith("not delivered after 3 tries: ")
    listener.close()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/hu sh", "http://127.0.0.1:hu sh/", "http://[hu sh", "hu sh", "http://127.0.0.1:9/hu sh-é"],
)
def test_what_is_wrong_with_the_url_does_not_tell_it(url: str) -> None:
    told = post(TICKET, url)

    assert told.startswith("not delivered after 3 tries: ")
    assert "hu" not in told


def test_the_servers_own_words_are_not_repeated(webhook: Webhook) -> None:  # noqa: F811
    webhook.statuses, webhook.reason = [404], "no hook at /hush"

    assert post(TICKET, f"{webhook.url}hush") == "not delivered after 3 tries: Not Found"


def test_nobody_listening_is_told_as_the_system_says_it() -> None:
    assert post(TICKET, "http://127.0.0.1:9/hush").endswith(" tries: [Errno 111] Connection refused")


def test_one_document_that_takes_long_holds_up_no_other(webhook: Webhook) -> None:  # noqa: F811
    webhook.slow = frozenset({"run-1"})

    told = post_all([TICKET, {"id": "run-2"}], webhook.url, wait_s=2.0)

    assert told == ["not delivered within 2 s", "delivered (200)"]
