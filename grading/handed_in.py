"""A class as it was handed in and graded: where its folders, reports and gradebook lie, as nbgrader_config.py says.

Who shows, compares or lists what was graded starts from here, and none of it writes anything.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grading.course.secret import refuse_a_new_one
from grading.errors import CourseError, printable
from grading.report import Report, report_path

if TYPE_CHECKING:
    from grading.examination.graders import Job

__all__ = ["NOBODY", "HandedIn", "exercises", "handed_in"]

NOBODY = "Nobody was compared, so this says nothing about the marks on disk. Run nbgrader autograde first."


@dataclass(frozen=True)
class HandedIn:
    """One exercise of a class: `folders` of the submissions by student, in the order of their names, the folder of its
    `reports`, and the gradebook's address."""

    job: Job
    folders: dict[str, Path]
    reports: Path
    db_url: str

    def report_path(self, student: str) -> Path:
        """Return where a student's report lies, if there is one."""
        return report_path(self.reports, student)

    def report(self, student: str) -> Report | None:
        """Return a student's report; None where nothing is graded yet.

        Raises:
            GradingError: there is one, and it is damaged.
        """
        path = self.report_path(student)
        return Report.read(path) if path.exists() else None

    def refuse_ungraded(self, students: Iterable[str]) -> None:
        """Raise CourseError where none of these students has a report; no secret is made on the way.

        Raises:
            CourseError: that, or the course's secret is gone.
        """
        refuse_a_new_one(self.job.secret, self.reports.parent, 0)
        if not self.job.secret.exists() or not any(self.report_path(student).exists() for student in students):
            exercise = self.job.course.exercise
            raise CourseError(
                f"there is nothing to compare with: none of those asked for is graded yet, there is no report in "
                f"{self.reports}. Run nbgrader autograde {exercise} first"
            )

    def chosen(self, students: list[str] | None) -> dict[str, Path]:
        """Return the folders of these students, of everybody if none is named.

        Raises:
            CourseError: one of them handed in nothing.
        """
        if unknown := sorted(set(students or ()) - set(self.folders)):
            names = ", ".join(map(printable, unknown))
            expected = ", ".join(map(printable, list(self.folders)[:10])) + (", ..." if len(self.folders) > 10 else "")
            exercise = self.job.course.exercise
            raise CourseError(f"nothing on {exercise} was handed in by {names}; expected one of {expected}")
        return {name: folder for name, folder in self.folders.items() if not students or name in students}


def handed_in(root: Path, exercise: str) -> HandedIn:
    """Return what was handed in on an exercise.

    Args:
        root: the course's folder, where nbgrader_config.py lies.
    Raises:
        CourseError: there is no such course or exercise, or nothing was handed in.
    """
    from grading.plugin import CourseDirectory, Grading
    from grading.plugin.settings import course_config

    config = course_config(root)

    grading, coursedir = Grading(config=config), CourseDirectory(config=config)
    job = grading.job(coursedir, exercise)
    pattern = coursedir.format_path(coursedir.submitted_directory, "*", exercise)
    there = os.path.relpath(pattern, root)
    found = sorted(glob.glob(there, root_dir=root, include_hidden=True))
    folders = {(root / path).parent.name: root / path for path in found}
    if not folders:
        known = exercises(root)
        unknown = f"; there is no such exercise: there are {', '.join(known)}" if exercise not in known else ""
        raise CourseError(f"nothing on {exercise} was handed in: no folder is named as {pattern}{unknown}")
    return HandedIn(job, folders, job.course.root / grading.reports / exercise, coursedir.db_url)


def exercises(course: Path) -> list[str]:
    """Return the exercises of a course, by its notebooks."""
    folders = ("solutions", "exercises")
    return sorted({path.parent.name for folder in folders for path in (course / folder).glob("*/*.ipynb")})
