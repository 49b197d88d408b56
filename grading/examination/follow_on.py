"""No follow-on loss: an answer that calls a wrong one is asked again, with a right one in its place.

A question is judged with the student's own answers to the others. Where a check of it fails, and an answer that it
calls fails its own checks or is missing, it is examined once more in a worker of its own, in which that name is a right
stand-in; the better result counts. A submission without such a failure costs nothing more.
"""

from __future__ import annotations

import ast

from grading.examination.deadline import within
from grading.examination.examiner import Examinee
from grading.examination.outcome import Examined
from grading.examination.pytest_plugin import HiddenChecks, run
from grading.submission.calls import called_answers
from grading.submission.roles import answer_name
from helpers.checks.engine.question import Wrong

__all__ = ["spare_follow_on_losses"]


def spare_follow_on_losses(examinee: Examinee) -> None:
    """Examine again, with stand-ins, what may have failed for another answer's sake; `examinee.found` has the better.

    Raises:
        GradingError: if no worker could be had, whatever the submission.
    """
    course, found = examinee.course, examinee.found
    names = {question: answer_name(cell) for question, cell in course.answer_cells.items()}
    unsound = {question for question in course.maxima if found[question].failures}
    stand_ins = _defined(course.stand_in_source) if unsound else set()
    if not any(names[question] in stand_ins for question in unsound):
        return
    code = [(cell.name, cell.source) for cell in examinee.session.cells if cell.mode != "check"]
    none: dict[str, set[str]] = {question: set() for question in names}
    called = within(examinee.question_seconds, lambda: called_answers(code, names), none)
    for question in course.maxima:  # in their order: what an answer calls mostly stands before it
        if question not in unsound or examinee.untouched[question]:
            continue
        wrong = [other for other in course.maxima if other in called[question] & unsound and names[other] in stand_ins]
        if wrong and not all(map(_says_nothing_of_them, found[question].failures)):
            again = _examined_again(examinee, question, [names[other] for other in wrong])
            found[question] = _better(found[question], again, [names[other] for other in wrong])
            if not found[question].failures:
                unsound.remove(question)


def _says_nothing_of_them(failure: BaseException) -> bool:
    """Return whether a failure has nothing to do with the answers that are called: there is no model to ask."""
    mistake = isinstance(failure, Wrong) and failure.mistake or ""
    return mistake == "not_a_module" or mistake.endswith("_weights")


def _defined(source: str) -> set[str]:
    """Return the names of the functions that a text defines."""
    return {statement.name for statement in ast.parse(source).body if isinstance(statement, ast.FunctionDef)}


def _examined_again(examinee: Examinee, question: str, names: list[str]) -> Examined:
    """Return what is found of one question in workers in which these names are right stand-ins."""
    course, first = examinee.course, examinee.session
    with first.with_stand_ins(names, course.stand_in_source) as session:
        again = Examinee(course, examinee.references, session, examinee.seed, examinee.untouched)
        run(course, HiddenChecks(again, again.found, only=question))
    first.count(session)
    if first.broken:
        raise first.broken
    return again.found[question]


def _better(first: Examined, again: Examined, names: list[str]) -> Examined:
    """Return the better of two findings; of two equally good ones the second, whose mistakes are the answer's own."""
    own = not again.failures or any(isinstance(failure, Wrong) for failure in again.failures)
    earned, before = again.points + again.bonus, first.points + first.bonus
    better = again if earned > before or (earned == before and own) else first
    better.seconds, better.judging = first.seconds + again.seconds, first.judging + again.judging
    better.stand_ins, better.judged_with_stand_ins = names, better is again
    return better
