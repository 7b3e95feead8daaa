"""What other programs may import."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
import typing
from collections.abc import Iterable

import pytest

import pytest_terminalbench

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(pytest_terminalbench.__path__, "pytest_terminalbench.")
    if not module.name.endswith("__main__")
)


def test_the_package_exports_these_and_no_others() -> None:
    assert pytest_terminalbench.__all__ == [
        "Agent",
        "AgentEvents",
        "AgentReport",
        "AgentSetupError",
        "AgentTimeExpired",
        "AsyncAgent",
        "AsyncDesk",
        "BaselineError",
        "Cell",
        "Desk",
        "Environment",
        "EnvironmentFactory",
        "EnvironmentFailure",
        "ExecResult",
        "FakeEnvironment",
        "Outcome",
        "Phase",
        "Scenario",
        "ScenarioError",
        "ScriptedAgent",
        "SettingsError",
        "Solved",
        "Task",
        "TerminalBenchError",
        "TooMuchToCopy",
        "Unsolved",
        "Usage",
        "VerifierError",
        "Void",
        "__version__",
        "fake_environments",
        "run_trial",
    ]


@pytest.mark.parametrize("name", pytest_terminalbench.__all__)
def test_each_is_there(name: str) -> None:
    assert getattr(pytest_terminalbench, name) is not None


def test_all_are_listed_before_any_is_used() -> None:
    """For completion in a shell or an editor; in a process of its own, where nothing has been loaded."""
    script = "import pytest_terminalbench as package; print(sorted(set(package.__all__) - set(dir(package))))"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "name", [name for name in pytest_terminalbench.__all__ if name not in ("__version__", "Outcome")]
)
def test_each_says_what_it_is(name: str) -> None:
    assert (getattr(pytest_terminalbench, name).__doc__ or "").strip()


def test_all_that_an_agent_meets_is_public() -> None:
    """What stands in the signatures of an agent's method, and in those of what it is given."""
    seen: set[type] = {pytest_terminalbench.Agent, pytest_terminalbench.AsyncAgent}
    queue = list(seen)
    while queue:
        for member in vars(queue.pop()).values():
            function = member.fget if isinstance(member, property) else member
            hints = typing.get_type_hints(function) if inspect.isfunction(function) else {}
            queue += (ours := _classes_in(hints.values()) - seen)
            seen |= ours

    assert {found.__name__ for found in seen} <= {*pytest_terminalbench.__all__, "StopReport"}


def _classes_in(hints: Iterable[object]) -> set[type]:
    """The package's own classes in annotations, also within others."""
    flat = [*hints]
    for hint in flat:
        flat += typing.get_args(hint)
    return {hint for hint in flat if isinstance(hint, type) and hint.__module__.startswith("pytest_terminalbench")}


def test_an_unknown_name_is_told_as_python_tells_it() -> None:
    with pytest.raises(AttributeError, match=r"^module 'pytest_terminalbench' has no attribute 'Nonsense'$"):
        pytest_terminalbench.Nonsense  # noqa: B018


@pytest.mark.parametrize("module", MODULES)
def test_what_a_module_exports_it_has(module: str) -> None:
    found = importlib.import_module(module)

    missing = [name for name in getattr(found, "__all__", ()) if not hasattr(found, name)]
    assert missing == []


def test_importing_the_package_imports_nothing_heavy() -> None:
    """pytest imports it in every project where it is installed."""
    heavy = ["docker", "litellm", "numpy", "pydantic", "requests", "rich", "scipy", "syrupy", "typer"]
    script = f"import sys, pytest_terminalbench; print([name for name in {heavy} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
