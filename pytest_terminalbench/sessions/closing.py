"""The end of a run, without pytest: its summary and report, made of what lies in its folder.

``summary.json`` is a pure function of the run's manifest (what was asked and expected), its ledger (what the cells came
to) and the baselines. Deleted and rebuilt, it has the same bytes, as long as the baselines are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.comparing.session_gate import RunGate, gate_run
from pytest_terminalbench.documents import write_atomically, write_json
from pytest_terminalbench.identity import CellId
from pytest_terminalbench.runs.layout import RunFolder
from pytest_terminalbench.runs.ledger import FileLedger, LedgerContent
from pytest_terminalbench.runs.manifest import RunManifest, read_manifest
from pytest_terminalbench.runs.report_markdown import markdown
from pytest_terminalbench.runs.summary import RunSummary, summarise

__all__ = ["ask_gate", "close_run", "missing_cells", "rebuild_run", "rebuild_summary"]


def close_run(run: RunFolder, *, gate: RunGate | None) -> RunSummary:
    """Write ``summary.json`` and ``report.md`` of a run whose manifest and ledger are there, and give the summary.

    To be called after the ledger was closed; `gate` is the session's, see `ask_gate`. Raises RunFolderError where
    manifest or ledger are missing or damaged, and OSError where the folder cannot be written.
    """
    return _written(run, _summary(run, read_manifest(run), FileLedger(run.ledger).read(), gate))


def rebuild_run(run: RunFolder, *, baselines: Path) -> RunSummary:
    """Write both again, with a gate that is asked anew, and give the summary; raises as `close_run`."""
    return _written(run, rebuild_summary(run, baselines=baselines))


def rebuild_summary(run: RunFolder, *, baselines: Path) -> RunSummary:
    """The summary of `run`, from its manifest, its ledger and the baselines alone; nothing is written.

    Cells that were expected and never reported are lost, or, where somebody stopped the session, not run. Raises
    RunFolderError.
    """
    manifest, ledger = read_manifest(run), FileLedger(run.ledger).read()
    gate = ask_gate(list(ledger.results.values()), manifest=manifest, baselines=baselines)
    return _summary(run, manifest, ledger, gate)


def _summary(run: RunFolder, manifest: RunManifest, ledger: LedgerContent, gate: RunGate | None) -> RunSummary:
    is_interrupted = ledger.closing is not None and ledger.closing.is_interrupted
    missing = missing_cells(manifest, ledger)
    return summarise(
        manifest.run_id or run.id,
        list(ledger.results.values()),
        lost=[] if is_interrupted else missing,
        not_run=missing if is_interrupted else [],
        gate=gate.result if gate else None,
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
