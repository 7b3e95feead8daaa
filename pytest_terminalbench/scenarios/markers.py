"""The markers by which scenarios are selected (`-m`): difficulty, category and tags, made into identifiers."""

from __future__ import annotations

import keyword
import re
from functools import lru_cache

from pytest_terminalbench.scenarios.model import Scenario

__all__ = ["category_marker", "marker_names", "tag_marker"]

# Marks that mean something to pytest or to common plugins: a tag of that name must not skip or change a scenario.
_PYTEST_MARKS = frozenset(
    {"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "tryfirst", "trylast", "tb_dataset"}
    | {"timeout", "flaky", "asyncio", "anyio", "trio", "django_db", "xdist_group"}
)


def marker_names(scenario: Scenario) -> list[str]:
    """What ``-m`` can select by: difficulty, category and tags."""
    names = [f"difficulty_{scenario.difficulty}", category_marker(scenario.category)]
    return list(dict.fromkeys([*names, *map(tag_marker, scenario.tags)]))


@lru_cache(maxsize=1024)
def category_marker(category: str) -> str:
    return f"category_{_identifier(category)}"


@lru_cache(maxsize=1024)
def tag_marker(tag: str) -> str:
    """The tag as an identifier, with ``tag_`` before it where pytest or Python would take it for something else."""
    name = _identifier(tag)
    is_taken = name in _PYTEST_MARKS or keyword.iskeyword(name) or not name.isidentifier() or name.startswith("_")
    return f"tag_{name.lstrip('_')}" if is_taken else name


def _identifier(text: str) -> str:
    return re.sub(r"\W+", "_", text)
