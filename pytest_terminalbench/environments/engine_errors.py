"""What docker-py and its HTTP libraries raise, as our errors."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from pytest_terminalbench.environments.failure import hint
from pytest_terminalbench.errors import EngineUnreachable, EnvironmentFailure, ImageUnavailable

__all__ = ["check_response", "engine_errors", "engine_message"]


@contextmanager
def engine_errors(doing: str) -> Generator[None]:
    """Turn what docker-py and its HTTP libraries raise into our errors, with what was being done."""
    import docker
    import requests
    import urllib3

    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise ImageUnavailable(f"{doing}: {error.explanation}") from error
    except docker.errors.APIError as error:
        message = str(error.explanation or error)
        raise EnvironmentFailure(f"{doing}: {message}{hint(message)}") from error
    except docker.errors.DockerException as error:
        raise EngineUnreachable(f"{doing}: {error}") from error
    except requests.exceptions.Timeout as error:
        raise EngineUnreachable(f"{doing}: the engine did not answer in time ({error})") from error
    # urllib3's come through where an answer is read piece by piece.
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise EngineUnreachable(f"{doing}: the engine does not answer ({error})") from error


def engine_message(failure: EnvironmentFailure) -> str | None:
    """What the engine itself answered; None where `failure` has another cause."""
    import docker

    cause = failure.__cause__
    return str(cause.explanation) if isinstance(cause, docker.errors.APIError) else None


def check_response(response: Any) -> None:
    """Raise docker-py's error for an answer to a request that was made past its own methods."""
    import docker
    import requests

    try:
        response.raise_for_status()
    except requests.exceptions.HTTPError as error:
        docker.errors.create_api_error_from_http_exception(error)
