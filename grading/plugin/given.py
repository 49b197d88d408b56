"""What a page of feedback says of the gradebook: whose it is, and the marks of all questions, by hand and by checks."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Grade
from nbgrader.preprocessors import GetGrades

__all__ = ["ReadMarks"]


class ReadMarks(GetGrades):
    """Reads what nbgrader's own step does, and which questions have no mark yet, how many points are extra, and whose
    work it is.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple[NotebookNode, Any]:
        if cell_index == 0:  # the gradebook is open while cells are gone through
            self._note_whose(resources["nbgrader"])
        converted: tuple[NotebookNode, Any] = super().preprocess_cell(cell, resources, cell_index)
        return converted

    def _note_whose(self, names: dict[str, Any]) -> None:
        submission = self.gradebook.find_submission(self.assignment_id, self.student_id)
        student = submission.student
        names["name"] = " ".join(filter(None, (student.first_name, student.last_name)))
        names["time"] = f"{submission.timestamp:%Y-%m-%d %H:%M} UTC" if submission.timestamp else ""

    def _get_comment(self, cell: NotebookNode, resources: Any) -> None:
        """Note a comment; the grader's own beside code says what stands under the check already."""
        name = cell.metadata["nbgrader"]["grade_id"]
        found = self.gradebook.find_comment(name, self.notebook_id, self.assignment_id, self.student_id)
        cell.metadata.nbgrader["comment"] = found.manual_comment if cell.cell_type == "code" else found.comment

    def _get_score(self, cell: NotebookNode, resources: Any) -> None:
        name = cell.metadata["nbgrader"]["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        cell.metadata.nbgrader.update(_given(grade))


def _given(grade: Grade) -> dict[str, Any]:
    """Return what is known of one mark: `score` is with extra points, `marked` whether there is a mark at all."""
    return {
        "score": grade.score,
        "points": grade.max_score,
        "extra": grade.extra_credit or 0.0,
        "marked": grade.manual_score is not None or grade.auto_score is not None,
    }
