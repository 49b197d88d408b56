"""Our parts in nbgrader's pipeline: the only module that imports nbgrader.

    SubmissionExporter   reads what students handed in, whatever its state, in nbgrader's place
    Repair               the one step of sanitising: the released notebook with the student's answers in it
    Grade                runs in place of Execute: the report is written, verdicts stand under the check cells
    WriteMarks           runs in place of SaveAutoGrades: marks come from the report, never from what a cell printed
    ReleaseExporter      keeps trained weights and results out of what `nbgrader generate_assignment` copies

`nbgrader_config.py` names them; nbgrader itself is stock. Every student folder ends with a row in the gradebook.
"""

from __future__ import annotations

import atexit
import glob
import os
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, from_dict
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades, SaveCells
from nbgrader.utils import is_solution, is_task, parse_utc
from traitlets import Enum, Float, Integer, Unicode
from traitlets.config import Configurable

from grading import feedback
from grading.answers import Course, warm_process
from grading.errors import CourseError, GradingError, UnreadableSubmission
from grading.notebook import blank, plain_markdown, question_of, same_source
from grading.report import Report
from grading.sandbox import Limits
from grading.submission import Submission, read_regular, read_submission

if TYPE_CHECKING:
    from grading.grade import Grader

__all__ = ["Grade", "Grading", "ReleaseExporter", "Repair", "SubmissionExporter", "WriteMarks"]

warnings.filterwarnings("ignore", "Object of type .* not in session")  # nbgrader's own, with every new student
DEFAULTS = Limits()
_graders: dict[Any, Grader] = {}  # nbgrader makes new preprocessors for every notebook; the warm process stays


class Grading(Configurable):
    """What nbgrader_config.py may set about grading: limits of one submission, and where the course's parts lie."""

    cell_seconds = Float(DEFAULTS.cell_seconds, help="Seconds that one cell may run.").tag(config=True)
    question_seconds = Float(DEFAULTS.question_seconds, help="Seconds that all checks of one question may take.").tag(
        config=True
    )
    submission_seconds = Float(DEFAULTS.submission_seconds, help="Seconds that one submission may take.").tag(
        config=True
    )
    memory_mb = Integer(DEFAULTS.memory_mb, help="Memory beyond what the warm process has, in MB.").tag(config=True)
    processes = Integer(DEFAULTS.processes, help="Threads; new processes are always refused.").tag(config=True)
    output_kb = Integer(DEFAULTS.output_kb, help="Printed output that is kept, in kB.").tag(config=True)
    file_mb = Integer(DEFAULTS.file_mb, help="Size of the private folder, in MB.").tag(config=True)
    notebook_mb = Integer(DEFAULTS.notebook_mb, help="Size up to which a notebook is read, in MB.").tag(config=True)
    weights_mb = Integer(DEFAULTS.weights_mb, help="Size up to which a weights file is read, in MB.").tag(config=True)
    isolation = Enum(
        ("best", "strict"),
        "best",
        help="best: grade with the isolation that there is; strict: refuse unless it is complete.",
    ).tag(config=True)
    checks_package = Unicode("helpers.checks", help="Package with one module of QUESTIONS for each exercise.").tag(
        config=True
    )
    hidden_checks = Unicode("grading/hidden_checks", help="Folder of the hidden checks.").tag(config=True)
    known_wrong = Unicode("grading/known_wrong", help="Folder of the known wrong answers.").tag(config=True)
    reports = Unicode("grading/reports", help="Folder of the reports.").tag(config=True)
    secret = Unicode("grading/course_secret", help="File of the secret that the checks' seeds come from.").tag(
        config=True
    )

    def limits(self) -> Limits:
        """Return the limits as `grading.sandbox` takes them."""
        return Limits(**{name: getattr(self, name) for name in Limits.__dataclass_fields__})

    def course(self, coursedir: CourseDirectory, exercise: str) -> Course:
        """Return where the parts of one exercise lie."""
        return Course(
            Path(coursedir.root).resolve(),
            exercise,
            self.checks_package,
            coursedir.source_directory,
            coursedir.release_directory,
            self.hidden_checks,
            self.known_wrong,
        )

    def report_path(self, coursedir: CourseDirectory, exercise: str, student: str) -> Path:
        """Return where a student's report lies."""
        return Path(coursedir.root, self.reports, exercise, f"{student}.json")

    def grader(self, coursedir: CourseDirectory, exercise: str) -> Grader:
        """Return the grader of this exercise, started at first use and closed at exit."""
        course = self.course(coursedir, exercise)
        key = (course, self.limits(), self.isolation)
        if key not in _graders:
            warm = warm_process(course, self.limits())
            from grading.grade import Grader  # torch, which the warm process imports at the same time

            _graders[key] = Grader(course, warm, course.root / self.secret, self.isolation)
            atexit.register(_graders[key].close)
        return _graders[key]


class _SafeCourseDirectory(CourseDirectory):
    """The course's folders as autograding should see them: nothing of a student's is copied, no timestamp stops it."""

    def get_existing_timestamp(self, dest_path: str) -> datetime | None:
        """Return the time in timestamp.txt; None where there is none that can be understood."""
        path = Path(dest_path, "timestamp.txt")
        if not os.path.lexists(path):
            return None
        try:
            return parse_utc(read_regular(path, 1).decode().strip()[:100] or None)
        except (UnreadableSubmission, ValueError, OverflowError, UnicodeDecodeError):
            self.log.warning("%s holds no time that can be read; the submission counts as in time", path)
            return None


class SubmissionExporter(NotebookExporter):
    """Reads submissions for nbgrader: folders that it would skip, files that it would stop at, names that it does not
    know.

    The converter makes it right before it goes through the class; every student's folder is then put on the
    converter's list.
    """

    def __init__(self, config: Any = None, **options: Any) -> None:
        super().__init__(config=config, **options)
        self.submissions: dict[str, Path] = {}
        self.current: Submission | None = None
        if isinstance(self.parent, Autograde):
            self._take_over(self.parent)

    def _take_over(self, converter: Autograde) -> None:
        old = converter.coursedir
        settings = {name: getattr(old, name) for name in old.traits(config=True)}
        self.coursedir = _SafeCourseDirectory(parent=old.parent, **{**settings, "ignore": ["*"]})
        self.grading, exercise = Grading(parent=self), old.assignment_id
        pattern = old.format_path(old.submitted_directory, old.student_id, exercise)
        self.submissions = {os.path.join(folder, f"{exercise}.ipynb"): Path(folder) for folder in glob.glob(pattern)}
        converter.coursedir = self.coursedir
        converter.assignments = {str(folder): [path] for path, folder in self.submissions.items()}
        try:
            self.grader = self.grading.grader(old, exercise)
            _know_assignment(old, self.grader.course)
        except GradingError as error:
            self.log.error("Nobody was graded: %s", error)
            raise NbGraderException(str(error)) from error

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[str, Any]:
        """Return a notebook as text; of a submission, whatever its state, the released one for `Repair` to fill in."""
        folder = self.submissions.get(filename)
        if folder is None:
            return super().from_filename(filename, resources, **options)
        limits = self.grader.limits
        self.current = read_submission(folder, self.grader.course.exercise, limits.notebook_mb, limits.weights_mb)
        return self.from_notebook_node(from_dict(blank(self.grader.course.released)), resources, **options)


class Repair(NbGraderPreprocessor):
    """Puts what the student wrote into the released notebook, or leaves that as it is where nothing could be read."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        submission = self.parent.current
        notebook = self.parent.grader.repair(submission)
        for line in (*submission.notes, *filter(None, [submission.unreadable])):
            self.log.warning("%s: %s", submission.student, line)
        return from_dict(notebook), resources


class Grade(NbGraderPreprocessor):
    """Grades the submission and writes its report; the notebook gets the verdicts under its check cells."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        exporter, names = self.parent, resources["nbgrader"]
        student, exercise = names["student"], names["assignment"]
        path = exporter.grading.report_path(exporter.coursedir, exercise, student)
        path.unlink(missing_ok=True)  # a report of another day must not speak for this one
        exporter.current.student = student
        report = exporter.grader.grade(nb, exporter.current)
        report.write(path)
        resources["deep_learning_lab"] = {"report": path}
        self._keep_timestamp(exporter.coursedir, exercise, student)
        self.log.info("%s: %g points in %.2f s", student, report.points + report.bonus, report.seconds)
        return from_dict(nb), resources

    @staticmethod
    def _keep_timestamp(coursedir: CourseDirectory, exercise: str, student: str) -> None:
        """Put the time of submission beside the graded notebook, by which nbgrader knows a newer submission."""
        submitted, graded = (
            coursedir.format_path(step, student, exercise)
            for step in (coursedir.submitted_directory, coursedir.autograded_directory)
        )
        if (time := coursedir.get_existing_timestamp(submitted)) is not None:
            Path(graded, "timestamp.txt").write_text(f"{time:%Y-%m-%d %H:%M:%S} UTC\n")


class WriteMarks(SaveAutoGrades):
    """Writes the marks of the report into the gradebook; marks given by hand stay, words wait for a hand.

    Extra points become nbgrader's extra credit of that cell: a score above the cell's maximum would be refused.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        try:
            self.report = Report.read(resources["deep_learning_lab"]["report"])
        except (KeyError, GradingError) as error:
            self.log.error("%s: zero, for %s", resources["nbgrader"]["student"], error)
            self.report = Report(
                resources["nbgrader"]["assignment"], resources["nbgrader"]["student"], unreadable="no report"
            )
        from grading.examine import bonus_points  # torch, which is there by now

        self.extra = bonus_points(self.parent.grader.course)
        released = self.parent.grader.course.released["cells"]
        self.sources = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell["source"] for cell in released}
        return super().preprocess(nb, resources)

    def _add_score(self, cell: NotebookNode, resources: Any) -> None:
        name = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        question = self.report.questions.get(question_of(cell) or "")
        by_hand = is_solution(cell) or is_task(cell)
        if by_hand and not self.report.unreadable and not same_source(cell.source, self.sources[name]):
            grade.auto_score = None
        else:
            grade.auto_score = min(question.points, grade.max_score) if question else 0.0
        if question_of(cell) in self.extra:  # of other cells it is a hand's to give
            grade.extra_credit = question.bonus if question else 0.0
        grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
        self.gradebook.db.commit()

    def _add_comment(self, cell: NotebookNode, resources: Any) -> None:
        name = cell.metadata.nbgrader["grade_id"]
        comment = self.gradebook.find_comment(name, self.notebook_id, self.assignment_id, self.student_id)
        if name in self.report.questions:
            comment.auto_comment = feedback.comment(self.report.questions[name])
        elif self.report.unreadable:
            comment.auto_comment = plain_markdown(f"not graded: {self.report.unreadable}")
        else:
            comment.auto_comment = "No response." if same_source(cell.source, self.sources[name]) else None
        self.gradebook.db.commit()


class ReleaseExporter(NotebookExporter):
    """Writes released notebooks, and keeps what running a solution leaves beside it out of what students get."""

    left_behind = ("*.safetensors", "results.json", "*.part")

    def __init__(self, config: Any = None, **options: Any) -> None:
        super().__init__(config=config, **options)
        self._ignored: list[str] | None = None
        if isinstance(self.parent, GenerateAssignment):
            self._ignored = self.parent.coursedir.ignore
            self.parent.coursedir.ignore = [*self._ignored, *self.left_behind]

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[str, Any]:
        """Return the notebook as text; by now files are copied, and the course's folders are as they were."""
        if self._ignored is not None:
            self.parent.coursedir.ignore, self._ignored = self._ignored, None
        return super().from_filename(filename, resources, **options)


def _know_assignment(coursedir: CourseDirectory, course: Course) -> None:
    """Enter the released notebook's cells into the gradebook, unless it knows them, so that a fresh clone can grade.

    Raises:
        CourseError: if it knows others and has submissions of them.
    """
    cells = [cell for cell in course.released["cells"] if cell["metadata"].get("nbgrader", {}).get("grade")]
    wanted = {cell["metadata"]["nbgrader"]["grade_id"]: float(cell["metadata"]["nbgrader"]["points"]) for cell in cells}
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        gradebook.update_or_create_assignment(course.exercise)
        try:
            known = {
                cell.name: cell.max_score
                for cell in gradebook.find_notebook(course.exercise, course.exercise).grade_cells
            }
        except MissingEntry:
            known = None
    if known != wanted:
        names = {"notebook": course.exercise, "assignment": course.exercise, "db_url": coursedir.db_url}
        try:
            SaveCells().preprocess(from_dict(blank(course.released)), {"nbgrader": names})
        except RuntimeError as error:
            raise CourseError(
                f"the gradebook knows other cells of {course.exercise} than {coursedir.release_directory}/ ({error})"
            ) from None
