"""The term at a glance: a page on all exercises, and the same as a table.

    python -m grading overview      -> grading/overview/term.html and grading/overview/term.csv

Marks are the gradebook's, so those given by hand and penalties count, and stand beside the automatic ones.
`grading.plugin.term` reads them; here they are counted and shown. One file without scripts and without anything from
elsewhere; what comes from students is escaped by the template, and in the table by an apostrophe.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from grading.entries.formulas import text_cell
from grading.report import Report
from grading.reporting.overview import page_template
from grading.reporting.similar import Alike, pairs
from helpers.files import atomically

__all__ = ["Exercise", "Mark", "Student", "Term", "Work", "write_term"]


@dataclass(frozen=True)
class Mark:
    """What one student has for one graded cell: `score` counts, with extra credit; `automatic` is the checks' own."""

    score: float
    automatic: float | None
    by_hand: float | None
    extra: float
    maximum: float
    waiting: bool
    odd: str = ""


@dataclass(frozen=True)
class Work:
    """What one student has handed in for one exercise; times in UTC, None where unknown; without `marks` it waits to be
    graded.
    """

    time: datetime | None = None
    late: float = 0.0
    extension: timedelta | None = None
    penalty: float = 0.0
    marks: dict[str, Mark] = field(default_factory=dict)
    report: Report | None = None

    @property
    def score(self) -> float:
        """The points that count: never below nothing, as in exports."""
        return max(0.0, sum(mark.score for mark in self.marks.values()) - self.penalty)

    @property
    def waiting(self) -> list[str]:
        """The cells that wait for a mark by hand."""
        return [name for name, mark in self.marks.items() if mark.waiting]


@dataclass(frozen=True)
class Student:
    """One who has not left; `works` by exercise."""

    id: str
    name: str = ""
    works: dict[str, Work] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """All points of the term."""
        return sum(work.score for work in self.works.values())


@dataclass(frozen=True)
class Exercise:
    """One exercise of the gradebook: the maxima of its graded cells, in the order of the notebook."""

    key: str
    due: datetime | None
    maxima: dict[str, float]

    @property
    def maximum(self) -> float:
        """All points without extra ones."""
        return sum(self.maxima.values())


@dataclass(frozen=True)
class Term:
    """Everything that page and table show. `extensions` and `requests` are lines of student, exercise and text."""

    exercises: list[Exercise]
    students: list[Student]
    alike: list[Alike] = field(default_factory=list)
    extensions: list[tuple[str, str, str]] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def write_term(course: Path, term: Term) -> tuple[Path, Path]:
    """Write page and table, each whole or not at all, and return their paths.

    Raises:
        OSError: they cannot be written.
    """
    page, table = (course / "grading" / "overview" / f"term.{kind}" for kind in ("html", "csv"))
    text = page_template("term.html").render(_page(term))
    page.parent.mkdir(parents=True, exist_ok=True)
    with atomically(page) as part:
        part.write_bytes(text.encode("utf-8", "replace"))
    with atomically(table) as part, part.open("w", encoding="utf-8", errors="replace", newline="") as file:
        csv.writer(file).writerows(_table(term))
    return page, table


# --- the table -------------------------------------------------------------------------------------------------------


def _table(term: Term) -> Iterator[list[str]]:
    """Give a head, and a line for each student: the term, then each exercise with its cells."""
    yield ["student", "name", "total", *(text_cell(head) for one in term.exercises for head in _heads(one))]
    for student in term.students:
        cells = [cell for one in term.exercises for cell in _cells(one, student.works.get(one.key))]
        yield [text_cell(student.id), text_cell(student.name), _number(student.score), *cells]


def _heads(exercise: Exercise) -> list[str]:
    parts = ["points", "handed in", "hours late", "extension in hours", "penalty", "waiting"]
    parts += [f"{name}{suffix}" for name in exercise.maxima for suffix in ("", " automatic", " by hand")]
    return [f"{exercise.key} {part}" for part in parts]


def _cells(exercise: Exercise, work: Work | None) -> list[str]:
    """Return the cells of one exercise: all empty where nothing was handed in, no points where nothing is graded."""
    if work is None:
        return [""] * len(_heads(exercise))
    time = f"{work.time:%Y-%m-%d %H:%M:%S}" if work.time else "yes"
    hours = [_number(seconds / 3600) if seconds else "" for seconds in (work.late, _seconds(work.extension))]
    graded = [_number(work.penalty), str(len(work.waiting))] if work.marks else ["", ""]
    cells = [_number(work.score) if work.marks else "", time, *hours, *graded]
    for name in exercise.maxima:
        mark = work.marks.get(name)
        cells += ["", "", ""] if mark is None else [_number(mark.score), _number(mark.automatic), _number(mark.by_hand)]
    return cells


def _seconds(time: timedelta | None) -> float:
    return time.total_seconds() if time else 0.0


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


# --- the page --------------------------------------------------------------------------------------------------------


def _page(term: Term) -> dict[str, Any]:
    """Return everything that the template shows."""
    works = [(one, exercise, one.works[exercise.key]) for one, exercise in _handed_in(term)]
    scores = [one.score for one in term.students]
    return {
        "term": term,
        "maximum": sum(exercise.maximum for exercise in term.exercises),
        "mean": statistics.fmean(scores) if scores else None,
        "median": statistics.median(scores) if scores else None,
        "exercises": [_exercise(exercise, term) for exercise in term.exercises],
        "waiting": _waiting(term),
        "mistakes": _mistakes(works),
        "pairs": pairs(term.alike),
        "late": [(one.id, exercise.key, work) for one, exercise, work in works if work.late or _unknown(work)],
        "odd": [
            (one.id, exercise.key, f"{name} {mark.odd}")
            for one, exercise, work in works for name, mark in work.marks.items() if mark.odd
        ],
        "unreadable": [(one.id, e.key, w.report.unreadable) for one, e, w in works if w.report and w.report.unreadable],
        "repaired": [(one.id, e.key, w.report.repairs) for one, e, w in works if w.report and w.report.repairs],
        "sum_waiting": sum(len(work.waiting) for *_, work in works),
    }  # fmt: skip


def _handed_in(term: Term) -> Iterator[tuple[Student, Exercise]]:
    for exercise in term.exercises:
        for student in term.students:
            if exercise.key in student.works:
                yield student, exercise


def _unknown(work: Work) -> str:
    """Return why nobody knows when it was handed in, where that matters."""
    return work.report.time if work.report and work.report.time.startswith("time unknown") else ""


def _exercise(exercise: Exercise, term: Term) -> dict[str, Any]:
    """Return the numbers of one exercise: of whom has handed in, and of those who are graded."""
    works = [student.works[exercise.key] for student in term.students if exercise.key in student.works]
    graded = [work for work in works if work.marks]
    seconds = [work.report.seconds for work in works if work.report]
    scores = {name: [work.marks[name].score for work in graded if name in work.marks] for name in exercise.maxima}
    return {
        "one": exercise,
        "handed_in": len(works),
        "graded": len(graded),
        "late": sum(bool(work.late) for work in works),
        "waiting": sum(len(work.waiting) for work in works),
        "mean": statistics.fmean(work.score for work in graded) if graded else None,
        "penalties": sum(work.penalty for work in works),
        "seconds": sum(seconds),
        "slowest": max(seconds, default=None),
        "means": {name: statistics.fmean(some) if some else None for name, some in scores.items()},
    }  # fmt: skip


def _waiting(term: Term) -> list[tuple[str, str, list[str]]]:
    """Return who waits for a mark by hand, by exercise and cell."""
    found: dict[tuple[str, str], list[str]] = {}
    for student, exercise in _handed_in(term):
        for name in student.works[exercise.key].waiting:
            found.setdefault((exercise.key, name), []).append(student.id)
    return [(exercise, name, students) for (exercise, name), students in found.items()]


def _mistakes(works: list[tuple[Student, Exercise, Work]]) -> list[dict[str, Any]]:
    """Return every mistake with the names of those who made it, exercise by exercise, the most frequent first."""
    found: dict[tuple[str, str, str | None], list[str]] = {}
    for student, exercise, work in works:
        for name, question in work.report.questions.items() if work.report else ():
            if question.mistake or question.verdict == "wrong":
                found.setdefault((exercise.key, name, question.mistake), []).append(student.id)
    rows = [
        {"exercise": exercise, "question": name, "mistake": mistake, "students": students}
        for (exercise, name, mistake), students in found.items()
    ]
    return sorted(rows, key=lambda row: (row["exercise"], -len(row["students"])))
