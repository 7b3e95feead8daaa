"""An engine behind TLS, as DOCKER_TLS_VERIFY and DOCKER_CERT_PATH describe it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.endpoint import client_options, probe
from pytest_terminalbench.errors import EngineUnreachable

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")


class Engine(BaseHTTPRequestHandler):
    """Answers what a client asks first: a ping, and the version."""

    def do_GET(self) -> None:
        body = b"OK" if self.path.endswith("_ping") else b'{"ApiVersion": "1.41"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # The base class names it so.
        pass


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One self-signed certificate for everybody: authority, engine and client."""
    folder = tmp_path_factory.mktemp("certificates")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [*command.split(), "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True
    )
    shutil.copy(folder / "cert.pem", folder / "ca.pem")
    return folder


@pytest.fixture
def url(certificates: Path) -> Iterator[str]:
    """An engine that takes only clients with the certificate."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def with_tls(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
    # requests, below docker-py, would take these over the authority that it is given.
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)


@pytest.mark.usefixtures("with_tls")
def test_it_is_found_and_talked_to(url: str) -> None:
    assert probe(url) is None
    assert DockerEngine(url).api.version()["ApiVersion"] == "1.41"


@pytest.mark.usefixtures("with_tls")
def test_certificates_that_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))

    with pytest.raises(EngineUnreachable) as caught:
        client_options("tcp://127.0.0.1:2376")

    assert str(caught.value) == (
        f"DOCKER_TLS_VERIFY is set, but ca.pem, cert.pem and key.pem are not all in {tmp_path}; "
        "name their folder by DOCKER_CERT_PATH"
    )


@pytest.mark.usefixtures("with_tls")
def test_a_socket_needs_no_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))

    assert client_options("unix:///var/run/docker.sock") == {}
