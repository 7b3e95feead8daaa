"""The module of a user's own agent: found as ``python -m pytest`` finds it, whatever command started the session."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from pytest_terminalbench.errors import SettingsError

__all__ = ["import_agent_module"]


def import_agent_module(module: str, asked_by: str, folders: Sequence[Path] = ()) -> ModuleType:
    """`module`, from `folders` or from what Python can import; raises SettingsError that begins with `asked_by`.

    The first folder is the one in which the command was started: as with ``python -m``, its modules win over installed
    ones. The others are looked into for what is nowhere else. A folder that has the module stays on ``sys.path``, so
    that the agent can import its neighbours while it acts; one that has it not never gets there.
    """
    if not all(part.isidentifier() for part in module.split(".")):
        raise SettingsError(f"{asked_by}: {module!r} is no module's name{_name_of_file(module)}")
    top = module.partition(".")[0]
    folder = _folder_with(top, folders)
    if folder is not None and not _is_on_path(folder):
        sys.path.insert(0, str(folder))
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        is_itself = error.name is not None and f"{module}.".startswith(f"{error.name}.")
        problem = _not_found(module, folders) if is_itself else _needs(module, error)
        raise SettingsError(f"{asked_by}: {problem}") from None
    except ImportError as error:
        raise SettingsError(f"{asked_by}: cannot import {module}: {error}") from None
    # A foreign module's own code runs here, and may raise anything or exit.
    except (Exception, SystemExit) as error:
        raise SettingsError(f"{asked_by}: importing {module} raises {type(error).__name__}: {error}") from error


def _folder_with(top: str, folders: Sequence[Path]) -> Path | None:
    """The folder to put on the path for the module `top`; None where none has it, or none is needed."""
    for number, folder in enumerate(folders):
        if PathFinder.find_spec(top, [str(folder)]) is not None:
            return folder if number == 0 or not _is_importable(top) else None
    return None


def _is_importable(top: str) -> bool:
    return top in sys.modules or find_spec(top) is not None


def _is_on_path(folder: Path) -> bool:
    return any(Path(place or ".").resolve() == folder.resolve() for place in sys.path)


def _name_of_file(text: str) -> str:
    """What to write instead, where `text` is the path of a file."""
    if not text.endswith(".py"):
        return "; write module:Class, such as my_agent:MyAgent"
    dotted = ".".join(part for part in Path(text).with_suffix("").parts if part not in ("/", ".", ".."))
    return f"; write it as Python imports it: {dotted}:Class"


def _not_found(module: str, folders: Sequence[Path]) -> str:
    places = [str(folder) for folder in dict.fromkeys(folders)]
    return (
        f"there is no module {module}; searched: {', '.join([*places, f'what {sys.executable} can import'])}; "
        "start the command in the folder that has it, or name that folder in pytest's ini option `pythonpath`"
    )


def _needs(module: str, error: ModuleNotFoundError) -> str:
    return f"importing {module} needs the module {error.name}, which {sys.executable} does not find ({error})"
