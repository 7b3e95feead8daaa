"""`terminalbench plan`: how many attempts at how many scenarios see a drop, and what that takes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
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
from pytest_terminalbench.cli.project import (
    BaselinesOption,
    ResultsOption,
    baselines_folder,
    configured_policy,
    results_folder,
)
from pytest_terminalbench.errors import BaselineError, RunFolderError, SettingsError
from pytest_terminalbench.naming import counted

if TYPE_CHECKING:
    from pytest_terminalbench.baselines.comparison_policy import ComparisonPolicy
    from pytest_terminalbench.comparing.attempt_plan import AttemptPlan, KnownResults, PlannedSession

__all__ = ["plan"]

EXIT_NO_RESULTS = 3

_AS_PROJECT = "default: as pytest is configured"


def plan(
    *,
    drop: Annotated[
        float | None,
        typer.Option(
            "--drop",
            metavar="POINTS",
            help="The drop of the mean solve rate that has to be seen; default: what the gate asks of a session, "
            "--tb-min-visible as pytest is configured, else "
            f"{100 * PolicySettings.min_visible:g}.",
        ),
    ] = None,
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
        float | None,
        typer.Option(
            "--alpha",
            help=f"How often no change at all may be called worse, as a share; {_AS_PROJECT}, else "
            f"{PolicySettings.alpha:g}.",
        ),
    ] = None,
    power: Annotated[float, typer.Option("--power", help="How often the drop has to be seen, as a share.")] = 0.8,
    margin: Annotated[
        float | None,
        typer.Option(
            "--margin", help=f"A drop up to this share of 1 never fails; {_AS_PROJECT}, else {PolicySettings.margin:g}."
        ),
    ] = None,
    results: ResultsOption = None,
    baselines: BaselinesOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Plan a session: how many attempts at how many scenarios see a drop, and what that takes.

    Exit code 3 when the results to plan with are missing or damaged.
    """
    from pytest_terminalbench.comparing.attempt_plan import Question, plan_attempts

    usual = configured_policy()
    policy = replace(
        usual,
        alpha=usual.alpha if alpha is None else alpha,
        margin=usual.margin if margin is None else margin,
        min_visible=usual.min_visible if drop is None else drop / 100,
    )
    _check(policy, power, drop)
    question = Question(
        drop=None if drop is None else drop / 100,
        settings=replace(policy.suite, power=power),
        scenarios=scenarios,
        attempts=attempts,
    )
    known = _known(baseline, results_folder(results), baselines_folder(baselines)) if baseline else None
    planned = plan_attempts(question, known)
    if output is Format.JSON:
        print_json(planned.to_json())
    else:
        _print_plan(planned, usual)


def _check(policy: ComparisonPolicy, power: float, drop: float | None) -> None:
    """Raises SettingsError naming the option, its value and what would be right."""
    if not ALPHA.holds(policy.alpha):
        raise SettingsError(f"--alpha is {policy.alpha:g}; it is a share of 1, {ALPHA}")
    if not MARGIN.holds(policy.margin):
        raise SettingsError(f"--margin is {policy.margin:g}; it is a share of 1, {MARGIN}")
    if not 0 < power < 1:
        raise SettingsError(f"--power is {power:g}; it is a share of 1, above 0 and below 1")
    if drop is not None and not 0 < drop <= 100:
        raise SettingsError(f"--drop is {drop:g}; needs points above 0, up to 100")
    if drop is not None and drop <= 100 * policy.margin:
        raise SettingsError(
            f"--drop is {drop:g} points, and the margin lets a drop of up to {100 * policy.margin:g} pass; plan for a "
            "larger drop, or with a smaller --margin, and give pytest the same as --tb-margin"
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


def _print_plan(planned: AttemptPlan, usual: ComparisonPolicy) -> None:
    """`usual`: the policy of sessions that are told nothing else."""
    from pytest_terminalbench.baselines.comparison_policy import LEAST_ATTEMPTS

    if planned.known:
        typer.echo(without_controls(_known_text(planned.known)))
        typer.echo("")
    typer.echo(
        f"The smallest drop of the mean solve rate that is seen {_often(planned)}, in points, "
        "by attempts at each scenario"
    )
    if planned.known is None:
        typer.echo(f"(against as many approved, and at least {LEAST_ATTEMPTS})")
    typer.echo("")
    _print_table(planned)
    typer.echo("")
    for line in _answer(planned, usual):
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


def _answer(planned: AttemptPlan, usual: ComparisonPolicy) -> Iterator[str]:
    drop = f"a drop of {_drop(planned)} points"
    if planned.rates.mean == 0:
        yield "No attempt solved anything, so that nothing can be lost."
        return
    if planned.rates.mean < planned.drop:
        yield f"The mean solve rate is {_share(planned.rates.mean)}, so {drop} cannot happen."
        return
    asked, answer = planned.asked, planned.answer
    if asked is not None and asked.chance is not None:
        yield f"With {_session(asked)}, {drop} is seen {_share(asked.chance)} of the time."
    if answer is None:
        yield _no_answer(planned, drop)
        return
    yield from _why_not_fewer(planned, answer, drop)
    yield f"To see {drop}: {_session(answer)}."
    if planned.needs_approval:
        yield f"  approve:  {_approval(answer)}"
    yield f"  compare:  your pytest command with --tb-attempts {answer.attempts}{_gate_options(planned, usual)}"
    takes = _takes(answer)
    if takes and planned.needs_approval and answer.approved_attempts != answer.attempts:
        yield f"  takes:    {_takes(_approving(answer))} to approve, {takes} to compare"
    elif takes:
        yield f"  takes:    {takes}{' each' if planned.needs_approval else ''}"


def _no_answer(planned: AttemptPlan, drop: str) -> str:
    from pytest_terminalbench.comparing.attempt_plan import MOST_SESSIONS
    from pytest_terminalbench.statistics import MOST_TASKS

    if planned.scenarios is None and planned.question.attempts is None:
        return f"The last row says how many attempts see {drop}. --baseline, --scenarios or --attempts says more."
    if planned.known and planned.known.sessions:
        return (
            f"No session sees {drop} {_often(planned)}, compared with up to {MOST_SESSIONS} approved sessions: they "
            "differ too much as wholes. Make them more alike, or plan with a larger --drop."
        )
    return f"No session of up to {MOST_TASKS} scenarios sees {drop} {_often(planned)}."


def _why_not_fewer(planned: AttemptPlan, answer: PlannedSession, drop: str) -> Iterator[str]:
    """Why what is there is not enough, where it is not."""
    from pytest_terminalbench.statistics import MOST_ATTEMPTS

    known = planned.known
    if planned.scenarios and answer.scenarios > planned.scenarios:
        yield (
            f"On {counted(planned.scenarios, 'scenario')}, no number of attempts up to {MOST_ATTEMPTS} sees {drop} "
            f"{_often(planned)}."
        )
    elif known and planned.needs_approval and answer.approved_attempts != known.attempts:
        in_sessions = f" in {known.sessions.count} sessions that differ" if known.sessions else ""
        yield (
            f"Against {_attempts(known.attempts)} approved{in_sessions}, {drop} is not seen {_often(planned)}, "
            "however many are compared with them."
        )


def _session(session: PlannedSession) -> str:
    in_sessions = f" in {session.approved_sessions} sessions" if session.approved_sessions else ""
    return (
        f"{_attempts(session.attempts)} at each of {counted(session.scenarios, 'scenario')}, "
        f"against {session.approved_attempts:.3g} approved{in_sessions}"
    )


def _approval(session: PlannedSession) -> str:
    sessions = session.approved_sessions
    if sessions is None:
        return f"your pytest command with --tb-attempts {session.approved_attempts:.0f} --update-baselines"
    return (
        f"{sessions} runs with --tb-attempts {math.ceil(session.approved_attempts / sessions)}, then together: "
        "terminalbench baseline approve --run RUN --run RUN …"
    )


def _gate_options(planned: AttemptPlan, usual: ComparisonPolicy) -> str:
    """What the gate has to be told so that it does as planned."""
    chosen = planned.question.settings
    told = {
        "--tb-alpha": (chosen.alpha, usual.alpha),
        "--tb-margin": (chosen.margin, usual.margin),
        "--tb-min-visible": (100 * chosen.min_visible, 100 * usual.min_visible),
    }
    return "".join(f" {option} {value:.10g}" for option, (value, standing) in told.items() if value != standing)


def _assumptions(planned: AttemptPlan) -> Iterator[str]:
    settings, known = planned.question.settings, planned.known
    yield (
        f"the suite gate decides, with alpha {settings.alpha:g} and a margin of {100 * settings.margin:g} points "
        "(agents that always do the same are judged strictly)"
    )
    if planned.question.drop is None:
        asked = f"the gate asks a session to be able to see a drop of {100 * settings.max_drop:.4g} points"
        less = ", or of all that there is to lose, where that is less" if planned.drop < settings.max_drop else ""
        option = "twice --tb-margin" if settings.max_drop > settings.min_visible else "--tb-min-visible"
        yield f"{asked} ({option}){less}; --drop plans for another"
    yield (
        "every scenario loses the same share of its solve rate; where some break altogether, smaller drops are seen too"
    )
    if known is None:
        yield "half of the attempts solve, because nothing better is known; --baseline takes it from results"
    yield _of_sessions(known)
    spread = f"attempts at a scenario vary by p(1-p) = {planned.rates.within_variance:.2g} on average"
    if known is not None and known.has_repeats:
        yield f"{spread}, as they did"
    else:
        yield f"{spread}: assumed, because no scenario was tried twice"
    if known is not None and known.agent_s is not None:
        yield "time is the agent's alone, added up: divide it by how many run at a time"
    if known is not None and known.cost_usd is None:
        yield "cost is not known, for the results do not tell"


def _of_sessions(known: KnownResults | None) -> str:
    """What is known of runs that differ as wholes, or what to do to know it."""
    from pytest_terminalbench.statistics import sessions_in_words

    if known is not None and known.spread.p is not None:
        return sessions_in_words(known.spread)
    return (
        "runs that differ as wholes (a bad night) need more than this; only several of them show it: approve them "
        "together, with terminalbench baseline approve --run RUN --run RUN"
    )


def _often(planned: AttemptPlan) -> str:
    return f"{_share(planned.question.settings.power)} of the time"


def _drop(planned: AttemptPlan) -> str:
    return f"{100 * planned.drop:.4g}"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _points(difference: float | None) -> str:
    return "-" if difference is None else f"{100 * difference:.1f}"


def _attempts(number: float) -> str:
    """``4 attempts``, or ``3.4 attempts`` where scenarios were tried unequally often."""
    return f"{number:.3g} attempt{'' if number == 1 else 's'}"


def _approving(compared: PlannedSession) -> PlannedSession:
    """What has to be approved first, as if it were compared, too."""
    times = compared.approved_attempts / compared.attempts
    return replace(
        compared,
        attempts=round(compared.approved_attempts),
        agent_s=None if compared.agent_s is None else times * compared.agent_s,
        cost_usd=None if compared.cost_usd is None else times * compared.cost_usd,
    )


def _takes(session: PlannedSession) -> str:
    return " and ".join(filter(None, (_time(session), f"{_cost(session)} USD" if _cost(session) else "")))


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
