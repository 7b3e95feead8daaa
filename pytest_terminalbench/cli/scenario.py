"""`terminalbench scenario …`"""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pytest_terminalbench.cli.output import say, shown_path
from pytest_terminalbench.cli.project import (
    ImageMapOption,
    ResultsOption,
    baselines_folder,
    catalog,
    chosen_image_map,
    configured,
    project,
    results_folder,
)
from pytest_terminalbench.errors import EngineUnreachable, EnvironmentFailure, SettingsError
from pytest_terminalbench.exit_codes import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_VOID_RATE

if TYPE_CHECKING:
    from pytest_terminalbench.cells.bench_settings import BenchSettings
    from pytest_terminalbench.scenarios.model import Scenario
    from pytest_terminalbench.trials.result import TrialResult

__all__ = ["app"]

# A day: the container is there for as long.
MAX_MINUTES = 24 * 60

app = typer.Typer(help="Single scenarios.", no_args_is_help=True)


@app.callback()
def _scenario() -> None:
    """Single scenarios."""


@app.command("shell")
def shell(
    name: Annotated[str, typer.Argument(metavar="ID", help="The scenario: ID, or DATASET/ID.")],
    *,
    minutes: Annotated[
        float, typer.Option("--minutes", metavar="M", help="How long you have.", min=0.1, max=MAX_MINUTES)
    ] = 60.0,
    environment: Annotated[
        str | None, typer.Option("--env", metavar="NAME", help="What provides the environment, as --tb-env.")
    ] = None,
    results: ResultsOption = None,
    image_map: ImageMapOption = None,
) -> None:
    """Solve a scenario by hand, and be judged as an agent is.

    Opens a shell in the scenario's container, as agents have it. Where standard
    input is no terminal, it is the script that is run there. Exit codes: 0 solved,
    1 unsolved, 22 void, 4 a wrong command line, 130 interrupted.
    """
    from pytest_terminalbench.sessions.by_hand import try_by_hand

    scenario = _find(name)
    settings = _settings(environment=environment, results=results, image_map=image_map)
    _check_writable(settings.results)
    say(f"{scenario.dataset}/{scenario.id}: preparing its environment")
    try:
        with _ended_by_signals():
            result = try_by_hand(settings, scenario, agent_s=minutes * 60)
    except EngineUnreachable:
        raise
    except EnvironmentFailure as failure:
        say(f"void: {failure}")
        raise typer.Exit(EXIT_VOID_RATE) from None
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    raise typer.Exit(_report(result, settings.results / result.run_id / result.folder))


def _find(name: str) -> Scenario:
    """The scenario that is called so; raises SettingsError naming the nearest for none, and all for several."""
    from pytest_terminalbench.naming import nearest
    from pytest_terminalbench.scenarios.formats import load_scenario, scenario_files, scenario_id

    dataset_name, _, wanted = name.rpartition("/")
    known = catalog()
    datasets = [known.find(dataset_name, asked="dataset")] if dataset_name else known.datasets()
    ids = [(dataset, scenario_id(file), file) for dataset in datasets for file in scenario_files(dataset.folder)]
    found = [(dataset, file) for dataset, known_id, file in ids if known_id == wanted]
    if len(found) > 1:
        names = ", ".join(f"{dataset.name}/{wanted}" for dataset, _ in found)
        raise SettingsError(f"several datasets have a scenario {wanted!r}: name one of {names}")
    if not found:
        where = ", ".join(dataset.name for dataset in datasets) or "no dataset"
        raise SettingsError(
            f"there is no scenario {wanted!r}{nearest(wanted, [known_id for _, known_id, _ in ids])}; searched: {where}"
        )
    ((dataset, file),) = found
    return load_scenario(file, dataset=dataset.name)


def _settings(*, environment: str | None, results: Path | None, image_map: Path | None) -> BenchSettings:
    """As a session of the project would have them: the command line wins over the ini file."""
    from pytest_terminalbench.cells.bench_settings import BenchSettings

    return BenchSettings(
        root=project().root,
        baselines=baselines_folder(None),
        results=results_folder(results),
        environment=environment or configured("tb_env"),
        network="none" if configured("tb_network") == "none" else None,
        image_map=chosen_image_map(image_map),
        timeout_multiplier=_timeout_multiplier(),
    )


def _timeout_multiplier() -> float:
    from pytest_terminalbench.cells.bench_settings import MIN_TIMEOUT_MULTIPLIER

    text = configured("tb_timeout_multiplier") or "1"
    try:
        multiplier = float(text)
    except ValueError:
        multiplier = math.nan
    if not (MIN_TIMEOUT_MULTIPLIER <= multiplier < math.inf):
        raise SettingsError(f"tb_timeout_multiplier {text!r} is not a number of at least {MIN_TIMEOUT_MULTIPLIER:g}")
    return multiplier


def _check_writable(results: Path) -> None:
    """Make the folder of results; raises SettingsError where nothing can be written there."""
    from tempfile import TemporaryFile

    try:
        # Where a file is called so, the next line says it better.
        with suppress(FileExistsError):
            results.mkdir(parents=True)
        TemporaryFile(dir=results).close()
    except OSError as error:
        raise SettingsError(f"--results: {results} cannot be written: {error.strerror or error}") from None


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a closed terminal, or a kill, end it as Ctrl-C does: the container is removed. The terminal stays usable."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGHUP, signal.SIGTERM)}
    terminal = _terminal_state()
    try:
        yield
    finally:
        _restore(terminal)
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminal_state() -> list[Any] | None:
    """None where standard input is no terminal."""
    import termios

    from pytest_terminalbench.agents.human import is_at_terminal

    return termios.tcgetattr(sys.stdin.fileno()) if is_at_terminal() else None


def _restore(terminal: list[Any] | None) -> None:
    """Who is interrupted leaves a thread behind that had the terminal in its own mode."""
    import termios

    if terminal is not None:
        try:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, terminal)
        except (OSError, termios.error):
            pass  # The window was closed.


def _report(result: TrialResult, folder: Path) -> int:
    """Print the verdict; the exit code for it."""
    from pytest_terminalbench.outcome import Solved, Void, outcome_name

    outcome = result.outcome
    typer.echo(f"{outcome_name(outcome)}{f': {outcome.reason}' if outcome.reason else ''}")
    for name, word in result.checks.items():
        message = result.messages.get(name, "").strip().splitlines()
        typer.echo(f"  {word:<7} {name}{f': {message[0]}' if message else ''}")
    if result.verifier_tail and not isinstance(outcome, Solved):
        typer.echo("the verifier's last lines:")
        for line in result.verifier_tail.splitlines():
            typer.echo(f"  | {line}")
    say(f"trial folder: {shown_path(folder)}")
    if isinstance(outcome, Void):
        return EXIT_VOID_RATE
    return EXIT_OK if isinstance(outcome, Solved) else EXIT_FAILED
