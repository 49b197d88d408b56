"""The gradebook's cells follow the release, also after work was handed in: a question that joins, one that leaves.

nbgrader refuses both once there are submissions, for it would have no grade of a new cell and lose those of an old one.
Reports give the first to everybody; the second may go, unless a hand has marked it.
"""

from __future__ import annotations

from typing import Any

from nbgrader.api import Comment, Grade, Gradebook, GradeCell, Notebook, SolutionCell, SourceCell

from grading.errors import CourseError, printable
from grading.submission.roles import NotebookData, nbgrader_of

__all__ = ["fit_cells", "graded_points"]

MOST_NAMES = 10


def graded_points(released: NotebookData) -> dict[str, float]:
    """Return the points of all graded cells of a released notebook."""
    cells = [nbgrader_of(cell) for cell in released["cells"]]
    return {cell["grade_id"]: float(cell["points"]) for cell in cells if cell.get("grade")}


def fit_cells(gradebook: Gradebook, notebook: Notebook, released: NotebookData) -> None:
    """Add to a notebook with submissions the cells that it lacks, and take away those that were released no more.

    Their contents and points are for nbgrader to enter afterwards.

    Raises:
        CourseError: a cell that has left was marked by hand.
    """
    kinds = {GradeCell: "grade", SolutionCell: "solution"}
    named = [(cell, nbgrader_of(cell)) for cell in released["cells"] if nbgrader_of(cell).get("grade_id")]
    for kind, part in kinds.items():
        wanted = {meta["grade_id"]: (cell, meta) for cell, meta in named if meta.get(part)}
        there = {cell.name: cell for cell in notebook._base_cells if isinstance(cell, kind)}
        for name in there.keys() - wanted.keys():
            _remove(gradebook, there[name])
        for name in wanted.keys() - there.keys():
            _add(gradebook, notebook, kind, *wanted[name])
    _fit_sources(gradebook, notebook, named)
    gradebook.db.commit()


def _remove(gradebook: Gradebook, cell: GradeCell | SolutionCell) -> None:
    """Take a cell away with what was given for it."""
    given = [*(cell.grades or ()), *(cell.comments or ())]
    hands = [
        one for one in given if getattr(one, "manual_score", None) is not None or getattr(one, "manual_comment", None)
    ]
    if hands:
        names = sorted({printable(one.notebook.assignment.student_id) for one in hands})
        shown = ", ".join(names[:MOST_NAMES]) + (", ..." if len(names) > MOST_NAMES else "")
        raise CourseError(
            f"{cell.name} is in the release no more, and was marked or commented on by hand for {shown}. Put it back, "
            "or take these marks and comments away in Formgrader; then run again"
        )
    for one in (*given, cell):
        gradebook.db.delete(one)


def _add(gradebook: Gradebook, notebook: Notebook, kind: Any, cell: dict[str, Any], meta: dict[str, Any]) -> None:
    """Add a cell, and for every submission what is to be filled in for it."""
    graded = {"max_score": float(meta["points"]), "cell_type": cell["cell_type"]} if kind is GradeCell else {}
    added = kind(name=meta["grade_id"], notebook=notebook, **graded)
    gradebook.db.add(added)
    gradebook.db.flush()  # for its id
    for submission in notebook.submissions:
        gradebook.db.add((Grade if kind is GradeCell else Comment)(cell_id=added.id, notebook=submission))


def _fit_sources(gradebook: Gradebook, notebook: Notebook, named: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Do the same with the texts that nbgrader keeps of the release."""
    parts = ("grade", "solution", "locked", "task")
    wanted = {meta["grade_id"]: cell for cell, meta in named if any(meta.get(part) for part in parts)}
    there = {cell.name: cell for cell in notebook.source_cells}
    for name in there.keys() - wanted.keys():
        gradebook.db.delete(there[name])
    for name in wanted.keys() - there.keys():
        gradebook.db.add(SourceCell(name=name, notebook=notebook, cell_type=wanted[name]["cell_type"]))
