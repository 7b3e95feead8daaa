"""Containers through docker-py: the one module that talks to an engine."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pytest_terminalbench.environments.archive import extract, pack
from pytest_terminalbench.environments.base import ExecResult, StopReport
from pytest_terminalbench.environments.command_output import DEFAULT_OUTPUT_CAP, BoundedOutput, Demultiplexer
from pytest_terminalbench.environments.endpoint import client_options
from pytest_terminalbench.environments.kill_scripts import KILL_SESSION, MARKER, STOP_AGENT, parse_stop_report
from pytest_terminalbench.errors import (
    EngineUnreachable,
    EnvironmentFailure,
    EnvironmentLost,
    ImageUnavailable,
    TooMuchToCopy,
)

if TYPE_CHECKING:
    import docker

__all__ = ["ContainerRequest", "DockerEngine", "DockerEnvironment"]

# Creating and removing took under a second on every machine seen; past this the engine hangs.
ENGINE_TIMEOUT_S = 120
# Kept open for all threads of the process; each running command holds one.
CONNECTIONS = 64
# The kill script needs some 50 ms; against a bomb of 512 processes on one CPU it took 6 s.
KILL_TIMEOUT_S = 20.0
# After the main process of a command has ended, output already on its way still arrives this late.
DRAIN_S = 0.2
# How late the engine may book a command's end, or a container's; milliseconds, except on a machine whose disk is busy.
BOOKING_S = 15.0
DYING_S = 1.0
# What a trial may copy out of a container: a build tree, not a disk.
MAX_COPY_BYTES = 1 << 30


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

        with engine_errors("connect"):
            return docker.APIClient(
                base_url=self.url,
                version="auto",
                timeout=self._timeout_s,
                max_pool_size=CONNECTIONS,
                **client_options(self.url),
            )

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
                found: dict[str, Any] = self.api.inspect_image(reference)  # type: ignore[no-untyped-call]
        except ImageUnavailable:
            return None
        return found

    def containers(self, label: str) -> list[dict[str, Any]]:
        """Every container, running or not, with `label` (``key`` or ``key=value``), as the engine lists them."""
        with engine_errors("list containers"):
            found: list[dict[str, Any]] = self.api.containers(all=True, filters={"label": label})
            return found

    def images(self, label: str) -> list[dict[str, Any]]:
        """Every image with `label`, as the engine lists them."""
        with engine_errors("list images"):
            found: list[dict[str, Any]] = self.api.images(filters={"label": label})
            return found

    def remove_image(self, image: str, *, force: bool = False) -> None:
        """Remove an image; raises EnvironmentFailure for one that is in use, or the parent of another."""
        with engine_errors("remove an image"):
            self.api.remove_image(image, force=force)


class DockerEnvironment:
    """A running container. Safe to use from one thread at a time; `close` from any."""

    def __init__(self, engine: DockerEngine, container: str, *, lifetime_s: int, pids: int) -> None:
        self.engine = engine
        self.container = container
        self._lifetime_s = lifetime_s
        self._pids = pids
        self._started_at = time.time()
        self._ended_for_agent = False

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = 60.0,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: str | None = None,
        output_cap: int = DEFAULT_OUTPUT_CAP,
    ) -> ExecResult:
        """Run `argv` and wait for it; see `Environment.run`. `output_cap` is in bytes, per stream."""
        began = time.monotonic()
        marker = f"{MARKER}={uuid.uuid4().hex}"
        command = _Command(self, self._exec_create(argv, [marker, *_pairs(env)], cwd, user), output_cap)
        problem = self._exec_start(command)
        if problem is not None:
            return self._not_started(problem, began)
        timed_out = not command.wait(began + timeout_s)
        if timed_out:
            self._kill_session(marker)
            command.wait_for_end(KILL_TIMEOUT_S)
        result = ExecResult(
            exit_code=None if timed_out else command.exit_code(),
            stdout=command.stdout.text(),
            stderr=command.stderr.text(),
            duration_s=time.monotonic() - began,
            timed_out=timed_out,
            truncated=command.stdout.truncated or command.stderr.truncated,
        )
        problem = _problem_in_output(result)
        return result if problem is None else self._not_started(problem, began)

    def _not_started(self, problem: _StartProblem, began: float) -> ExecResult:
        """The result of a command that the runtime could not start, unless the container itself is to blame."""
        if not self._stays(DYING_S if "stopped" in problem.text else 0.0):
            raise EnvironmentLost(f"run a command: container {self.container[:12]} is gone ({problem.text})")
        return ExecResult(
            exit_code=problem.exit_code, stdout="", stderr=problem.text, duration_s=time.monotonic() - began
        )

    def _exec_create(self, argv: Sequence[str], env: list[str], cwd: str | None, user: str | None) -> str:
        with self._container_errors("run a command"):
            created = self.engine.api.exec_create(
                self.container, list(argv), environment=env, workdir=cwd, user=user or ""
            )
            return str(created["Id"])

    def _exec_start(self, command: _Command) -> _StartProblem | None:
        import docker

        try:
            with self._container_errors("run a command"):
                command.start()
        except EnvironmentFailure as failure:
            cause = failure.__cause__
            if isinstance(cause, docker.errors.APIError) and (problem := _start_problem(str(cause.explanation))):
                return problem
            raise
        return None

    def _kill_session(self, marker: str) -> None:
        """Kill what the marked command started; where even that cannot run, the container ends."""
        if not self._run_own_script(KILL_SESSION, [marker]).ok:
            # What ran inside left no room for it: as if it had ended the container itself.
            self._ended_for_agent = True
            self.close()

    def _run_own_script(self, script: str, arguments: Sequence[str]) -> ExecResult:
        """Run one of our scripts as root; not ok when the container does not let it run to its end."""
        command = ["sh", "-c", script, "terminalbench", *arguments]
        result = self._run_as_root(command)
        if not result.ok:
            # At its limit of processes a container refuses ours as well.
            self._set_pids_limit(self._pids + 64)
            result = self._run_as_root(command)
        return result

    def _run_as_root(self, argv: Sequence[str]) -> ExecResult:
        command = _Command(self, self._exec_create(argv, [], "/", "0:0"), DEFAULT_OUTPUT_CAP)
        began = time.monotonic()
        problem = self._exec_start(command)
        if problem is not None:
            return self._not_started(problem, began)
        in_time = command.wait(began + KILL_TIMEOUT_S)
        return ExecResult(
            exit_code=command.exit_code() if in_time else None,
            stdout=command.stdout.text(),
            stderr=command.stderr.text(),
            duration_s=time.monotonic() - began,
            timed_out=not in_time,
        )

    def _set_pids_limit(self, pids: int) -> None:
        with self._container_errors("raise the limit of processes"):
            api = self.engine.api
            # docker-py's update_container does not know this limit.
            response = api.post(
                f"{api.base_url}/v{api.api_version}/containers/{self.container}/update", json={"PidsLimit": pids}
            )
            _check(response)

    def put(self, files: Mapping[str, bytes | Path], *, root: str = "/") -> None:
        """Write files into the container; see `Environment.put`."""
        with self._container_errors("copy files in"):
            self.engine.api.put_archive(self.container, root, pack(files))

    def get(self, path: str, target: Path, *, max_bytes: int = MAX_COPY_BYTES) -> bool:
        """Copy out; see `Environment.get`."""
        archive = self.export(path)
        if archive is None:
            return False
        with self._container_errors("copy files out"):
            extract(archive, target, max_bytes=max_bytes)
        return True

    def export(self, path: str) -> Iterator[bytes] | None:
        """A tar stream; see `Environment.export`."""
        import docker

        try:
            with self._container_errors("copy files out"):
                stream, _ = self.engine.api.get_archive(self.container, path)
        except EnvironmentFailure as failure:
            cause = failure.__cause__
            if isinstance(cause, docker.errors.NotFound) and "No such container" not in str(cause.explanation):
                return None
            raise
        chunks: Iterator[bytes] = iter(stream)
        return chunks

    def replace(self, path: str, archive: Iterator[bytes] | None) -> None:
        """Replace `path`; see `Environment.replace`."""
        parent = path.rstrip("/").rpartition("/")[0] or "/"
        script = 'rm -rf -- "$1" && mkdir -p -- "$2"'
        removed = self.run(["sh", "-c", script, "terminalbench", path, parent], cwd="/", user="0:0")
        if not removed.ok:
            raise EnvironmentFailure(f"cannot empty {path} in the verifier's container: {removed.stderr.strip()}")
        if archive is None:
            return
        with tempfile.SpooledTemporaryFile(max_size=32 << 20) as spool, self._container_errors("copy files in"):
            _spool(archive, spool, path)
            self.engine.api.put_archive(self.container, parent, spool)

    def stop_agent(self, *, keep: Sequence[str] = (), remove: Sequence[str] = ()) -> StopReport:
        """Kill the agent's processes; see `Environment.stop_agent`."""
        result = self._run_own_script(STOP_AGENT, [str(self._lifetime_s), *keep, "--", *remove])
        if result.ok:
            return parse_stop_report(result.stdout)
        # The shell's words, or the runtime's.
        is_full = any(words in result.stdout + result.stderr for words in ("fork", "temporarily unavailable"))
        return StopReport(unstoppable=True, pids_refused=1 if is_full else None)

    def close(self) -> None:
        """Remove the container."""
        self.engine.remove(self.container)

    def why_gone(self) -> str | None:
        """Why the container is no longer running, from the engine's own events; None while it runs.

        ``agent``: its main process ended by what ran inside (killed, or out of memory), or it had to be ended because
        what ran inside could not be; ``engine``: somebody outside killed or removed it, it reached its deadline, or the
        engine died.
        """
        try:
            if self._stays(DYING_S):
                return None
            return "agent" if self._ended_for_agent or self._ended_from_inside() else "engine"
        except EnvironmentFailure:
            return "engine"

    def _stays(self, seconds: float) -> bool:
        """Whether it runs, and still does so after `seconds`."""
        until = time.monotonic() + seconds
        while self._is_running():
            if time.monotonic() >= until:
                return True
            time.sleep(0.05)
        return False

    def _is_running(self) -> bool:
        try:
            with self._container_errors("look at a container"):
                return bool(self.engine.api.inspect_container(self.container)["State"]["Running"])
        except EnvironmentLost:
            return False

    def _ended_from_inside(self) -> bool:
        with engine_errors("read the engine's events"):
            events = [
                event
                for event in self.engine.api.events(
                    since=int(self._started_at) - 1,
                    until=int(time.time()) + 1,
                    filters={"container": self.container},
                    decode=True,
                )
                if event.get("id") == self.container
            ]
        actions = {str(event.get("Action", "")) for event in events}
        codes = [event["Actor"]["Attributes"].get("exitCode") for event in events if event.get("Action") == "die"]
        # Signals sent from inside are no `kill` event; the deadline of the main process is exit code 0.
        return "die" in actions and "kill" not in actions and codes[-1:] != ["0"]

    @contextmanager
    def _container_errors(self, doing: str) -> Iterator[None]:
        import docker

        try:
            with engine_errors(doing):
                yield
        except EnvironmentFailure as failure:
            cause = failure.__cause__
            if isinstance(cause, docker.errors.APIError) and _says_gone(str(cause.explanation)):
                raise EnvironmentLost(f"{doing}: container {self.container[:12]} is gone") from cause
            raise


class _Command:
    """One exec: a thread reads its stream while we wait with a deadline (docker-py's exec knows none)."""

    def __init__(self, environment: DockerEnvironment, exec_id: str, output_cap: int) -> None:
        self.stdout = BoundedOutput(output_cap)
        self.stderr = BoundedOutput(output_cap)
        self._environment = environment
        self._exec_id = exec_id
        self._api = environment.engine.api
        self._ended = threading.Event()

    def start(self) -> None:
        # Asked for without an upgrade of the connection: docker-py reads an upgraded one past the buffer that took
        # the header, and loses output that came in the same packet.
        response = self._api.post(
            f"{self._api.base_url}/v{self._api.api_version}/exec/{self._exec_id}/start",
            json={"Detach": False, "Tty": False},
            stream=True,
            timeout=(ENGINE_TIMEOUT_S, None),
        )
        _check(response)
        threading.Thread(target=self._read, args=[response], daemon=True).start()

    def _read(self, response: Any) -> None:
        demultiplexer = Demultiplexer(self.stdout, self.stderr)
        try:
            while data := response.raw.read1(1 << 16):
                demultiplexer.feed(data)
        except Exception:  # noqa: BLE001 - any broken stream means the same: no more output; the exit code tells why.
            pass
        finally:
            response.close()
            self._ended.set()

    def wait(self, until: float) -> bool:
        """Wait for the end; False at the deadline `until` (monotonic clock)."""
        step = 0.2
        while not self._ended.wait(max(0.0, min(step, until - time.monotonic()))):
            # A background process that inherited the output keeps the stream open after the command has ended.
            if not self._state()["Running"]:
                self._ended.wait(DRAIN_S)
                return True
            if time.monotonic() >= until:
                return False
            step = min(step * 1.5, 1.0)
        return True

    def wait_for_end(self, timeout_s: float) -> None:
        """After a kill: let what was written before it arrive."""
        self.wait(time.monotonic() + timeout_s)

    def exit_code(self) -> int:
        """The exit code; the engine books it a moment after the stream has ended."""
        until = time.monotonic() + BOOKING_S
        while time.monotonic() < until:
            state = self._state()
            if not state["Running"] and state["ExitCode"] is not None:
                return int(state["ExitCode"])
            time.sleep(0.01)
        raise EnvironmentLost("the engine did not say how a command ended")

    def _state(self) -> dict[str, Any]:
        with self._environment._container_errors("watch a command"):
            found: dict[str, Any] = self._api.exec_inspect(self._exec_id)
            return found


@dataclass(frozen=True, kw_only=True)
class _StartProblem:
    exit_code: int
    text: str


# How an engine begins to say that a command did not start. Newer ones answer the request with it, older ones write it
# where the command's output would be.
_NOT_STARTED = ("OCI runtime exec failed", "cannot exec in a stopped", "unable to find user")


def _start_problem(text: str) -> _StartProblem | None:
    """A command that the runtime could not start is a result of the command, as a shell would give it."""
    missing = "executable file not found" in text or "no such file or directory" in text
    if missing and "chdir to cwd" not in text:
        return _StartProblem(exit_code=127, text=text)
    known = (*_NOT_STARTED, "permission denied", "resource temporarily unavailable")
    return _StartProblem(exit_code=126, text=text) if missing or any(words in text for words in known) else None


def _problem_in_output(result: ExecResult) -> _StartProblem | None:
    """A command may print the same words and end with the same code; then the text moves to stderr, and no more."""
    if result.exit_code in (126, 127) and not result.stderr and result.stdout.startswith(_NOT_STARTED):
        return _start_problem(result.stdout.strip())
    return None


def _says_gone(text: str) -> bool:
    return any(words in text for words in ("is not running", "No such container", "No such exec"))


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
        raise EnvironmentFailure(f"{doing}: {error.explanation or error}{_hint(str(error))}") from error
    except docker.errors.DockerException as error:
        raise EngineUnreachable(f"{doing}: {error}") from error
    except requests.exceptions.Timeout as error:
        raise EngineUnreachable(f"{doing}: the engine did not answer in time ({error})") from error
    # urllib3's come through where an answer is read piece by piece.
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise EngineUnreachable(f"{doing}: the engine does not answer ({error})") from error


def _check(response: Any) -> None:
    import docker
    import requests

    try:
        response.raise_for_status()
    except requests.exceptions.HTTPError as error:
        docker.errors.create_api_error_from_http_exception(error)


def _hint(message: str) -> str:
    if "no space left" in message:
        return "\nFree some disk: `terminalbench images prune` and `terminalbench gc` remove what is ours"
    if "Range of CPUs" in message:
        return "\nThe scenario asks for more CPUs than this machine has"
    return ""


def _pairs(env: Mapping[str, str] | None) -> list[str]:
    return [f"{key}={value}" for key, value in (env or {}).items()]


def _spool(archive: Iterator[bytes], spool: IO[bytes], path: str) -> None:
    copied = 0
    for chunk in archive:
        copied += len(chunk)
        if copied > MAX_COPY_BYTES:
            raise TooMuchToCopy(f"{path} holds more than {MAX_COPY_BYTES >> 20} MiB; collect less of it")
        spool.write(chunk)
    spool.seek(0)
