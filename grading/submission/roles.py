"""What the cells of a released notebook are for."""

from __future__ import annotations

from typing import Any

from helpers.checks.engine.code import DEFINED

__all__ = [
    "CellData", "DEFINED", "NotebookData", "answer_name", "is_answer", "is_setup", "nbgrader_of", "question_of",
    "same_source", "trimmed",
]  # fmt: skip

CellData = dict[str, Any]  # as the JSON of a notebook has it, with the source as one string
NotebookData = dict[str, Any]


def nbgrader_of(cell: CellData) -> dict[str, Any]:
    """Return what nbgrader notes about a cell of a sound notebook, its `grade_id` among it; empty where it has none."""
    noted: dict[str, Any] = cell["metadata"].get("nbgrader", {})
    return noted


def is_answer(cell: CellData) -> bool:
    """Return whether a released cell is one that students fill with code."""
    return cell["cell_type"] == "code" and bool(nbgrader_of(cell).get("solution"))


def is_setup(cell: CellData) -> bool:
    """Return whether a released cell is provided code that answers need: locked, neither graded nor an answer."""
    meta = nbgrader_of(cell)
    return (
        cell["cell_type"] == "code" and bool(meta.get("locked")) and not meta.get("grade") and not meta.get("solution")
    )


def question_of(cell: CellData) -> str | None:
    """Return the question whose points a released cell carries: `mpjpe` for `mpjpe_check`; None for any other cell."""
    meta = nbgrader_of(cell)
    graded_code = cell["cell_type"] == "code" and meta.get("grade") and not meta.get("solution")
    return str(meta["grade_id"]).removesuffix("_check") if graded_code else None


def answer_name(cell: CellData) -> str:
    """Return the name that an answer cell defines: its grade_id, or the last function or class of its stub."""
    names = DEFINED.findall(cell["source"])
    own: str = nbgrader_of(cell)["grade_id"]
    return own if own in names or not names else names[-1]


def same_source(one: str, other: str) -> bool:
    """Return whether two cells say the same, whatever the white space at the ends of lines and cells."""
    return trimmed(one) == trimmed(other)


def trimmed(source: str) -> str:
    """Return a cell's text without white space at the ends of its lines and its own."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
