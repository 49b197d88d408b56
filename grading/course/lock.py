"""One grader of a course at a time: two would write to the same gradebook and the same folders."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from pathlib import Path
from typing import IO

from grading.errors import CourseError

__all__ = ["hold"]

log = logging.getLogger("grading")
_held: dict[Path, IO[str]] = {}


def hold(folder: Path, purpose: str) -> None:
    """Hold the lock in `folder` until this process ends, however it ends; wait while another process has it.

    Raises:
        CourseError: the folder cannot be written to.
    """
    path = folder / ".lock"
    if path in _held:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+")  # noqa: SIM115, open as long as the process
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be written to: {error.strerror}. See to its rights and run again."
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        log.warning("Waiting for another grader of this course: %s", file.read().strip() or "just started")
        fcntl.flock(file, fcntl.LOCK_EX)
    with contextlib.suppress(OSError):  # who holds it is a courtesy; a full disk must not end grading here
        file.truncate(0)
        file.write(f"process {os.getpid()}, {purpose}\n")
        file.flush()
    _held[path] = file
