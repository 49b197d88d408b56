"""Our parts in nbgrader's pipeline.

    SubmissionExporter   reads what students handed in, whatever its state, in nbgrader's place
    Repair               the one step of sanitising: the released notebook with the student's answers in it
    Grade                runs in place of Execute: the report is written, verdicts stand under the check cells
    WriteMarks           runs in place of SaveAutoGrades: marks come from the report (`grading.plugin.gradebook`)
    ReleaseExporter      keeps trained weights and results out of what `nbgrader generate_assignment` copies

`nbgrader_config.py` names them; nbgrader itself is stock. Every student folder ends with a row in the gradebook.

Only what is new or changed is graded (`grading.course.fingerprint`), and a run that was ended at any moment is
completed by the next: a student is done when the graded notebook carries the report's key, which is written last.
"""

from __future__ import annotations

import atexit
import glob
import hashlib
import os
import shutil
import signal
import sys
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, from_dict
from nbgrader.converters import Autograde, GenerateAssignment, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from tqdm import tqdm

from grading.course.fingerprint import files_of, report_fingerprint
from grading.course.lock import hold
from grading.errors import GradingError
from grading.examination import graders
from grading.plugin.gradebook import WriteMarks, know_assignment, patient
from grading.plugin.settings import Grading, SafeCourseDirectory
from grading.report import Report
from grading.reporting import feedback
from grading.submission.read import Submission, text_of
from grading.submission.repair import blank, sound_notebook

__all__ = ["Grade", "Grading", "ReleaseExporter", "Repair", "SubmissionExporter", "WriteMarks"]

warnings.filterwarnings("ignore", "Object of type .* not in session")  # nbgrader's own, with every new student
TAIL = 4096  # bytes at the end of a graded notebook, in which its metadata stand


class SubmissionExporter(NotebookExporter):
    """Reads submissions for nbgrader: folders that it would skip, files that it would stop at, names that it does not
    know.

    The converter makes it right before it goes through the class; every student's folder is then put on the
    converter's list.
    """

    def __init__(self, config: Any = None, **options: Any) -> None:
        super().__init__(config=config, **options)
        self.submissions: dict[str, Path] = {}
        self.folder: Path | None = None  # of the submission that is being converted
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
        settings |= {"ignore": ["*"], "db_url": patient(old.db_url)}
        self.coursedir = SafeCourseDirectory(parent=old.parent, **settings)
        self.grading, self.exercise = Grading(parent=self), old.assignment_id
        self.job = self.grading.job(old, self.exercise)
        self.course, self.limits = self.job.course, self.job.limits
        hold(self.course.root / self.grading.reports, "grading")
        self.known = know_assignment(self.coursedir, self.course)
        self.graders = self.grading.graders(self.job, self._keep)
        atexit.register(self.graders.close)
        pattern = old.format_path(old.submitted_directory, old.student_id, self.exercise)
        folders = sorted(glob.glob(pattern))
        for student in {Path(folder).parent.name for folder in folders}:
            if text_of(student) != student:
                self.log.error("%r is no name in UTF-8, which a gradebook needs: rename the folder", student)
        self.reports = {folder: self._current(Path(folder), converter.force) for folder in folders}
        todo = [folder for folder in folders if converter.force or not self._is_done(Path(folder))]
        self.submissions = {os.path.join(folder, f"{self.exercise}.ipynb"): Path(folder) for folder in todo}
        converter.coursedir = self.coursedir
        converter.assignments = {str(folder): [path] for path, folder in self.submissions.items()}
        if done := len(folders) - len(todo):
            self.log.info("%d of %d submissions are graded and unchanged", done, len(folders))
        for folder in todo:
            _remove(self._graded_folder(Path(folder)))  # nbgrader would take it for done
        signal.signal(signal.SIGINT, self._interrupted)
        self.graders.ahead([(folder, Path(folder).parent.name) for folder in todo if self.reports[folder] is None])
        self.bar = tqdm(total=len(todo), desc=self.exercise, unit="", disable=not self.grading.progress, leave=False)

    def _interrupted(self, number: int, frame: Any) -> None:
        self.graders.stop()
        sys.excepthook = _last_word
        signal.default_int_handler(number, frame)

    def _current(self, folder: Path, force: bool) -> Report | None:
        """Return the report that there is, if it is still right; None if the submission has to be graded."""
        path = self.report_path(folder.parent.name)
        try:
            report = Report.read(path)
        except GradingError:
            return None
        weak = report.isolation_missing and self.grading.isolation == "strict"
        cut_short = force and any(q.verdict in ("timed out", "crashed") for q in report.questions.values())
        if self.grading.again or weak or cut_short or not report.sound or report.course_fingerprint != self.graders.key:
            return None
        files = files_of(folder, self.exercise)
        if files and files == report.files:
            return report
        submission = graders.read(self.job, str(folder), folder.parent.name)
        if report.fingerprint != report_fingerprint(self.graders.key, submission):
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
        return hashlib.sha256(f"{report.fingerprint} {time}".encode()).hexdigest()

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
        if report.fingerprint and report.fingerprint != self.current_key:
            raise GradingError("it changed while it was graded; run the command once more", submission=report.student)
        return report

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[str, Any]:
        """Return a notebook as text; of a submission, whatever its state, the released one for `Repair` to fill in."""
        folder = self.submissions.get(filename)
        if folder is None:  # the second pass, over what the first one wrote
            return super().from_filename(filename, resources, **options)
        self.folder = folder
        self.current = graders.read(self.job, str(self.folder), self.folder.parent.name)
        self.current_key = report_fingerprint(self.graders.key, self.current)
        return self.from_notebook_node(from_dict(blank(self.course.released)), resources, **options)


def _last_word(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """End an interrupted run with one line: where it was is of no use to who pressed Ctrl-C."""
    if issubclass(kind, KeyboardInterrupt):
        print("Interrupted. What is graded is kept; run the same command again to go on.", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def _remove(folder: Path) -> None:
    """Remove a folder, if it is there.

    Raises:
        GradingError: it cannot be removed.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise GradingError(f"{folder} cannot be removed: {error.strerror}. See to its rights and run again.") from None


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
