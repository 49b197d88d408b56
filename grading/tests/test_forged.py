"""Whatever comes in the place of what a probe sends is a wrong answer, and never a failure of the check itself."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from toy_course import EXERCISE, FULL

from grading.course.course import Course, References
from grading.course.release import ROOT
from grading.examination.examiner import Examinee
from grading.examination.outcome import Examined, question_report
from grading.limits import Limits
from grading.sample_submissions import SUBMISSIONS
from helpers.checks.engine.question import Wrong
from helpers.checks.engine.values import Other, Raised

WHOLE = [None, True, -3, float("nan"), "text", [], {}, [[]], {"value": None}, {"value": {}, "changed": 3}, Other("x")]
PARTS = [None, "text", -1, [], {}, [None], torch.zeros(0), torch.zeros(2, 0, 3), Raised("E", "m")]


def forged(reply: Any) -> Iterator[Any]:
    """Give a right reply with one part after another that is missing or of another kind."""
    if isinstance(reply, dict):
        for key, value in reply.items():
            yield {name: part for name, part in reply.items() if name != key}
            yield from ({**reply, key: part} for part in (*PARTS, *forged(value)))
    elif isinstance(reply, list):
        yield from (reply[:-1], [*reply, *reply], [*reply, None])
        for place in {0, len(reply) - 1} if reply else ():
            yield from ([*reply[:place], part, *reply[place + 1 :]] for part in (*PARTS, *forged(reply[place])))
    elif isinstance(reply, torch.Tensor):
        yield from (reply[None], reply.flatten()[:0], reply.to(torch.int16), reply * float("nan"))


class Forger:
    """A session that answers as the reference does, but for one reply, the `at`-th, which is the `variant`-th forged
    one; counts what it was asked."""

    limits, spent = Limits(), 0.0

    def __init__(self, references: References, question: str) -> None:
        self.oracle, self.asked, self.at, self.put = references.oracle(question), 0, -1, None
        self.right: list[Any] = []

    def ensure_worker(self) -> None:
        """There is none."""

    def ask(self, request: dict[str, Any], inputs: dict[str, Any], seconds: float) -> Any:
        self.asked += 1
        reply = copy.deepcopy(self.oracle(request["step"], **inputs)[0])
        self.right.append(reply)
        return self.put if self.asked - 1 == self.at else reply


def outcomes(course: Course, references: References, question: str, case: str, most: int) -> Iterator[str]:
    """Give what came of a case with each forged reply: "passed", "wrong" or what else was raised."""
    honest = Forger(references, question)
    examined(course, references, honest, question, case)
    for at, right in list(enumerate(honest.right))[:3]:
        variants = [*WHOLE, *forged(right)]
        for put in variants[:: max(1, len(variants) // most)]:
            session = Forger(references, question)
            session.at, session.put = at, put
            yield f"{examined(course, references, session, question, case)} {put!r:.200}"


def examined(course: Course, references: References, session: Any, question: str, case: str) -> str:
    found = Examined(maximum=1.0)
    examinee = Examinee(course, references, session, "5" * 64, SimpleNamespace(__getitem__=None))
    examinee.untouched, examinee.found[question] = {question: False}, found
    try:
        examinee.examine(question, case)
        return "passed"
    except Wrong as wrong:
        found.failures.append(wrong)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    report = question_report(question, found, 1.0, False, None)
    return "wrong" if report.verdict in ("wrong", "not written") else report.verdict


def held(course: Course, question: str, case: str, most: int) -> None:
    found = list(outcomes(course, References(course), question, case, most))
    assert len(found) > 5 and [one for one in found if one.split()[0] not in ("passed", "wrong")] == []


@pytest.mark.parametrize(("question", "case"), [("double", "values"), ("double", "again"), ("total", "values")])
def test_a_forged_reply_to_the_toy_course_is_wrong(course, question, case):
    held(course, question, case, 60)


def cases_of(key: str) -> list[tuple[str, str]]:
    """Return the cases of an exercise, but for those of a trained network."""
    questions = Course(ROOT, key).questions
    return [(name, case) for name, question in questions.items() if name != "model" for case in question.cases]


@pytest.mark.full
@pytest.mark.parametrize("key", SUBMISSIONS)
def test_a_forged_reply_to_any_case_is_wrong(key):
    course = Course(ROOT, key)
    for question, case in cases_of(key):
        held(course, question, case, 12)


def test_a_forged_reply_is_wrong():
    held(Course(ROOT, "ex01_pose_regression"), "mpjpe", "values", 12)


def test_a_reply_that_cannot_be_read_is_told_to_staff_and_kept(course, grader, release, tmp_path, monkeypatch):
    from toy_course import filled, hand_in, weights

    from grading.isolation.session import Session
    from grading.submission.read import read_submission

    before = Session.ask

    def forged_count(self, request, inputs, deadline):
        values = before(self, request, inputs, deadline)
        return {"n": 1} if request["step"] == "count" else values

    monkeypatch.setattr(Session, "ask", forged_count)
    folder = hand_in(tmp_path, "ada", filled(release), {"toy.safetensors": weights()})
    submission = read_submission(folder, EXERCISE, 5, 1)
    report = grader.grade(grader.repair(submission), submission)
    double = report.questions["double"]
    assert (double.points, double.verdict, double.note) == (
        2.0, "partly", "1 answers to double could not be read: KeyError: 'value'",
    )  # fmt: skip
    assert "of no form that was asked for" in double.hint and "KeyError" not in double.hint
    assert report.points == sum(FULL.values()) - 1
