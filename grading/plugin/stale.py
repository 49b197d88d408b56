"""Which pages of feedback still show what they should: each carries, as a comment, the hash of what it was made from.

That is the graded notebook, and what the gradebook says of it: points, comments, penalty, whose it is. nbgrader itself
renews a page only when the time of submission is another.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import select

from grading.errors import printable
from grading.plugin.intake import student_of

__all__ = ["Pages"]

TAIL = 200  # bytes at the end of a page, in which its mark stands


class Pages:
    """The pages of feedback on one exercise.

    Args:
        coursedir: where they lie.
        exercise: its key.
        folders: of the graded notebooks.
    """

    def __init__(self, coursedir: CourseDirectory, exercise: str, folders: Sequence[Path]) -> None:
        self.coursedir, self.exercise, self.folders = coursedir, exercise, folders
        self.marks = _gradebook_of(coursedir, exercise)

    def drop_stale(self, log: logging.Logger) -> None:
        """Remove every page that shows something else than it would now; nbgrader writes it anew."""
        for folder in self.folders:
            student = student_of(folder)
            page = Path(self.coursedir.format_path(self.coursedir.feedback_directory, student, self.exercise))
            if page.is_dir() and not self._shows(page / f"{self.exercise}.html", self.mark(folder)):
                log.info("renewing the page of %s", printable(student))
                shutil.rmtree(page)

    def mark(self, folder: Path) -> str:
        """Return what the page made from a graded notebook's folder ends with."""
        whole = hashlib.sha256((folder / f"{self.exercise}.ipynb").read_bytes())
        whole.update(json.dumps(self.marks.get(student_of(folder))).encode())
        return f"\n<!-- of {whole.hexdigest()} -->\n"

    @staticmethod
    def _shows(page: Path, mark: str) -> bool:
        try:
            with open(page, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
                return file.read().endswith(mark.encode())
        except OSError:
            return False


def _gradebook_of(coursedir: CourseDirectory, exercise: str) -> dict[str, list[Any]]:
    """Return what the gradebook says of each student's submission, in a fixed order."""
    found: dict[str, list[Any]] = {}
    points = (BaseCell.name, Grade.score, Grade.manual_score, Grade.needs_manual_grade, Grade.max_score)
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        for kind, columns in ((Grade, points), (Comment, (BaseCell.name, Comment.comment)), (None, ())):
            late = SubmittedNotebook.late_submission_penalty
            query = select(SubmittedAssignment.student_id, *(columns or (late,)))
            query = query.join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            query = query.join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            if kind is not None:
                query = query.join(kind, kind.notebook_id == SubmittedNotebook.id)
                query = query.join(BaseCell, BaseCell.id == kind.cell_id).order_by(BaseCell.name)
            for student, *said in gradebook.db.execute(query.where(Assignment.name == exercise)):
                found.setdefault(student, []).append(said)
        for student, *names in gradebook.db.execute(select(Student.id, Student.first_name, Student.last_name)):
            found.setdefault(student, []).append(names)
    return found
