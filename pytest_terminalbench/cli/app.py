"""All commands put together, and what becomes of our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pytest_terminalbench import __version__
from pytest_terminalbench.cli import (
    agents,
    baseline,
    baseline_move,
    baseline_rebase,
    compare,
    dataset,
    docs,
    doctor,
    gc,
    images,
    import_results,
    incident,
    init,
    plan,
    regrade,
    report,
    run,
    scenario,
)
from pytest_terminalbench.cli.output import complain
from pytest_terminalbench.errors import TerminalBenchError
from pytest_terminalbench.exit_codes import EXIT_USAGE

__all__ = ["app"]

# Click's, which newer versions of Typer keep for themselves.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


class _Commands(TyperGroup):
    """Shows an error of ours as one message instead of a traceback, and ends with 4 where the command line is wrong."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _exit_codes():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _exit_codes():
            return super().invoke(ctx)


@contextmanager
def _exit_codes() -> Iterator[None]:
    try:
        yield
    except TerminalBenchError as error:
        complain(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    except _UsageError as error:
        # Newer versions of Typer let pydantic refuse values, which says so in front.
        error.message = error.message.replace("Value error, ", "")  # type: ignore[attr-defined]
        # Click's own is 2, which is `run`'s code for what was blocked.
        error.exit_code = EXIT_USAGE  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    cls=_Commands,
    help="Benchmarks for terminal agents: scenarios in containers, approved baselines, regressions as failures.",
    no_args_is_help=True,
    # A traceback with the values of all variables would show what was in the environment.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("run")(run.run)
app.command("regrade")(regrade.regrade)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("plan")(plan.plan)
app.command("import")(import_results.import_results)
baseline.app.command("rebase")(baseline_rebase.rebase)
baseline.app.command("move")(baseline_move.move)
app.add_typer(baseline.app, name="baseline")
app.add_typer(incident.app, name="incident")
app.add_typer(dataset.app, name="dataset")
app.add_typer(scenario.app, name="scenario")
app.add_typer(agents.app, name="agents")
app.add_typer(images.app, name="images")
app.command("docs")(docs.docs)
app.command("doctor")(doctor.doctor)
app.command("gc")(gc.gc)


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"pytest-terminalbench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass
