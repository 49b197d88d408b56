"""The plan for a class: whose submission has to be graded, whose report is still right, who is done, who grades.

The exporter makes a plan before nbgrader goes through the class, and the steps ask it for the report on the one that is
being converted. Only what is new or changed is graded (`grading.course.fingerprint`), and a run that was ended at any
moment is completed by the next: a student is done when gradebook and graded notebook carry the report's fingerprint;
the notebook is written last.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.preprocessors import AssignLatePenalties
from tqdm import tqdm

from grading.course.fingerprint import files_of, report_fingerprint, writing_fingerprint
from grading.course.lock import hold
from grading.course.secret import course_secret, refuse_a_new_one
from grading.errors import GradingError
from grading.examination import graders
from grading.plugin import intake
from grading.plugin.gradebook import know_assignment
from grading.plugin.intake import student_of
from grading.plugin.lateness import Lateness
from grading.plugin.settings import Grading, SafeCourseDirectory
from grading.report import Report, report_path
from grading.submission.read import Submission

__all__ = ["ClassPlan", "Conversion"]

TAIL = 4096  # bytes at the end of a graded notebook, in which its metadata stand


@dataclass(frozen=True)
class Conversion:
    """The submission that is being converted, as it was read just now, with its fingerprint."""

    folder: Path
    submission: Submission
    fingerprint: str


class ClassPlan:
    """What one run of autograding has to do with a class, in this order: `choose`, `make_room`, `begin`; then, for each
    submission, `turn_to` and `report`, and `advance` when its marks are on their way.

    Args:
        coursedir: the class's folders, and which of its students and exercises are meant.
        grading: what nbgrader_config.py sets.
        log: takes what is said about the class.
    Raises:
        CourseError: nobody can be graded.
    """

    def __init__(self, coursedir: SafeCourseDirectory, grading: Grading, log: logging.Logger) -> None:
        self.coursedir, self.grading, self.log = coursedir, grading, log
        self.exercise: str = coursedir.assignment_id
        self.job = grading.job(coursedir, self.exercise)
        self.course = self.job.course
        hold(self.course.root / grading.reports, f"grading {self.exercise}", grading.lock_seconds)
        self.known = know_assignment(coursedir, self.course)
        if grading.new_secret:
            course_secret(self.job.secret, anew=True)
        refuse_a_new_one(self.job.secret, self.course.root / grading.reports, len(self.known))
        self.lateness = Lateness(self.course.root, self.exercise, log)
        self.graders = grading.graders(self.job, self._keep)
        atexit.register(self.graders.close)
        self.writing = writing_fingerprint()
        self.reports: dict[Path, Report | None] = {}  # by folder; None: it has to be graded
        self.submissions: dict[str, Path] = {}  # by the notebook that nbgrader is told to convert
        self.current: Conversion | None = None
        self.bar: tqdm | None = None

    # --- before nbgrader goes through the class ----------------------------------------------------------------------

    def choose(self, force: bool) -> dict[str, list[str]]:
        """Find out who has to be converted, and return the notebook of each by folder, as nbgrader keeps them.

        Args:
            force: nbgrader's option: everybody's marks are written again, and what was cut short is graded again.
        """
        folders = intake.folders(self.coursedir, self.exercise, self.log)
        self.reports = {folder: self._right_report(folder, force) for folder in folders}
        todo = [folder for folder in folders if force or not self._is_done(folder)]
        self.submissions = {str(folder / f"{self.exercise}.ipynb"): folder for folder in todo}
        if done := len(folders) - len(todo):
            self.log.info("%d of %d submissions are graded and unchanged", done, len(folders))
        return {str(folder): [notebook] for notebook, folder in self.submissions.items()}

    def make_room(self) -> None:
        """Remove the graded notebooks of all who are converted: nbgrader would take them for done.

        Raises:
            GradingError: one of them cannot be removed.
        """
        for folder in self.submissions.values():
            _remove(self._graded_folder(folder))

    def begin(self) -> None:
        """Start to grade, and show how far it is.

        Raises:
            CourseError: nobody can be graded.
        """
        todo = self.submissions.values()
        self.graders.ahead([(str(folder), student_of(folder)) for folder in todo if self.reports[folder] is None])
        self.bar = tqdm(  # every step is drawn, the last one too: a step is a submission
            total=len(todo), desc=self.exercise, unit="", disable=not self.grading.progress, leave=False, mininterval=0
        )

    def _right_report(self, folder: Path, force: bool) -> Report | None:
        """Return the report that there is, if it is still right; None if the submission has to be graded."""
        try:
            report = Report.read(self.report_path(student_of(folder)))
        except GradingError:
            return None
        if not self._would_be_the_same(report, force):
            return None
        files = files_of(folder, self.exercise)
        if files and files == report.files:
            return report
        submission = graders.read(self.job, str(folder), student_of(folder))
        if report.fingerprint != report_fingerprint(self.graders.fingerprint, submission):
            return None
        if files != report.files:  # copied, say: next time it need not be read
            report.files = files
            self._keep(report)
        return report

    def _would_be_the_same(self, report: Report, force: bool) -> bool:
        """Return whether grading the same submission now would give the same report."""
        weak = report.isolation_missing and self.grading.isolation == "strict"
        cut_short = force and any(q.verdict in ("timed out", "crashed") for q in report.questions.values())
        if self.grading.again or weak or cut_short or not report.sound:
            return False
        return report.course_fingerprint == self.graders.fingerprint and self._has_what_is_given(report)

    def _has_what_is_given(self, report: Report) -> bool:
        """Return whether a report was made with every layer of isolation that can be had; a grader is asked only where
        one was missing.
        """
        return not report.isolation_missing or report.isolation_missing.keys() <= self.missing_here.keys()

    @cached_property
    def missing_here(self) -> dict[str, str]:
        """The layers of isolation that cannot be had where this class is graded."""
        return self.graders.missing()

    def _is_done(self, folder: Path) -> bool:
        """Return whether the marks of a right report are in the gradebook: it says so, and so does the end of the
        graded notebook, which is written last.
        """
        report, known = self.reports[folder], self.known.get(student_of(folder))
        if report is None or known is None or known.done != (mark := self.done_mark(report, folder)):
            return False
        try:
            with open(self._graded_folder(folder) / f"{self.exercise}.ipynb", "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
                return mark.encode() in file.read()
        except OSError:
            return False

    def renew_lateness(self, rule: AssignLatePenalties) -> None:
        """Enter extensions, and penalties of those who are done, by what holds now: nobody has to be converted for it.

        Args:
            rule: nbgrader's step that takes points off.
        """
        reports = {student_of(folder): report for folder, report in self.reports.items()}
        meant = self.known.keys() if self.coursedir.student_id == "*" else reports.keys()
        done = meant - {student_of(folder) for folder in self.submissions.values()}
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            self.lateness.renew(gradebook, rule, done, lambda who, late: self.note_late(who, late, reports.get(who)))

    # --- while nbgrader goes through the class -----------------------------------------------------------------------

    def turn_to(self, notebook: str) -> Conversion | None:
        """Read the submission whose notebook nbgrader converts now; None if it is no submission's."""
        folder = self.submissions.get(notebook)
        if folder is None:
            return None
        submission = graders.read(self.job, str(folder), student_of(folder))
        self.current = Conversion(folder, submission, report_fingerprint(self.graders.fingerprint, submission))
        return self.current

    def report(self) -> Report:
        """Return the report on the submission that is being converted, and see that it lies where it should.

        Raises:
            GradingError: the submission changed meanwhile.
        """
        current = self.current
        assert current is not None  # `turn_to` came first
        if (report := self.reports[current.folder]) is None:
            report = self.graders.report(str(current.folder), student_of(current.folder))
            self._keep(report)
        if report.fingerprint and report.fingerprint != current.fingerprint:
            raise GradingError("it changed while it was graded; run the command once more", submission=report.student)
        return report

    def done_mark(self, report: Report, folder: Path) -> str:
        """Return what the graded notebook carries when all is done: one hash of the report's fingerprint, the time of
        submission, and what wrote the marks.
        """
        time = self.coursedir.get_existing_timestamp(str(folder))
        return hashlib.sha256(f"{report.fingerprint} {time} {self.writing}".encode()).hexdigest()

    def time_of(self, student: str) -> datetime | None:
        """Return when a student handed in, in UTC; None where nobody knows."""
        return self.coursedir.get_existing_timestamp(str(self._submitted_folder(student)))

    def note_late(self, student: str, seconds: float, report: Report | None) -> None:
        """Have the report say, for staff, that the submission was late or that its time is unknown."""
        said = f"late by {timedelta(seconds=round(seconds))}" if seconds else self._time_trouble(student)
        if report is not None and said != report.time:
            report.time = said
            self._keep(report)

    def _time_trouble(self, student: str) -> str:
        """Return in words why nobody knows when a student handed in; nothing where it is known or does not matter."""
        if not os.path.lexists(self._submitted_folder(student) / "timestamp.txt"):
            return "time unknown, for there is no timestamp.txt" if self.lateness.due else ""
        return "" if self.time_of(student) else "time unknown, for timestamp.txt cannot be read"

    def report_path(self, student: str) -> Path:
        """Return where a student's report lies."""
        return report_path(Path(self.coursedir.root, self.grading.reports, self.exercise), student)

    def advance(self) -> None:
        """Show that one more is done."""
        if self.bar is not None:
            self.bar.update()

    def _keep(self, report: Report) -> None:
        report.write(self.report_path(report.student))

    def _submitted_folder(self, student: str) -> Path:
        return Path(self.coursedir.format_path(self.coursedir.submitted_directory, student, self.exercise))

    def _graded_folder(self, folder: Path) -> Path:
        return Path(self.coursedir.format_path(self.coursedir.autograded_directory, student_of(folder), self.exercise))


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
