"""Baselines as earlier versions left them."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_terminalbench.attempt_result import AttemptResult
from pytest_terminalbench.baselines import audit
from pytest_terminalbench.baselines.approval import CellToApprove, approve
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.outcome import Solved


def approve_as_before(folder: Path, cell: CellId, old: str, *, run: str = "r1") -> Path:
    """A baseline at the place `old` below `folder`, as earlier versions left it, with its line in the log; its file."""
    with TemporaryDirectory() as scratch:
        approve(
            [CellToApprove(cell=cell, attempts=[AttemptResult(attempt=1, outcome=Solved())], fingerprint={"a": "b"})],
            run_id=run,
            baselines=Path(scratch),
            approver="ada",
        )
        content = json.loads((Path(scratch) / cell.baseline_file).read_text())
        (line,) = audit.entries(Path(scratch) / audit.AUDIT)
    del content["cell"], content["configuration"]
    file = folder / f"{old}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**content, "schema_version": 1}, indent=2, sort_keys=True) + "\n")
    told = {key: value for key, value in line.items() if key not in ("ts", "previous", "digest")}
    entry = {**told, "cell": old, "record": audit.record_digest(file.read_text())}
    audit.AuditLog(folder / audit.AUDIT).append(entry)
    return file
