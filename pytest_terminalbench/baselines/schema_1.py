"""Where baselines of schema 1 lie: ``<dataset>/<agent>[--<model>]/<scenario>.json``. Not all models are told apart.

Everything but letters, digits, ``_``, ``.`` and ``-`` became ``-`` in the folder's name, so that the models ``a/b`` and
``a-b`` had one folder. Their records do not say whose they are either.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from pytest_terminalbench.identity import CellId, Label
from pytest_terminalbench.naming import sanitised

__all__ = ["cell_from_place", "may_be_of_others", "old_file", "old_label"]

_BETWEEN = "--"


def old_label(label: Label) -> str | None:
    """The name of the folder for `label`; None for one with a profile, arguments or a source that schema 1 had not."""
    if label != Label(label.agent, label.model):
        return None
    agent = sanitised(label.agent)
    return agent if label.model is None else f"{agent}{_BETWEEN}{sanitised(label.model)}"


def old_file(cell: CellId) -> PurePosixPath | None:
    """Where the baseline of `cell` lay below the folder of baselines; None for a cell that schema 1 did not have."""
    label = old_label(cell.label_parts)
    return None if label is None else PurePosixPath(cell.dataset, label, f"{cell.scenario}.json")


def may_be_of_others(label: Label) -> bool:
    """Whether the old folder for `label` may hold the baselines of another agent or model."""
    if label.model is None:
        return _BETWEEN in sanitised(label.agent)
    # Each `-` may have been anything. Agents are taken at their word: they are called by identifiers.
    return "-" in sanitised(label.model) or _BETWEEN in sanitised(label.agent)


def cell_from_place(dataset: str, label: str, scenario: str) -> CellId:
    """The cell as far as the place of its baseline tells."""
    agent, _, model = label.partition(_BETWEEN)
    return CellId(dataset=dataset, scenario=scenario, agent=agent or label, model=model or None)
