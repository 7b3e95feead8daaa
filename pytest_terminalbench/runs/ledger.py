"""The ledger of a run, ``ledger.jsonl``: what its cells came to, line by line while it runs, and in the end its gate.

With the manifest, which says what was expected, it is all that a summary is made of. Lines are only ever appended, so
that what a killed session had come to is still there; of one cell the last line counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pytest_terminalbench.cells.result import CellResult
from pytest_terminalbench.documents import FieldError, Fields, append_line, now_text, parse_line
from pytest_terminalbench.errors import RunFolderError, TerminalBenchError
from pytest_terminalbench.regular_files import read_regular
from pytest_terminalbench.runs.gate_result import GateResult
from pytest_terminalbench.trials.result import CURE

__all__ = ["Closing", "FileLedger", "Ledger", "LedgerContent"]


@dataclass(frozen=True, kw_only=True)
class Closing:
    """How a session ended. `is_interrupted`: somebody stopped it, so cells that never reported are not lost.

    `cut_short`: cells, by their keys, that were tried and came to no verdict because of that.
    """

    exit_status: int
    is_interrupted: bool = False
    cut_short: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LedgerContent:
    """What a ledger says about each cell, by its key, in the order of reporting. `closing`: None for a session that
    was killed, or has not ended yet. `gate`: what the gate of the whole run came to; None where it was not asked of
    just these results.
    """

    results: Mapping[str, CellResult] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    closing: Closing | None = None
    gate: GateResult | None = None


class Ledger(Protocol):
    """Kept by the one process that owns the run."""

    def record(self, result: CellResult) -> None:
        """The cell has reported to its end; told again, the last result counts."""

    def skip(self, cell: str) -> None:
        """The cell with this key reported that it is not run: it is in no summary, and not lost."""

    def close(self, closing: Closing) -> None:
        """The session has ended."""

    def record_gate(self, gate: GateResult) -> None:
        """What the gate of the whole run came to, of all that is recorded; it counts until a cell is told again."""

    def read(self) -> LedgerContent:
        """Everything so far."""


class FileLedger:
    """A ledger in a file; writing raises OSError."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def record(self, result: CellResult) -> None:
        self._append("cell", {"result": result.to_json()})

    def skip(self, cell: str) -> None:
        self._append("skipped", {"cell": cell})

    def close(self, closing: Closing) -> None:
        facts = {"exit_status": closing.exit_status, "interrupted": closing.is_interrupted}
        self._append("closed", {**facts, "cut_short": list(closing.cut_short)})

    def record_gate(self, gate: GateResult) -> None:
        self._append("gate", {"result": gate.to_json()})

    def read(self) -> LedgerContent:
        """Raises RunFolderError naming file and line where there is no ledger, or a line is damaged.

        A last line that was cut off, as by a full disk, is passed over: what it said does not count.
        """
        try:
            lines = read_regular(self.file).splitlines(keepends=True)
        except FileNotFoundError:
            raise RunFolderError(
                f"{self.file.parent} has no {self.file.name}: the run was made by an earlier version, and its summary "
                "cannot be made again"
            ) from None
        except OSError as error:
            raise RunFolderError(f"{self.file} cannot be read: {error.strerror or error}; {CURE}") from None
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        book = _Book()
        for number, line in enumerate(lines, start=1):
            try:
                book.enter(Fields(parse_line(line)))
            except (KeyError, TypeError, ValueError, TerminalBenchError) as error:
                raise RunFolderError(f"{self.file}:{number} is damaged: {error}; {CURE}") from None
        return LedgerContent(
            results=book.results, skipped=frozenset(book.skipped), closing=book.closing, gate=book.gate
        )

    def _append(self, kind: str, facts: Mapping[str, Any]) -> None:
        append_line(self.file, {"ts": now_text(), "type": kind, **facts})


class _Book:
    def __init__(self) -> None:
        self.results: dict[str, CellResult] = {}
        self.skipped: set[str] = set()
        self.closing: Closing | None = None
        self.gate: GateResult | None = None

    def enter(self, line: Fields) -> None:
        match line.text("type"):
            case "cell":
                result = line.nested("result", CellResult.from_json)
                self.results[result.key] = result
                self.skipped.discard(result.key)
                self.gate = None
            case "skipped":
                cell = line.text("cell")
                self.skipped.add(cell)
                self.results.pop(cell, None)
                self.gate = None
            case "closed":
                self.closing = Closing(
                    exit_status=line.whole("exit_status"),
                    is_interrupted=line.flag_or("interrupted", False),
                    cut_short=line.texts("cut_short"),
                )
            case "gate":
                self.gate = line.nested("result", GateResult.from_json)
            case other:
                raise FieldError(
                    "type", f"is {other!r}, none of cell, skipped, closed, gate; update pytest-terminalbench"
                )
