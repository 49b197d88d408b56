"""The lecturer's view of one exercise: a page on the whole class, made from the reports and from nothing else.

    python -m grading overview EXERCISE      -> grading/overview/EXERCISE.html

The page is one file without scripts and without anything from elsewhere, so it can be kept, printed and sent. What
comes from students is escaped by the template.
"""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from grading.entries.withdrawn import withdrawn
from grading.errors import GradingError
from grading.report import UNREAD, VERDICTS, QuestionReport, Report
from helpers.files import atomically

__all__ = ["page_template", "write_overview"]

SIGNS = dict(zip(VERDICTS, ("✔", "◐", "✘", "○", "!", "∞", "–"), strict=True))
WIDTHS = (0.25, 0.5, 1, 2, 2.5, 5, 10, 20, 25, 50, 100)  # of a histogram's bins, in points
BINS, TOP, MISTAKES = 16, 10, 20


@dataclass(frozen=True)
class Graded:
    """One sound report with its files: `name` is the student's, as far as it can be written."""

    name: str
    report: Report
    path: Path

    @property
    def total(self) -> float:
        """All points, extra points included."""
        return self.report.points + self.report.bonus


def write_overview(course: Path, exercise: str, to: Path | None = None, reports: Path | None = None) -> Path:
    """Write the page on `exercise`, whole or not at all, and return its path.

    Args:
        course: the course's folder.
        exercise: its key, such as "ex01_pose_regression".
        to: the page; by default grading/overview/EXERCISE.html below the course.
        reports: folder of the reports of all exercises, by default grading/reports below the course. Pages of feedback
            are looked for in `feedback` beside it.
    Raises:
        GradingError: if there is no report on that exercise.
    """
    reports = reports or course / "grading" / "reports"
    to = (to or course / "grading" / "overview" / f"{exercise}.html").absolute()
    graded, damaged = _read(reports / exercise, exercise, withdrawn(course))
    if not graded and not damaged:
        raise GradingError(f"no reports on {exercise} in {reports}: nothing is graded yet. Run nbgrader autograde.")
    text = page_template("overview.html").render(
        _page(exercise, graded, damaged, _linker(reports, exercise, to.parent))
    )
    to.parent.mkdir(parents=True, exist_ok=True)
    with atomically(to) as part:
        part.write_bytes(text.encode("utf-8", "replace"))  # half a surrogate pair in a name must not cost the page
    return to


def _read(folder: Path, exercise: str, left: set[str]) -> tuple[list[Graded], list[tuple[str, str]]]:
    """Return the sound reports in the order of students' names, and the names and faults of the others; of nobody who
    has left the course.
    """
    graded: list[Graded] = []
    damaged: list[tuple[str, str]] = []
    for path in sorted(folder.glob("*.json")):
        if path.stem in left:
            continue
        name = os.fsencode(path.stem).decode("utf-8", "replace")
        try:
            report = Report.read(path)
            if report.exercise != exercise:
                raise GradingError(f"the report is on {report.exercise!r}, not on {exercise}")
            graded.append(Graded(report.student, report, path))
        except GradingError as error:
            damaged.append((name, str(error).replace(str(path), path.name)))
    return sorted(graded, key=lambda one: (one.name.casefold(), str(one.path))), damaged


def _linker(reports: Path, exercise: str, page: Path) -> Callable[[Graded], dict[str, str | None]]:
    """Return what gives a student's links, relative to the page's folder; None where there is no page of feedback."""

    def links(one: Graded) -> dict[str, str | None]:
        names = one.path.stem, one.report.student  # of a long name the report's is cut
        pages = [reports.parent / "feedback" / name / exercise / f"{exercise}.html" for name in names]
        found = {"report": one.path, "feedback": next(filter(os.path.isfile, pages), None)}
        return {
            name: quote(os.fsencode(os.path.relpath(path.absolute(), page))) if path else None
            for name, path in found.items()
        }

    return links


def page_template(name: str, folder: Path = Path(__file__).parent) -> Any:
    """Return a template, of this folder if no other is named, which escapes whatever it is given."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    return environment.get_template(name)


def _number(value: float | None, places: int | None = None) -> str:
    """Return a number for a reader: with `places` decimals, so that a column is aligned, or with those it needs."""
    if value is None:
        return "–"
    return f"{value:.{places}f}" if places is not None else f"{round(value, 2):g}"


def _places(values: Iterable[float]) -> int:
    """Return how many decimals, at most two, show all of these numbers."""
    values = list(values)
    return next((places for places in (0, 1) if all(abs(v - round(v, places)) < 1e-9 for v in values)), 2)


def _page(exercise: str, graded: list[Graded], damaged: list[tuple[str, str]], links: Any) -> dict[str, Any]:
    """Return everything that the template shows."""
    reports = [one.report for one in graded]
    totals = [one.total for one in graded]
    questions = _questions(reports)
    times = [datetime.fromtimestamp(one.path.stat().st_mtime) for one in graded]
    places = _places(totals)
    return {
        "exercise": exercise,
        "graded": graded,
        "damaged": damaged,
        "verdicts": VERDICTS,
        "signs": SIGNS,
        "when": (min(times), max(times)) if times else None,
        "places": places,
        "maximum": sum(question["maximum"] for question in questions),
        "bonus_maximum": sum(question["bonus_maximum"] for question in questions),
        "mean": statistics.fmean(totals) if totals else None,
        "median": statistics.median(totals) if totals else None,
        "histogram": _histogram(totals, sum(q["maximum"] + q["bonus_maximum"] for q in questions)),
        "questions": questions,
        "shown": [verdict for verdict in VERDICTS if any(question["counts"][verdict] for question in questions)],
        "mistakes": _mistakes(reports),
        "notes": [note for note in _notes(graded) if UNREAD not in note["note"]],
        "unread": [note for note in _notes(graded) if UNREAD in note["note"]],
        "disagree": any(question["disagree"] for question in questions),
        "unreadable": [one for one in graded if one.report.unreadable],
        "releases": _releases(reports),
        "other_release": [one for one in graded if one.report.other_release],
        "late": [one for one in graded if one.report.time],
        "repaired": [one for one in graded if one.report.repairs or any(c["trouble"] for c in one.report.cells)],
        "slow": _top(graded, lambda one: one.report.seconds),
        "heavy": _top(graded, lambda one: one.report.peak_mb),
        "seconds": sum(report.seconds for report in reports),
        "missing": Counter(layer for report in reports for layer in report.isolation_missing.items()).most_common(),
        "versions": Counter(", ".join(map(" ".join, report.versions.items())) for report in reports).most_common(),
        "links": {one.path: links(one) for one in graded},
    }


def _questions(reports: list[Report]) -> list[dict[str, Any]]:
    """Return each question in the order of the notebook: its maxima, how often each verdict, and the mean."""
    found: dict[str, list[QuestionReport]] = {}
    for report in reports:
        for name, question in report.questions.items():
            found.setdefault(name, []).append(question)
    return [
        {
            "name": name,
            "maximum": max(question.maximum for question in asked),
            "bonus_maximum": max(question.bonus_maximum for question in asked),
            "counts": Counter(question.verdict for question in asked),
            "count": len(asked),
            "mean": statistics.fmean(question.points + question.bonus for question in asked),
            "places": _places(question.points + question.bonus for question in asked),
            "disagree": len(asked) < len(reports)
            or len({(question.maximum, question.bonus_maximum) for question in asked}) > 1,
        }
        for name, asked in found.items()
    ]


def _histogram(totals: list[float], maximum: float) -> dict[str, Any]:
    """Return bins of equal width from 0 to the maximum; a bin holds its lower end, the last one both.

    Example: totals 0, 2, 4 of 4 in bins of 2 are 1 below 2, and 2 from 2 to 4.
    """
    maximum = max([maximum, *totals, 1.0])
    width = next((width for width in WIDTHS if maximum / width <= BINS), maximum / BINS)
    count = max(1, round(-(-maximum // width)))
    heights = [0] * count
    for total in totals:
        heights[min(int(total / width + 1e-9), count - 1)] += 1
    bins = [{"low": i * width, "high": (i + 1) * width, "count": height} for i, height in enumerate(heights)]
    return {"bins": bins, "top": max(heights) or 1, "end": count * width}


def _mistakes(reports: list[Report]) -> list[dict[str, Any]]:
    """Return the mistakes that were made most often, with the students who made them; wrong answers that match no known
    one count as one mistake.
    """
    students: dict[tuple[str, str | None], list[str]] = {}
    hints: dict[tuple[str, str | None], Counter[str]] = {}
    for report in reports:
        for name, question in report.questions.items():
            if question.mistake or question.verdict == "wrong":
                students.setdefault((name, question.mistake), []).append(report.student)
                hints.setdefault((name, question.mistake), Counter())[question.hint] += 1
    found = sorted(students.items(), key=lambda one: -len(one[1]))
    return [
        {"question": name, "mistake": mistake, "students": who, "hint": hints[name, mistake].most_common(1)[0][0]}
        for (name, mistake), who in found[:MISTAKES]
    ]


def _notes(graded: list[Graded]) -> list[dict[str, Any]]:
    """Return what went wrong inside checks, each once, with the students whose marks it touched."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in graded:
        for name, question in one.report.questions.items():
            if question.note:
                found.setdefault((name, question.note), []).append(one.name)
    notes = [{"question": name, "note": note, "students": students} for (name, note), students in found.items()]
    return sorted(notes, key=lambda note: -len(note["students"]))


def _releases(reports: list[Report]) -> list[tuple[str, int]]:
    """Return the releases that the work says it was made for, the most frequent first, each with how many say so, "" of
    those that say nothing. Empty where all say the one that graded them, or none says anything.
    """
    counts = Counter(report.made_for for report in reports if not report.unreadable)
    alone = len(counts) == 1 and not any(report.other_release for report in reports)
    return [] if alone else counts.most_common()


def _top(graded: list[Graded], size: Callable[[Graded], float]) -> list[tuple[Graded, float, float]]:
    """Return the largest, each with its size and its share of the largest."""
    largest = sorted(graded, key=size, reverse=True)[:TOP]
    return [(one, size(one), size(one) / size(largest[0])) for one in largest if size(one) > 0]
