"""What a process of grading takes over from whoever started it, and what it must not.

A caller's umask, signals, limits, warnings and closed streams are those of a shell, a job scheduler or a server: none
of them may decide a mark. The fork server and its workers have an umask and an environment of their own on top
(`grading.isolation.forkserver`). The grader's umask stays: who may read marks is for it to say.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import threading
import warnings

from grading.errors import CourseError

__all__ = ["UMASK", "settle"]

UMASK = 0o022  # of the fork server: what it makes for a worker has to be open to whom root becomes
FILES = 1024  # open ones, at least
BOUNDS = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)


def settle() -> None:
    """Give this process what grading needs, whatever its caller had; safe to call twice.

    Raises:
        CourseError: it reads names of files by another encoding than UTF-8, so that students would have other names.
    """
    if sys.getfilesystemencoding().lower().replace("-", "") != "utf8":
        raise CourseError(
            f"names of files are read as {sys.getfilesystemencoding()} here, not as UTF-8: students would have other "
            "names than in the gradebook. Run again with PYTHONUTF8=1, or with LANG=C.UTF-8."
        )
    os.environ["MPLBACKEND"] = "Agg"  # a caller's may be none that there is, and some checks can draw
    _open_standard_streams()
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would take from us how a process ended
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for kind in BOUNDS:
        _loosen(kind)
    if any(option.startswith("error") for option in sys.warnoptions):
        warnings.simplefilter("ignore")  # or nbgrader's own warnings would cost a student the row


def _open_standard_streams() -> None:
    """Fill the places of closed standard streams, which a gradebook that is opened next would get."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _loosen(kind: int) -> None:
    """Raise the soft limit as far as it goes: to the hard one, and without bound where root may."""
    soft, hard = resource.getrlimit(kind)
    wanted = FILES if kind == resource.RLIMIT_NOFILE else resource.RLIM_INFINITY
    if soft == resource.RLIM_INFINITY or (kind == resource.RLIMIT_NOFILE and soft >= wanted):
        return
    for most in (wanted, hard):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, max(most, hard) if kind == resource.RLIMIT_NOFILE else most))
            return
