"""Examining one submission: the hidden pytest module runs here, in the grader's process, and asks the worker for
values.

A hidden check is an ordinary test with a fixture `submission` and the points that it is worth:

    @pytest.mark.points("mpjpe", 2)
    def test_values(submission):
        submission.examine("mpjpe", "values")

A check of extra points is marked `@pytest.mark.bonus("lean_softargmax", 3)` instead: they are counted apart, on top of
the points that the notebook states.

`submission.examine(question, case, **facts)` runs that case of the question with inputs drawn from the submission's
own seed. Passed tests earn their points; whatever else happens earns none and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from grading.course.course import Course, References
from grading.errors import GradingError, TimedOut
from grading.examination.deadline import Deadline, DeadlinePassed
from grading.examination.outcome import Asked, Examined
from grading.examination.seeds import derived
from grading.isolation.session import Session
from grading.submission.roles import answer_name
from helpers.checks.engine.earlier_answers import BORROWED
from helpers.checks.engine.question import Ask, Wrong
from helpers.checks.engine.values import Raised, as_tensor

__all__ = ["Examinee"]

MOST_MB = 16  # of one answer; the largest that is asked for, scores for each pixel of 48 images, has 4
UNREAD = "what came back is of no form that was asked for: compare its parts with those in the docstring."
TOO_LARGE = "what came back is far larger than anything that was asked for: compare its shape with the docstring's."


class Examinee:
    """The fixture `submission` of the hidden checks: examines one submission's answers, through its session.

    `found` holds, by question, what came out; the pytest plugin fills in the points, and takes from the `trail` what
    each check asked for.
    """

    def __init__(
        self, course: Course, references: References, session: Session, seed: str, untouched: Mapping[str, bool]
    ) -> None:
        self.course, self.references, self.session = course, references, session
        self.seed, self.untouched = seed, untouched
        self.found: dict[str, Examined] = {}
        self.trail: list[Asked] = []
        self.cases = 0

    def examine(self, question: str, case: str, **facts: Any) -> Any:
        """Run one case of a question and return what it returns.

        Raises:
            Wrong: the answer is wrong.
            WorkerError: there was no answer to judge, or judging it took too long.
        """
        found, limit = self.found[question], self.question_seconds
        judging = Deadline(limit - found.judging)
        try:
            return self._run(question, case, self._ask(question, case, judging), facts, judging)
        except (Wrong, GradingError, AssertionError):
            raise
        except Exception as error:
            if self._fails_itself(question, case, facts, judging):
                raise
            found.unread.append(f"{type(error).__name__}: {error}")
            raise Wrong("", "", "", UNREAD) from None
        except DeadlinePassed:
            judging.left = 0.0
            raise TimedOut(f"to judge what it returns takes longer than {limit:g} s") from None
        finally:
            found.judging = limit - judging.left

    def _run(self, question: str, case: str, ask: Ask, facts: Mapping[str, Any], judging: Deadline) -> Any:
        """Run a case; what it draws depends on the submission's seed alone."""
        random = np.random.RandomState(np.frombuffer(derived(self.seed, question, case), dtype=np.uint32))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int.from_bytes(derived(self.seed, question, case, "oracle")[:6]))
            oracle = self.references.oracle(question)
            judging.start()
            try:
                return self.course.questions[question].cases[case](ask, random, oracle, **facts)
            finally:
                judging.stop()

    def _fails_itself(self, question: str, case: str, facts: Mapping[str, Any], judging: Deadline) -> bool:
        """Return whether a case fails with a right answer as well. Else what came was of no form that can be read: a
        worker may send any, and that is the answer's fault, not the check's."""
        oracle = self.references.oracle(question)

        def ask(step: str, **inputs: Any) -> Any:
            return oracle(step, **inputs)[0]

        try:
            self._run(question, case, ask, facts, judging)
        except (Wrong, DeadlinePassed):  # a network without its weights, say
            return False
        except Exception:
            return True
        return False

    @property
    def question_seconds(self) -> float:
        """The limit of a question: once for the submission's code, and once more for ours."""
        return self.session.limits.question_seconds

    def _ask(self, question: str, case: str, judging: Deadline) -> Ask:
        """Return the function by which a case asks for values; judging stands still meanwhile."""
        found = self.found[question]
        self.cases += 1
        request = {
            "question": question,
            "case": self.cases,
            "cell": question,
            "untouched": self.untouched[question],
            "name": answer_name(self.course.answer_cells[question]),
            "seed": int.from_bytes(derived(self.seed, question, case, "worker")[:4]),
        }

        def ask(step: str, **inputs: Any) -> Any:
            judging.stop()
            before, limit = self.session.spent, self.question_seconds
            asked = Asked(case, step)
            try:
                self.session.ensure_worker()
                before = self.session.spent  # a question does not pay for the cells that ran before it
                if found.seconds >= limit:
                    raise TimedOut(f"the question took longer than {limit:g} s")
                self.trail.append(asked)
                values = self._answer({**request, "step": step}, inputs, limit - found.seconds)
            except GradingError as error:
                asked.error = error.message
                raise
            finally:
                # What a worker waits for a processor is known once it has one, and is taken off then.
                asked.seconds = self.session.spent - before
                found.seconds = max(0.0, found.seconds + asked.seconds)
                judging.start()
            if isinstance(values, Raised):
                asked.error, asked.line = f"{values.type_name}: {values.message}", values.line
            if isinstance(values, Raised) and BORROWED in values.message:
                raise Wrong("", "", "", BORROWED, "borrowed")
            if (size := _megabytes(values)) > MOST_MB:
                raise Wrong("", f"{size:.0f} MB", f"at most {MOST_MB} MB", TOO_LARGE, "too_large")
            found.asked += 1
            found.unwritten += isinstance(values, Raised) and values.type_name == "NotImplementedError"
            return values

        return ask

    def _answer(self, request: dict[str, Any], inputs: dict[str, Any], seconds: float) -> Any:
        try:
            return self.session.ask(request, inputs, seconds)
        except TimedOut:  # it says how long we waited, which is for the answer to choose
            raise TimedOut(f"no answer within the {self.question_seconds:g} s that a question has") from None


def _megabytes(values: Any) -> float:
    """Return the size of the tensors in a tree of values."""
    values = as_tensor(values)
    if isinstance(values, torch.Tensor):
        return values.nbytes / 2**20
    parts = values.values() if isinstance(values, dict) else values if isinstance(values, list) else ()
    return sum(map(_megabytes, parts))
