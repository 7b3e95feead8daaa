"""What other programs may import."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

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
        "AgentReport",
        "AgentSetupError",
        "AsyncAgent",
        "BaselineError",
        "Cell",
        "Desk",
        "Environment",
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
        "Unsolved",
        "Usage",
        "VerifierError",
        "Void",
        "__version__",
        "run_trial",
    ]


@pytest.mark.parametrize("name", pytest_terminalbench.__all__)
def test_each_is_there(name: str) -> None:
    assert getattr(pytest_terminalbench, name) is not None


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
