"""A limit on the time of one call, in any thread and on every system: a loop in Python ends, a call in C does not."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["in_time"]


class _TimeIsUp(BaseException):
    """Raised in the middle of whatever runs; no `except Exception` of an answer takes it."""


def in_time(seconds: float, call: Callable[[], Any]) -> tuple[bool, Any]:
    """Return (True, what `call` returns), or (False, None) where it has not ended after so many seconds; where this
    process had little of the machine, once it has had half as many of the processor, after four times as many at most.

    A bare `except:` in the loop is interrupted again, each second.
    """
    raise_in, thread = ctypes.pythonapi.PyThreadState_SetAsyncExc, ctypes.c_ulong(threading.get_ident())
    lock, ended = threading.Lock(), threading.Event()

    def interrupt() -> None:
        start, more = time.process_time(), 3
        while not ended.wait(seconds) and more and time.process_time() - start < seconds / 2:
            more -= 1
        while not ended.is_set():
            with lock:
                if not ended.is_set():
                    raise_in(thread, ctypes.py_object(_TimeIsUp))
            ended.wait(1.0)

    def end() -> None:
        with lock:  # from here on nothing is raised any more
            ended.set()
        # What is under way arrives in here. Taken back, it would leave CPython looking for it for ever: whatever is
        # profiled or debugged afterwards would hang (3.11: PyThreadState_SetAsyncExc signals even for NULL).
        for _ in range(2):
            pass

    watch = threading.Thread(target=interrupt, daemon=True)
    try:
        try:
            watch.start()
            return True, call()
        finally:
            end()
    except _TimeIsUp:
        for _ in range(2):  # whatever a late second one interrupts
            with contextlib.suppress(_TimeIsUp):
                end()
        return False, None
