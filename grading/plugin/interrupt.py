"""Ctrl-C while a class is graded: graders end at once, and one line says how to go on."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

__all__ = ["on_interrupt"]


def on_interrupt(stop: Callable[[], None]) -> None:
    """Have Ctrl-C call `stop`, from now on, and end this process with one line in place of a traceback."""

    def interrupted(number: int, frame: FrameType | None) -> None:
        stop()
        sys.excepthook = _last_words
        sys.unraisablehook = _come_again
        if logging.lastResort:  # a pool that is interrupted while it resets a connection logs it with a traceback
            logging.lastResort.setLevel(logging.CRITICAL + 1)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupted)


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """End an interrupted run with one line: where it was is of no use to who pressed Ctrl-C."""
    if issubclass(kind, KeyboardInterrupt):
        print("Interrupted. What is graded is kept; run the same command again to go on.", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def _come_again(lost: sys.UnraisableHookArgs) -> None:
    """Interrupt once more: an interrupt that falls into a finaliser is dropped by Python, and grading would go on."""
    if lost.exc_type and issubclass(lost.exc_type, KeyboardInterrupt):
        again = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT))  # in here it would be dropped as well
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(lost)
