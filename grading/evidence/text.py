"""Why points were lost, in a terminal: a short paragraph for each question, a few lines for each check."""

from __future__ import annotations

from collections.abc import Iterator

from grading.errors import printable
from grading.evidence.gather import CheckEvidence, Evidence, QuestionEvidence
from grading.report import QuestionReport, Report

__all__ = ["check_name", "earned", "text"]

MOST = 300  # signs of a line of evidence; the page has more


def text(found: Evidence) -> str:
    """Return what a terminal shows of the evidence."""
    return "\n".join(_lines(found))


def _lines(found: Evidence) -> Iterator[str]:
    head = f"{printable(found.student)}, {found.exercise}"
    if found.now.unreadable:
        yield f"{head}: no points, for the submission cannot be read: {printable(found.now.unreadable)}"
        yield from found.notes
        return
    yield f"{head}: {points_of(found)}"
    yield from found.notes
    if not found.questions:
        yield "Full points everywhere: no check failed."
    for question in found.questions:
        yield ""
        yield from _question(question)


def points_of(found: Evidence) -> str:
    """Return the points of all questions, in the report and, where they are others, today."""
    was, now = _in_all(found.was), _in_all(found.now)
    return f"{earned(was)} in the report, " + ("and today as well" if found.same else f"{earned(now)} today")


def _in_all(report: Report) -> QuestionReport:
    """Return the outcome of all questions of a report as that of one."""
    asked = report.questions.values()
    maximum, bonus_maximum = sum(one.maximum for one in asked), sum(one.bonus_maximum for one in asked)
    return QuestionReport(report.points, maximum, "partly", bonus=report.bonus, bonus_maximum=bonus_maximum)


def _question(one: QuestionEvidence) -> Iterator[str]:
    yield f"{one.name}: {outcome(one)}"
    if one.now.hint:
        yield f"  the student reads: {printable(one.now.hint)}"
    if one.now.note:
        yield f"  for staff: {printable(one.now.note)}"
    if one.stand_ins:
        yield f"  {one.stand_ins}"
    for check in one.checks:
        yield from _check(one.name, check)


def outcome(one: QuestionEvidence) -> str:
    """Return a question's points and verdict, and those of the report where they are others."""
    now = f"{earned(one.now)}, {one.now.verdict}" + (f" ({one.now.mistake})" if one.now.mistake else "")
    if one.was is None:
        return f"{now}; not in the report"
    was = f"{earned(one.was)}, {one.was.verdict}"
    return now if earned(one.now) == earned(one.was) else f"{now}; in the report {was}"


def earned(question: QuestionReport) -> str:
    """Return the points of a question, and the extra points if there are any to earn."""
    points = [f"{question.points:g} of {question.maximum:g} points"] * bool(question.maximum)
    extra = [f"{question.bonus:g} of {question.bonus_maximum:g} extra points"] * bool(question.bonus_maximum)
    return " and ".join(points + extra) or "0 points"


def _check(question: str, check: CheckEvidence) -> Iterator[str]:
    found = check.found
    sign = "✔" if found.outcome == "passed" else "✘"
    mistake = f" ({found.mistake})" if found.mistake else ""
    points = f"{found.points:g} of {found.maximum:g}{' extra' * found.extra}"
    yield f"  {sign} {check_name(question, found.name)}: {points}, {found.outcome}{mistake}"
    if found.outcome == "passed":
        return
    for label, words in (("called", check.called), ("returned", check.got), ("expected", check.expected)):
        if words:
            line = " ".join(words.split())
            yield f"      {label:<9}{line if len(line) <= MOST else line[: MOST - 1] + '…'}"
    if found.asked:
        times = f"{found.asked} time{'s' * (found.asked > 1)}"
        picture = ", see the picture on the page" * bool(check.picture)
        yield f"      asked {times} in {check.seconds:.2g} s{picture}"


def check_name(question: str, name: str) -> str:
    """Return a test's name without what is said already: "values" of "test_answers[mpjpe-values]"."""
    inner = name.partition("[")[2].removesuffix("]") or name.removeprefix("test_")
    return inner.removeprefix(f"{question}-") or name
