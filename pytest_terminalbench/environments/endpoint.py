"""Which container engine answers: DOCKER_HOST, the current context, the usual sockets, rootless ones, Podman's."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_terminalbench.errors import EngineUnreachable

__all__ = ["Endpoint", "candidates", "client_options", "find_endpoint", "probe"]

# A local engine answers a ping in a millisecond; one that needs longer is stuck.
PING_TIMEOUT_S = 5.0
# Docker's own, where an address over TCP names none.
DEFAULT_PORT = 2375


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An engine's address and who named it."""

    url: str
    source: str


def candidates(environ: Mapping[str, str], home: Path) -> Iterator[Endpoint]:
    """Every address worth trying, best first; one that was named on purpose is the only one."""
    if environ.get("DOCKER_HOST"):
        yield Endpoint(url=environ["DOCKER_HOST"], source="DOCKER_HOST")
        return
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    context = environ.get("DOCKER_CONTEXT") or _current_context(folder)
    if context and context != "default":
        yield Endpoint(url=_context_host(folder, context), source=f"docker context {context!r}")
        return
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    yield Endpoint(url="unix:///var/run/docker.sock", source="the usual socket")
    yield Endpoint(url=f"unix://{runtime}/docker.sock", source="rootless Docker")
    yield Endpoint(url=f"unix://{home}/.docker/run/docker.sock", source="Docker Desktop")
    yield Endpoint(url=f"unix://{runtime}/podman/podman.sock", source="rootless Podman")
    yield Endpoint(url="unix:///run/podman/podman.sock", source="Podman")


def find_endpoint(environ: Mapping[str, str] | None = None, home: Path | None = None) -> Endpoint:
    """The first engine that answers; raises EngineUnreachable listing what was tried and how each failed."""
    tried: list[str] = []
    for endpoint in candidates(os.environ if environ is None else environ, home or Path.home()):
        problem = probe(endpoint.url)
        if problem is None:
            return endpoint
        tried.append(f"  {endpoint.url} ({endpoint.source}): {problem}")
    raise EngineUnreachable(
        "no container engine answers; tried\n"
        + "\n".join(tried)
        + "\nStart your Docker or Podman service, or point DOCKER_HOST at an engine; `terminalbench docs "
        "no-engine-answers` says how"
    )


def probe(url: str) -> str | None:
    """None when the engine at `url` answers a ping, else what went wrong."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "unix":
            return _ping(_UnixConnection(parts.path))
        # TLS and SSH need docker-py's own machinery, so they are only tried for real.
        if parts.scheme in ("tcp", "http") and not os.environ.get("DOCKER_TLS_VERIFY"):
            host, port = parts.hostname or "localhost", parts.port or DEFAULT_PORT
            return _ping(http.client.HTTPConnection(host, port, timeout=PING_TIMEOUT_S))
        return _ping_by_docker(url)
    except FileNotFoundError:
        return "no such socket"
    except ValueError as error:
        return f"not an address: {error}"
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__


def client_options(url: str) -> dict[str, Any]:
    """What docker-py's client needs besides the address: TLS, where DOCKER_TLS_VERIFY asks for it.

    Raises EngineUnreachable when the certificates are not there.
    """
    if not os.environ.get("DOCKER_TLS_VERIFY") or urlsplit(url).scheme not in ("tcp", "http", "https"):
        return {}
    from docker.errors import TLSParameterError
    from docker.utils import kwargs_from_env

    try:
        return {"tls": kwargs_from_env()["tls"]}
    except TLSParameterError:
        place = os.environ.get("DOCKER_CERT_PATH") or "~/.docker"
        raise EngineUnreachable(
            f"DOCKER_TLS_VERIFY is set, but ca.pem, cert.pem and key.pem are not all in {place}; "
            "name their folder by DOCKER_CERT_PATH"
        ) from None


def _ping(connection: http.client.HTTPConnection) -> str | None:
    try:
        connection.request("GET", "/_ping")
        status = connection.getresponse().status
    finally:
        connection.close()
    return None if status == 200 else f"answers {status} to a ping"


def _ping_by_docker(url: str) -> str | None:
    import docker

    try:
        docker.APIClient(base_url=url, timeout=int(PING_TIMEOUT_S), **client_options(url)).ping()
    except (docker.errors.DockerException, EngineUnreachable) as error:
        return str(error)
    return None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PING_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _current_context(folder: Path) -> str | None:
    try:
        name = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("currentContext")
    except (OSError, ValueError, AttributeError):
        return None
    return name if isinstance(name, str) else None


def _context_host(folder: Path, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()
    try:
        meta = json.loads((folder / "contexts" / "meta" / digest / "meta.json").read_text(encoding="utf-8"))
        return str(meta["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError):
        raise EngineUnreachable(
            f"docker context {name!r} has no endpoint in {folder}; run `docker context use default`"
        ) from None
