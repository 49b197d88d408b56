"""What the hidden checks of a course can give, found without running them, and the report that gives nothing."""

from __future__ import annotations

import functools

from grading.course.course import Course
from grading.examination.outcome import Examined
from grading.examination.pytest_plugin import HiddenChecks, run
from grading.report import QuestionReport

__all__ = ["bonus_points", "collect_points", "not_graded"]


def collect_points(course: Course) -> dict[str, float]:
    """Return the points that the hidden checks give for each question, extra points left out.

    Raises:
        CourseError: the hidden checks cannot be run, or one of them does not say what it is worth.
    """
    return {question: found.maximum for question, found in _collected(course).items()}


@functools.lru_cache(maxsize=8)
def bonus_points(course: Course) -> dict[str, float]:
    """Return the extra points that there are, by question; questions without any are left out.

    Raises:
        CourseError: as `collect_points`.
    """
    return {question: found.bonus_maximum for question, found in _collected(course).items() if found.bonus_maximum}


def not_graded(course: Course, reason: str, note: str = "") -> dict[str, QuestionReport]:
    """Return a report of zero for every question, with the reason for the student and a note for staff."""
    extra = bonus_points(course)
    return {
        question: QuestionReport(
            0.0, maximum, "not graded", hint=reason, note=note, bonus_maximum=extra.get(question, 0.0)
        )
        for question, maximum in course.maxima.items()
    }


def _collected(course: Course) -> dict[str, Examined]:
    found: dict[str, Examined] = {}
    run(course, HiddenChecks(None, found), "--collect-only")
    return found
