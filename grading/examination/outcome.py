"""What the hidden checks of one question found, and the verdict on it in the words of a report."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field

from grading.errors import AnswerMissing, Crashed, ProtocolError, TimedOut, WorkerError, printable
from grading.isolation.session import Cell
from grading.report import UNREAD, CheckReport, Outcome, QuestionReport, Verdict
from helpers.checks.engine.earlier_answers import BORROWED
from helpers.checks.engine.question import Wrong

__all__ = ["Asked", "Checked", "Examined", "described", "question_report"]

# Of errors in cells, the kinds that are named: those of Python and of the packages that answers use.
KINDS = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)}
KINDS |= {"JSONDecodeError", "LinAlgError", "OutOfMemoryError", "SafetensorError", "UnidentifiedImageError"}
MOST_WORDS = 200  # signs of each piece of evidence in a report


@dataclass
class Asked:
    """One value that a case asked an answer for: by which step, how long that took, and what went wrong if anything
    did, with the line of the answer's cell, 0 where unknown."""

    case: str
    step: str
    seconds: float = 0.0
    error: str = ""
    line: int = 0


@dataclass
class Checked:
    """One hidden check as it ran: what it is worth, what it raised, and what it asked for."""

    name: str
    worth: float
    extra: bool
    failure: BaseException | None
    asked: list[Asked]


@dataclass
class Examined:
    """What one question's tests found."""

    points: float = 0.0
    maximum: float = 0.0
    bonus: float = 0.0
    bonus_maximum: float = 0.0
    failures: list[BaseException] = field(default_factory=list)
    checks: list[Checked] = field(default_factory=list)
    seconds: float = 0.0  # that the submission's code took, without those in which others had the processor
    judging: float = 0.0  # that our own code took
    unread: list[str] = field(default_factory=list)  # why judging stopped at answers of no form that can be read
    asked: int = 0
    unwritten: int = 0  # of those asked, how many met NotImplementedError
    stand_ins: list[str] = field(default_factory=list)  # answers that it calls and that are not right themselves
    judged_with_stand_ins: bool = False


def question_report(
    question: str, found: Examined, maximum: float, untouched: bool, cell: Cell | None
) -> QuestionReport:
    """Return the verdict on one question: what it earned, and of everything that failed the most telling reason.

    Args:
        maximum: its points in the notebook.
        untouched: whether its answer cell is as it was released.
        cell: the answer cell as the worker ran it; None if there is none.
    """
    report = QuestionReport(min(found.points, maximum), maximum, "passed", seconds=round(found.seconds, 3))
    report.bonus, report.bonus_maximum = min(found.bonus, found.bonus_maximum), found.bonus_maximum
    report.checks = [_check_report(check, cell) for check in found.checks]
    if not report.maximum and not report.bonus_maximum:
        report.hint = "this question is withdrawn: it counts for nobody."
        return report
    if found.judged_with_stand_ins:  # whose text a worker could read, and nothing that it said is kept
        for check in report.checks:
            check.got = ""
    beside = _beside(found)
    if not found.failures:
        report.hint = beside.strip()
        return report
    failure = next((error for error in found.failures if isinstance(error, Wrong) and error.mistake), found.failures[0])
    failure = _cause(failure, cell)
    verdict, report.hint = _reason(failure, cell)
    if untouched or verdict == "not written" or (found.asked and found.asked == found.unwritten):
        verdict, report.hint = "not written", "this question is not answered yet."
    report.hint += beside
    report.verdict = "partly" if report.points or report.bonus else verdict
    report.mistake = failure.mistake if isinstance(failure, Wrong) and verdict == "wrong" else None
    report.ending = next((e.message for e in (failure, *found.failures) if isinstance(e, Crashed)), "")
    unexpected = [error for error in found.failures if not isinstance(error, (Wrong, WorkerError, AssertionError))]
    if unexpected:
        first = f"{type(unexpected[0]).__name__}: {unexpected[0]}"
        report.note = f"{len(unexpected)} checks of {question} failed themselves: {first}"[:500]
    elif found.unread:
        report.note = f"{len(found.unread)} answers to {question} {UNREAD}: {found.unread[0]}"[:500]
    return report


def _check_report(check: Checked, cell: Cell | None) -> CheckReport:
    """Return what a report keeps of one check; of one that failed with the evidence, shortened."""
    report = CheckReport(check.name[:MOST_WORDS], 0.0, check.worth, "passed", extra=check.extra)
    if check.failure is None:
        report.points = check.worth
        return report
    failure = _cause(check.failure, cell)
    report.outcome, report.asked = _outcome(failure, check.asked, cell), len(check.asked)
    report.case = check.asked[-1].case if check.asked else ""
    if isinstance(failure, Wrong):
        report.mistake = failure.mistake
        words = failure.called, failure.got, failure.expected
    else:
        words = (check.asked[-1].step if check.asked else ""), described(failure), ""
    report.called, report.got, report.expected = map(_in_short, words)
    return report


def _outcome(failure: BaseException, asked: list[Asked], cell: Cell | None) -> Outcome:
    """Return how a check ended that failed; one that found no time left was not reached."""
    verdict = _reason(failure, cell)[0]
    if verdict == "timed out" and not asked:
        return "not reached"
    if verdict == "passed" or verdict == "partly":  # which no failure is
        return "wrong"
    return verdict


def described(failure: BaseException) -> str:
    """Return what happened where no answer could be judged."""
    return failure.message if isinstance(failure, WorkerError) else f"{type(failure).__name__}: {failure}"


def _in_short(text: str) -> str:
    """Return words, of a student's maybe, as one short line that no reader takes for more."""
    line = printable(" ".join(text[: 4 * MOST_WORDS].split()))
    return line if len(line) <= MOST_WORDS else line[: MOST_WORDS - 1] + "\u2026"


def _beside(found: Examined) -> str:
    """Return a sentence, with a space before it, on answers that this one calls and that are wrong; else nothing."""
    if not found.stand_ins:
        return ""
    names, (one, are) = " and ".join(found.stand_ins), ("a ", "is") if len(found.stand_ins) == 1 else ("", "are")
    if found.judged_with_stand_ins:
        return f" It was judged with {one}right {names}, for yours {are} not right yet."
    return f" It calls {names}, which {are} not right yet."


def _cause(failure: BaseException, cell: Cell | None) -> BaseException:
    """Return what happened to the cell, where its answer is missing for that; else the failure itself."""
    trouble = (cell.trouble or cell.late) if cell else None
    return trouble if isinstance(failure, AnswerMissing) and isinstance(trouble, (TimedOut, Crashed)) else failure


def _reason(failure: BaseException, cell: Cell | None) -> tuple[Verdict, str]:
    """Return the verdict that a failure means, and a hint of one line, without any of the check's values and without
    any number that the answer chose: a status, a size or a time could tell of the inputs."""
    stopped = _stopped(cell)
    if isinstance(failure, TimedOut):
        return "timed out", f"your code took too long: {failure.message}."
    if isinstance(failure, Crashed):
        how = "by leaving it (os._exit, say), by a crash in compiled code, or at a limit such as that of memory"
        return "crashed", f"your code ended the process that ran it: {how}."
    if isinstance(failure, ProtocolError):
        return "crashed", "your code sent something that is no answer."
    if isinstance(failure, AnswerMissing):
        return ("wrong", stopped.strip()) if stopped else ("not written", f"{failure.message}.")
    if isinstance(failure, Wrong):
        return ("not written" if failure.mistake == "not_written" else "wrong"), failure.hint + stopped
    if isinstance(failure, AssertionError):
        return "wrong", stopped.strip()
    return "not graded", "a check failed; your lecturer is told."


def _stopped(cell: Cell | None) -> str:
    """Return the first error of the answer's cell as a sentence with a space before it; nothing without one.

    It says what kind of error and where: any further word would be one that the student's code chose.
    """
    if cell is None or not cell.errors:
        return ""
    error = cell.errors[0]
    kind = error["type"] if error["type"] in KINDS else "an error of a kind of its own"
    where = f" in line {error['line']}" if error["line"] else ""
    ours = f" {BORROWED}" if BORROWED in error["message"] else ""
    return f" Your cell stopped: {kind}{where}.{ours}"
