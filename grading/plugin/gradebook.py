"""The gradebook: what is entered before a class is graded, and the marks, all of a student's at once or none."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, from_dict
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades, SaveCells
from nbgrader.utils import is_solution, is_task
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from grading.course.course import Course
from grading.errors import CourseError, GradingError
from grading.report import Report
from grading.reporting import feedback
from grading.submission.repair import blank, plain_markdown
from grading.submission.roles import question_of, same_source

__all__ = ["WriteMarks", "know_assignment", "patient"]

PATIENCE = 60  # seconds to wait for another program that writes to the gradebook


class WriteMarks(SaveAutoGrades):
    """Writes the marks of the report into the gradebook, all of a student's at once or none.

    Marks given by hand stay, words wait for a hand. Extra points become nbgrader's extra credit of that cell: a score
    above the cell's maximum would be refused.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        names, asked = resources["nbgrader"], resources["deep_learning_lab"]
        plan = self.parent.plan
        try:
            self.report = Report.read(plan.report_path(names["student"]))
            if self.report.fingerprint != asked.fingerprint:
                raise GradingError("the report is of another submission")
        except GradingError as error:
            self.log.error("%s: zero, for %s", names["student"], error)
            from grading.examination.points import not_graded  # torch, which has to be here for once

            questions = not_graded(plan.course, "there is no report; your lecturer is told")
            self.report = Report(names["assignment"], names["student"], questions=questions, unreadable="no report")
        released = plan.course.released["cells"]
        self.sources = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell["source"] for cell in released}
        self.notebook_id, self.assignment_id, self.student_id = (
            names[name] for name in ("notebook", "assignment", "student")
        )
        with Gradebook(names["db_url"]) as self.gradebook:
            nb, resources = NbGraderPreprocessor.preprocess(self, nb, resources)
            self._note_the_time(plan)
            self.gradebook.db.commit()
        return nb, resources

    def _note_the_time(self, plan: Any) -> None:
        """Have the report say, for staff, that the submission was late or that its time is unknown."""
        submission = self.gradebook.find_submission(self.assignment_id, self.student_id)
        said = plan.time_trouble(self.student_id, submission.assignment.duedate is not None)
        if late := submission.total_seconds_late:
            said = f"late by {timedelta(seconds=round(late))}"
        if said != self.report.time:
            self.report.time = said
            self.report.write(plan.report_path(self.student_id))

    def _add_score(self, cell: NotebookNode, resources: Any) -> None:
        name = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        question = self.report.questions.get(question_of(cell) or "")
        by_hand = is_solution(cell) or is_task(cell)
        if by_hand and not self.report.unreadable and not same_source(cell.source, self.sources[name]):
            grade.auto_score = None
        else:
            grade.auto_score = min(question.points, grade.max_score) if question else 0.0
        if question and question.bonus_maximum:  # of other cells it is a hand's to give
            grade.extra_credit = question.bonus
        grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None

    def _add_comment(self, cell: NotebookNode, resources: Any) -> None:
        name = cell.metadata.nbgrader["grade_id"]
        comment = self.gradebook.find_comment(name, self.notebook_id, self.assignment_id, self.student_id)
        if name in self.report.questions:
            comment.auto_comment = feedback.comment(self.report.questions[name])
        elif self.report.unreadable:
            comment.auto_comment = plain_markdown(f"not graded: {self.report.unreadable}")
        else:
            comment.auto_comment = "No response." if same_source(cell.source, self.sources[name]) else None


def patient(db_url: str) -> str:
    """Return the gradebook's address with the order to wait for whoever else is writing to it."""
    if not db_url.startswith("sqlite:///") or "?" in db_url:
        return db_url
    return f"{db_url}?timeout={PATIENCE}"


def know_assignment(coursedir: CourseDirectory, course: Course) -> set[str]:
    """Enter the released notebook's cells into the gradebook, unless it knows them, so that a fresh clone can grade.

    Returns the students whose submissions it knows.

    Raises:
        CourseError: if it knows others and has submissions of them, or if nothing can be written to it.
    """
    _whole_from_the_start(coursedir)
    cells = [cell for cell in course.released["cells"] if cell["metadata"].get("nbgrader", {}).get("grade")]
    wanted = {cell["metadata"]["nbgrader"]["grade_id"]: float(cell["metadata"]["nbgrader"]["points"]) for cell in cells}
    try:
        with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
            gradebook.update_or_create_assignment(course.exercise)
            gradebook.db.execute(text("UPDATE assignment SET name = name WHERE 0"))  # can it be written to?
            gradebook.db.rollback()
            students = {submission.student.id for submission in gradebook.assignment_submissions(course.exercise)}
            try:
                known = {
                    cell.name: cell.max_score
                    for cell in gradebook.find_notebook(course.exercise, course.exercise).grade_cells
                }
            except MissingEntry:
                known = None
    except OperationalError as error:
        place = coursedir.db_url.partition("?")[0]
        raise CourseError(
            f"the gradebook {place} cannot be written: {error.orig}. {_advice(str(error.orig))}"
        ) from None
    if known != wanted:
        names = {"notebook": course.exercise, "assignment": course.exercise, "db_url": coursedir.db_url}
        try:
            SaveCells().preprocess(from_dict(blank(course.released)), {"nbgrader": names})
        except RuntimeError as error:
            raise CourseError(
                f"the gradebook knows other cells of {course.exercise} than {coursedir.release_directory}/ ({error})"
            ) from None
    return students


def _whole_from_the_start(coursedir: CourseDirectory) -> None:
    """Make a new gradebook beside its place and put it there when it is whole: tables without their version are of no
    use to `nbgrader db upgrade`.

    Not by `helpers.files.atomically`, which gives a file rights of its own: who may read marks is for the lecturer's
    umask to say, as with any file that SQLite makes.
    """
    address = coursedir.db_url.partition("?")[0]
    path = Path(address.removeprefix("sqlite:///"))
    if not address.startswith("sqlite:///") or path.exists():
        return
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Gradebook(f"sqlite:///{part}", coursedir.course_id).close()
        os.replace(part, path)
    except (OSError, OperationalError) as error:
        raise CourseError(f"no gradebook can be made at {path}: {getattr(error, 'orig', error)}") from None
    finally:
        part.unlink(missing_ok=True)


def _advice(reason: str) -> str:
    """Return what to do about an error of SQLite."""
    if "locked" in reason:
        return "Another program has kept it locked, an open formgrader or a database browser; end it and run again."
    if "readonly" in reason or "unable to open" in reason:
        return "See to the rights of the file and of its folder, then run again."
    if "full" in reason:
        return "Make room on the disk, then run again: what was graded is kept in the reports."
    return "If nbgrader was upgraded: save a copy of it, then `nbgrader db upgrade`."
