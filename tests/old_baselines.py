"""Baselines as earlier versions left them."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.approval import CellToApprove, approve
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Solved


def approve_as_before(folder: Path, cell: CellId, old: str, *, run: str = "r1") -> Path:
    """A baseline as earlier versions left it, with its line in the log; its file."""
    before = audit.entries(folder / audit.AUDIT)
    lines = [dict(entry) for entry in before]
    approve(
        [CellToApprove(cell=cell, attempts=[AttemptResult(attempt=1, outcome=Solved())], fingerprint={"a": "b"})],
        run_id=run,
        baselines=folder,
        approver="ada",
    )
    content = json.loads((folder / cell.baseline_file).read_text())
    (folder / cell.baseline_file).unlink()
    content = {**content, "schema_version": 1}
    del content["cell"], content["configuration"]
    file = folder / f"{old}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    # The log anew: its last line told of another place and content.
    *_, line = audit.entries(folder / audit.AUDIT)
    (folder / audit.AUDIT).unlink()
    for entry in [*lines, {**line, "cell": old, "record": audit.record_digest(file.read_text())}]:
        told = {key: value for key, value in entry.items() if key not in ("ts", "previous", "digest")}
        audit.append(folder / audit.AUDIT, told)
    return file
