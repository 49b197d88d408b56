"""Whose marks would move if everybody were graded now: what a corrected check does, before anything is written.

Everybody is graded as `nbgrader autograde` would now, with their own seeds, and compared with the report and the
gradebook on disk, whatever version of the course made these.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from grading.errors import GradingError, printable
from grading.handed_in import NOBODY, HandedIn, handed_in
from grading.plugin.entries import Entry, entries
from grading.report import QuestionReport, Report

if TYPE_CHECKING:
    from grading.examination.graders import PoolExecutor, SerialExecutor

__all__ = ["Changes", "Move", "changes"]


@dataclass(frozen=True)
class Move:
    """One mark that would move: the outcome on disk and the one of now, None where the question was not or is no more
    graded; `said` is what hides the move or is to be known about it."""

    student: str
    question: str
    before: QuestionReport | None
    after: QuestionReport | None
    said: str = ""


@dataclass
class Changes:
    """What was found: all moves, each student's points before and after, and who could not be compared."""

    exercise: str
    students: list[str] = field(default_factory=list)
    compared: int = 0  # of them: those with a sound report
    moves: list[Move] = field(default_factory=list)
    totals: dict[str, tuple[float, float]] = field(default_factory=dict)
    hints: list[str] = field(default_factory=list)  # other words, the same points
    remarks: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return a table of the moves, what the checks say now, the totals, and a last line of counts."""
        rows = [["student", "question", "before", "after"]] if self.moves else []
        rows += [[printable(m.student), m.question, _mark(m.before), _mark(m.after)] for m in self.moves]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        said = [f"{printable(m.student)}, {m.question}: {line}" for m in self.moves for line in _said(m)]
        totals = [f"total: {printable(name)} {was:g} -> {now:g}" for name, (was, now) in self.totals.items()]
        hints = [f"another hint, the same points: {', '.join(map(printable, self.hints))}"] if self.hints else []
        moved = len({move.student for move in self.moves})
        counts = f"{len(self.students)} submissions: {len(self.moves)} marks of {moved} students move."
        write = f" Nothing was written; nbgrader autograde {self.exercise} writes them." if self.moves else ""
        remarks = [printable(remark) for remark in self.remarks]
        nobody = [] if self.compared else [NOBODY]
        return "\n".join([*table, *said, *totals, *hints, *remarks, counts + write, *nobody])


def changes(
    root: Path, exercise: str, students: Sequence[str] | None = None, sample: int | None = None, jobs: int = 1
) -> Changes:
    """Return what would move if these students were graded now; nothing is written.

    Args:
        root: the course's folder, where nbgrader_config.py lies.
        students: these alone; everybody if None.
        sample: so many of them, always the same ones; all if None.
        jobs: processes that grade.
    Raises:
        GradingError: nothing can be graded, nobody is graded yet, or the gradebook cannot be read.
    """
    handed = handed_in(root, exercise)
    folders = handed.chosen(list(students or ()))
    if sample is not None and not students:
        folders = {
            name: folders[name]
            for name in sorted(random.Random(exercise).sample([*folders], min(sample, len(folders))))
        }
    marks, found = entries(handed.db_url, exercise), Changes(exercise, list(folders))
    handed.refuse_ungraded(folders)
    graders = _graders(handed, jobs)
    try:
        graders.ahead([(str(folder), student) for student, folder in folders.items()])
        for student, folder in tqdm(folders.items(), exercise, leave=False, disable=not sys.stderr.isatty()):
            _compare(handed, graders.report(str(folder), student), marks, found)
    finally:
        graders.close()
    return found


def _graders(handed: HandedIn, jobs: int) -> SerialExecutor | PoolExecutor:
    """Return who grades, as autograding does, and keeps no report."""
    from grading.examination.graders import PoolExecutor, SerialExecutor

    return SerialExecutor(handed.job) if jobs == 1 else PoolExecutor(handed.job, jobs, "", lambda report: None)


def _compare(handed: HandedIn, now: Report, marks: dict[tuple[str, str], Entry], found: Changes) -> None:
    """Add what moves of one student's marks."""
    student = now.student
    try:
        was = handed.report(student)
    except GradingError as error:
        found.remarks.append(f"no sound report of {student}, taken as none: {error.message}")
        was = None
    if was is None:
        found.remarks.append(f"not graded yet: {student}, now {now.points + now.bonus:g} points")
        return
    found.compared += 1
    if was.submission_hash != now.submission_hash:
        found.remarks.append(f"{student}: handed in again since, which may be why marks move")
    moves = list(_moves(was, now, marks))
    found.moves += moves
    if moves:
        found.totals[student] = was.points + was.bonus, now.points + now.bonus
    for name, one in now.questions.items():
        before, entry = was.questions.get(name), marks.get((student, name))
        if before and _points(before) == _points(one) and before.hint != one.hint:
            found.hints.append(f"{student} {name}")
        if before and entry and entry.auto is not None and entry.by_hand is None and entry.auto != before.points:
            found.remarks.append(
                f"{student}, {name}: the gradebook has {entry.auto:g} where the report has {before.points:g}; "
                "run autograde"
            )


def _moves(was: Report, now: Report, marks: dict[tuple[str, str], Entry]) -> list[Move]:
    moves = []
    for name in dict.fromkeys([*was.questions, *now.questions]):
        before, after = was.questions.get(name), now.questions.get(name)
        if before is None or after is None or _points(before) != _points(after):
            moves.append(Move(now.student, name, before, after, _hidden(marks.get((now.student, name)))))
    return moves


def _points(question: QuestionReport) -> tuple[float, ...]:
    return question.points, question.maximum, question.bonus, question.bonus_maximum


def _hidden(entry: Entry | None) -> str:
    """Return what a mark by hand does to a move."""
    if entry is None or entry.by_hand is None:
        return ""
    return f"a mark by hand counts in the gradebook, {entry.by_hand:g}, and hides this"


def _mark(question: QuestionReport | None) -> str:
    if question is None:
        return "–"
    return f"{question.points + question.bonus:g}/{question.maximum + question.bonus_maximum:g} {question.verdict}"


def _said(move: Move) -> list[str]:
    """Return the lines about one move: what the checks say now, and what hides it."""
    hint = [printable(move.after.hint)] if move.after and move.after.hint else []
    return [*hint, *([move.said] if move.said else [])]
