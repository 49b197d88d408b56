"""Our parts in nbgrader's pipeline: the only module that imports nbgrader.

    SubmissionExporter   reads what students handed in, whatever its state, in nbgrader's place
    Repair               the one step of sanitising: the released notebook with the student's answers in it
    Grade                runs in place of Execute: the report is written, verdicts stand under the check cells
    WriteMarks           runs in place of SaveAutoGrades: marks come from the report, never from what a cell printed
    ReleaseExporter      keeps trained weights and results out of what `nbgrader generate_assignment` copies

`nbgrader_config.py` names them; nbgrader itself is stock. Every student folder ends with a row in the gradebook.

Only what is new or changed is graded (`grading.keys`), and a run that was ended at any moment is completed by the next:
a student is done when the graded notebook carries the report's key, which is written last.
"""

from __future__ import annotations

import atexit
import glob
import hashlib
import os
import shutil
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, from_dict
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades, SaveCells
from nbgrader.utils import is_solution, is_task, parse_utc
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from tqdm import tqdm
from traitlets import Bool, Enum, Float, Integer, Unicode
from traitlets.config import Configurable

from grading import feedback, graders
from grading.answers import Course
from grading.errors import CourseError, GradingError, UnreadableSubmission
from grading.keys import files_of, report_key
from grading.lock import hold
from grading.notebook import blank, plain_markdown, question_of, same_source, sound_notebook
from grading.report import Report
from grading.sandbox import Limits
from grading.submission import Submission, read_regular

__all__ = ["Grade", "Grading", "ReleaseExporter", "Repair", "SubmissionExporter", "WriteMarks"]

warnings.filterwarnings("ignore", "Object of type .* not in session")  # nbgrader's own, with every new student
DEFAULTS = Limits()
TAIL = 4096  # bytes at the end of a graded notebook, in which its metadata stand
GRADEBOOK_PATIENCE = 60  # seconds to wait for another program that writes to the gradebook


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
    jobs = Integer(1, min=1, help="Processes that grade; with more than one, this process only writes marks.").tag(
        config=True
    )
    scheduler = Unicode("", help="Address of a running Dask scheduler, whose workers grade instead.").tag(config=True)
    again = Bool(False, help="Grade everything again, whatever reports there are.").tag(config=True)
    progress = Bool(False, help="Show a progress bar with the time left.").tag(config=True)
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

    def order(self, coursedir: CourseDirectory, exercise: str) -> graders.Order:
        """Return what a grader has to know about this exercise."""
        course = self.course(coursedir, exercise)
        return graders.Order(course, self.limits(), self.isolation, course.root / self.secret)

    def graders(self, order: graders.Order, keep: Any) -> graders.AtHand | graders.Many:
        """Return who grades; `keep` is called with each report that is made elsewhere."""
        if self.jobs == 1 and not self.scheduler:
            return graders.AtHand(order)
        return graders.Many(order, self.jobs, self.scheduler, keep)


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
            try:
                self._take_over(self.parent)
            except GradingError as error:
                self.log.error("Nobody was graded: %s", error)
                raise NbGraderException(str(error)) from error

    def _take_over(self, converter: Autograde) -> None:
        """Put every folder that has to be graded on the converter's list, and start to grade."""
        old = converter.coursedir
        settings = {name: getattr(old, name) for name in old.traits(config=True)}
        settings |= {"ignore": ["*"], "db_url": _patient(old.db_url)}
        self.coursedir = _SafeCourseDirectory(parent=old.parent, **settings)
        self.grading, self.exercise = Grading(parent=self), old.assignment_id
        self.order = self.grading.order(old, self.exercise)
        self.course, self.limits = self.order.course, self.order.limits
        hold(self.course.root / self.grading.reports, "grading")
        self.known = _know_assignment(self.coursedir, self.course)
        self.graders = self.grading.graders(self.order, self._keep)
        atexit.register(self.graders.close)
        pattern = old.format_path(old.submitted_directory, old.student_id, self.exercise)
        folders = sorted(glob.glob(pattern))
        self.reports = {folder: self._current(Path(folder), converter.force) for folder in folders}
        todo = [folder for folder in folders if converter.force or not self._is_done(Path(folder))]
        self.submissions = {os.path.join(folder, f"{self.exercise}.ipynb"): Path(folder) for folder in todo}
        converter.coursedir = self.coursedir
        converter.assignments = {str(folder): [path] for path, folder in self.submissions.items()}
        if done := len(folders) - len(todo):
            self.log.info("%d of %d submissions are graded and unchanged", done, len(folders))
        self.graders.ahead([(folder, Path(folder).parent.name) for folder in todo if self.reports[folder] is None])
        for folder in todo:
            shutil.rmtree(self._graded_folder(Path(folder)), ignore_errors=True)  # nbgrader would take it for done
        self.bar = tqdm(total=len(todo), desc=self.exercise, unit="", disable=not self.grading.progress, leave=False)

    def _current(self, folder: Path, force: bool) -> Report | None:
        """Return the report that there is, if it is still right; None if the submission has to be graded."""
        path = self.report_path(folder.parent.name)
        try:
            report = Report.read(path)
        except GradingError:
            return None
        weak = report.isolation_missing and self.grading.isolation == "strict"
        cut_short = force and any(q.verdict in ("timed out", "crashed") for q in report.questions.values())
        if self.grading.again or weak or cut_short or not report.sound or report.course_key != self.graders.key:
            return None
        files = files_of(folder, self.exercise)
        if files and files == report.files:
            return report
        submission = graders.read(self.order, str(folder), folder.parent.name)
        if report.key != report_key(self.graders.key, submission):
            return None
        if files != report.files:  # copied, say: next time it need not be read
            report.files = files
            self._keep(report)
        return report

    def _is_done(self, folder: Path) -> bool:
        """Return whether the marks of a current report are in the gradebook: the graded notebook ends with its key."""
        report = self.reports[str(folder)]
        if report is None or folder.parent.name not in self.known:
            return False
        try:
            with open(self._graded_folder(folder) / f"{self.exercise}.ipynb", "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
                return self.done_key(report, folder).encode() in file.read()
        except OSError:
            return False

    def done_key(self, report: Report, folder: Path) -> str:
        """Return what the graded notebook carries when all is done: the report's key and the time of submission."""
        time = self.coursedir.get_existing_timestamp(str(folder))
        return hashlib.sha256(f"{report.key} {time}".encode()).hexdigest()

    def _graded_folder(self, folder: Path) -> Path:
        return Path(self.coursedir.format_path(self.coursedir.autograded_directory, folder.parent.name, self.exercise))

    def report_path(self, student: str) -> Path:
        """Return where a student's report lies."""
        return Path(self.coursedir.root, self.grading.reports, self.exercise, f"{student}.json")

    def _keep(self, report: Report) -> None:
        report.write(self.report_path(report.student))

    def report_of_current(self) -> Report:
        """Return the report on the submission that is being converted, and see that it lies where it should.

        Raises:
            GradingError: the submission changed meanwhile.
        """
        folder = self.folder
        if (report := self.reports[str(folder)]) is None:
            report = self.graders.report(str(folder), folder.parent.name)
            self._keep(report)
        if report.key and report.key != self.current_key:
            raise GradingError("it changed while it was graded; run the command once more", submission=report.student)
        return report

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[str, Any]:
        """Return a notebook as text; of a submission, whatever its state, the released one for `Repair` to fill in."""
        self.folder = self.submissions.get(filename, None)
        if self.folder is None:
            self.folder = self.converting
            return super().from_filename(filename, resources, **options)
        self.converting = self.folder
        self.current = graders.read(self.order, str(self.folder), self.folder.parent.name)
        self.current_key = report_key(self.graders.key, self.current)
        return self.from_notebook_node(from_dict(blank(self.course.released)), resources, **options)


class Repair(NbGraderPreprocessor):
    """Puts what the student wrote into the released notebook, or leaves that as it is where nothing could be read."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        submission = self.parent.current
        notebook = sound_notebook(submission, self.parent.course.released)
        for line in (*submission.notes, *filter(None, [submission.unreadable])):
            self.log.warning("%s: %s", submission.student, line)
        return from_dict(notebook), resources


class Grade(NbGraderPreprocessor):
    """Has the submission graded, unless its report is there; the notebook gets the verdicts under its check cells."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        exporter, names = self.parent, resources["nbgrader"]
        report = exporter.report_of_current()
        feedback.write_feedback(nb, report)
        resources["deep_learning_lab"] = report
        nb["metadata"]["deep_learning_lab"] = {"done": exporter.done_key(report, exporter.folder)}
        self._keep_timestamp(exporter.coursedir, names["assignment"], names["student"])
        self.log.info("%s: %g points in %.2f s", report.student, report.points + report.bonus, report.seconds)
        exporter.bar.update()
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
    """Writes the marks of the report into the gradebook, all of a student's at once or none.

    Marks given by hand stay, words wait for a hand. Extra points become nbgrader's extra credit of that cell: a score
    above the cell's maximum would be refused.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        names, asked = resources["nbgrader"], resources["deep_learning_lab"]
        try:
            self.report = Report.read(self.parent.report_path(names["student"]))
            if self.report.key != asked.key:
                raise GradingError("the report is of another submission")
        except GradingError as error:
            self.log.error("%s: zero, for %s", names["student"], error)
            from grading.examine import not_graded  # torch, which has to be here for once

            questions = not_graded(self.parent.course, "there is no report; your lecturer is told")
            self.report = Report(names["assignment"], names["student"], questions=questions, unreadable="no report")
        released = self.parent.course.released["cells"]
        self.sources = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell["source"] for cell in released}
        self.notebook_id, self.assignment_id, self.student_id = (
            names[name] for name in ("notebook", "assignment", "student")
        )
        with Gradebook(names["db_url"]) as self.gradebook:
            nb, resources = NbGraderPreprocessor.preprocess(self, nb, resources)
            self.gradebook.db.commit()
        return nb, resources

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


def _patient(db_url: str) -> str:
    """Return the gradebook's address with the order to wait for whoever else is writing to it."""
    if not db_url.startswith("sqlite:///") or "?" in db_url:
        return db_url
    return f"{db_url}?timeout={GRADEBOOK_PATIENCE}"


def _know_assignment(coursedir: CourseDirectory, course: Course) -> set[str]:
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
