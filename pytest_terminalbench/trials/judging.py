"""Judging: from what an agent left to an outcome. No agent, and no model, has a part in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_terminalbench.environments.base import Environment
from pytest_terminalbench.errors import EnvironmentFailure, TooMuchToCopy, VerifierError
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.outcome import Outcome, Solved, Unsolved
from pytest_terminalbench.scenarios.model import Scenario
from pytest_terminalbench.trials.acting import Acted
from pytest_terminalbench.verifiers.base import verifier_of
from pytest_terminalbench.verifiers.parsers import Judgement

__all__ = ["AGENT_ENDED_ITSELF", "VERIFIER_FOLDER", "Archives", "Judged", "judge", "verifier_tail"]

# Where the verifier's logs lie in the trial's folder.
VERIFIER_FOLDER = "verifier"
# A failure card shows the end of what the verifier printed.
TAIL_LINES = 12
# What a verifier says of one check, in result.json.
MAX_MESSAGE_CHARS = 300
AGENT_ENDED_ITSELF = "the agent ended its own container, so nothing is left to judge"

# A collected path -> a tar stream of it, None where there is no such path.
Archives = Callable[[str], Iterator[bytes] | None]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """An outcome, and the checks that led to it (None: the agent left nothing that could be judged)."""

    outcome: Outcome
    judgement: Judgement | None = None

    @property
    def checks(self) -> Mapping[str, str]:
        return self.judgement.checks if self.judgement else {}

    @property
    def messages(self) -> Mapping[str, str]:
        """What was said of the checks that did not pass, each in a line or two."""
        messages = self.judgement.messages if self.judgement else {}
        return {
            name: text if len(text) <= MAX_MESSAGE_CHARS else text[: MAX_MESSAGE_CHARS - 1] + "…"
            for name, text in messages.items()
        }


def judge(
    scenario: Scenario,
    environment: Environment,
    acted: Acted,
    folder: Path,
    *,
    limits: Limits,
    archives: Archives | None = None,
) -> Judged:
    """Have the verifier judge in `environment` and keep its logs in `folder`.

    `archives`: what the agent left, which is put into `environment` first; None: it is the agent's own environment.
    Raises VerifierError where nothing was judged, and EnvironmentFailure where the environment broke, unless the agent
    or what it left is to blame: that is an answer.
    """
    resources = scenario.limits
    try:
        if archives is not None:
            for path in scenario.collected_paths:
                environment.replace(path, archives(path))
        verdict = verifier_of(scenario).judge(scenario, environment, folder, timeout_s=limits.verifier_s)
    except TooMuchToCopy as error:
        return Judged(outcome=Unsolved(reason=acted.explained(str(error), limits, resources)))
    # A container that is ending gives every kind of error before it is gone.
    except (EnvironmentFailure, VerifierError) as error:
        if environment.why_gone() == "agent":
            what = "what the agent left behind ended the verifier's container"
            reason = AGENT_ENDED_ITSELF if archives is None else what
            return Judged(outcome=Unsolved(reason=acted.explained(reason, limits, resources)))
        if isinstance(error, VerifierError):
            raise VerifierError(acted.explained(str(error), limits, resources)) from error
        raise
    return Judged(outcome=_answer(verdict.judgement, acted, limits, scenario), judgement=verdict.judgement)


def _answer(judgement: Judgement, acted: Acted, limits: Limits, scenario: Scenario) -> Outcome:
    if judgement.solved:
        return Solved(reward=judgement.reward, reason=acted.explained("", limits, scenario.limits))
    failed = [name for name, result in judgement.checks.items() if result != "passed"]
    if failed:
        more = ", …" if len(failed) > 5 else ""
        reason = f"{len(failed)} of {len(judgement.checks)} checks did not pass: {', '.join(failed[:5])}{more}"
    else:
        reason = f"reward {judgement.reward:g} is below 1"
    return Unsolved(reason=acted.explained(reason, limits, scenario.limits), reward=judgement.reward)


def verifier_tail(logs: Path) -> str:
    """The last lines of what the verifier printed, also where it left no verdict."""
    printed = [(logs / name).read_text("utf-8", "replace") for name in ("stdout", "stderr") if (logs / name).is_file()]
    lines = "\n".join(text.rstrip() for text in printed).strip().splitlines()
    return "\n".join(lines[-TAIL_LINES:])
