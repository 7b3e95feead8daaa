"""The command line and the ini file, read once into frozen values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

from pytest_terminalbench.baselines.policy_settings import (
    ALPHA,
    DEFAULT_ATTEMPTS,
    MARGIN,
    Range,
    read_min_visible,
)
from pytest_terminalbench.cells.bench_settings import (
    DEFAULT_MAX_VOID_RATE,
    MIN_TIMEOUT_MULTIPLIER,
    BenchSettings,
    image_map_file,
)
from pytest_terminalbench.errors import SettingsError

__all__ = ["PluginOptions", "add_options", "bench_settings", "hint_at_misspelt", "plugin_options"]

_Word = TypeVar("_Word", bound=str)
DEFAULT_PROGRESS_S = 30.0
_MOST_DIGITS = 9


class _Option(NamedTuple):
    """One option: its name without dashes, how argparse takes it, what it means. Each is an ini value as well."""

    name: str
    help: str
    metavar: str | None = None
    repeatable: bool = False
    flag: bool = False


_OPTIONS = [
    _Option("tb-dataset", "dataset to run: NAME, NAME==VERSION or a folder of scenarios", "NAME", repeatable=True),
    _Option("tb-agent", "agent that acts: a known name or module:Class (default: oracle)", "NAME", repeatable=True),
    _Option("tb-model", "model for agents that use one, PROVIDER/NAME", "MODEL", repeatable=True),
    _Option(
        "tb-agent-arg", "argument for the constructor of all agents, or of AGENT", "[AGENT:]KEY=VALUE", repeatable=True
    ),
    _Option(
        "tb-attempts",
        f"trials per cell (default: {DEFAULT_ATTEMPTS}), or auto: one, and more where it looks worse",
        "K",
    ),
    _Option("tb-max-attempts", f"the most trials that auto runs per cell (default: {BenchSettings.max_attempts})", "K"),
    _Option("tb-concurrency", "trials at a time inside this process, without -n (default: 1)", "N"),
    _Option(
        "tb-gate",
        "how cells are compared with their baselines: statistical, strict or off (default: strict for agents that "
        "always do the same, statistical for all others)",
        "GATE",
    ),
    _Option("tb-alpha", f"chance that an unchanged agent fails the gate (default: {BenchSettings.alpha:g})", "P"),
    _Option(
        "tb-margin", f"a smaller drop of the suite's mean is no regression (default: {BenchSettings.margin:g})", "X"
    ),
    _Option(
        "tb-inconclusive",
        f"cells and suites that cannot be told: pass or fail (default: {BenchSettings.inconclusive})",
        "POLICY",
    ),
    _Option(
        "tb-min-visible",
        "points; a run passes if it rules such a drop out and could have seen one (default: "
        f"{100 * BenchSettings.min_visible:g})",
        "POINTS",
    ),
    _Option(
        "tb-parity",
        "instruction, image, limits, environment or verifier differ from the baseline's: block, warn or off "
        f"(default: {BenchSettings.parity})",
        "POLICY",
    ),
    _Option("tb-strict-baselines", "a baseline without its scenario is a failure, not a note", flag=True),
    _Option("tb-locked", "fail when a dataset has drifted from its lock.json", flag=True),
    _Option("tb-approver", "who approves with --update-baselines (default: git's user.name)", "NAME"),
    _Option("tb-baselines", "folder of the approved baselines (default: baselines)", "DIR"),
    _Option("tb-results", "folder of the runs (default: results)", "DIR"),
    _Option("tb-no-incidents", "open no incidents for what got worse", flag=True),
    _Option("tb-run-id", "name of this run's folder (default: made from the time)", "ID"),
    _Option("tb-timeout-multiplier", "every limit of time in scenarios, multiplied (default: 1)", "X"),
    _Option(
        "tb-max-void-rate",
        f"more void cells than this share end with exit code 22 (default: {DEFAULT_MAX_VOID_RATE:g})",
        "P",
    ),
    _Option("tb-env", "what provides the environments: docker, fake, none, or a package's (default: docker)", "NAME"),
    _Option(
        "tb-no-engine",
        "no container engine answers: error or skip scenarios (default: the session is refused where the command line "
        "asks for scenarios, and they are errors where only the ini file does)",
        "POLICY",
    ),
    _Option("tb-network", "none forces every container off the network (default: scenario)", "MODE"),
    _Option("tb-image-map", "JSON or TOML file that replaces base images by others", "FILE"),
    _Option("tb-progress", "seconds of silence after which a line tells what is running; 0: never (default: 30)", "S"),
    _Option("tb-keep-containers", "leave the trials' containers running until their deadline", flag=True),
]


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("terminalbench", "benchmarks for terminal agents")
    for option in _OPTIONS:
        name = option.name.replace("-", "_")
        if option.flag:
            group.addoption(f"--{option.name}", dest=name, action="store_true", default=None, help=option.help)
        else:
            group.addoption(
                f"--{option.name}",
                dest=name,
                action="append" if option.repeatable else "store",
                default=None,
                metavar=option.metavar,
                help=option.help,
            )
        parser.addini(name, option.help, type=_ini_type(option), default=None)
    group.addoption(
        "--update-baselines",
        action="store_true",
        default=False,
        dest="tb_update_baselines",
        help="approve this session's outcomes as baselines (refused when any trial is void or lost)",
    )
    parser.addini(
        "tb_preflight",
        "check at session start that a container engine answers; turn off where conftest.py supplies tb_environment",
        type="bool",
        default=True,
    )


def hint_at_misspelt(parser: pytest.Parser, arguments: Sequence[str]) -> None:
    """Let pytest's own error for an unknown option name the one of ours that is most like it."""
    known = [*(f"--{option.name}" for option in _OPTIONS), "--update-baselines"]
    names = [argument.partition("=")[0] for argument in arguments]
    for name in names:
        if name.startswith(("--tb-", "--update-")) and name not in known:
            from pytest_terminalbench.naming import nearest

            parser.extra_info[name] = f"unknown{nearest(name, known)}"


def _ini_type(option: _Option) -> Any:
    return "bool" if option.flag else "args" if option.repeatable else "string"


class PluginOptions(NamedTuple):
    """What concerns pytest alone: ask for an engine first, and tell what runs after so many seconds of silence.

    ``no_engine`` None: scenarios are errors, unless the command line asks for them; then the session is refused.
    """

    preflight: bool
    no_engine: str | None
    progress_s: float


def plugin_options(config: pytest.Config) -> PluginOptions:
    """Raises UsageError naming the option, its value and what would be right."""
    value = _Reader(config)
    return PluginOptions(
        preflight=bool(config.getini("tb_preflight")),
        no_engine=value.choice("tb_no_engine", ("error", "skip")),
        progress_s=value.number("tb_progress", default=DEFAULT_PROGRESS_S, within=Range(0.0, math.inf)),
    )


def bench_settings(config: pytest.Config) -> BenchSettings:
    """What the session is asked to do; raises UsageError naming the option, its value and what would be right."""
    value = _Reader(config)
    root = project_root(config)
    if value.text("tb_attempts") == "auto" and config.getoption("tb_update_baselines"):
        raise pytest.UsageError(
            "--update-baselines needs a fixed --tb-attempts K: auto adds trials where it looks bad, "
            "which makes a biased baseline"
        )
    return BenchSettings(
        root=root,
        baselines=root / (value.text("tb_baselines") or "baselines"),
        results=root / (value.text("tb_results") or "results"),
        run_id=value.run_id(),
        datasets=value.datasets(),
        agents=value.texts("tb_agent"),
        models=value.texts("tb_model"),
        agent_args=value.texts("tb_agent_arg"),
        # The ini file's arguments are for its own agents, and another may be named for once.
        standing_agent_args=value.is_typed("tb_agent") and not value.is_typed("tb_agent_arg"),
        attempts=None
        if value.text("tb_attempts") == "auto"
        else value.whole("tb_attempts", default=DEFAULT_ATTEMPTS, least=1),
        max_attempts=value.whole("tb_max_attempts", default=BenchSettings.max_attempts, least=1),
        concurrency=value.whole("tb_concurrency", default=1, least=1),
        gate=value.choice("tb_gate", ("statistical", "strict", "off")),
        alpha=value.number("tb_alpha", default=BenchSettings.alpha, within=ALPHA),
        margin=value.number("tb_margin", default=BenchSettings.margin, within=MARGIN),
        min_visible=value.min_visible(),
        inconclusive=value.choice("tb_inconclusive", ("pass", "fail")) or BenchSettings.inconclusive,
        parity=value.choice("tb_parity", ("block", "warn", "off")) or BenchSettings.parity,
        strict_baselines=bool(value.raw("tb_strict_baselines")),
        locked=bool(value.raw("tb_locked")),
        update_baselines=bool(config.getoption("tb_update_baselines")),
        approver=value.text("tb_approver"),
        timeout_multiplier=value.number(
            "tb_timeout_multiplier", default=1.0, within=Range(MIN_TIMEOUT_MULTIPLIER, math.inf)
        ),
        max_void_rate=value.number("tb_max_void_rate", default=DEFAULT_MAX_VOID_RATE, within=Range(0.0, 1.0)),
        environment=value.text("tb_env"),
        network="none" if value.choice("tb_network", ("none", "scenario")) == "none" else None,
        image_map=image_map_file(
            typed=config.getoption("tb_image_map"),
            start=config.invocation_params.dir,
            configured=config.getini("tb_image_map"),
            root=root,
        ),
        incidents=not value.raw("tb_no_incidents"),
        keep_containers=bool(value.raw("tb_keep_containers")),
    )


def project_root(config: pytest.Config) -> Path:
    """Where datasets, results and baselines are looked for: pytest's root directory, where there is reason for it.

    Without a configuration file pytest takes the common ancestor of all paths on the command line, and it takes the
    value of ``--tb-dataset PATH`` for one of them: for a dataset outside the project that may be ``/``.
    """
    root, start = config.rootpath, config.invocation_params.dir
    has_reason = config.inipath or config.getoption("rootdir", None) or (root / "setup.py").is_file()
    return root if has_reason or root not in start.parents else start


class _Reader:
    """Values of options: the command line wins over the ini file."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def raw(self, name: str) -> Any:
        value = self._config.getoption(name)
        return value if value is not None else self._config.getini(name) or None

    def is_typed(self, name: str) -> bool:
        """Whether the command line has the option."""
        return self._config.getoption(name) is not None

    def text(self, name: str) -> str | None:
        value = self.raw(name)
        return str(value) if value else None

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(str(value) for value in self.raw(name) or ())

    def choice(self, name: str, known: tuple[_Word, ...]) -> _Word | None:
        text = self.text(name)
        if text is None:
            return None
        for word in known:
            if word == text:
                return word
        raise pytest.UsageError(f"{_flag(name)} {text!r} is none of: {', '.join(known)}")

    def number(self, name: str, *, default: float, within: Range) -> float:
        value = self.raw(name)
        if value is None:
            return default
        try:
            return within.read(value, option=_flag(name))
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None

    def min_visible(self) -> float:
        value = self.raw("tb_min_visible")
        if value is None:
            return BenchSettings.min_visible
        try:
            return read_min_visible(value, option="--tb-min-visible")
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None

    def whole(self, name: str, *, default: int, least: int) -> int:
        value = self.raw(name)
        if value is None:
            return default
        text = str(value)
        if text.isdecimal() and len(text) > _MOST_DIGITS:
            raise pytest.UsageError(f"{_flag(name)} has {len(text)} digits; at most {_MOST_DIGITS} are allowed")
        if not text.isdecimal() or int(text) < least:
            raise pytest.UsageError(f"{_flag(name)} {value!r} is not a whole number of at least {least}")
        return int(text)

    def datasets(self) -> tuple[str, ...]:
        """The datasets that are asked for; those of the ini file stay out where arguments name single tests."""
        config = self._config
        names_tests = config.args_source is pytest.Config.ArgsSource.ARGS and all("::" in arg for arg in config.args)
        return () if names_tests and config.getoption("tb_dataset") is None else self.texts("tb_dataset")

    def run_id(self) -> str | None:
        value = self.text("tb_run_id")
        if value is not None:
            from pytest_terminalbench.runs.layout import run_id_problem

            problem = run_id_problem(value)
            if problem is not None:
                raise pytest.UsageError(f"--tb-run-id {problem}")
        return value


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
