"""What the cells of a released notebook are for."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["NotebookData", "answer_name", "is_answer", "is_setup", "question_of", "same_source"]

DEFINED = re.compile(r"^(?:def|class)\s+(\w+)", re.MULTILINE)
NotebookData = dict[str, Any]


def _meta(cell: dict[str, Any]) -> dict[str, Any]:
    return cell["metadata"].get("nbgrader", {})


def is_answer(cell: dict[str, Any]) -> bool:
    """Return whether a released cell is one that students fill with code."""
    return cell["cell_type"] == "code" and bool(_meta(cell).get("solution"))


def is_setup(cell: dict[str, Any]) -> bool:
    """Return whether a released cell is provided code that answers need: locked, neither graded nor an answer."""
    meta = _meta(cell)
    return (
        cell["cell_type"] == "code" and bool(meta.get("locked")) and not meta.get("grade") and not meta.get("solution")
    )


def question_of(cell: dict[str, Any]) -> str | None:
    """Return the question whose points a released cell carries: `mpjpe` for `mpjpe_check`; None for any other cell."""
    meta = _meta(cell)
    graded_code = cell["cell_type"] == "code" and meta.get("grade") and not meta.get("solution")
    return str(meta["grade_id"]).removesuffix("_check") if graded_code else None


def answer_name(cell: dict[str, Any]) -> str:
    """Return the name that an answer cell defines: its grade_id, or the last function or class of its stub."""
    names = DEFINED.findall(cell["source"])
    own = _meta(cell)["grade_id"]
    return own if own in names or not names else names[-1]


def same_source(one: str, other: str) -> bool:
    """Return whether two cells say the same, whatever the white space at the ends of lines and cells."""
    return _trimmed(one) == _trimmed(other)


def _trimmed(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
