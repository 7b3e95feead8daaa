from __future__ import annotations

import subprocess
import sys

import pytest_terminalbench.statistics as statistics


def test_importing_loads_neither_scipy_nor_numpy() -> None:
    code = (
        "import sys, pytest_terminalbench.statistics;"
        "print([name for name in ('scipy', 'numpy', 'pytest') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_path())
    assert found.stdout.strip() == "[]"


def test_every_public_function_documents_itself() -> None:
    for name in statistics.__all__:
        thing = getattr(statistics, name)
        if callable(thing) and not isinstance(thing, type) and getattr(thing, "__module__", "").startswith("pytest_t"):
            assert thing.__doc__, name


def _path() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(filter(None, sys.path))}
