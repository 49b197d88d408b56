"""What can go wrong while grading, as a tree; each error says whose submission and which question it concerns.

GradingError
├── CourseError          the course itself is incomplete or contradicts itself; nobody is graded
│   ├── ReleaseError     solutions/ cannot be turned into exercises/
│   └── NotIsolated      isolation is required in full and this machine cannot give it
├── UnreadableSubmission what was handed in holds no notebook that can be read
└── WorkerError          a submission's own process could not answer; it costs the question at hand
    ├── TimedOut         it used up the time for a cell, a question or the submission
    ├── Crashed          it ended: a signal, os._exit, the memory limit
    ├── ProtocolError    it sent something other than a well-formed answer to what was asked
    └── AnswerMissing    it runs, but the name that the question asks for does not exist there
"""

from __future__ import annotations

__all__ = [
    "AnswerMissing",
    "CourseError",
    "Crashed",
    "GradingError",
    "NotIsolated",
    "ProtocolError",
    "ReleaseError",
    "TimedOut",
    "UnreadableSubmission",
    "WorkerError",
    "printable",
]


class GradingError(Exception):
    """Anything that grading reports; `submission` is a student's name, `question` a question's, or None."""

    def __init__(self, message: str, *, submission: str | None = None, question: str | None = None) -> None:
        super().__init__(message)
        self.message, self.submission, self.question = message, submission, question

    def __str__(self) -> str:
        place = ", ".join(name for name in (self.submission, self.question) if name)
        return f"{place}: {self.message}" if place else self.message


class CourseError(GradingError):
    """The course is incomplete or contradicts itself, so that no mark would be just."""


class ReleaseError(CourseError):
    """solutions/ cannot be turned into exercises/."""


class NotIsolated(CourseError):
    """Isolation is required in full (`isolation = "strict"`) and this machine cannot give it."""


class UnreadableSubmission(GradingError):
    """A submission holds no notebook that can be read; it gets zero with this reason."""


class WorkerError(GradingError):
    """A submission's own process could not answer."""


class TimedOut(WorkerError):
    """The process used up its time."""


class Crashed(WorkerError):
    """The process ended before it answered."""


class ProtocolError(WorkerError):
    """The process sent something other than a well-formed answer to what was asked."""


class AnswerMissing(WorkerError):
    """The name that a question asks for does not exist after all cells ran."""


def printable(text: str) -> str:
    """Return a text that no terminal and no reader of a log takes for more: what cannot be printed is escaped.

    Example: a name with a line break comes out as r"ada\nben".
    """
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
