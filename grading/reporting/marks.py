"""The table of marks that a lecturer sees after grading, from the reports: the gradebook has those given by hand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from grading.entries.withdrawn import withdrawn
from grading.errors import GradingError, printable
from grading.report import QuestionReport, Report

__all__ = ["summary", "table"]


def table(course: Path, exercise: str) -> str:
    """Return the reports on one exercise as a table: a line for each student who has not left, a column for each
    question.
    """
    rows: list[list[str]] = []
    for path in _paths(course, exercise):
        try:
            report = Report.read(path)
        except GradingError as error:
            rows.append([printable(path.stem), *[""] * (len(rows[0]) - 2 if rows else 1), error.message])
            continue
        if not rows:
            rows.append(_head(report))
        points = [f"{question.points + question.bonus:g}" for question in report.questions.values()]
        total = f"{report.points + report.bonus:g}"
        rows.append([printable(report.student), *points, total, f"{report.seconds:.2f}", _remarks(report)])
    if not rows:
        return f"no reports on {exercise} in {course / 'grading' / 'reports'}: nothing is graded yet"
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False)).rstrip() for row in rows
    )


def summary(course: Path, exercise: str) -> str:
    """Return what the graders needed, and where the lecturer's page lies, which is written anew."""
    reports = []
    for path in _paths(course, exercise):
        with contextlib.suppress(GradingError):  # the table names those that are damaged
            reports.append(Report.read(path))
    if not reports:
        return ""
    grader, worker = max(report.grader_mb for report in reports), max(report.peak_mb for report in reports)
    try:
        from grading.reporting.overview import write_overview  # jinja2, which the table does without

        page = str(write_overview(course, exercise).relative_to(course))
    except (GradingError, OSError) as error:
        page = f"not written ({error})"
    return f"\nmemory: {grader} MB for each grader, {worker} MB for its worker at most\noverview: {page}"


def _paths(course: Path, exercise: str) -> list[Path]:
    left = withdrawn(course)
    found = (course / "grading" / "reports" / exercise).glob("*.json")
    return sorted(path for path in found if path.stem not in left)


def _head(report: Report) -> list[str]:
    """Return the head of the table; every report on an exercise has the same questions."""
    maxima = [f"{name} {_of([question])}" for name, question in report.questions.items()]
    return ["student", *maxima, f"total {_of(report.questions.values())}", "s", "remarks"]


def _of(questions: Iterable[QuestionReport]) -> str:
    """Return what can be earned, as in "/6", "+3" for extra points alone, "/28 +3" for both."""
    asked = list(questions)
    maximum, bonus = sum(question.maximum for question in asked), sum(question.bonus_maximum for question in asked)
    return " ".join([f"/{maximum:g}"] * (maximum > 0 or not bonus) + [f"+{bonus:g}"] * (bonus > 0))


def _remarks(report: Report) -> str:
    """Return what is to be said about a submission beside its points."""
    late = [report.time] if report.time else []
    other = [report.other_release] if report.other_release else []
    if report.unreadable:
        return printable("; ".join([report.unreadable, *late]))
    told = [
        f"{name}: {question.mistake or question.verdict}"
        for name, question in report.questions.items()
        if question.verdict not in ("passed", "not written")
    ]
    repaired = [f"{len(report.repairs)} repaired"] if report.repairs else []
    missing = [f"without {', '.join(report.isolation_missing)}"] if report.isolation_missing else []
    return printable("; ".join([*told, *late, *other, *repaired, *missing]))
