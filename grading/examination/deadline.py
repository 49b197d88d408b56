"""A deadline for the project's own code: judging one question may take so many seconds and no more."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

__all__ = ["Deadline", "DeadlinePassed", "within"]

Result = TypeVar("Result")


class DeadlinePassed(BaseException):
    """The time is used up. No Exception, which a probe that runs a reference would take for an answer."""


class Deadline:
    """Seconds of computing in this thread that run from `start` to `stop`, as often as they are called; whoever uses
    up those that are `left` meets `DeadlinePassed`.

    The interpreter itself looks at the clock, with every call and return in this thread, be it the main one or not.
    Nothing comes from another thread, so nothing can come late: not after `stop`, and not amid an exchange with the
    worker. What it cannot interrupt is a single call of compiled code, a sum over many millions of numbers, say;
    `examiner.MOST_MB` bounds those, and memory. Raised in a destructor it is lost, until the next `start`. Whoever
    profiles the grader goes without.
    """

    def __init__(self, left: float) -> None:
        self.left = left
        self.started = self.look_at = 0.0

    def start(self) -> None:
        """Let the time run."""
        self.started, self.look_at = time.thread_time(), time.monotonic() + self.left
        if sys.getprofile() is None:
            sys.setprofile(self._look)

    def stop(self) -> None:
        """Let the time stand still: the answer is asked, say."""
        if sys.getprofile() == self._look:
            sys.setprofile(None)
        self.left -= time.thread_time() - self.started

    def _look(self, frame: FrameType, event: str, argument: Any) -> None:
        if time.monotonic() > self.look_at:  # which costs less to ask than how much was computed meanwhile
            left = self.left - (time.thread_time() - self.started)
            if left <= 0:
                raise DeadlinePassed  # and the interpreter looks no more
            self.look_at = time.monotonic() + left


def within(seconds: float, call: Callable[[], Result], otherwise: Result) -> Result:
    """Return what a call returns, or `otherwise` once it has computed for so long."""
    deadline = Deadline(seconds)
    try:
        deadline.start()
        try:
            return call()
        finally:
            deadline.stop()  # which is a call, too, with which the time may be used up
    except DeadlinePassed:
        return otherwise
