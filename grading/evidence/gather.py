"""Gathers why points were lost: the submission is graded again, as it was, and what its checks found is kept.

Nothing of it is for students: it has hidden inputs and expected values. What their code chose is bounded here, and
escaped by whoever shows it.
"""

from __future__ import annotations

import ast
import base64
import difflib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grading.errors import CourseError, GradingError, printable
from grading.examination.aside import aside
from grading.examination.graders import read
from grading.handed_in import HandedIn, handed_in
from grading.report import CheckReport, QuestionReport, Report
from grading.submission.calls import bound_names, reached_names
from grading.submission.repair import sound_notebook
from grading.submission.roles import NotebookData, nbgrader_of
from helpers.checks.engine.code import NO_PYTHON

if TYPE_CHECKING:
    from grading.examination.outcome import Asked, Checked, Examined

__all__ = ["Code", "Evidence", "Picture", "QuestionEvidence", "CheckEvidence", "gather"]

MOST_WORDS, MOST_NUMBERS, MOST_CODE = 2_000, 2_000, 20_000  # signs of a line of evidence, of an input, of a cell
MOST_RAISED, MOST_INPUTS = 20, 12
DRAWING_SECONDS = 20.0
DPI = 80


@dataclass(frozen=True)
class Picture:
    """What came beside what was expected: a PNG in base64, and the text that stands for it."""

    png: str
    text: str


@dataclass(frozen=True)
class Code:
    """The code of one cell: its lines, and those in which something was raised, counted from 1."""

    name: str
    lines: list[str]
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class CheckEvidence:
    """One check as it ran again: what a report has of it, and what that has no room for.

    `inputs` are name, kind and numbers of each argument of the call that was answered wrongly; `seconds` those of the
    student's code; `raised` which of the times that it was asked went wrong.
    """

    found: CheckReport
    called: str = ""
    got: str = ""
    expected: str = ""
    hint: str = ""
    inputs: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: float = 0.0
    raised: list[Asked] = field(default_factory=list)
    picture: Picture | None = None


@dataclass(frozen=True)
class QuestionEvidence:
    """One question: its outcome in the report and now, its checks, the student's code and the reference.

    `stand_ins` is a sentence on answers of others that it calls, with the `stand_in` codes that took their place.
    """

    name: str
    was: QuestionReport | None
    now: QuestionReport
    checks: list[CheckEvidence]
    answer: Code
    helpers: list[Code]
    reference: Code
    stand_ins: str = ""
    stand_in_codes: list[Code] = field(default_factory=list)


@dataclass(frozen=True)
class Evidence:
    """All that staff need to answer one student: points then and now, and each question that is not full.

    `notes` say what is to be known first: that the report is of another version of the course, say.
    """

    student: str
    exercise: str
    was: Report
    now: Report
    notes: list[str]
    questions: list[QuestionEvidence] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether every mark of the report is what it would be today."""
        return {name: _points(one) for name, one in self.was.questions.items()} == {
            name: _points(one) for name, one in self.now.questions.items()
        }


def gather(root: Path, student: str, exercise: str, question: str | None = None) -> Evidence:
    """Return why a student's submission lost points, in all questions or in one.

    Args:
        root: the course's folder, where nbgrader_config.py lies.
    Raises:
        GradingError: there is nothing to show: nobody or nothing of that name, not graded, or not to be graded.
    """
    handed = handed_in(root, exercise)
    _require_known(handed, student, question)
    was = handed.report(student)
    if was is None:
        raise GradingError(
            f"{printable(student)} is not graded yet in {exercise}: there is no report. "
            f"Run nbgrader autograde {exercise}."
        )
    submission = read(handed.job, str(handed.folders[student]), student)
    same_work = submission.hash == was.submission_hash
    notes = list(_notes(handed, was, same_work))
    notebook = sound_notebook(submission, handed.job.course.released)
    if submission.unreadable:
        return Evidence(student, exercise, was, Report(exercise, student, unreadable=submission.unreadable), notes)
    found: dict[str, Examined] = {}
    with aside(handed.job) as grader:
        now = grader.grade(notebook, submission, was.seed if same_work and was.seed else None, found)
        shown = [question] if question else [name for name in now.questions if not _full(name, was, now)]
        gathered = [_question(handed, name, was, now, found.get(name), notebook) for name in shown]
    return Evidence(student, exercise, was, now, notes, gathered)


def _require_known(handed: HandedIn, student: str, question: str | None) -> None:
    """Raise CourseError unless the student handed in, and the exercise has the question."""
    course = handed.job.course
    if student not in handed.folders:
        near = difflib.get_close_matches(student, list(handed.folders), 1)
        meant = f": is {printable(near[0])} meant?" if near else "."
        raise CourseError(f"nothing on {course.exercise} was handed in by {printable(student)}{meant}")
    if question and question not in course.maxima:
        words = [nbgrader_of(cell).get("grade_id") for cell in course.released["cells"]]
        by_hand = " It is marked by hand: see Formgrader." if question in words else ""
        raise CourseError(
            f"{course.exercise} has no question {printable(question)} with checks; there are "
            f"{', '.join(course.maxima)}.{by_hand}"
        )


def _notes(handed: HandedIn, was: Report, same_work: bool) -> Iterator[str]:
    if not same_work:
        yield "What was handed in changed since it was graded: the report is on other work, with other hidden inputs."
    if was.course_fingerprint != handed.job.fingerprint():
        yield (
            "The report was made by another version of the course (checks, answers, settings, packages or the secret "
            "changed since): its marks stand beside those of today."
        )
    if was.time:
        yield f"The submission: {was.time}."


def _points(question: QuestionReport) -> tuple[float, float, float, float]:
    return question.points, question.maximum, question.bonus, question.bonus_maximum


def _full(name: str, *reports: Report) -> bool:
    """Return whether all reports give all points of a question."""
    found = [report.questions.get(name) for report in reports]
    return all(one and one.points >= one.maximum and one.bonus >= one.bonus_maximum for one in found)


def _question(
    handed: HandedIn, name: str, was: Report, now: Report, found: Examined | None, notebook: NotebookData
) -> QuestionEvidence:
    course, one = handed.job.course, now.questions[name]
    checked = found.checks if found and one.checks else []  # none of a grading that failed itself
    drawn: set[int] = set()
    checks = [_check(check, report, drawn) for check, report in zip(checked, one.checks, strict=True)]
    lines = {asked.line for check in checked for asked in check.asked if asked.line}
    lines |= {error["line"] for cell in now.cells if cell["name"] == name for error in cell.get("errors", [])}
    sources = {nbgrader_of(cell).get("grade_id"): cell["source"] for cell in notebook["cells"]}
    reference = course.reference_sources()[name].splitlines()
    return QuestionEvidence(
        name,
        was.questions.get(name),
        one,
        checks,
        _code(name, sources[name], lines),
        list(_helpers(name, notebook)),
        _code(name, "\n".join(line for line in reference if "### BEGIN" not in line and "### END" not in line)),
        _stand_ins(found, now) if found else "",
        list(_stand_in_codes(found, course.stand_in_source)) if found and found.judged_with_stand_ins else [],
    )


def _check(check: Checked, found: CheckReport, drawn: set[int]) -> CheckEvidence:
    """Return the evidence of one check; a picture that was `drawn` for another check is not shown twice."""
    from grading.examination.outcome import described
    from helpers.checks.engine.question import Wrong

    failure, seconds = check.failure, max(0.0, sum(asked.seconds for asked in check.asked))
    raised = [asked for asked in check.asked if asked.error][:MOST_RAISED]
    if not isinstance(failure, Wrong):
        words = _bounded(described(failure)) if failure else ""
        return CheckEvidence(found, found.called, words, seconds=seconds, raised=raised)
    called, got, expected, hint = map(_bounded, (failure.called, failure.got, failure.expected, failure.hint))
    inputs = list(_inputs(failure.inputs))
    picture = None if id(failure.draw) in drawn else _picture(failure)
    drawn.add(id(failure.draw))
    return CheckEvidence(found, called, got, expected, hint, inputs, seconds, raised, picture)


def _inputs(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Give name, kind and numbers of each argument; those of a large tensor in part, as torch prints it."""
    from torch import Tensor

    from helpers.checks.engine.compare import argument

    for name, value in list(inputs.items())[:MOST_INPUTS]:
        numbers = str(value) if isinstance(value, (Tensor, list, tuple, dict)) else ""
        yield name, argument(value), numbers[:MOST_NUMBERS] + "\n..." * (len(numbers) > MOST_NUMBERS)


def _picture(wrong: Any) -> Picture | None:
    """Return the notebook's own picture of what is wrong, if it has one; what cannot be drawn has none."""
    from grading.examination.deadline import within

    def drawn() -> Picture | None:
        picture = wrong.draw()
        if picture is None:
            return None
        buffer = io.BytesIO()
        picture.figure.savefig(buffer, format="png", dpi=DPI)
        return Picture(base64.b64encode(buffer.getvalue()).decode(), _bounded(picture.alt))

    try:
        return within(DRAWING_SECONDS, drawn, None) if wrong.draw else None
    except Exception:  # of a value that the student's code made up: the words beside it are complete
        return None


def _helpers(question: str, notebook: NotebookData) -> Iterator[Code]:
    """Give the student's own cells that define what an answer uses, but for other answers."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    names = [nbgrader_of(cell).get("grade_id") or cell["id"] for cell in code]
    reached = reached_names(zip(names, (cell["source"] for cell in code), strict=True)).get(question, set())
    for name, cell in zip(names, code, strict=True):
        if not nbgrader_of(cell).get("grade_id") and _bound(cell["source"]) & reached:
            yield _code(name, cell["source"])


def _bound(source: str) -> set[str]:
    try:
        return bound_names(source)
    except NO_PYTHON:  # magics, say: it is shown only where it is Python
        return set()


def _stand_ins(found: Examined, now: Report) -> str:
    """Return which right answers stood in for the student's own, and why."""
    if not found.stand_ins:
        return ""
    why = ", ".join(
        f"{name} ({one.points + one.bonus:g} of {one.maximum + one.bonus_maximum:g} points, {one.verdict})"
        for name in found.stand_ins
        if (one := now.questions.get(name))
    )
    wrong = f"It calls {why or ', '.join(found.stand_ins)}, not right by its own checks."
    if found.judged_with_stand_ins:
        return f"{wrong} So it was asked again with a right one of ours in that place, and what is shown is from there."
    return f"{wrong} Asked again with a right one of ours in that place it earned no more: what is shown is the first."


def _stand_in_codes(found: Examined, source: str) -> Iterator[Code]:
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.FunctionDef) and statement.name in found.stand_ins:
            yield _code(statement.name, ast.get_source_segment(source, statement) or "")


def _code(name: str, source: str, marked: set[int] | frozenset[int] = frozenset()) -> Code:
    """Return the lines of a cell, as many as a page holds."""
    text = source[:MOST_CODE] + "\n[what comes here is left out]" * (len(source) > MOST_CODE)
    return Code(name, [printable(line.expandtabs(4)) for line in text.split("\n")], frozenset(marked))


def _bounded(text: str) -> str:
    """Return words, of a student's maybe, as lines of text that is nothing more."""
    cut = text[:MOST_WORDS] + " …" * (len(text) > MOST_WORDS)
    return "\n".join(map(printable, cut.splitlines()))
