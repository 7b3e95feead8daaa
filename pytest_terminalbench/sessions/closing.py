"""The end of a run, without pytest: its summary and report, made of what lies in its folder.

``summary.json`` is a pure function of the run's manifest (what was asked and expected) and its ledger (what the cells
came to, and the gate of the whole run). Deleted and rebuilt, it has the same bytes, whatever is approved since. Of the
baselines it depends only where no gate is recorded, as of a session that was killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.session_gate import RunGate, gate_run
from pytest_terminalbench.documents import write_atomically, write_json
from pytest_terminalbench.errors import RunFolderError
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.gate_result import GateResult
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.ledger import FileLedger, LedgerContent
from pytest_terminalbench.runs.manifest import RunManifest, read_manifest
from pytest_terminalbench.runs.report_markdown import markdown
from pytest_terminalbench.runs.summary import RunSummary, read_summary, summarise
from pytest_terminalbench.status import Status

__all__ = ["RebuiltRun", "ask_gate", "close_run", "known_summary", "missing_cells", "rebuild_run", "rebuild_summary"]


@dataclass(frozen=True, kw_only=True)
class RebuiltRun:
    """`is_gate_new`: the gate was asked of the baselines as they are now, for none was recorded of these cells."""

    summary: RunSummary
    is_gate_new: bool


def close_run(run: RunFolder, *, gate: RunGate | None) -> RunSummary:
    """Write ``summary.json`` and ``report.md`` of a run whose manifest and ledger are there, and give the summary.

    The ledger is told what the gate came to, so that the run's verdict stays as it is whenever it is rebuilt. To be
    called after the ledger was closed; `gate` is the session's, see `ask_gate`. Raises RunFolderError where manifest or
    ledger are missing or damaged, and OSError where the folder cannot be written.
    """
    ledger = FileLedger(run.ledger)
    summary = _summary(run, read_manifest(run), ledger.read(), gate.result if gate else None)
    ledger.record_gate(summary.gate)
    return _written(run, summary)


def known_summary(run: RunFolder, *, manifest: RunManifest, ledger: LedgerContent, gate: RunGate | None) -> RunSummary:
    """The summary of a run whose folder cannot be written, from what its session knows."""
    return _summary(run, manifest, ledger, gate.result if gate else None)


def rebuild_run(run: RunFolder, *, baselines: Path) -> RebuiltRun:
    """Write both again, with the gate that is recorded; raises as `close_run`.

    Where none is, what the summary there says is recorded, if it is of the same cells, else a gate that is asked anew.
    """
    ledger = FileLedger(run.ledger)
    content = ledger.read()
    rebuilt = _rebuilt(run, read_manifest(run), content, baselines)
    if content.gate is None:
        ledger.record_gate(rebuilt.summary.gate)
    _written(run, rebuilt.summary)
    return rebuilt


def rebuild_summary(run: RunFolder, *, baselines: Path) -> RunSummary:
    """The summary of `run` as `rebuild_run` makes it; nothing is written.

    Cells that were expected and never reported are lost, or, where somebody stopped the session, not run. Raises
    RunFolderError.
    """
    return _rebuilt(run, read_manifest(run), FileLedger(run.ledger).read(), baselines).summary


def _rebuilt(run: RunFolder, manifest: RunManifest, ledger: LedgerContent, baselines: Path) -> RebuiltRun:
    recorded = ledger.gate or _gate_of_summary(run, ledger)
    if recorded is not None:
        return RebuiltRun(summary=_summary(run, manifest, ledger, recorded), is_gate_new=False)
    gate = ask_gate(list(ledger.results.values()), manifest=manifest, baselines=baselines)
    return RebuiltRun(
        summary=_summary(run, manifest, ledger, gate.result if gate else None),
        # What approves its outcomes asks no gate.
        is_gate_new=not manifest.settings.update_baselines,
    )


def _gate_of_summary(run: RunFolder, ledger: LedgerContent) -> GateResult | None:
    """What the summary of an earlier version's session says; None where there is none, or it is of other results."""
    try:
        summary = read_summary(run.summary)
    except RunFolderError:
        return None
    told = {cell.key: cell for cell in summary.cells if cell.status is not Status.LOST}
    return summary.gate if told == ledger.results else None


def _summary(run: RunFolder, manifest: RunManifest, ledger: LedgerContent, gate: GateResult | None) -> RunSummary:
    closing = ledger.closing
    is_interrupted = closing is not None and closing.is_interrupted
    missing = missing_cells(manifest, ledger)
    told = [ledger.results[key] for key in (closing.cut_short if closing else ()) if key in ledger.results]
    # Once it was judged after all, as by `terminalbench regrade`, it is a cell like any other.
    cut_short = [cell.id for cell in told if cell.status is Status.VOID]
    return summarise(
        manifest.run_id or run.id,
        list(ledger.results.values()),
        lost=[] if is_interrupted else missing,
        not_run=[*missing, *cut_short] if is_interrupted else [],
        gate=gate,
        counts_first_alone=manifest.settings.policy.is_adaptive,
    )


def _written(run: RunFolder, summary: RunSummary) -> RunSummary:
    write_json(run.summary, summary.to_json())
    write_atomically(run.report, markdown(summary))
    return summary


def missing_cells(manifest: RunManifest, ledger: LedgerContent) -> list[CellId]:
    """The cells that were expected, and neither reported nor said that they are not run."""
    return [cell for cell in manifest.expected if cell.key not in ledger.results and cell.key not in ledger.skipped]


def ask_gate(results: Sequence[CellResult], *, manifest: RunManifest, baselines: Path) -> RunGate | None:
    """The gate of the whole run; None where none is asked: no cell is compared with a baseline, or all are approved."""
    if manifest.settings.update_baselines:
        return None
    return gate_run(results, baselines=baselines, policy=manifest.settings.policy, host=manifest.host_class)
