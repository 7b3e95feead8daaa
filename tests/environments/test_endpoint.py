"""Finding the engine that answers."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from pytest_terminalbench.environments.endpoint import Endpoint, candidates, find_endpoint, probe
from pytest_terminalbench.errors import EngineUnreachable


def urls(environ: dict[str, str], home: Path) -> list[str]:
    return [endpoint.url for endpoint in candidates(environ, home)]


def add_context(folder: Path, name: str, host: str) -> None:
    place = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    place.mkdir(parents=True)
    (place / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


@contextmanager
def engine_at(path: Path, status: int = 200) -> Iterator[str]:
    """Something that answers pings on a socket."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/_ping" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # The base class's word.
            pass

        def address_string(self) -> str:
            return "here"

    with socketserver.ThreadingUnixStreamServer(str(path), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"unix://{path}"
        finally:
            server.shutdown()


class TestCandidates:
    def test_the_usual_places_are_tried_in_order(self, tmp_path: Path) -> None:
        assert list(candidates({"XDG_RUNTIME_DIR": "/run/user/7"}, tmp_path)) == [
            Endpoint(url="unix:///var/run/docker.sock", source="the usual socket"),
            Endpoint(url="unix:///run/user/7/docker.sock", source="rootless Docker"),
            Endpoint(url=f"unix://{tmp_path}/.docker/run/docker.sock", source="Docker Desktop"),
            Endpoint(url="unix:///run/user/7/podman/podman.sock", source="rootless Podman"),
            Endpoint(url="unix:///run/podman/podman.sock", source="Podman"),
        ]

    def test_without_a_runtime_folder_the_users_is_taken(self, tmp_path: Path) -> None:
        assert f"unix:///run/user/{os.getuid()}/docker.sock" in urls({}, tmp_path)

    def test_docker_host_is_the_only_one(self, tmp_path: Path) -> None:
        add_context(tmp_path / ".docker", "far", "tcp://far:1")
        environ = {"DOCKER_HOST": "tcp://engine:2375", "DOCKER_CONTEXT": "far"}

        assert list(candidates(environ, tmp_path)) == [Endpoint(url="tcp://engine:2375", source="DOCKER_HOST")]

    def test_the_current_context_is_the_only_one(self, tmp_path: Path) -> None:
        add_context(tmp_path / ".docker", "far", "tcp://far:1")
        (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "far"}')

        assert list(candidates({}, tmp_path)) == [Endpoint(url="tcp://far:1", source="docker context 'far'")]

    def test_docker_context_comes_before_the_current_one(self, tmp_path: Path) -> None:
        for name in ("far", "near"):
            add_context(tmp_path / ".docker", name, f"tcp://{name}:1")
        (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "far"}')

        assert urls({"DOCKER_CONTEXT": "near"}, tmp_path) == ["tcp://near:1"]

    def test_docker_config_says_where_contexts_are(self, tmp_path: Path) -> None:
        add_context(tmp_path / "elsewhere", "far", "tcp://far:1")
        (tmp_path / "elsewhere" / "config.json").write_text('{"currentContext": "far"}')

        assert urls({"DOCKER_CONFIG": str(tmp_path / "elsewhere")}, tmp_path) == ["tcp://far:1"]

    @pytest.mark.parametrize("config", ["{}", "[]", "broken", '{"currentContext": "default"}', '{"currentContext": 3}'])
    def test_a_configuration_without_a_context_changes_nothing(self, tmp_path: Path, config: str) -> None:
        (tmp_path / ".docker").mkdir()
        (tmp_path / ".docker" / "config.json").write_text(config)

        assert urls({}, tmp_path)[0] == "unix:///var/run/docker.sock"

    def test_a_context_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(EngineUnreachable) as error:
            list(candidates({"DOCKER_CONTEXT": "far"}, tmp_path))

        assert str(error.value) == (
            f"docker context 'far' has no endpoint in {tmp_path / '.docker'}; run `docker context use default`"
        )


class TestProbe:
    def test_an_engine_that_answers_is_no_problem(self, tmp_path: Path) -> None:
        with engine_at(tmp_path / "s") as url:
            assert probe(url) is None

    def test_a_socket_behind_which_something_else_answers_is(self, tmp_path: Path) -> None:
        with engine_at(tmp_path / "s", status=500) as url:
            assert probe(url) == "answers 500 to a ping"

    def test_a_socket_that_is_not_there_is(self, tmp_path: Path) -> None:
        assert probe(f"unix://{tmp_path}/s") == "no such socket"

    def test_a_socket_that_nobody_listens_at_is(self, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(str(tmp_path / "s"))

        assert probe(f"unix://{tmp_path}/s") == "[Errno 111] Connection refused"

    def test_a_port_that_nobody_listens_at_is(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

        assert probe(f"tcp://127.0.0.1:{port}") == "[Errno 111] Connection refused"

    @pytest.mark.parametrize("url", ["tcp://engine:abc", "tcp://[broken"])
    def test_what_is_no_address_is(self, url: str) -> None:
        assert str(probe(url)).startswith("not an address: ")


class TestFinding:
    def test_the_one_that_answers_is_found(self, tmp_path: Path) -> None:
        with engine_at(tmp_path / "s") as url:
            assert find_endpoint({"DOCKER_HOST": url}, tmp_path) == Endpoint(url=url, source="DOCKER_HOST")

    def test_where_none_answers_the_message_says_what_was_tried_and_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(EngineUnreachable) as error:
            find_endpoint({"DOCKER_HOST": f"unix://{tmp_path}/s"}, tmp_path)

        assert str(error.value) == (
            "no container engine answers; tried\n"
            f"  unix://{tmp_path}/s (DOCKER_HOST): no such socket\n"
            "Start your Docker or Podman service, or point DOCKER_HOST at an engine; `terminalbench docs "
            "no-engine-answers` says how"
        )
