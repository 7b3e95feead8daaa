"""`terminalbench plan`: how many attempts at how many scenarios see a drop, and what that takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_terminalbench.baselines.policy_settings import ALPHA, MARGIN, PolicySettings
from pytest_terminalbench.cli.output import (
    Format,
    FormatOption,
    Numbers,
    complain,
    print_json,
    print_table,
    without_controls,
)
from pytest_terminalbench.cli.project import BaselinesOption, ResultsOption, baselines_folder, results_folder
from pytest_terminalbench.errors import BaselineError, RunFolderError, SettingsError
from pytest_terminalbench.naming import counted

if TYPE_CHECKING:
    from pytest_terminalbench.comparing.attempt_plan import AttemptPlan, KnownResults, PlannedSession, Question

__all__ = ["plan"]

EXIT_NO_RESULTS = 3


def plan(
    *,
    drop: Annotated[
        float, typer.Option("--drop", metavar="POINTS", help="The drop of the mean solve rate that has to be seen.")
    ] = 10.0,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="RESULTS",
            help="What is compared with: anything that `terminalbench compare` takes. Its solve rates, attempts, times "
            "and costs are used; without it they are assumed.",
        ),
    ] = None,
    scenarios: Annotated[
        int | None, typer.Option("--scenarios", metavar="N", min=1, help="How many; default: as in the baseline.")
    ] = None,
    attempts: Annotated[
        int | None, typer.Option("--attempts", metavar="K", min=1, help="At each scenario; default: to be found.")
    ] = None,
    alpha: Annotated[
        float, typer.Option("--alpha", help="How often no change at all may be called worse, as a share.")
    ] = PolicySettings.alpha,
    power: Annotated[float, typer.Option("--power", help="How often the drop has to be seen, as a share.")] = 0.8,
    margin: Annotated[
        float, typer.Option("--margin", help="A drop up to this share of 1 never fails.")
    ] = PolicySettings.margin,
    results: ResultsOption = None,
    baselines: BaselinesOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Plan a session: how many attempts at how many scenarios see a drop, and what that takes.

    Exit code 3 when the results to plan with are missing or damaged.
    """
    from pytest_terminalbench.comparing.attempt_plan import Question, plan_attempts
    from pytest_terminalbench.statistics import SuiteSettings

    _check_shares(drop, alpha, power, margin)
    settings = SuiteSettings(alpha=alpha, power=power, margin=margin)
    question = Question(drop=drop / 100, settings=settings, scenarios=scenarios, attempts=attempts)
    known = _known(baseline, results_folder(results), baselines_folder(baselines)) if baseline else None
    planned = plan_attempts(question, known)
    if output is Format.JSON:
        print_json(planned.to_json())
    else:
        _print_plan(planned)


def _check_shares(drop: float, alpha: float, power: float, margin: float) -> None:
    if not (ALPHA.holds(alpha) and 0 < power < 1 and MARGIN.holds(margin)):
        raise SettingsError(
            f"--alpha is {alpha:g}, --power {power:g} and --margin {margin:g}; all are shares of 1: alpha {ALPHA}, "
            f"margin {MARGIN}, power between 0 and 1"
        )
    if not 0 < drop <= 100:
        raise SettingsError(f"--drop is {drop:g}; needs points above 0, up to 100")
    if drop <= 100 * margin:
        raise SettingsError(
            f"--drop is {drop:g} points, and the margin lets a drop of up to {100 * margin:g} pass; plan for a larger "
            "drop, or with a smaller --margin, and give pytest the same as --tb-margin"
        )


def _known(text: str, results: Path, baselines: Path) -> KnownResults:
    from pytest_terminalbench.comparing.attempt_plan import known_results
    from pytest_terminalbench.importing.find_results import load_record

    try:
        return known_results(load_record(text, results=results, baselines=baselines))
    except (RunFolderError, BaselineError) as error:
        complain(str(error))
        raise typer.Exit(EXIT_NO_RESULTS) from None


# --- for people -----------------------------------------------------------------------------------------------------


def _print_plan(planned: AttemptPlan) -> None:
    if planned.known:
        typer.echo(without_controls(_known_text(planned.known)))
        typer.echo("")
    typer.echo(
        f"The smallest drop of the mean solve rate that is seen {_often(planned)}, in points, "
        "by attempts at each scenario"
    )
    typer.echo("")
    _print_table(planned)
    typer.echo("")
    for line in _answer(planned):
        typer.echo(line)
    typer.echo("")
    typer.echo("Assumptions")
    for line in _assumptions(planned):
        typer.echo(f"  {line}")


def _known_text(known: KnownResults) -> str:
    return (
        f"{known.record.run_id}: {counted(known.scenarios, 'scenario')}, {_attempts(known.attempts)} each, "
        f"{_share(known.rates.mean)} solved"
    )


def _print_table(planned: AttemptPlan) -> None:
    """A column for each number of scenarios; what a session takes is shown for the number asked for."""
    takes = [
        (heading, text)
        for heading, text in (("agent's time", _time), ("USD", _cost))
        if planned.scenarios and any(text(session) for session in planned.table[0])
    ]
    rows = []
    for row in planned.table:
        told = next((session for session in row if session.scenarios == planned.scenarios), row[0])
        drops = [_points(session.visible_drop) for session in row]
        rows.append([str(told.attempts), *drops, *(text(told) for _, text in takes)])
    fewest = ["-" if attempts is None else str(attempts) for attempts in planned.needed.values()]
    rows.append([f"needed for {_drop(planned)}", *fewest, *("" for _ in takes)])
    columns = [counted(number, "scenario") for number in planned.needed]
    told_of = [f"{heading} for {planned.scenarios}" for heading, _ in takes]
    print_table([Numbers(heading) for heading in ("attempts", *columns, *told_of)], rows)


def _answer(planned: AttemptPlan) -> Iterator[str]:
    from pytest_terminalbench.statistics import MOST_ATTEMPTS, MOST_TASKS

    drop = f"a drop of {_drop(planned)} points"
    if planned.rates.mean < planned.question.drop:
        yield f"The mean solve rate is {_share(planned.rates.mean)}, so {drop} cannot happen."
        return
    asked, answer, known = planned.asked, planned.answer, planned.known
    if asked is not None and asked.chance is not None:
        yield f"With {_session(asked)}, {drop} is seen {_share(asked.chance)} of the time."
    if answer is None:
        if planned.scenarios is None and planned.question.attempts is None:
            yield f"The last row says how many attempts see {drop}. --baseline, --scenarios or --attempts says more."
        else:
            yield f"No session of up to {MOST_TASKS} scenarios sees {drop} {_often(planned)}."
        return
    if planned.scenarios and answer.scenarios > planned.scenarios:
        yield (
            f"On {counted(planned.scenarios, 'scenario')}, no number of attempts up to {MOST_ATTEMPTS} sees {drop} "
            f"{_often(planned)}."
        )
    elif known and planned.needs_approval and answer.approved_attempts != known.attempts:
        yield (
            f"Against {_attempts(known.attempts)} approved, {drop} is not seen {_often(planned)}, "
            "however many are compared with them."
        )
    yield f"To see {drop}: {_session(answer)}."
    if planned.needs_approval:
        yield f"  approve:  your pytest command with --tb-attempts {answer.attempts} --update-baselines"
    yield f"  compare:  your pytest command with --tb-attempts {answer.attempts}{_gate_options(planned.question)}"
    takes = " and ".join(filter(None, (_time(answer), f"{_cost(answer)} USD" if _cost(answer) else "")))
    if takes:
        yield f"  takes:    {takes}{' each' if planned.needs_approval else ''}"


def _session(session: PlannedSession) -> str:
    return (
        f"{_attempts(session.attempts)} at each of {counted(session.scenarios, 'scenario')}, "
        f"against {session.approved_attempts:.3g} approved"
    )


def _gate_options(question: Question) -> str:
    """What the gate has to be told so that it does as planned."""
    chosen, usual = question.settings, type(question.settings)()
    return (f" --tb-alpha {chosen.alpha:g}" if chosen.alpha != usual.alpha else "") + (
        f" --tb-margin {chosen.margin:g}" if chosen.margin != usual.margin else ""
    )


def _assumptions(planned: AttemptPlan) -> Iterator[str]:
    settings, known = planned.question.settings, planned.known
    yield (
        f"the suite gate decides, with alpha {settings.alpha:g} and a margin of {100 * settings.margin:g} points "
        "(agents that always do the same are judged strictly)"
    )
    yield (
        "every scenario loses the same share of its solve rate; where some break altogether, smaller drops are seen too"
    )
    if known is None:
        yield "half of the attempts solve, because nothing better is known; --baseline takes it from results"
        yield "as many attempts are approved as are compared with them"
    spread = f"attempts at a scenario vary by p(1-p) = {planned.rates.within_variance:.2g} on average"
    if known is not None and known.has_repeats:
        yield f"{spread}, as they did"
    else:
        yield f"{spread}: assumed, because no scenario was tried twice"
    if known is not None and known.agent_s is not None:
        yield "time is the agent's alone, added up: divide it by how many run at a time"
    if known is not None and known.cost_usd is None:
        yield "cost is not known, for the results do not tell"


def _often(planned: AttemptPlan) -> str:
    return f"{_share(planned.question.settings.power)} of the time"


def _drop(planned: AttemptPlan) -> str:
    return f"{100 * planned.question.drop:.4g}"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _points(difference: float | None) -> str:
    return "-" if difference is None else f"{100 * difference:.1f}"


def _attempts(number: float) -> str:
    """``4 attempts``, or ``3.4 attempts`` where scenarios were tried unequally often."""
    return f"{number:.3g} attempt{'' if number == 1 else 's'}"


def _time(session: PlannedSession) -> str:
    seconds = session.agent_s
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _cost(session: PlannedSession) -> str:
    """Nothing for agents that cost nothing."""
    return f"{session.cost_usd:.2f}" if session.cost_usd else ""
