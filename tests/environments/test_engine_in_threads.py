"""An engine that is called in threads, while another thread changes the environment's variables as pytest does."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from pytest_terminalbench.environments.docker_engine import DockerEngine
from tests.environments.test_engine_over_tls import Engine

CALLS = 300


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield DockerEngine(f"tcp://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns a thousand times as often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 1000)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_calls_do_not_read_variables_that_another_thread_removes(engine: DockerEngine) -> None:
    api, ended = engine.api, threading.Event()

    def change() -> None:
        while not ended.is_set():
            os.environ["TERMINALBENCH_TEST"] = "comes and goes"
            del os.environ["TERMINALBENCH_TEST"]

    changing = threading.Thread(target=change)
    changing.start()
    try:
        for _ in range(CALLS):
            api.ping()
    finally:
        ended.set()
        changing.join()
