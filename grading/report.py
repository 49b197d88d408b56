"""What grading found out about one submission: a JSON file that the marks are written from, and nothing else.

A report that is missing, damaged or out of range is worth zero: `Report.read` accepts finite points within [0,
maximum] only, and the same of extra points.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grading.errors import GradingError

__all__ = ["VERDICTS", "QuestionReport", "Report"]

SCHEMA = 2
VERDICTS = ("passed", "partly", "wrong", "not written", "crashed", "timed out", "not graded")


@dataclass
class QuestionReport:
    """One question's outcome. `hint` is for the student, `note` for staff only: what went wrong inside a check, and
    `ending`: how the process ended, in numbers that the student's code chose and that could tell of its inputs.

    `bonus` are extra points, of `bonus_maximum`: they come on top, and nobody needs them for the maximum.
    """

    points: float
    maximum: float
    verdict: str
    mistake: str | None = None
    hint: str = ""
    note: str = ""
    seconds: float = 0.0
    bonus: float = 0.0
    bonus_maximum: float = 0.0
    ending: str = ""


@dataclass
class Report:
    """One submission's outcome, with everything needed to repeat it."""

    exercise: str
    student: str
    submission_hash: str = ""
    seed: str = ""
    questions: dict[str, QuestionReport] = field(default_factory=dict)
    unreadable: str | None = None
    repairs: list[str] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)  # those that raised, hung or ended the process
    output: str = ""  # what the code printed while it was graded, capped; staff only, for it may quote hidden inputs
    seconds: float = 0.0
    peak_mb: int = 0
    forks: int = 0
    isolation: list[str] = field(default_factory=list)
    isolation_missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    key: str = (
        ""  # what it depends on, as one hash (`grading.course.fingerprint`): while that is right, so is the report
    )
    course_key: str = ""
    files: dict[str, list[int]] = field(default_factory=dict)  # size and times of what was read
    grader_mb: int = 0  # memory of the process that examined, which is not the one that ran the code
    schema: int = SCHEMA

    @property
    def sound(self) -> bool:
        """Whether grading itself went well, so that the same submission would get the same report again."""
        own_failures = any(question.verdict == "not graded" for question in self.questions.values())
        return bool(self.key) and (self.unreadable is not None or (bool(self.questions) and not own_failures))

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
        path.parent.mkdir(parents=True, exist_ok=True)
        part = tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8")
        try:
            with part:
                json.dump(dataclasses.asdict(self), part, indent=1, allow_nan=False)
            os.replace(part.name, path)
        except BaseException:  # a full disk, say
            os.unlink(part.name)
            raise

    @classmethod
    def read(cls, path: Path) -> Report:
        """Return the report in `path`.

        Raises:
            GradingError: if there is none, or it is not a sound report.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            data["questions"] = {name: QuestionReport(**question) for name, question in data["questions"].items()}
            report = cls(**data)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise GradingError(f"no sound report at {path}: {type(error).__name__} {error}") from None
        report.check()
        return report

    def check(self) -> None:
        """Raise GradingError unless every mark is a finite number within its range and every verdict a known one."""
        for name, question in self.questions.items():
            for points, maximum in ((question.points, question.maximum), (question.bonus, question.bonus_maximum)):
                sound = all(type(number) in (int, float) and math.isfinite(number) for number in (points, maximum))
                if not sound or not 0 <= points <= maximum:
                    reason = f"{points!r} of {maximum!r} points is no mark"
                    raise GradingError(reason, submission=self.student, question=name)
            if question.verdict not in VERDICTS:
                raise GradingError(f"unknown verdict {question.verdict!r}", submission=self.student, question=name)
