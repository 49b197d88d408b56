"""What the overview of a term shows, read from the gradebook, the reports and the graded notebooks: plain data.

The gradebook is read in a few questions, whatever the size of the class.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    GradeCell,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)  # fmt: skip
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from grading.course.course import Course
from grading.entries.extensions import extensions
from grading.entries.withdrawn import withdrawn
from grading.errors import GradingError
from grading.plugin.gradebook import odd_by_hand
from grading.plugin.settings import Grading, course_config
from grading.plugin.written import all_written
from grading.report import Report, report_path
from grading.reporting.similar import Alike, alike, answers_of
from grading.reporting.term import Exercise, Mark, Term, Work
from grading.reporting.term import Student as OfTheTerm
from grading.submission.roles import nbgrader_of

__all__ = ["read_term"]

ENDS = 1 << 16  # bytes at both ends of weights, by which most are told apart


def read_term(root: Path) -> Term:
    """Return the term as the gradebook has it now, without those who have left.

    Raises:
        GradingError: there is no course, or nothing is graded yet.
    """
    config = course_config(root)
    coursedir = CourseDirectory(config=config)
    place = coursedir.db_url.partition("?")[0].removeprefix("sqlite:///")
    if coursedir.db_url.startswith("sqlite:///") and not os.path.exists(place):
        raise GradingError(f"there is no gradebook at {place}: nothing is graded yet. Run nbgrader autograde.")
    try:
        with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
            return _Reader(root, coursedir, Grading(config=config), gradebook).term()
    except OperationalError as error:
        raise GradingError(f"the gradebook {place} cannot be read: {error.orig}") from None


class _Reader:
    """Reads one term; what it is made with is that of `read_term`."""

    def __init__(self, root: Path, coursedir: CourseDirectory, grading: Grading, gradebook: Gradebook) -> None:
        self.root, self.coursedir, self.grading, self.session = root, coursedir, grading, gradebook.db
        self.left = withdrawn(root)

    def term(self) -> Term:
        exercises = self._exercises()
        works = {exercise.key: self._works(exercise) for exercise in exercises}
        ids = {student for by_student in works.values() for student in by_student}
        names = self._names()
        students = [
            OfTheTerm(one, names.get(one, ""), {key: by[one] for key, by in works.items() if one in by})
            for one in sorted((ids | names.keys()) - self.left, key=lambda name: (name.casefold(), name))
        ]
        granted, troubles = extensions(self.root)
        return Term(
            exercises,
            students,
            [one for exercise in exercises for one in self._alike(exercise.key)],
            [(one.student, one.exercise, one.until) for one in granted if one.student not in self.left],
            withdrawn=sorted(self.left),
            troubles=troubles,
        )

    def _names(self) -> dict[str, str]:
        rows = self.session.execute(select(Student.id, Student.last_name, Student.first_name))
        return {student: ", ".join(filter(None, (last, first))) for student, last, first in rows}

    def _exercises(self) -> list[Exercise]:
        """Return the exercises that have graded cells, by name; cells in the order of the released notebook."""
        maxima: dict[str, dict[str, float]] = {}
        for kind in (GradeCell, TaskCell):
            rows = self.session.execute(
                select(Assignment.name, kind.name, kind.max_score)
                .join(Notebook, Notebook.assignment_id == Assignment.id)
                .join(kind, kind.notebook_id == Notebook.id)
            )
            for exercise, cell, maximum in rows:
                maxima.setdefault(exercise, {})[cell] = maximum
        due = {name: date for name, date in self.session.execute(select(Assignment.name, Assignment.duedate))}
        return [Exercise(key, due[key], self._in_order(key, maxima[key])) for key in sorted(maxima)]

    def _in_order(self, exercise: str, maxima: dict[str, float]) -> dict[str, float]:
        try:
            cells = self._course(exercise).released["cells"]
        except (GradingError, OSError, ValueError, KeyError):  # released no more
            cells = []
        places = {nbgrader_of(cell).get("grade_id"): place for place, cell in enumerate(cells)}
        return dict(sorted(maxima.items(), key=lambda one: places.get(one[0], len(places))))

    def _course(self, exercise: str) -> Course:
        return self.grading.course(self.coursedir, exercise)

    def _works(self, exercise: Exercise) -> dict[str, Work]:
        """Return what every student has of one exercise: what is graded, and what only lies there."""
        marks = self._marks(exercise)
        rows = self.session.execute(
            select(
                SubmittedAssignment.student_id,
                SubmittedAssignment.timestamp,
                SubmittedAssignment.extension,
                func.coalesce(func.sum(SubmittedNotebook.late_submission_penalty), 0.0),
            )
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .where(Assignment.name == exercise.key)
            .group_by(SubmittedAssignment.id)
        )
        works = {
            student: Work(
                time,
                _seconds_late(exercise.due, time, extension),
                extension,
                penalty,
                marks.get(student, {}),
                self._report(exercise.key, student),
            )
            for student, time, extension, penalty in rows
        }
        return {folder.parent.name: Work() for folder in self._folders(exercise.key)} | works

    def _marks(self, exercise: Exercise) -> dict[str, dict[str, Mark]]:
        found: dict[str, dict[str, Mark]] = {}
        written = all_written(self.session, exercise.key)
        rows = self.session.execute(
            select(
                SubmittedAssignment.student_id, Grade.id, BaseCell.name, Grade.score, Grade.auto_score,
                Grade.manual_score, Grade.extra_credit, Grade.needs_manual_grade,
            )
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
            .join(BaseCell, BaseCell.id == Grade.cell_id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .where(Assignment.name == exercise.key)
        )  # fmt: skip
        for student, grade, cell, score, automatic, by_hand, extra, waiting in rows:
            maximum = exercise.maxima.get(cell, 0.0)
            odd = odd_by_hand(automatic, by_hand, maximum)
            if automatic is not None and (own := written[student].cells.get(grade)):
                automatic += own.extra or 0.0
            mark = Mark(score, automatic, by_hand, extra or 0.0, maximum, bool(waiting), odd)
            found.setdefault(student, {})[cell] = mark
        return {student: {name: own[name] for name in exercise.maxima if name in own} for student, own in found.items()}

    def _report(self, exercise: str, student: str) -> Report | None:
        with contextlib.suppress(GradingError):
            return Report.read(report_path(self.root / self.grading.reports / exercise, student))
        return None

    def _folders(self, exercise: str) -> list[Path]:
        place = Path(self.coursedir.format_path(self.coursedir.submitted_directory, "x", exercise)).parent.parent
        return sorted(path for path in place.glob(f"*/{exercise}") if path.is_dir() and not path.parent.is_symlink())

    def _alike(self, exercise: str) -> list[Alike]:
        graded = Path(self.coursedir.format_path(self.coursedir.autograded_directory, "x", exercise)).parent.parent
        folders = [path for path in graded.glob(f"*/{exercise}") if path.parent.name not in self.left]
        answers = {path.parent.name: answers_of(path / f"{exercise}.ipynb") for path in folders}
        released = answers_of(self._course(exercise).notebook_path(self.coursedir.release_directory))
        handed_in = [path for path in self._folders(exercise) if path.parent.name not in self.left]
        return alike(exercise, answers, released, _weights(handed_in))


def _seconds_late(due: datetime | None, time: datetime | None, extension: timedelta | None) -> float:
    if due is None or time is None:
        return 0.0
    return max(0.0, (time - due - (extension or timedelta())).total_seconds())


def _weights(folders: list[Path]) -> dict[str, str]:
    """Return a hash of each student's weights, but for those that are told apart by their size and ends already."""
    files = {path: ends for folder in folders for path in _weights_in(folder) if (ends := _ends(path))}
    times = Counter(files.values())
    whole = {path: _hash(path) for path, ends in files.items() if times[ends] > 1}
    return {path.parent.parent.name: found for path, found in whole.items() if found}


def _weights_in(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from sorted(folder.glob("*.safetensors"), key=lambda path: (path.name.count("."), path.name))[:1]


def _ends(path: Path) -> bytes:
    """Return a hash of the size and both ends of a plain file; nothing of another."""
    with contextlib.suppress(OSError):
        if stat.S_ISREG((state := path.lstat()).st_mode) and state.st_size:
            with path.open("rb") as file:
                found = hashlib.sha256(f"{state.st_size} ".encode() + file.read(ENDS))
                file.seek(max(0, state.st_size - ENDS))
                found.update(file.read(ENDS))
                return found.digest()
    return b""


def _hash(path: Path) -> str:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return ""
