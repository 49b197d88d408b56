"""What nbgrader_config.py may set about grading, and the course's folders as autograding sees them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from traitlets import Bool, Enum, Float, Integer, Unicode
from traitlets.config import Config, Configurable
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from grading.course.course import Course
from grading.errors import CourseError, UnreadableSubmission, printable
from grading.examination import graders
from grading.limits import Limits
from grading.plugin.gradebook import patient
from grading.plugin.intake import time_of
from grading.report import Report

__all__ = ["Grading", "SafeCourseDirectory", "course_config"]

DEFAULTS = Limits()


def course_config(root: Path) -> Config:
    """Return what a course's nbgrader_config.py sets.

    Raises:
        CourseError: there is none in that folder.
    """
    try:
        config: Config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
        return config
    except ConfigFileNotFound:
        raise CourseError(f"there is no nbgrader_config.py in {root}; --course names the course's folder") from None


class Grading(Configurable):
    """What nbgrader_config.py may set about grading: limits of one submission, and where the course's parts lie."""

    cell_seconds = Float(DEFAULTS.cell_seconds, help="Seconds that one cell may run.").tag(config=True)
    question_seconds = Float(DEFAULTS.question_seconds, help="Seconds that all checks of one question may take.").tag(
        config=True
    )
    submission_seconds = Float(DEFAULTS.submission_seconds, help="Seconds that one submission may take.").tag(
        config=True
    )
    memory_mb = Integer(DEFAULTS.memory_mb, help="Memory beyond what the fork server has, in MB.").tag(config=True)
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
    lock_seconds = Float(3600.0, help="Seconds to wait, at most, for another run on this course.").tag(config=True)
    again = Bool(False, help="Grade everything again, whatever reports there are.").tag(config=True)
    progress = Bool(False, help="Show a progress bar with the time left.").tag(config=True)
    checks_package = Unicode("helpers.checks", help="Package with one module of QUESTIONS for each exercise.").tag(
        config=True
    )
    hidden_checks = Unicode("grading/hidden_checks", help="Folder of the hidden checks.").tag(config=True)
    known_wrong = Unicode("grading/known_wrong", help="Folder of the known wrong answers.").tag(config=True)
    rubrics = Unicode("grading/rubrics", help="Folder of what questions in words are marked by.").tag(config=True)
    reports = Unicode("grading/reports", help="Folder of the reports.").tag(config=True)
    secret = Unicode("grading/course_secret", help="File of the secret that the checks' seeds come from.").tag(
        config=True
    )

    new_secret = Bool(
        False, help="Make a new secret, if it is gone, although work was graded with it: all is graded again."
    ).tag(config=True)

    def limits(self) -> Limits:
        """Return the limits as `grading.isolation.sandbox` takes them."""
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

    def job(self, coursedir: CourseDirectory, exercise: str) -> graders.Job:
        """Return what a grader has to know about this exercise."""
        course = self.course(coursedir, exercise)
        return graders.Job(course, self.limits(), self.isolation, course.root / self.secret)

    def graders(
        self, job: graders.Job, keep: Callable[[Report], None]
    ) -> graders.SerialExecutor | graders.PoolExecutor:
        """Return who grades; `keep` is called with each report that is made elsewhere."""
        if self.jobs == 1 and not self.scheduler:
            return graders.SerialExecutor(job)
        return graders.PoolExecutor(job, self.jobs, self.scheduler, keep)


class SafeCourseDirectory(CourseDirectory):
    """The course's folders as autograding should see them: nothing of a student's is copied, no timestamp stops it."""

    _told: set[Path]  # files with a time that could not be read

    @classmethod
    def like(cls, coursedir: CourseDirectory) -> SafeCourseDirectory:
        """Return the same folders as autograding should see them, with a gradebook that is waited for."""
        settings = {name: getattr(coursedir, name) for name in coursedir.traits(config=True)}
        settings |= {"ignore": ["*"], "db_url": patient(coursedir.db_url)}
        own = cls(parent=coursedir.parent, **settings)
        own._told = set()
        return own

    def get_existing_timestamp(self, dest_path: str) -> datetime | None:
        """Return the time in timestamp.txt, in UTC; None where there is none that can be understood."""
        path = Path(dest_path, "timestamp.txt")
        if not os.path.lexists(path):
            return None
        try:
            return time_of(path)
        except UnreadableSubmission as error:
            if path not in self._told:
                self.log.warning("%s: %s; it counts as in time", printable(str(path.parent)), error)
            self._told.add(path)
            return None
