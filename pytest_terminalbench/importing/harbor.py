"""Reads what Harbor (0.20 and later) leaves behind: a job's folder, or one trial's ``result.json``.

``jobs/<job>/result.json`` only counts; the trials have the facts: ``jobs/<job>/<trial>/result.json``. The verdict is
the verifier's reward. A trial that ended in an exception but was judged (`AgentTimeoutError`) counts with its reward;
one without a reward is void, where Harbor's own mean takes it for 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.comparing.run_record import RunRecord
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.importing.foreign_documents import (
    CURE,
    FoundAttempt,
    Lenient,
    foreign_outcome,
    parsed,
    read_json,
    seconds_between,
    tasks_of,
    timestamp,
)
from pytest_terminalbench.outcome import Phase, Void

__all__ = ["harbor_files", "import_harbor", "is_harbor_result"]

RESULT, CONFIG = "result.json", "config.json"
# What Harbor calls the data set of tasks that were named one by one.
NO_DATASET = "adhoc"


class _Model(Lenient):
    name: str
    provider: str | None = None


class _Agent(Lenient):
    name: str
    info: _Model | None = Field(default=None, alias="model_info")


class _Usage(Lenient):
    n_input_tokens: int | None = None
    n_output_tokens: int | None = None
    cost_usd: float | None = None


class _Verdict(Lenient):
    rewards: dict[str, float] | None = None


class _Exception(Lenient):
    exception_type: str


class _Times(Lenient):
    started_at: str | None = None
    finished_at: str | None = None


class _Step(Lenient):
    agent_result: _Usage | None = None
    agent_execution: _Times | None = None


class _Task(Lenient):
    path: str | None = None
    name: str | None = None
    source: str | None = None


class _AgentConfig(Lenient):
    name: str | None = None
    model: str | None = Field(default=None, alias="model_name")


class _TrialConfig(Lenient):
    task: _Task
    agent: _AgentConfig = Field(default_factory=_AgentConfig)
    trial_name: str = ""


class _Trial(Lenient):
    task_name: str
    trial_name: str
    task_checksum: str
    config: _TrialConfig
    agent_info: _Agent
    source: str | None = None
    agent_result: _Usage | None = None
    verifier_result: _Verdict | None = None
    exception_info: _Exception | None = None
    started_at: str | None = None
    agent_execution: _Times | None = None
    step_results: list[_Step] | None = None


class _JobResult(Lenient):
    n_total_trials: int


class _Dataset(Lenient):
    version: str | None = None
    ref: str | None = None


class _JobConfig(Lenient):
    datasets: list[_Dataset] = Field(default_factory=list)


class _Identity(NamedTuple):
    agent: str
    model: str | None


class _Unfinished(NamedTuple):
    """A trial that Harbor began and never finished: it left a configuration and no result."""

    file: Path
    config: _TrialConfig


class _Job(NamedTuple):
    """A job's trials by their files; `planned` and `dataset_version` are None for a trial alone."""

    name: str
    trials: Sequence[tuple[Path, _Trial]]
    unfinished: Sequence[_Unfinished] = ()
    planned: int | None = None
    dataset_version: str | None = None

    def task_name(self, left: _Unfinished) -> str:
        """As its other trials call it: a task's name need not be its folder's."""
        task = left.config.task
        for _, trial in self.trials:
            if (trial.config.task.path, trial.config.task.name) == (task.path, task.name):
                return trial.task_name
        name = task.name or Path(task.path or "").name
        if not name:
            raise RunFolderError(f"{left.file} names no task; {CURE}")
        return name


def is_harbor_result(content: object) -> bool:
    """Whether a JSON document looks like a job's or a trial's ``result.json``, whole or not."""
    if not isinstance(content, Mapping):
        return False
    return {"n_total_trials", "stats"} <= content.keys() or {"task_checksum", "trial_name"} <= content.keys()


def harbor_files(folder: Path) -> list[Path]:
    """The ``result.json`` of the job or trial in `folder`: its own, else those of its direct subfolders."""
    own = folder / RESULT
    return [own] if own.is_file() else sorted(folder.glob(f"[!.]*/{RESULT}"))


def import_harbor(path: Path) -> list[RunRecord]:
    """One record for each agent and model in `path`: a job, a folder of jobs, a trial, or their ``result.json``.

    Raises RunFolderError naming file and cure.
    """
    folder = path if path.is_dir() else path.parent
    jobs = list(_jobs(folder, harbor_files(folder)))
    identities = sorted(
        {_identity(trial) for job in jobs for _, trial in job.trials},
        key=lambda identity: (identity.agent, identity.model or ""),
    )
    if not identities:
        raise RunFolderError(f"{folder} holds no trial that ended: let Harbor finish the job, or resume it")
    return [_record(identity, jobs, folder) for identity in identities]


def _jobs(folder: Path, files: Sequence[Path]) -> Iterator[_Job]:
    """The jobs that `files` speak of; loose trials in `folder` make up one."""
    loose: list[tuple[Path, _Trial]] = []
    for file in files:
        content = read_json(file)
        if isinstance(content, Mapping) and "n_total_trials" in content:
            yield _read_job(file, content)
        else:
            loose.append((file, _read_trial(file, content)))
    if loose:
        # Jobs of which the job's own result.json is gone: their folders of trials are still there.
        alone = len(loose) == 1 and loose[0][0].parent == folder
        yield _Job(folder.resolve().name, loose, [] if alone else _unfinished(folder))


def _read_job(file: Path, content: object) -> _Job:
    result = parsed(_JobResult, content, file, what="a job's result.json of Harbor")
    trials = [(one, _read_trial(one, read_json(one))) for one in sorted(file.parent.glob(f"[!.]*/{RESULT}"))]
    return _Job(
        name=file.parent.resolve().name,
        trials=trials,
        unfinished=_unfinished(file.parent),
        planned=result.n_total_trials,
        dataset_version=_dataset_version(file.parent / CONFIG),
    )


def _read_trial(file: Path, content: object) -> _Trial:
    return parsed(_Trial, content, file, what="a trial's result.json of Harbor")


def _unfinished(job: Path) -> list[_Unfinished]:
    configs = (file for file in sorted(job.glob(f"[!.]*/{CONFIG}")) if not (file.parent / RESULT).exists())
    return [
        _Unfinished(file, parsed(_TrialConfig, read_json(file), file, what="a trial's config.json of Harbor"))
        for file in configs
    ]


def _dataset_version(file: Path) -> str | None:
    if not file.is_file():
        return None
    datasets = parsed(_JobConfig, read_json(file), file, what="a job's config.json of Harbor").datasets
    return datasets[0].version or datasets[0].ref if len(datasets) == 1 else None


def _identity(trial: _Trial) -> _Identity:
    model = trial.agent_info.info
    if model is None:
        return _Identity(trial.agent_info.name, None)
    return _Identity(trial.agent_info.name, f"{model.provider}/{model.name}" if model.provider else model.name)


def _record(identity: _Identity, jobs: Sequence[_Job], folder: Path) -> RunRecord:
    mine = [(job, file, trial) for job in jobs for file, trial in job.trials if _identity(trial) == identity]
    sources = {_dataset(trial.source) for _, _, trial in mine}
    is_one_dataset = len(sources) == 1
    attempts = [_attempt(job, file, trial) for job, file, trial in mine]
    attempts += [_void(job, left) for job in jobs for left in job.unfinished if _belongs(left.config, identity)]
    starts = [start for _, _, trial in mine if (start := timestamp(trial.started_at)) is not None]
    versions = {job.dataset_version for job in jobs}
    return RunRecord(
        origin="harbor",
        run_id=jobs[0].name if len(jobs) == 1 else folder.resolve().name,
        tasks=tasks_of(_with_short_names(attempts) if is_one_dataset else attempts),
        dataset=sources.pop() if is_one_dataset else None,
        dataset_version=versions.pop() if is_one_dataset and len(versions) == 1 else None,
        agent=identity.agent,
        model=identity.model,
        sources=tuple(file for _, file, _ in mine),
        began=min(starts, default=None),
        notes=tuple(note for job in jobs for note in _notes(job)),
    )


def _dataset(source: str | None) -> str | None:
    return None if source == NO_DATASET else source


def _task_key(name: str, source: str | None) -> str:
    return f"{_dataset(source) or ''}/{name}"


def _with_short_names(attempts: Sequence[FoundAttempt]) -> list[FoundAttempt]:
    """Tasks without organisation and dataset (``hello-world``), as other harnesses call them, where that is clear."""
    names = {attempt.task for attempt in attempts}
    taken = Counter(name.rpartition("/")[2] for name in names)
    short = {name: last for name in names if taken[last := name.rpartition("/")[2]] == 1}
    return [attempt._replace(task=short.get(attempt.task, attempt.task.partition("/")[2])) for attempt in attempts]


def _attempt(job: _Job, file: Path, trial: _Trial) -> FoundAttempt:
    name = f"{job.name}/{trial.trial_name}"
    return FoundAttempt(
        task=_task_key(trial.task_name, trial.source),
        trial=name,
        order=(timestamp(trial.started_at) or float("inf"), job.name, trial.trial_name),
        attempt=_result(trial, name, file, session=job.name),
        file=file,
        fingerprint={"task_checksum": trial.task_checksum},
    )


def _result(trial: _Trial, name: str, file: Path, *, session: str) -> AttemptResult:
    steps = trial.step_results or []
    usages = [trial.agent_result] if trial.agent_result else [step.agent_result for step in steps if step.agent_result]
    tokens = [n for usage in usages for n in (usage.n_input_tokens, usage.n_output_tokens) if n is not None]
    costs = [usage.cost_usd for usage in usages if usage.cost_usd is not None]
    times = [trial.agent_execution] if trial.agent_execution else [step.agent_execution for step in steps]
    seconds = [seconds_between(time.started_at, time.finished_at) for time in times if time]
    reward = _reward(trial, file)
    reason = "" if reward is not None else "no reward"
    if trial.exception_info:
        reason = trial.exception_info.exception_type
    return AttemptResult(
        attempt=1,
        outcome=foreign_outcome(reward, reason, trial=name, file=file),
        agent_s=_sum(seconds),
        tokens=sum(tokens) if tokens else None,
        cost_usd=_sum(costs),
        session=session,
    )


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 6) if known and len(known) == len(values) else None


def _reward(trial: _Trial, file: Path) -> float | None:
    """`reward` where there are several, as our own reward files have it."""
    rewards = trial.verifier_result.rewards if trial.verifier_result else None
    if not rewards:
        return None
    if "reward" not in rewards and len(rewards) > 1:
        raise RunFolderError(
            f"{file}: its rewards are {', '.join(sorted(rewards))} and none is called `reward`, so nobody can say "
            "which one counts; add a `reward` to them"
        )
    return rewards.get("reward", next(iter(rewards.values())))


def _belongs(config: _TrialConfig, identity: _Identity) -> bool:
    return config.agent.name in (None, identity.agent) and config.agent.model in (
        None,
        identity.model,
        (identity.model or "").rpartition("/")[2],
    )


def _void(job: _Job, left: _Unfinished) -> FoundAttempt:
    trial = left.config.trial_name or left.file.parent.name
    return FoundAttempt(
        task=_task_key(job.task_name(left), left.config.task.source),
        trial=f"{job.name}/{trial}",
        order=(float("inf"), job.name, trial),
        attempt=AttemptResult(attempt=1, outcome=Void(reason="never finished", phase=Phase.AGENT), session=job.name),
        file=left.file,
        fingerprint={},
    )


def _notes(job: _Job) -> Iterator[str]:
    begun = len(job.trials) + len(job.unfinished)
    if job.planned is not None and begun < job.planned:
        yield f"{job.name}: {job.planned - begun} of {job.planned} trials were never begun"
