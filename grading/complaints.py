"""What students ask to be looked at again: every `regrade.md` of a class, with the points now and what was answered.

A request is answered by a comment or a mark by hand at that question, in Formgrader: that is what the student reads.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grading.course.fingerprint import files_of
from grading.errors import GradingError, printable
from grading.examination.graders import read
from grading.handed_in import HandedIn, handed_in
from grading.plugin.entries import Entry, entries
from grading.report import Report
from grading.submission.regrade import Request, requests_in

__all__ = ["RegradeRequest", "requests", "table"]

FIRST_WORDS = 60  # signs of a reason in the table
HEAD = ("student", "exercise", "question", "points", "answered", "asks", "note")


@dataclass(frozen=True)
class RegradeRequest:
    """One request: the `question` as the course calls it, where it has one of that name, the whole `reason`, the
    points now of their maximum, what a hand `answered` ("" where nothing was) and a `note` for staff.

    `reason` is a student's text, to be escaped by whoever shows it.
    """

    student: str
    exercise: str
    question: str
    reason: str
    points: float | None
    maximum: float | None
    answered: str
    note: str


def requests(course: Path, exercise: str) -> list[RegradeRequest]:
    """Return all requests on an exercise, in the order of the students' names.

    Raises:
        GradingError: nothing was handed in, or the gradebook cannot be read.
    """
    handed = handed_in(course, exercise)
    asked = {student: requests_in(folder) for student, folder in handed.folders.items()}
    marks = entries(handed.db_url, exercise) if any(asked.values()) else {}
    return [one for student, found in asked.items() if found for one in _of_student(handed, student, found, marks)]


def table(found: list[RegradeRequest]) -> str:
    """Return the requests as a table, a line for each."""
    rows = [HEAD, *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(one: RegradeRequest) -> tuple[str, ...]:
    points = "–" if one.points is None else f"{one.points:g}"
    points += "" if one.maximum is None else f" of {one.maximum:g}"
    words = " ".join(one.reason.split())
    first = words if len(words) <= FIRST_WORDS else words[: FIRST_WORDS - 1] + "…"
    answered = one.answered or "no"
    return tuple(map(printable, (one.student, one.exercise, one.question or "–", points, answered, first, one.note)))


def _of_student(
    handed: HandedIn, student: str, found: list[Request], marks: Mapping[tuple[str, str], Entry]
) -> list[RegradeRequest]:
    course, note = handed.job.course, ""
    try:
        report = handed.report(student)
        note = _since(handed, student, report)
    except GradingError:
        report, note = None, "the report is damaged: run autograde"
    by_hand = {
        cell["metadata"]["nbgrader"]["grade_id"]: float(cell["metadata"]["nbgrader"].get("points", 0))
        for cell in course.released["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade") and cell["cell_type"] == "markdown"
    }
    listed = []
    for request in found:
        question = _question(request.question, [*course.maxima, *by_hand])
        entry, maximum = marks.get((student, question or ""), Entry()), by_hand.get(question or "")
        points = entry.by_hand
        if report and question in report.questions:
            one = report.questions[question]
            maximum = one.maximum + one.bonus_maximum
            points = one.points + one.bonus if points is None else points + entry.extra
        said = "" if question else _no_question(request.question, [*course.maxima, *by_hand])
        notes = "; ".join(filter(None, [said, note]))
        name, reason = question or request.question, request.reason
        listed.append(RegradeRequest(student, course.exercise, name, reason, points, maximum, _answered(entry), notes))
    return listed


def _question(named: str, known: list[str]) -> str | None:
    """Return the question that a student means, None where the course has none of that name."""
    name = named.strip().removesuffix("_check").casefold()
    return next((one for one in known if one.casefold() == name), None)


def _no_question(named: str, known: list[str]) -> str:
    if not named:
        return "no question is named"
    near = difflib.get_close_matches(named, known, 1)
    return "no question of that name" + (f": is {near[0]} meant?" if near else "")


def _answered(entry: Entry) -> str:
    """Return what stands at a question by hand."""
    mark = [f"mark {entry.by_hand:g}"] if entry.by_hand is not None else []
    words = " ".join(entry.comment.split())
    return ", ".join([*mark, *([f"“{words[:40]}{'…' * (len(words) > 40)}”"] if words else [])])


def _since(handed: HandedIn, student: str, report: Report | None) -> str:
    """Return whether the work itself is another one than was graded: to add a request changes no mark."""
    if report is None:
        return "not graded yet"
    folder = handed.folders[student]
    if files_of(folder, handed.job.course.exercise) == report.files:
        return ""
    same = read(handed.job, str(folder), student).hash == report.submission_hash
    return "" if same else "the work changed since it was graded: run autograde"
