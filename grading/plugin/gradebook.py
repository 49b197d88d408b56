"""The gradebook: what is entered before a class is graded, and the marks, all of a student's at once or none."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, from_dict
from nbgrader.api import Grade, Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades, SaveCells
from nbgrader.utils import is_solution, is_task
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from grading.course.course import Course
from grading.errors import CourseError, GradingError, printable
from grading.plugin.cells import fit_cells, graded_points
from grading.plugin.written import Written, WrittenCell, all_written, make_table
from grading.report import QuestionReport, Report
from grading.reporting import feedback
from grading.submission.repair import blank, plain_markdown
from grading.submission.roles import nbgrader_of, question_of, same_source, trimmed

__all__ = ["WriteMarks", "know_assignment", "odd_by_hand", "patient"]

PATIENCE = 60  # seconds to wait for another program that writes to the gradebook


class WriteMarks(SaveAutoGrades):
    """Writes the marks of the report into the gradebook, all of a student's at once or none.

    Marks given by hand stay, and are asked for again where the answer is another than the one that was marked; words
    wait for a hand. Extra points become nbgrader's extra credit of that cell, for a score above the cell's maximum
    would be refused; they leave with the bonus, and credit that a hand gave or changed stays.
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
        self.answers = {name: cell.source for cell in nb.cells if (name := nbgrader_of(cell).get("grade_id"))}
        with Gradebook(names["db_url"]) as self.gradebook:
            notebook = self.gradebook.find_submission_notebook(self.notebook_id, self.assignment_id, self.student_id)
            self.written = Written.read(self.gradebook.db, notebook.id)
            nb, resources = NbGraderPreprocessor.preprocess(self, nb, resources)
            self._note_the_time(plan, notebook.assignment)
            self.written.done = nb.metadata["deep_learning_lab"]["done"]
            self.written.write(self.gradebook.db, notebook.id)
            self.gradebook.db.commit()
        return nb, resources

    def _note_the_time(self, plan: Any, submission: SubmittedAssignment) -> None:
        """Enter when it was handed in and by when it should have been; nbgrader keeps a time that is there no more."""
        submission.timestamp = plan.time_of(self.student_id)
        plan.lateness.grant(submission, self.written)
        plan.note_late(self.student_id, submission.total_seconds_late, self.report)

    def _add_score(self, cell: NotebookNode, resources: Any) -> None:
        name = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        written = self.written.cells.setdefault(grade.id, WrittenCell())
        question = self.report.questions.get(question_of(cell) or "")
        by_hand = is_solution(cell) or is_task(cell)
        if by_hand and not self.report.unreadable and not same_source(cell.source, self.sources[name]):
            grade.auto_score = None
        else:
            grade.auto_score = min(question.points, grade.max_score) if question else 0.0
        _give_extra(grade, question, written)
        answer = cell.source if by_hand else self.answers.get(question_of(cell) or "", "")
        _ask_for_a_hand(grade, answer, written)
        if trouble := odd_by_hand(grade.auto_score, grade.manual_score, grade.max_score):
            self.log.warning("%s: %s %s", printable(self.student_id), name, trouble)

    def _add_comment(self, cell: NotebookNode, resources: Any) -> None:
        name = cell.metadata.nbgrader["grade_id"]
        comment = self.gradebook.find_comment(name, self.notebook_id, self.assignment_id, self.student_id)
        if name in self.report.questions:
            comment.auto_comment = feedback.comment(self.report.questions[name])
        elif self.report.unreadable:
            comment.auto_comment = plain_markdown(f"not graded: {self.report.unreadable}")
        else:
            comment.auto_comment = "No response." if same_source(cell.source, self.sources[name]) else None


def _give_extra(grade: Grade, question: QuestionReport | None, written: WrittenCell) -> None:
    """Give the extra points that were earned as extra credit, unless a hand has given or changed it."""
    earned = question.bonus if question and question.bonus_maximum else None
    known = bool(written.shown)  # what grading gave before, if anything
    if grade.extra_credit == written.extra if known else earned is not None:
        grade.extra_credit = earned
    written.extra = earned


def _ask_for_a_hand(grade: Grade, answer: str, written: WrittenCell) -> None:
    """Have Formgrader ask for a mark where none is given, or where it was given for another answer."""
    shown = hashlib.sha256(trimmed(answer).encode()).hexdigest()[:32]
    if grade.manual_score is None:
        written.marked = ""
        grade.needs_manual_grade = grade.auto_score is None
    else:
        if not grade.needs_manual_grade:  # a hand has marked what was shown to it
            written.marked = written.shown
        grade.needs_manual_grade = written.marked != shown
    written.shown = shown


def odd_by_hand(automatic: float | None, by_hand: float | None, maximum: float) -> str:
    """Return in words what is odd about a mark by hand: a better one came since, or the cell's points are fewer now."""
    if by_hand is None:
        return ""
    if by_hand > maximum:
        return f"has {by_hand:g} points by hand, of {maximum:g} now"
    return f"has {by_hand:g} points by hand, and {automatic:g} by its checks" if (automatic or 0) > by_hand else ""


def patient(db_url: str) -> str:
    """Return the gradebook's address with the order to wait for whoever else is writing to it."""
    if not db_url.startswith("sqlite:///") or "?" in db_url:
        return db_url
    return f"{db_url}?timeout={PATIENCE}"


def know_assignment(coursedir: CourseDirectory, course: Course) -> dict[str, Written]:
    """Enter the released notebook's cells into the gradebook, unless it knows them, so that a fresh clone can grade.

    Returns what was written about each submission that it knows, by student.

    Raises:
        CourseError: if it knows others and has submissions of them, or if nothing can be written to it.
    """
    _whole_from_the_start(coursedir)
    wanted = graded_points(course.released)
    try:
        with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
            gradebook.update_or_create_assignment(course.exercise)
            gradebook.db.execute(text("UPDATE assignment SET name = name WHERE 0"))  # can it be written to?
            gradebook.db.rollback()
            make_table(gradebook.db)
            written = all_written(gradebook.db, course.exercise)
            try:
                notebook = gradebook.find_notebook(course.exercise, course.exercise)
                known = {cell.name: cell.max_score for cell in notebook.grade_cells}
                if known.keys() != wanted.keys() and notebook.submissions:
                    fit_cells(gradebook, notebook, course.released)
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
    return written


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
