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

import functools
import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from grading.course.course import Course, References
from grading.errors import CourseError, TimedOut
from grading.examination.deadline import _Judging, _TooLong
from grading.examination.outcome import Examined, _question_report
from grading.isolation.session import Session
from grading.report import QuestionReport
from grading.submission.roles import answer_name
from helpers.checks.engine.question import Ask, Wrong
from helpers.checks.engine.values import Raised

__all__ = ["bonus_points", "collect_points", "examine", "not_graded", "submission_seed"]

QUIET = (
    "terminal",
    "cacheprovider",
    "faulthandler",
    "logging",
    "warnings",
    "threadexception",
    "unraisableexception",
    "junitxml",
    "doctest",
    "tmpdir",
    "stepwise",
    "pastebin",
    "setuponly",
    "setupplan",
    "capture",
    "legacypath",
)


MOST_MB = 16  # of one answer; the largest that is asked for, scores for each pixel of 48 images, has 4
TOO_LARGE = "what came back is far larger than anything that was asked for: compare its shape with the docstring's."


def submission_seed(secret: bytes, submission_hash: str) -> str:
    """Return the seed of a submission's cases: nobody can foresee it, and every regrade repeats it."""
    return hmac.new(secret, submission_hash.encode(), hashlib.sha256).hexdigest()


def _derived(seed: str, *parts: str) -> bytes:
    return hmac.new(seed.encode(), "/".join(parts).encode(), hashlib.sha256).digest()


class _Submission:
    """The fixture: examines the answers of one submission, through its session with the workers."""

    def __init__(
        self, course: Course, references: References, session: Session, seed: str, untouched: Mapping[str, bool]
    ) -> None:
        self.course, self.references, self.session, self.seed, self.untouched = (
            course,
            references,
            session,
            seed,
            untouched,
        )
        self.found: dict[str, Examined] = {}
        self.cases = 0

    def examine(self, question: str, case: str, **facts: Any) -> Any:
        """Run one case of a question and return what it returns.

        Raises:
            Wrong: the answer is wrong.
            WorkerError: there was no answer to judge, or judging it took too long.
        """
        description, found, limit = self.course.questions[question], self.found[question], self.question_seconds
        judging = _Judging(limit - found.judging)
        random = np.random.RandomState(np.frombuffer(_derived(self.seed, question, case), dtype=np.uint32))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int.from_bytes(_derived(self.seed, question, case, "oracle")[:6]))
            ask, oracle = self._ask(question, case, judging), self.references.oracle(question)
            try:
                judging.start()
                try:
                    return description.cases[case](ask, random, oracle, **facts)
                finally:
                    judging.stop()
            except _TooLong:
                judging.left = 0.0
                raise TimedOut(f"to judge what it returns takes longer than {limit:g} s") from None
            finally:
                found.judging = limit - judging.left

    @property
    def question_seconds(self) -> float:
        """The limit of a question: once for the submission's code, and once more for ours."""
        return self.session.limits.question_seconds

    def _ask(self, question: str, case: str, judging: _Judging) -> Ask:
        found = self.found[question]
        self.cases += 1
        request = {
            "question": question,
            "case": self.cases,
            "cell": question,
            "untouched": self.untouched[question],
            "name": answer_name(self.course.answer_cells[question]),
            "seed": int.from_bytes(_derived(self.seed, question, case, "worker")[:4]),
        }

        def ask(step: str, **inputs: Any) -> Any:
            judging.stop()
            started, limit = time.monotonic(), self.question_seconds
            try:
                self.session.ensure_worker()
                started = time.monotonic()  # a question does not pay for the cells that ran before it
                if found.seconds >= limit:
                    raise TimedOut(f"the question took longer than {limit:g} s")
                values = self._answer({**request, "step": step}, inputs, started + limit - found.seconds)
            finally:
                found.seconds += time.monotonic() - started
                judging.start()
            if (size := _megabytes(values)) > MOST_MB:
                raise Wrong("", f"{size:.0f} MB", f"at most {MOST_MB} MB", TOO_LARGE, "too_large")
            found.asked += 1
            found.unwritten += isinstance(values, Raised) and values.type_name == "NotImplementedError"
            return values

        return ask

    def _answer(self, request: dict[str, Any], inputs: dict[str, Any], deadline: float) -> Any:
        try:
            return self.session.ask(request, inputs, deadline)
        except TimedOut:  # it says how long we waited, which is for the answer to choose
            raise TimedOut(f"no answer within the {self.question_seconds:g} s that a question has") from None


def _megabytes(values: Any) -> float:
    """Return the size of the tensors in a tree of values."""
    if isinstance(values, torch.Tensor):
        return values.nbytes / 2**20
    parts = values.values() if isinstance(values, dict) else values if isinstance(values, list) else ()
    return sum(map(_megabytes, parts))


class _Examiner:
    """The pytest plugin of one run: hands out the fixture, adds up points, keeps what each failing test raised."""

    def __init__(self, submission: _Submission | None) -> None:
        self.given = submission
        self.found: dict[str, Examined] = {} if submission is None else submission.found
        self.errors: list[str] = []

    @pytest.fixture
    def submission(self) -> _Submission | None:
        return self.given

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "points(question, points): what a hidden check is worth")
        config.addinivalue_line("markers", "bonus(question, points): extra points that a hidden check is worth")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(str(report.longrepr)[-2000:])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            marker = _worth(item)
            if marker is None or len(marker.args) != 2:
                self.errors.append(f"{item.name} lacks @pytest.mark.points(question, points), or bonus in its place")
                continue
            question, points = marker.args
            found = self.found.setdefault(question, Examined())
            if marker.name == "bonus":
                found.bonus_maximum += float(points)
            else:
                found.maximum += float(points)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> Any:
        report = yield
        marker = _worth(item)
        question, points = marker.args
        found = self.found[question]
        if call.excinfo is not None:
            failure = call.excinfo.value
            failure.__traceback__ = failure.__context__ = None  # their frames hold all that came back, some 100 MB
            found.failures.append(failure)
        elif call.when == "call" and marker.name == "bonus":
            found.bonus += float(points)
        elif call.when == "call":
            found.points += float(points)
        return report


def _worth(item: pytest.Item) -> pytest.Mark | None:
    """Return the marker that says what a test is worth: points, or extra points; None unless it is exactly one."""
    markers = [*item.iter_markers("points"), *item.iter_markers("bonus")]
    return markers[0] if len(markers) == 1 else None


def _run(course: Course, examiner: _Examiner, *options: str) -> None:
    """Run pytest over the hidden module, silently and on nothing but that module."""
    if not course.hidden_module.is_file():
        raise CourseError(f"there are no hidden checks at {course.hidden_module}")
    quiet = [argument for name in QUIET for argument in ("-p", f"no:{name}")]
    before = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        code = pytest.main(
            [
                "-c",
                os.devnull,
                "--rootdir",
                str(course.root),
                "--noconftest",
                "--import-mode=importlib",
                *quiet,
                *options,
                str(course.hidden_module),
            ],
            plugins=[examiner],
        )
    finally:
        if before is None:
            del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        else:
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = before
    if code == pytest.ExitCode.INTERRUPTED and not examiner.errors:
        raise KeyboardInterrupt  # pytest keeps Ctrl-C to itself
    if examiner.errors or code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise CourseError(f"{course.hidden_module.name} cannot be run: {'; '.join(examiner.errors) or code}")


def collect_points(course: Course) -> dict[str, float]:
    """Return the points that the hidden checks give for each question, extra points left out, without running them."""
    return {question: found.maximum for question, found in _collected(course).items()}


@functools.lru_cache(maxsize=8)
def bonus_points(course: Course) -> dict[str, float]:
    """Return the extra points that there are, by question; questions without any are left out."""
    return {question: found.bonus_maximum for question, found in _collected(course).items() if found.bonus_maximum}


def _collected(course: Course) -> dict[str, Examined]:
    examiner = _Examiner(None)
    _run(course, examiner, "--collect-only")
    return examiner.found


def examine(
    course: Course, references: References, session: Session, seed: str, untouched: Mapping[str, bool]
) -> dict[str, QuestionReport]:
    """Return a report for each question of the course.

    Args:
        untouched: by question, whether its answer cell is as it was released.
    Raises:
        GradingError: if no worker could be had, whatever the submission.
    """
    submission = _Submission(course, references, session, seed, untouched)
    examiner = _Examiner(submission)
    _run(course, examiner)
    if session.broken:  # nothing that was found counts
        raise session.broken
    troubles = {cell.name: cell for cell in session.cells}
    return {
        question: _question_report(
            question, examiner.found[question], maximum, untouched[question], troubles.get(question)
        )
        for question, maximum in course.maxima.items()
    }


def not_graded(course: Course, reason: str, note: str = "") -> dict[str, QuestionReport]:
    """Return a report of zero for every question, with the reason."""
    zero, extra = QuestionReport(0.0, 0.0, "not graded", hint=reason, note=note), bonus_points(course)
    return {
        question: msgspec.structs.replace(zero, maximum=maximum, bonus_maximum=extra.get(question, 0.0))
        for question, maximum in course.maxima.items()
    }
