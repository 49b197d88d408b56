"""One run on a course at a time: two would write to the same gradebook and the same folders."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import logging
import os
import socket
import time
from datetime import datetime
from pathlib import Path
from typing import IO

from grading.errors import CourseError, printable

__all__ = ["hold"]

log = logging.getLogger("grading")
POLL_SECONDS = 0.2
_held: dict[Path, IO[str]] = {}


def hold(folder: Path, purpose: str, seconds: float) -> None:
    """Hold the lock in `folder` until this process ends, however it ends; wait while another process has it.

    Whoever waits is told for whom, since when that one works, and how long it will be at most.

    Args:
        purpose: what is done under the lock, for others to read: "grading ex01_pose_regression".
        seconds: how long to wait at most.
    Raises:
        CourseError: the folder cannot be written to, or another process holds the lock for longer than that.
    """
    path = folder / ".lock"
    if path in _held:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115, open as long as the process
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be written to: {error.strerror}. See to its rights and run again."
        ) from None
    try:
        _wait(file, seconds)
    except BaseException:
        file.close()
        raise
    with contextlib.suppress(OSError):  # who holds it is a courtesy; a full disk must not end grading here
        file.truncate(0)
        file.write(f"{_self()}, {purpose}, since {datetime.now():%Y-%m-%d %H:%M:%S}\n")
        file.flush()
    _held[path] = file


def _wait(file: IO[str], seconds: float) -> None:
    """Return once the lock is this process's.

    Raises:
        CourseError: it takes longer, or the file system knows no locks.
    """
    told, deadline = "", time.monotonic() + seconds
    while not _taken(file):
        holder = _holder(file)
        if time.monotonic() >= deadline:
            raise CourseError(
                f"another run on this course is not done: {holder}. Waited for {_span(seconds)}. "
                "Run again when it has ended."
            )
        if holder != told:
            log.warning("Waiting for another run on this course, for %s at most: %s", _span(seconds), holder)
            told = holder
        time.sleep(min(POLL_SECONDS, max(deadline - time.monotonic(), 0)))


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise CourseError(
            f"{file.name} cannot be locked: {error.strerror}. Keep the course on a file system that knows locks."
        ) from None
    return True


def _holder(file: IO[str]) -> str:
    """Return what whoever holds the lock wrote about itself."""
    file.seek(0)
    return printable(file.read(500).strip()) or "it has just begun"


def _self() -> str:
    """Return who this process is: "process 4711 of anna on host7"."""
    try:
        user = f" of {getpass.getuser()}"
    except (OSError, KeyError):  # a user without a name, as in some containers
        user = f" of user {os.getuid()}"
    return f"process {os.getpid()}{user} on {socket.gethostname()}"


def _span(seconds: float) -> str:
    """Return a time as people say it: "5 s", "60 min"."""
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:g} s"
