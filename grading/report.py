"""What grading found out about one submission: a JSON file that the marks are written from, and nothing else.

A report that is missing, damaged or out of range is worth zero: `Report.read`, the only reader, accepts just what the
classes below describe, with finite points within [0, maximum] and the same of extra points.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict, get_args

import msgspec

from grading.errors import GradingError
from helpers.files import atomically

__all__ = [
    "UNREAD", "VERDICTS", "CellError", "CellReport", "CheckReport", "Outcome", "QuestionReport", "Report", "Verdict",
    "report_path",
]  # fmt: skip

SCHEMA = 3
MOST_OF_A_NAME = 255  # bytes that a file's name may have
UNREAD = "could not be read"  # in a note: an answer of no form that a check reads, which is no failure of the check
Verdict = Literal["passed", "partly", "wrong", "not written", "crashed", "timed out", "not graded"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
Outcome = Literal["passed", "wrong", "not written", "crashed", "timed out", "not reached", "not graded"]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=sys.float_info.max)]


class CellError(TypedDict):
    """One error of a cell; `line` is 0 where unknown."""

    type: str
    message: str
    line: int


class CellReport(TypedDict):
    """One cell that raised, hung or ended the process: how it was run in the end, and what went wrong."""

    name: str
    trouble: str | None
    mode: NotRequired[str]
    errors: NotRequired[list[CellError]]


class CheckReport(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One hidden check of a question, for staff only: what it says may tell of hidden inputs.

    `name` is the test's, and `extra` says that its points are extra ones. Of one that failed, in a few words each: the
    `case`, what was `called`, what came (`got`, which the student's code may choose), what was `expected`; `asked` is
    how often the answer was asked before that.
    """

    name: str
    points: float
    maximum: float
    outcome: Outcome
    extra: bool = False
    mistake: str | None = None
    case: str = ""
    called: str = ""
    got: str = ""
    expected: str = ""
    asked: int = 0

    @property
    def found(self) -> tuple[object, ...]:
        """What another run on the same submission has to repeat; the rest is evidence, in part the student's word."""
        return self.name, self.points, self.maximum, self.outcome, self.extra, self.mistake


class QuestionReport(msgspec.Struct, forbid_unknown_fields=True):
    """One question's outcome. `hint` is for the student, `note` for staff only: what went wrong inside a check, and
    `ending`: how the process ended, in numbers that the student's code chose and that could tell of its inputs. So are
    `checks`, one by one.

    `bonus` are extra points, of `bonus_maximum`: they come on top, and nobody needs them for the maximum.
    """

    points: float
    maximum: float
    verdict: Verdict
    mistake: str | None = None
    hint: str = ""
    note: str = ""
    seconds: Seconds = 0.0
    bonus: float = 0.0
    bonus_maximum: float = 0.0
    ending: str = ""
    checks: list[CheckReport] = msgspec.field(default_factory=list)


class Report(msgspec.Struct, forbid_unknown_fields=True):
    """One submission's outcome, with everything needed to repeat it. The order of the fields is that of the file."""

    exercise: str
    student: str
    submission_hash: str = ""
    seed: str = ""
    questions: dict[str, QuestionReport] = msgspec.field(default_factory=dict)
    unreadable: str | None = None
    repairs: list[str] = msgspec.field(default_factory=list)
    cells: list[CellReport] = msgspec.field(default_factory=list)
    output: str = ""  # what the code printed while it was graded, capped; staff only, for it may quote hidden inputs
    seconds: Seconds = 0.0
    peak_mb: int = 0
    forks: int = 0
    isolation: list[str] = msgspec.field(default_factory=list)
    isolation_missing: dict[str, str] = msgspec.field(default_factory=dict)
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    # What it depends on (`grading.course.fingerprint`): while the fingerprint is right, so is the report.
    fingerprint: str = msgspec.field(name="key", default="")
    course_fingerprint: str = msgspec.field(name="course_key", default="")
    files: dict[str, list[int]] = msgspec.field(default_factory=dict)  # size and times of what was read
    time: str = ""  # for staff: that it was late, or that nobody knows whether it was
    made_for: str = ""  # the release that was handed in, by the notebook's own word; it decides nothing
    graded_by: str = ""  # the release that it was compared with
    grader_mb: int = 0  # memory of the process that examined, which is not the one that ran the code
    schema: int = SCHEMA

    @property
    def sound(self) -> bool:
        """Whether grading itself went well, so that the same submission would get the same report again."""
        own_failures = any(question.verdict == "not graded" for question in self.questions.values())
        return bool(self.fingerprint) and (self.unreadable is not None or (bool(self.questions) and not own_failures))

    @property
    def other_release(self) -> str:
        """For staff, that the work was made for another release than the one it was graded by; nothing where it was
        not, or the notebook does not say.
        """
        other = self.made_for and self.graded_by and self.made_for != self.graded_by
        return f"made for release {self.made_for}, graded by release {self.graded_by}" if other else ""

    @property
    def points(self) -> float:
        """The sum over all questions, without extra points."""
        return sum(question.points for question in self.questions.values())

    @property
    def bonus(self) -> float:
        """The sum of the extra points over all questions."""
        return sum(question.bonus for question in self.questions.values())

    def write(self, path: Path) -> None:
        """Write the report as JSON, whole or not at all.

        Raises:
            GradingError: it holds something that is no mark.
            OSError: it cannot be written, and what was there before is still there.
        """
        self.check()
        data = msgspec.to_builtins(self)
        for name in ("time", "made_for", "graded_by"):
            if not data[name]:  # few reports have a time
                del data[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomically(path, private=True) as part:
            part.write_text(json.dumps(data, indent=1, allow_nan=False), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Report:
        """Return the report in `path`.

        Raises:
            GradingError: if there is none, or it is not a sound report.
        """
        try:
            report = _converted(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise GradingError(f"no sound report at {path}: {type(error).__name__} {error}") from None
        report.check()
        return report

    def check(self) -> None:
        """Raise GradingError unless every mark is a finite number within its range and every verdict a known one."""
        for name, question in self.questions.items():
            for points, maximum in _marks(question):
                sound = all(type(number) in (int, float) and math.isfinite(number) for number in (points, maximum))
                if not sound or not 0 <= points <= maximum:
                    reason = f"{points!r} of {maximum!r} points is no mark"
                    raise GradingError(reason, submission=self.student, question=name)
            if question.verdict == "passed" and question.points < question.maximum:
                reason = f"passed, with {question.points:g} of {question.maximum:g} points: not all checks ran"
                raise GradingError(reason, submission=self.student, question=name)
            if question.verdict not in VERDICTS:
                raise GradingError(f"unknown verdict {question.verdict!r}", submission=self.student, question=name)


def report_path(folder: Path, student: str) -> Path:
    """Return where a student's report lies in a folder; a name as long as a file's may be is cut there, and told
    apart."""
    name = student
    if len(os.fsencode(f"{name}.json")) > MOST_OF_A_NAME:
        name = f"{os.fsencode(name)[:150].decode(errors='ignore')}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return folder / f"{name}.json"


def _marks(question: QuestionReport) -> Iterator[tuple[float, float]]:
    """Give every mark of a question with its maximum: points, extra points, and those of each check."""
    yield question.points, question.maximum
    yield question.bonus, question.bonus_maximum
    yield from ((check.points, check.maximum) for check in question.checks)


def _converted(data: Any) -> Report:
    """Return the report that JSON describes. Each question is converted by itself: msgspec would not say which it was.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it describes none.
    """
    questions = {}
    for name, question in data["questions"].items():
        try:
            questions[name] = msgspec.convert(question, QuestionReport)
        except msgspec.ValidationError as error:
            raise msgspec.ValidationError(f"{name}: {error}") from None
    return msgspec.convert({**data, "questions": questions}, Report)
