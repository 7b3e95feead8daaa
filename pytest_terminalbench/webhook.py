"""Tells a webhook of documents, each as JSON in a POST of its own, without keeping anybody waiting for long."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException, responses
from typing import Any
from urllib.error import HTTPError, URLError

__all__ = ["post", "post_all"]

TRIES = 3
TIMEOUT_S = 3.0
# For all documents together, however many tries they take.
WAIT_S = 10.0
# Before the second try; twice as long before the third.
PAUSE_S = 0.3


def post_all(contents: Sequence[Mapping[str, Any]], url: str, *, wait_s: float = WAIT_S) -> list[str]:
    """What became of each, as `post` says it, or that it took too long.

    Each by a thread of its own, so that one that takes long holds up no other.
    """
    told: dict[int, str] = {}

    def deliver(number: int, content: Mapping[str, Any]) -> None:
        told[number] = post(content, url)

    threads = [
        threading.Thread(target=deliver, args=numbered, daemon=True, name="webhook") for numbered in enumerate(contents)
    ]
    until = time.monotonic() + wait_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return [told.get(number, f"not delivered within {wait_s:g} s") for number in range(len(contents))]


def post(content: Mapping[str, Any], url: str) -> str:
    """POST `content` as JSON; ``delivered`` or why not. The URL may hold a secret and is not repeated."""
    body = json.dumps(content, allow_nan=False).encode()
    problem = ""
    for attempt in range(TRIES):
        time.sleep(attempt * PAUSE_S)
        try:
            request = urllib.request.Request(
                url, data=body, headers={"Content-Type": "application/json"}, method="POST"
            )
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                return f"delivered ({response.status})"
        except (OSError, ValueError, HTTPException) as error:
            problem = _without_url(error)
    return f"not delivered after {TRIES} tries: {problem}"


def _without_url(error: Exception) -> str:
    """Why a webhook was not told, in words of ours or the system's: those of an HTTP library or server may quote it."""
    if isinstance(error, HTTPError):
        return responses.get(error.code, f"status {error.code}")
    cause = error.reason if isinstance(error, URLError) else error
    return str(cause) if isinstance(cause, OSError) else type(error).__name__
