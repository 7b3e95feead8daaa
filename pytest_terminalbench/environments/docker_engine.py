"""A container engine through docker-py: starts containers, and looks for images and for what is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_terminalbench.environments.docker_environment import ENGINE_TIMEOUT_S, DockerEnvironment
from pytest_terminalbench.environments.endpoint import client_options
from pytest_terminalbench.environments.engine_errors import engine_errors
from pytest_terminalbench.errors import EnvironmentFailure, ImageUnavailable

if TYPE_CHECKING:
    import docker

__all__ = ["ContainerRequest", "DockerEngine"]

# Kept open for all threads of the process; each running command holds one.
CONNECTIONS = 64


@dataclass(frozen=True, kw_only=True)
class ContainerRequest:
    """What to start. Times in seconds, memory in MiB; ``lifetime_s`` is when the container ends by itself."""

    image: str
    lifetime_s: int
    workdir: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    cpus: float = 1.0
    memory_mb: int = 1024
    pids: int = 512
    network: str = "none"
    platform: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    auto_remove: bool = True


class DockerEngine:
    """One engine at one address; it has ``timeout_s`` to answer each call."""

    def __init__(self, url: str, *, timeout_s: int = ENGINE_TIMEOUT_S) -> None:
        self.url = url
        self._timeout_s = timeout_s

    @cached_property
    def api(self) -> docker.APIClient:
        import docker
        from requests.utils import get_environ_proxies

        with engine_errors("connect"):
            client = docker.APIClient(
                base_url=self.url,
                version="auto",
                timeout=self._timeout_s,
                max_pool_size=CONNECTIONS,
                **client_options(self.url),
            )
        # Once and for all: requests would go through all variables for each call, in a thread, while pytest in another
        # sets and removes one of its own; then it raises KeyError.
        client.proxies = get_environ_proxies(client.base_url, no_proxy=None)
        client.trust_env = False
        return client

    def start(self, request: ContainerRequest) -> DockerEnvironment:
        """A running container that ends by itself after ``lifetime_s`` and is then removed by the engine.

        Raises EnvironmentFailure; what was half made is removed.
        """
        memory = request.memory_mb << 20
        with engine_errors(f"start a container of {request.image}"):
            api = self.api
            host = api.create_host_config(
                auto_remove=request.auto_remove,
                init=True,
                network_mode=request.network,
                nano_cpus=round(request.cpus * 1e9),
                mem_limit=memory,
                # The same number: no swap beyond the limit.
                memswap_limit=memory,
                pids_limit=request.pids,
            )
            container = api.create_container(
                request.image,
                entrypoint=["sleep"],
                command=[str(request.lifetime_s)],
                working_dir=request.workdir,
                environment=dict(request.env),
                user=request.user,
                labels=dict(request.labels),
                host_config=host,
                platform=request.platform,
            )["Id"]
            environment = DockerEnvironment(self, container, lifetime_s=request.lifetime_s, pids=request.pids)
            try:
                api.start(container)
            except BaseException:
                environment.close()
                raise
        return environment

    def remove(self, container: str) -> None:
        """Remove a container by force (no stop: its grace period would cost ten seconds)."""
        import docker

        try:
            with engine_errors(f"remove container {container[:12]}"):
                self.api.remove_container(container, force=True, v=True)
        except EnvironmentFailure as failure:
            cause = failure.__cause__
            # Gone already, or auto-remove is at it.
            if not isinstance(cause, docker.errors.APIError) or cause.status_code not in (404, 409):
                raise

    def image(self, reference: str) -> dict[str, Any] | None:
        """What the engine knows of an image; None when it does not have it."""
        try:
            with engine_errors("look for an image"):
                image: dict[str, Any] = self.api.inspect_image(reference)  # type: ignore[no-untyped-call]
        except ImageUnavailable:
            return None
        return image

    def containers(self, label: str) -> list[dict[str, Any]]:
        """Every container, running or not, with `label` (``key`` or ``key=value``), as the engine lists them."""
        with engine_errors("list containers"):
            containers: list[dict[str, Any]] = self.api.containers(all=True, filters={"label": label})
            return containers

    def images(self, label: str) -> list[dict[str, Any]]:
        """Every image with `label`, as the engine lists them."""
        with engine_errors("list images"):
            images: list[dict[str, Any]] = self.api.images(filters={"label": label})
            return images

    def images_of_containers(self) -> set[str]:
        """The ids of the images that containers were made of, running or not, ours or not."""
        with engine_errors("list containers"):
            return {str(container["ImageID"]) for container in self.api.containers(all=True)}

    def remove_image(self, image: str, *, force: bool = False) -> None:
        """Remove an image, or one of its tags.

        Raises EnvironmentFailure for one that is in use, or the parent of another.
        """
        with engine_errors("remove an image"):
            self.api.remove_image(image, force=force)
