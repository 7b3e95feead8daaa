"""A running container through docker-py: its commands, their time-outs, its files, and why it ended."""

from __future__ import annotations

import re
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from pytest_terminalbench.environments.archive import extract, pack
from pytest_terminalbench.environments.base import ExecResult, StopReport
from pytest_terminalbench.environments.command_output import DEFAULT_OUTPUT_CAP, BoundedOutput
from pytest_terminalbench.environments.engine_errors import check_response, engine_errors, engine_message
from pytest_terminalbench.environments.exec_stream import Command
from pytest_terminalbench.environments.failure import (
    ContainerEvent,
    ContainerState,
    StartProblem,
    says_gone,
    start_problem,
    start_problem_in_output,
    who_ended,
)
from pytest_terminalbench.environments.kill_scripts import (
    KILL_SESSION,
    MARKER,
    RECORD_LEADER,
    STOP_AGENT,
    parse_kill_count,
    parse_stop_report,
)
from pytest_terminalbench.errors import EnvironmentFailure, EnvironmentLost, TooMuchToCopy

if TYPE_CHECKING:
    import docker

__all__ = ["DockerEnvironment"]

# Creating and removing took under a second on every machine seen; past this the engine hangs.
ENGINE_TIMEOUT_S = 120
# The kill script needs some 50 ms; against a bomb of 512 processes on one CPU it took 6 s.
KILL_TIMEOUT_S = 20.0
# How late the engine may book a container's end; milliseconds, except on a machine whose disk is busy.
DYING_S = 1.0
# What a trial may copy out of a container: a build tree, not a disk.
MAX_COPY_BYTES = 1 << 30
# Variables of other names (``server.port``) do not get through a shell; dash and busybox leave them out.
_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Engine(Protocol):
    """What a container needs of the engine that it runs on."""

    @property
    def api(self) -> docker.APIClient: ...

    def remove(self, container: str) -> None:
        """Remove a container by force; one that is gone already is no error. Raises EnvironmentFailure."""


class DockerEnvironment:
    """A running container. It takes commands from several threads at the same time."""

    def __init__(self, engine: Engine, container: str, *, lifetime_s: int, pids: int) -> None:
        self.engine = engine
        self.container = container
        self._lifetime_s = lifetime_s
        self._pids = pids
        self._started_at = time.time()
        self._ended_for_agent = False
        self._last_state: ContainerState | None = None

    # -- commands ----------------------------------------------------------------------------------------------------

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
        if not argv:
            raise ValueError("there is no command to run: argv is empty")
        began = time.monotonic()
        token = uuid.uuid4().hex

        def attempt(line: Sequence[str], recorded_by: str | None) -> ExecResult | StartProblem:
            variables = [f"{MARKER}={token}", *_pairs(env)]
            command = self._command(self._exec_create(line, variables, cwd, user), output_cap, recorded_by)
            return self._run(command, marker=variables[0], began=began, timeout_s=timeout_s)

        outcome: ExecResult | StartProblem | None = None
        if self._keeps_names(env):
            outcome = attempt([*RECORD_LEADER, token, *argv], token)
        # Where there is no shell to tell the leader, the command may start all the same; and where it does not, the
        # runtime's words are about the command.
        if not isinstance(outcome, ExecResult):
            outcome = attempt(argv, None)
        return outcome if isinstance(outcome, ExecResult) else self._not_started(outcome, began)

    def terminal(self, argv: Sequence[str], *, timeout_s: float, env: Mapping[str, str] | None = None) -> ExecResult:
        """Run `argv` with this process's terminal; see `HasTerminal.terminal`."""
        import docker

        from pytest_terminalbench.environments.terminal import converse

        api = self.engine.api
        began = time.monotonic()
        printed = BoundedOutput()
        with self._container_errors("open a terminal"):
            exec_id = api.exec_create(self.container, list(argv), stdin=True, tty=True, environment=_pairs(env))["Id"]
            connection = api.exec_start(exec_id, tty=True, socket=True)

        def resize(rows: int, columns: int) -> None:
            # The command may have ended just now.
            with suppress(docker.errors.APIError):
                api.exec_resize(exec_id, height=rows, width=columns)

        with _closing(connection):
            in_time = converse(connection, resize=resize, printed=printed, timeout_s=timeout_s)
        with self._container_errors("close a terminal"):
            exit_code = api.exec_inspect(exec_id)["ExitCode"]
        return ExecResult(
            exit_code=exit_code if in_time else None,
            stdout=printed.text(),
            stderr="",
            duration_s=time.monotonic() - began,
            timed_out=not in_time,
            truncated=printed.dropped > 0,
        )

    def _keeps_names(self, env: Mapping[str, str] | None) -> bool:
        """Whether a command's variables all survive a shell."""
        return self._image_names_fit and all(_SHELL_NAME.fullmatch(name) for name in env or {})

    @cached_property
    def _image_names_fit(self) -> bool:
        with self._container_errors("look at a container"):
            config = self.engine.api.inspect_container(self.container)["Config"]
        names = [pair.partition("=")[0] for pair in config.get("Env") or ()]
        return all(_SHELL_NAME.fullmatch(name) for name in names)

    def _run(self, command: Command, *, marker: str, began: float, timeout_s: float) -> ExecResult | StartProblem:
        problem = self._start(command)
        if problem is not None:
            return problem
        timed_out = not command.wait(began + timeout_s)
        if timed_out:
            self._kill(command, marker)
            # What was written before arrives.
            command.wait(time.monotonic() + KILL_TIMEOUT_S)
        result = ExecResult(
            exit_code=None if timed_out else command.exit_code(),
            stdout=command.stdout.text(),
            stderr=command.stderr.text(),
            duration_s=time.monotonic() - began,
            timed_out=timed_out,
            truncated=command.is_truncated,
        )
        # One that has told its leader did start, whatever it printed after that.
        if timed_out or command.leader() is not None:
            return result
        return start_problem_in_output(result.exit_code, result.stdout, result.stderr) or result

    def _command(self, exec_id: str, output_cap: int, token: str | None) -> Command:
        api = self.engine.api
        return Command(api, exec_id, errors=self._container_errors, output_cap=output_cap, token=token)

    def _exec_create(self, argv: Sequence[str], env: list[str], cwd: str | None, user: str | None) -> str:
        with self._container_errors("run a command"):
            created = self.engine.api.exec_create(
                self.container, list(argv), environment=env, workdir=cwd, user=user or ""
            )
            return str(created["Id"])

    def _start(self, command: Command) -> StartProblem | None:
        try:
            command.start()
        except EnvironmentLost:
            raise
        except EnvironmentFailure as failure:
            problem = start_problem(engine_message(failure) or "")
            if problem is None:
                raise
            return problem
        return None

    def _not_started(self, problem: StartProblem, began: float) -> ExecResult:
        """The result of a command that the runtime could not start, unless the container itself is to blame."""
        if not self._stays(DYING_S if problem.is_stopped else 0.0):
            raise EnvironmentLost(f"run a command: container {self.container[:12]} is gone ({problem.text})")
        return ExecResult(
            exit_code=problem.exit_code, stdout="", stderr=problem.text, duration_s=time.monotonic() - began
        )

    def _kill(self, command: Command, marker: str) -> None:
        """Kill what the command started, and nothing else; where that cannot be done, the container ends."""
        report = self._run_own_script(KILL_SESSION, [marker, str(command.leader() or 0)])
        if report.ok and (parse_kill_count(report.stdout) or command.wait(time.monotonic() + DYING_S)):
            return
        # What ran inside left no room for it, or no trace: as if it had ended the container itself.
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
        command = self._command(self._exec_create(argv, [], "/", "0:0"), DEFAULT_OUTPUT_CAP, None)
        began = time.monotonic()
        problem = self._start(command)
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
            check_response(response)

    # -- files -------------------------------------------------------------------------------------------------------

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
        except EnvironmentLost:
            raise
        except EnvironmentFailure as failure:
            if isinstance(failure.__cause__, docker.errors.NotFound):
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

    # -- the end -----------------------------------------------------------------------------------------------------

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
        """Why the container is no longer running; None while it runs.

        ``agent``: its main process ended by what ran inside (killed, or out of memory), or it had to be ended because
        what ran inside could not be; ``engine``: somebody outside killed or removed it, it reached its deadline, or the
        engine died.
        """
        try:
            if self._stays(DYING_S):
                return None
            return "agent" if self._ended_for_agent else who_ended(self._last_state, self._events())
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
                state = self.engine.api.inspect_container(self.container)["State"]
        except EnvironmentLost:
            return False
        if state["Running"]:
            return True
        # The engine removes it in a moment, and with it what it says of its end.
        self._last_state = ContainerState(
            exit_code=int(state["ExitCode"]),
            oom_killed=bool(state.get("OOMKilled")),
            error=str(state.get("Error") or ""),
        )
        return False

    def _events(self) -> list[ContainerEvent]:
        with engine_errors("read the engine's events"):
            stream = self.engine.api.events(
                since=int(self._started_at) - 1,
                until=int(time.time()) + 1,
                filters={"container": self.container},
                decode=True,
            )
            return [_event(event) for event in stream if event.get("id") == self.container]

    @contextmanager
    def _container_errors(self, doing: str) -> Iterator[None]:
        try:
            with engine_errors(doing):
                yield
        except EnvironmentFailure as failure:
            if says_gone(engine_message(failure) or ""):
                raise EnvironmentLost(f"{doing}: container {self.container[:12]} is gone") from failure.__cause__
            raise


@contextmanager
def _closing(connection: Any) -> Iterator[None]:
    """Close what docker-py gives for a terminal: a socket, or a file around one, which alone would leave it open."""
    sock = getattr(connection, "_sock", connection)
    try:
        yield
    finally:
        connection.close()
        sock.close()


def _event(event: Mapping[str, Any]) -> ContainerEvent:
    exit_code = event.get("Actor", {}).get("Attributes", {}).get("exitCode")
    return ContainerEvent(action=str(event.get("Action", "")), exit_code=None if exit_code is None else int(exit_code))


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
